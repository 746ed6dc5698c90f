"""
What keys, tokens and passwords look like: one list, for finding what must not be sent and for masking what is shown.

Finding asks for the whole length of a key, so that it raises no false alarms; masking takes what is left of one too.
Every pattern reads a text in time proportional to its length: no run of characters is scanned from each of its
places (see tests/types/test_linear.py).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class KeyShape(NamedTuple):
    """A key by its prefix and at least `least` characters of `body`; `masked` of them where it is only shown."""

    prefix: str
    body: str
    least: int
    masked: int = 8


_WORD, _ALNUM, _TOKEN = "[A-Za-z0-9_-]", "[A-Za-z0-9]", r"[\w-]"

KEYS = (
    # Model vendors: OpenAI, Anthropic, OpenRouter, DeepSeek, LiteLLM and most who copy them, then those with their own.
    KeyShape("sk-", _WORD, 20),
    KeyShape("[pr]k-", _WORD, 32),
    KeyShape("gsk_", _ALNUM, 32),
    KeyShape("xai-", _ALNUM, 32),
    KeyShape("pplx-", _ALNUM, 32),
    KeyShape("csk-", _ALNUM, 32),
    KeyShape("nvapi-", _TOKEN, 40),
    KeyShape("tgp_v1_", _TOKEN, 30),
    KeyShape("AIza", _TOKEN, 35),
    KeyShape(r"ya29\.", _TOKEN, 30),
    KeyShape("hf_", _ALNUM, 30),
    KeyShape("r8_", _ALNUM, 32, 32),
    KeyShape("fw_", _ALNUM, 22, 22),
    KeyShape("key_", "[0-9a-f]", 64, 32),
    KeyShape("crsr_", _ALNUM, 32),
    KeyShape("lsv2_(?:pt|sk)_", _WORD, 32),
    # What else lies around in files that people send.
    KeyShape("gh[pousr]_", _ALNUM, 30),
    KeyShape("github_pat_", r"\w", 30),
    KeyShape("glpat-", _TOKEN, 20),
    KeyShape("xox[abeprs]-", _TOKEN, 10),
    KeyShape("xapp-", _TOKEN, 20),
    KeyShape("A[KS]IA", "[A-Z0-9]", 16),
    KeyShape("[rs]k_(?:live|test)_", _ALNUM, 20),
    KeyShape("npm_", _ALNUM, 36),
    KeyShape("pypi-", _TOKEN, 50),
)

_BEGINS = r"(?<![A-Za-z0-9])"
# A JWT: two objects in base64, which begin with `{"`, and a signature. Looked for at the beginning of a run only.
_JWT = r"(?<![\w-])eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*"
_PEM = r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"
# What is called a key and given a value that has the length and the letters of one.
_NAMED_KEY = (
    r"(?i:api[-_]?key)[\"']?\s{0,8}[:=]\s{0,8}[\"']?"
    r"(?=[A-Za-z_/+-]{0,64}[0-9])(?=[0-9_/+-]{0,64}[A-Za-z])[A-Za-z0-9_/+-]{16,}"
)

FOLDED = "\u017f\u0130\u0131"
"""Letters that a pattern without case takes for s and i, and `str.lower` does not: long s, dotted and dotless i."""


class SecretPattern:
    """
    A pattern that is tried only on texts that have one of its `stems`, or of its `words` whatever their case.

    Whatever it matches contains one. Looking for them takes a twentieth of the time of the pattern.
    """

    def __init__(self, pattern: str, stems: Iterable[str] = (), words: Iterable[str] = ()) -> None:
        self.pattern = re.compile(pattern)
        self.words = tuple(words)
        ends: dict[str, list[str]] = {}
        for stem in dict.fromkeys(stems):
            ends.setdefault(stem[-1], []).append(stem)
        self._ends = tuple((end, tuple(those)) for end, those in ends.items())

    def search(self, text: str) -> re.Match[str] | None:
        """As `pattern.search`."""
        return self.pattern.search(text) if self._may_be_in(text) else None

    def _may_be_in(self, text: str) -> bool:
        for end, stems in self._ends:
            if end in text:
                for stem in stems:
                    if stem in text:
                        return True
        if not self.words:
            return False
        lowered = text.lower()
        for word in self.words:
            if word in lowered:
                return True
        return not text.isascii() and any(letter in text for letter in FOLDED)


def _stems(prefix: str) -> Iterator[str]:
    """The literal beginnings of what a prefix matches."""
    plain = prefix.partition("(")[0].replace("\\", "")
    before, bracket, rest = plain.partition("[")
    letters, _, after = rest.partition("]")
    yield from (f"{before}{letter}{after}" for letter in letters) if bracket else (plain,)


PRIVATE_KEY = SecretPattern(_PEM, ["PRIVATE KEY-----"])
API_KEY = SecretPattern(
    f"{_BEGINS}(?:{'|'.join(f'{one.prefix}{one.body}{{{one.least},}}' for one in KEYS)})|{_JWT}|{_NAMED_KEY}",
    [*(stem for one in KEYS for stem in _stems(one.prefix)), "eyJ"],
    ("apikey", "api-key", "api_key"),
)
PASSWORD = SecretPattern(
    r"(?i)\b(?:password|passwd|pwd|secret)\s*[:=]\s*[^\s,;]{6,}", words=("password", "passwd", "pwd", "secret")
)

SECRET_NAME = re.compile(r"(?i)(?:key|token|secret|passw(?:or)?d|credentials?)s?(?:_?\d{1,3})?$")
"""Names of variables whose value is a secret."""

# In what is shown a name decides, whatever the value looks like, but for the words that messages put there.
_NAMES = (
    r"(?:api|access|auth|private|secret|subscription|master|virtual)[-_ ]?key(?: (?:provided|is))?"
    r"|(?:access|auth|refresh|id|session|api|bearer|secret|security)[-_]?token|authorization"
    r"|(?:client[-_]?)?secret|(?<![A-Za-z])(?:password|passwd|pwd|passphrase|token)"
)
_SAID = (
    r"(?:required|missing|invalid|expected|provided|unset|null|none|true|false|undefined|string|bearer|basic"
    r"|not|must|should|is|was)(?![\w-])"
)
# Two words after a colon are what a message says of a key: `api_key: unknown key`.
_PROSE = r"(?!bearer|basic|token)[a-z]{1,32}[,.;:]? [a-z]"
_VALUE = r"[^\s\"'\\,;&<>(){}\[\]|*]{6,}"
_ASSIGNED = (
    rf"(?P<name>(?i:{_NAMES})[\"'\\]{{0,4}}\s{{0,8}}(?:=>?\s{{0,8}}|:(?=\S)|:\s{{1,8}}(?!{_PROSE}))"
    rf"(?P<quote>[\"'\\]{{1,4}})?(?i:(?:bearer|basic|token)\s{{1,8}})?)"
    rf"(?!(?i:{_SAID}))(?(quote)[^\"'\\\n]{{4,4096}}|{_VALUE})"
)
_BEARER = (
    r"(?P<bearer>(?i:\bbearer))\s{1,64}(?!(?i:authenticat|authoriz|required|token)\w*(?![\w-]))[^\s\"'\\,;<>*]{8,}"
)
_QUERY = r"(?P<query>[?&](?i:key|code|sig|signature)=)[^\s&\"'#]{6,}"
_PREFIXED = f"{_BEGINS}(?P<prefix>{'|'.join(one.prefix for one in KEYS if one.masked == 8)}){_WORD}{{8,}}"  # noqa: PLR2004 - the usual length
_LONGER = "|".join(f"{one.prefix}{one.body}{{{one.masked},}}" for one in KEYS if one.masked != 8)  # noqa: PLR2004 - as above

MASKED = re.compile(
    rf"(?P<pem>{_PEM})(?s:.*?)(?:-----END[A-Z ]{{0,64}}-----|\Z)"
    rf"|{_ASSIGNED}|{_BEARER}|{_QUERY}|{_PREFIXED}|{_BEGINS}(?:{_LONGER})|{_JWT}"
)
"""What is hidden; a named group holds what may be shown of it."""
