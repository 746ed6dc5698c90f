"""
Secrets and personal data in what would be sent: by shapes, check digits and telling names.

What is found is named, never shown. Every detector takes time proportional to the length of a text.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from llmo.routing import personal_numbers
from llmo.types import named_secrets, secrets
from llmo.types.sieve import Sieve

if TYPE_CHECKING:
    from collections.abc import Collection

    from llmo.config.profile import Detector

# Zero-width and invisible characters of the category Cf, soft hyphens, variation selectors, tags; and two ligatures
# of whole phrases, which would be many times as long.
_UNSEEN = (
    "[\ufdfa\ufdfb\u00ad\u034f\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\U000e0000-\U000e01ef]"
)
_INVISIBLE, _ANY_INVISIBLE = re.compile(_UNSEEN), Sieve(_UNSEEN)
# Of what is no character yet for Rust, any may be a digit for a newer Python.
_DIGIT, _ANY_DIGIT = re.compile(r"(?![0-9])\d"), Sieve(r"[\d\p{Cn}--0-9]")
_NESTED = 16
"""Backslashes before a quotation mark: fifteen are four texts in each other."""
_SECRETS = (
    ("private key", secrets.has_private_key),
    ("API key", secrets.has_key),
    ("password", named_secrets.has_password),
    ("access token", named_secrets.has_token),
)
# All that those look for, names in any case: texts that have nothing of it are all but a few.
_ANY_SECRET = Sieve(
    *(one for sieve in (secrets.ANY_BLOCK, secrets.ANY_KEY, named_secrets.ANY_PLACE) for one in sieve.patterns),
    *(f"(?i:{one})" for sieve in (named_secrets.ANY_PASSWORD, named_secrets.ANY_TOKEN) for one in sieve.patterns),
)


def find(text: str, detectors: Collection[Detector]) -> tuple[str, ...]:
    """Kinds of private data in a text, in a fixed order; empty when there are none."""
    if not detectors:
        return ()
    text = folded(text)
    found = []
    if "secrets" in detectors and _ANY_SECRET.passes(text):
        found += [kind for kind, is_in in _SECRETS if is_in(text)]
    if "pii" in detectors and (personal := personal_numbers.find(text)):
        found += [kind for kind in personal_numbers.KINDS if kind in personal]
    if "contact" in detectors:
        from llmo.routing import contact_data

        found += contact_data.find(text)
    return tuple(found)


def folded(text: str) -> str:
    """
    A text as its reader sees it: without invisible characters, letters and digits of any width as plain ones.

    So are digits of other scripts, and the quotation marks of JSON in JSON, which have backslashes before them.
    """
    if "\\" in text:
        text = _unquoted(text)
    if text.isascii():
        return text
    if _ANY_INVISIBLE.passes(text):
        text = _INVISIBLE.sub("", text)
    text = unicodedata.normalize("NFKC", text)
    if not _ANY_DIGIT.passes(text):
        return text
    return text.translate({ord(digit): str(unicodedata.decimal(digit)) for digit in set(_DIGIT.findall(text))})


def _unquoted(text: str) -> str:
    for quote in ('"', "'"):
        for _ in range(_NESTED):
            if f"\\{quote}" not in text:
                break
            text = text.replace(f"\\{quote}", quote)
    return text
