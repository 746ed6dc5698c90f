"""What servers count: tokens and dollars, and whether it can be true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmo.money import DEAREST
from llmo.providers import failures, wire

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.money import Pico
    from llmo.types import Usage

_SHOWN = 40


class AbsurdError(ValueError):
    """A figure that can't be true; the message names the field and what it said."""


def count(fields: Mapping[str, Any], *path: str) -> int | None:
    """The number of tokens at a path; None when it is absent or null. Raises `AbsurdError`."""
    value = _at(fields, path)
    if value is None:
        return None
    found = wire.count(value)
    if found is None:
        raise AbsurdError(_said(path, value))
    return found


def dollars(fields: Mapping[str, Any], *path: str) -> Pico | None:
    """The picodollars at a path; None when it is absent or null. Raises `AbsurdError`."""
    value = _at(fields, path)
    if value is None:
        return None
    found = plausible(value)
    if found is None:
        raise AbsurdError(_said(path, value))
    return found


def plausible(value: Any) -> Pico | None:
    """The picodollars of what a call is said to have cost; None when it is no amount, or more than a call can cost."""
    found = wire.dollars(value)
    return None if found is None or found > DEAREST else found


def checked(usage: Usage) -> Usage:
    """The usage when its parts fit into it. Raises `AbsurdError`."""
    if (wrong := usage.wrong) is not None:
        raise AbsurdError(wrong)
    return usage


def _at(fields: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = fields
    for name in path:
        value = wire.obj(value).get(name)
    return value


def _said(path: tuple[str, ...], value: Any) -> str:
    endless = isinstance(value, int) and abs(value) > 10**_SHOWN
    shown = "a number without end" if endless else failures.clean(str(value), None, _SHOWN)
    return f"{'.'.join(path)} = {shown or 'nothing'}"
