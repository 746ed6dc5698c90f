"""
Money as integers of 10⁻¹² US dollars (picodollars), decimal strings outside, never a float.

One dollar per million tokens is exactly 1,000,000 picodollars a token, so every published
price and every product of price and tokens is an integer.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TypeAlias

Pico: TypeAlias = int
"""An amount in picodollars."""

DOLLAR: Pico = 10**12
DEAREST: Pico = 10_000 * DOLLAR
"""What one call may be said to have cost: ten million tokens at the dearest price known are less."""
MOST = 1_000_000
"""Dollars that an amount may be: sums of a few stay below 2⁶³ picodollars, what SQLite can hold."""
SHOWN = 40
_PLACES = Decimal(1).scaleb(-12)
ZERO = Decimal(0)


def parse_usd(text: str) -> Pico:
    """
    Read `2`, `2.50`, `$0.000001` as picodollars.

    Raises `ValueError` for anything that is not a number from 0 to `MOST` with at most 12 decimals.
    """
    said = text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
    try:
        amount = Decimal(text.strip().removeprefix("$"))
    except InvalidOperation:
        raise ValueError(f"not an amount in dollars: {said}") from None
    if not amount.is_finite() or amount < 0:
        raise ValueError(f"not an amount in dollars: {said}")
    if amount > MOST:
        raise ValueError(f"more than {MOST:,} dollars: {said}")
    if amount != amount.quantize(_PLACES):
        raise ValueError(f"finer than 10^-12 dollars: {said}")
    return int(amount.scaleb(12))


def pico(amount: Decimal) -> Pico:
    """Picodollars of a decimal amount in dollars, rounded up so that nothing becomes free."""
    scaled = amount.scaleb(12)
    return int(scaled.to_integral_value(rounding="ROUND_CEILING"))


def usd(amount: Pico) -> str:
    """
    Exact decimal dollars: at least two decimals when there are any, never an exponent.

    >>> usd(420_000_000), usd(0), usd(5 * DOLLAR)
    ('0.00042', '0', '5')
    """
    sign, amount = ("-", -amount) if amount < 0 else ("", amount)
    whole, rest = divmod(amount, DOLLAR)
    digits = f"{rest:012d}".rstrip("0")
    return f"{sign}{whole}" + (f".{digits:0<2}" if digits else "")


def decimal(amount: Pico) -> Decimal:
    """Exact dollars."""
    return Decimal(usd(amount))


def stated(amount: str) -> Pico:
    """The picodollars of what `usd` wrote, sums beyond `MOST` too."""
    return pico(Decimal(amount))
