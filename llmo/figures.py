"""
Amounts, lengths of time and counts as people read and write them: one way for the whole program.

Programs get exact decimals (`llmo.money.usd`) and seconds instead.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from llmo.errors import UsageError
from llmo.money import DOLLAR, usd

if TYPE_CHECKING:
    from llmo.money import Pico

CENT = 10
"""Powers of ten of a cent, in picodollars: nothing is shown rounder than that."""
DIGITS = 3
"""Significant digits of an amount below a dollar."""
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
LONGEST = 100 * 366 * UNITS["d"]
"""A century: longer is a slip, and calendars end."""
FORMS = "write 90s, 30m, 1h30m, 24h, 7d or 2w"
_PART = re.compile(r"\s{0,16}([0-9]{1,15}(?:\.[0-9]{1,9})?)\s{0,16}(ms|min|s|m|h|d|w)", re.IGNORECASE)
_BARE = re.compile(r"[0-9]{0,15}\.?[0-9]{0,9}(?<=[0-9])\.?(?:e[+-]?[0-9]{1,2})?", re.IGNORECASE)


def dollars(amount: Pico | None, *, down: bool = False) -> str:
    """
    An amount in dollars, to the cent, three digits where it is less than one; unknown is not $0.

    It is rounded up, for it says what something costs; `down` is for what is left. Neither makes a
    positive amount nothing.
    """
    if amount is None:
        return "unknown"
    if amount < 0:
        return f"-{dollars(-amount, down=not down)}"
    if amount == 0:
        return "$0"
    size = 10**CENT if amount >= DOLLAR else 10 ** min(CENT, max(0, len(str(amount)) - DIGITS))
    shown = amount // size * size if down else -(-amount // size) * size
    return exact(shown)


def exact(amount: Pico) -> str:
    """An amount to its last digit: a price or a limit, which nobody may round."""
    whole, _, rest = usd(amount).partition(".")
    return f"${int(whole):,}.{rest:0<2}" if amount else "$0"


def span(seconds: float) -> str:
    """A length of time, in the two units that matter."""
    if round(seconds * 1000) < 1000:  # noqa: PLR2004 - milliseconds of a second
        return f"{seconds * 1000:.0f} ms"
    whole = round(seconds)
    for unit, size, below, smaller in (("d", 86400, 3600, "h"), ("h", 3600, 60, "min"), ("min", 60, 1, "s")):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // below} {smaller}"
    return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"  # noqa: PLR2004 - tenths matter only to few


def counted(number: int, things: str) -> str:
    """A number of things; one of them loses its `s`."""
    return f"{number:,} {things.removesuffix('s') if number == 1 else things}"


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
        raise UsageError(f"{flag}: a length of time needs a unit: {text}", hint=FORMS)
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
        raise UsageError(f"{flag}: not a length of time: {text}", hint=FORMS)
    return sum(float(number) * UNITS[unit.lower()] for number, unit in _PART.findall(text))
