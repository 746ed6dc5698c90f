"""
What keys, tokens and passwords look like: one list, for finding what must not be sent and for masking what is shown.

Finding asks for the whole length of a key, so that it raises no false alarms; masking takes what is left of one too.
Every pattern reads a text in time proportional to its length: no run of characters is scanned from each of its
places (see tests/types/test_linear.py).
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Shape(NamedTuple):
    """A key by its prefix and at least `least` characters of `body`; `masked` of them where it is only shown."""

    prefix: str
    body: str
    least: int
    masked: int = 8


_WORD, _ALNUM, _TOKEN = "[A-Za-z0-9_-]", "[A-Za-z0-9]", r"[\w-]"

KEYS = (
    # Model vendors: OpenAI, Anthropic, OpenRouter, DeepSeek, LiteLLM and most who copy them, then those with their own.
    Shape("sk-", _WORD, 20),
    Shape("[pr]k-", _WORD, 32),
    Shape("gsk_", _ALNUM, 32),
    Shape("xai-", _ALNUM, 32),
    Shape("pplx-", _ALNUM, 32),
    Shape("csk-", _ALNUM, 32),
    Shape("nvapi-", _TOKEN, 40),
    Shape("tgp_v1_", _TOKEN, 30),
    Shape("AIza", _TOKEN, 35),
    Shape(r"ya29\.", _TOKEN, 30),
    Shape("hf_", _ALNUM, 30),
    Shape("r8_", _ALNUM, 32, 32),
    Shape("fw_", _ALNUM, 22, 22),
    Shape("key_", "[0-9a-f]", 64, 32),
    Shape("crsr_", _ALNUM, 32),
    Shape("lsv2_(?:pt|sk)_", _WORD, 32),
    # What else lies around in files that people send.
    Shape("gh[pousr]_", _ALNUM, 30),
    Shape("github_pat_", r"\w", 30),
    Shape("glpat-", _TOKEN, 20),
    Shape("xox[abeprs]-", _TOKEN, 10),
    Shape("xapp-", _TOKEN, 20),
    Shape("A[KS]IA", "[A-Z0-9]", 16),
    Shape("[rs]k_(?:live|test)_", _ALNUM, 20),
    Shape("npm_", _ALNUM, 36),
    Shape("pypi-", _TOKEN, 50),
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

PRIVATE_KEY = re.compile(_PEM)
API_KEY = re.compile(
    f"{_BEGINS}(?:{'|'.join(f'{one.prefix}{one.body}{{{one.least},}}' for one in KEYS)})|{_JWT}|{_NAMED_KEY}"
)
PASSWORD = re.compile(r"(?i)\b(?:password|passwd|pwd|secret)\s*[:=]\s*[^\s,;]{6,}")

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
