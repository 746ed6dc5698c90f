"""
What keys, tokens and passwords look like: one list, for finding what must not be sent and for masking what is shown.

Finding asks for the whole length of a key, so that it raises no false alarms; masking takes what is left of one too.
Every pattern reads a text in time proportional to its length: no run of characters is scanned from each of its
places (see tests/types/test_linear.py).
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from llmo.types.key_shapes import KEYS
from llmo.types.sieve import Sieve

if TYPE_CHECKING:
    from llmo.types.key_shapes import KeyShape

BEGINS = r"(?<![A-Za-z0-9])"
# A JWT: an object in base64, which begins with `{"`, another and a signature; encrypted, four more parts.
JWT = r"(?<![\w-])eyJ[\w-]{8,}\.(?:eyJ[\w-]{8,}\.[\w-]*|[\w-]*\.[\w-]+\.[\w-]+\.[\w-]+)"
PEM = r"-----BEGIN (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----"
_BLOCKS = (
    ("PRIVATE KEY-----", PEM),
    ("PRIVATE KEY BLOCK-----", PEM),
    ("BEGIN PGP MESSAGE-----", "-----BEGIN PGP MESSAGE-----"),
    ("BEGIN SSH2 ENCRYPTED PRIVATE KEY", "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----"),
    ("PuTTY-User-Key-File-", r"PuTTY-User-Key-File-\d"),
)
# Keys that don't begin with letters of their own: what they have in them, and the whole.
_INSIDE = (
    ("eyJ", JWT),
    ("Q~", rf"{BEGINS}[\w~.-]{{3}}[78]Q~[\w~.-]{{31,34}}"),  # a client secret of Azure
    (":AA", r"(?<!\d)\d{8,10}:AA[\w-]{33}"),  # a bot of Telegram
    (".atlasv1.", rf"{BEGINS}[A-Za-z0-9]{{14}}\.atlasv1\.[\w-]{{40}}"),
    ("-us", rf"{BEGINS}[0-9a-f]{{32}}-us\d{{1,2}}(?!\w)"),  # Mailchimp
    ("sig=", r"[?&]sig=[A-Za-z0-9%+/-]{40}"),  # a shared access signature of Azure
)

ANY_BLOCK = Sieve(*(re.escape(stem) for stem, _ in _BLOCKS))
ANY_KEY = Sieve(*(f"{one.prefix}{one.body}{{{one.least}}}" for one in KEYS), *(re.escape(stem) for stem, _ in _INSIDE))

SECRET_NAME = re.compile(r"(?i)(?:key|token|secret|passw(?:or)?d|credentials?)s?(?:_?\d{1,3})?$")
"""Names of variables whose value is a secret."""


def has_private_key(text: str) -> bool:
    """Whether a text has the first line of a private key or of an encrypted message."""
    if not ANY_BLOCK.passes(text):
        return False
    return any(stem in text and re.search(pattern, text) is not None for stem, pattern in _BLOCKS)


def has_key(text: str) -> bool:
    """Whether a text has a key or token that shows by its own form what it is."""
    if not ANY_KEY.passes(text):
        return False
    for letter, shapes in _BY_LETTER:
        if letter in text:
            for stem, shape in shapes:
                if stem in text and _is_in(text, stem, shape):
                    return True
    return any(stem in text and re.search(pattern, text) is not None for stem, pattern in _INSIDE)


def _is_in(text: str, stem: str, shape: KeyShape) -> bool:
    at = text.find(stem)
    while at >= 0:
        goes_on = at > 0 and stem[0].isalnum() and text[at - 1].isascii() and text[at - 1].isalnum()
        if not goes_on and _compiled(shape).match(text, at):
            return True
        at = text.find(stem, at + 1)
    return False


def _by_letter() -> tuple[tuple[str, tuple[tuple[str, KeyShape], ...]], ...]:
    """The literal beginnings of keys, by the letter of each that is rarest: most texts have few of those letters."""
    groups: dict[str, list[tuple[str, KeyShape]]] = {}
    for one in KEYS:
        stem = one.prefix.replace("\\", "")
        rarest = next((letter for letter in "~_=/" if letter in stem), stem[-1])
        groups.setdefault(rarest, []).append((stem, one))
    return tuple((letter, tuple(those)) for letter, those in groups.items())


_BY_LETTER = _by_letter()


@cache
def compiled(text: str) -> re.Pattern[str]:
    """A pattern, compiled when it is first needed: milliseconds that most prompts save."""
    return re.compile(text)


@cache
def _compiled(one: KeyShape) -> re.Pattern[str]:
    return re.compile(pattern(one, one.least))


def pattern(one: KeyShape, least: int) -> str:
    """What matches a key by its prefix and at least so many characters."""
    digit = r"(?=[A-Za-z_-]{0,64}\d)" if one.digit else ""
    return f"{one.prefix}{digit}{one.body}{{{least},}}"
