"""What may be printed or stored: keys masked, control characters made visible."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re

MASK = "****"
LEAST = 8
"""Characters from which a value is masked wherever it appears: shorter ones would mask ordinary words."""
_known: dict[str, None] = {}

# C0 without tab and newline, DEL and C1: what a terminal could take as a command. Bidirectional
# overrides reorder what is read, so they are shown too. A carriage return would overwrite its line.
_CONTROL: dict[int, str | None] = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\t\n\r"}
_CONTROL |= {0x0D: None, 0x7F: "␡"} | dict.fromkeys(range(128, 160), "�")
_CONTROL |= dict.fromkeys((*range(8234, 8239), *range(8294, 8298)), "�")


def visible(text: str) -> str:
    """Text that a terminal prints and does not obey; works chunk by chunk."""
    return text.translate(_CONTROL)


def remember(*secrets: str) -> None:
    """
    Mask these values from now on, in this process, wherever they appear; also as JSON and addresses spell them.

    Keys that were resolved, headers of the profile, variables that hold keys: a server may echo any of them.
    """
    from json import dumps
    from urllib.parse import quote

    for secret in secrets:
        for spelled in (secret, dumps(secret)[1:-1], quote(secret, safe="")):
            if len(spelled.strip()) >= LEAST:
                _known[spelled.strip()] = None


def masked(text: str, *secrets: str | None) -> str:
    """Text without anything that looks like a key, nor what is remembered, nor any of `secrets`."""
    from llmo.shapes import MASKED  # milliseconds to compile, and most commands print nothing that needs it

    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, MASK)
    for given in secrets:
        if given and len(given) >= 4:  # noqa: PLR2004 - shorter ones would mask ordinary words
            text = text.replace(given, MASK)
    return MASKED.sub(_mask, text)


def _mask(found: re.Match[str]) -> str:
    kept = next((text for text in found.groups() if text), "")
    return f"{kept.rstrip()}{MASK}"
