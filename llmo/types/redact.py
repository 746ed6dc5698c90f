"""Masks keys in what is printed or stored, by their shape and by their value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import re
    from collections.abc import Mapping

MASK = "****"
LEAST = 8
"""Characters from which a value is masked wherever it appears: shorter ones would mask ordinary words."""
_known: dict[str, None] = {}
_environments: list[Mapping[str, str]] = []
"""Environments whose secrets are not remembered yet."""


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


def watch(env: Mapping[str, str]) -> None:
    """Remember the secrets of an environment, by the names of its variables, before the next text is masked."""
    _environments.append(env)


def _read_environments() -> None:
    from llmo.types.secrets import SECRET_NAME

    while _environments:
        env = _environments.pop()
        remember(*(value for name, value in env.items() if SECRET_NAME.search(name)))


def masked_json(value: Any) -> Any:
    """A JSON value with every text in it masked."""
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, dict):
        return {key: masked_json(part) for key, part in value.items()}
    return [masked_json(part) for part in value] if isinstance(value, list | tuple) else value


def masked(text: str, *secrets: str | None) -> str:
    """The text with everything masked that has the shape of a key, is remembered, or is one of `secrets`."""
    from llmo.types.masking import MASKED  # milliseconds to compile, and most commands print nothing that needs it

    if _environments:
        _read_environments()
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, MASK)
    for given in secrets:
        if given and len(given) >= 4:  # noqa: PLR2004 - shorter ones would mask ordinary words
            text = text.replace(given, MASK)
    return MASKED.sub(_mask, text)


def _mask(found: re.Match[str]) -> str:
    kept = next((text for text in found.groups() if text), "")
    return f"{kept.rstrip()}{MASK}"
