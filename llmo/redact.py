"""What may be printed or stored: keys masked, by their form and by their value."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re

MASK = "****"
LEAST = 8
"""Characters from which a value is masked wherever it appears: shorter ones would mask ordinary words."""
_known: dict[str, None] = {}


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
