"""Lengths of time as people write them: `90s`, `30m`, `7d`."""

from __future__ import annotations

import re

from llmo.errors import UsageError

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}


LONGEST = 100 * 366 * UNITS["d"]
"""A century: longer is a slip, and calendars end."""


FORMS = "use 90s, 30m, 1h30m, 24h, 7d or 2w"


_PART = re.compile(r"\s{0,16}([0-9]{1,15}(?:\.[0-9]{1,9})?)\s{0,16}(ms|min|s|m|h|d|w)", re.IGNORECASE)


_BARE = re.compile(r"[0-9]{0,15}\.?[0-9]{0,9}(?<=[0-9])\.?(?:e[+-]?[0-9]{1,2})?", re.IGNORECASE)


def seconds(flag: str, text: str, *, bare: bool = False) -> float:
    """
    A length of time: `90s`, `30m`, `1h30m`, `7d`, in seconds.

    A number without unit is taken as seconds only where `bare` says so: `--prune 90` would otherwise delete
    what somebody meant to keep for 90 days. Raises `UsageError` with the forms that work.
    """
    given = text.strip()
    if bare and _BARE.fullmatch(given):
        found = float(given)
    elif _BARE.fullmatch(given):
        raise UsageError(f"{flag}: a duration needs a unit: {text}", hint=FORMS)
    else:
        found = _sum(flag, text)
    if found > LONGEST:
        raise UsageError(f"{flag}: longer than a century: {text}")
    return found


def is_span(text: str) -> bool:
    """Whether a text is a length of time, not a date."""
    return re.fullmatch(rf"(?:{_PART.pattern})+", text.strip(), re.IGNORECASE) is not None


def _sum(flag: str, text: str) -> float:
    if not is_span(text):
        raise UsageError(f"{flag}: not a duration: {text}", hint=FORMS)
    return sum(float(number) * UNITS[unit.lower()] for number, unit in _PART.findall(text))
