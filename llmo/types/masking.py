"""What is masked wherever something is shown: keys by their shape, and values by their names."""

from __future__ import annotations

import re

from llmo.types.key_shapes import KEYS
from llmo.types.secrets import BEGINS, JWT, PEM, pattern

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
_PREFIXED = f"{BEGINS}(?P<prefix>{'|'.join(one.prefix for one in KEYS if one.masked == 8)})[A-Za-z0-9_-]{{8,}}"  # noqa: PLR2004 - the usual length
_LONGER = "|".join(pattern(one, one.masked) for one in KEYS if one.masked != 8)  # noqa: PLR2004 - as above

MASKED = re.compile(
    rf"(?P<pem>{PEM})(?s:.*?)(?:-----END[A-Z ]{{0,64}}-----|\Z)"
    rf"|{_ASSIGNED}|{_BEARER}|{_QUERY}|{_PREFIXED}|{BEGINS}(?:{_LONGER})|{JWT}"
)
"""What is hidden; a named group holds what may be shown of it."""
