"""
Amounts, lengths of time and counts as people read and write them: one way for the whole program.

Programs get exact decimals (`llmo.types.money.usd`) and seconds instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.types.money import DOLLAR, usd

if TYPE_CHECKING:
    from llmo.types.money import Pico

CENT = 10
"""Powers of ten of a cent, in picodollars: nothing is shown rounder than that."""
DIGITS = 3
"""Significant digits of an amount below a dollar."""


UNPRICED = {"local": "local", "subscription": "plan"}
"""What tables say in place of an amount, by the billing or the source of a cost that has none."""


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


def rounded(number: int) -> int:
    """An estimate, up to three digits: more would claim what nobody knows."""
    size: int = 10 ** max(0, len(str(number)) - DIGITS)
    return -(-number // size) * size


def counted(number: int, things: str) -> str:
    """A number of things; one of them loses its `s`."""
    return f"{number:,} {things.removesuffix('s') if number == 1 else things}"
