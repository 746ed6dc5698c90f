"""The address of a ledger that machines share: what is wrong with it, and what of it may be shown."""

from __future__ import annotations

import re

from llmo.types.redact import MASK

EXAMPLE = "postgresql://host/database"
_SCHEME = re.compile(r"\A([A-Za-z][A-Za-z0-9+.-]*):")
# A password ends at the last @: showing too little is better than showing a part of it.
_PASSWORD = re.compile(r"(://[^:@/]*):.*@", re.DOTALL)
_PARAMETERS = re.compile(r"(password=)[^&]*")


def problem(url: str) -> str | None:
    """What is wrong with an address, without a part of it that may be a password; None when nothing is."""
    scheme = _SCHEME.match(url)
    if scheme is None or scheme[1] not in {"postgresql", "postgres"} or not url[scheme.end() :].startswith("//"):
        got = f"got {scheme[1][:20]}:" if scheme and url[scheme.end() :].startswith("//") else "got text"
        return f"expected the address of a PostgreSQL database, such as {EXAMPLE}, {got}"
    if re.search(r"[\x00-\x20\x7f]", url):
        return "an address has no spaces and no control characters; write them as %XX"
    authority, _, path = url[scheme.end() + 2 :].partition("?")[0].partition("/")
    if authority.count("@") > 1 or "@" in path:
        return "special characters in a user name or password must be escaped: @ is %40, / is %2F"
    if re.search(r"%(?![0-9A-Fa-f]{2})|%00", url):
        return "expected two hexadecimal digits after each %; a percent sign itself is %25"
    return None


def without_password(url: str) -> str:
    """The address with its passwords masked."""
    return _PARAMETERS.sub(rf"\1{MASK}", _PASSWORD.sub(rf"\1:{MASK}@", url))


def passwords(url: str) -> list[str]:
    """The passwords in an address, as they are written and as they are meant."""
    from urllib.parse import unquote

    found = [one[0].partition("://")[2].partition(":")[2][:-1] for one in _PASSWORD.finditer(url)]
    found += [one[0].partition("=")[2] for one in _PARAMETERS.finditer(url)]
    return [text for one in found for text in {one, unquote(one)} if text]


def name(url: str) -> str:
    """A short name for messages: the address without passwords and parameters."""
    return without_password(url).partition("?")[0]
