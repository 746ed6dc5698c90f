"""
One shape for prices of both sources.

A price is `{component: rate}`; a rate is picodollars of one unit, or a ladder `[base, [threshold, rate], …]`. A source
that does not name a component says nothing of it.
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal
from typing import Any

Record = dict[str, Any]
TOKENS = ("in", "out", "read", "write", "long", "think")
"""Components by the token; `long` is a cache write that is kept for an hour."""
COMPONENTS = (*TOKENS, "request", "search", "files")
"""The rest is by the use: a request, a search of the web, a search of stored files."""
ROUNDING = Decimal("0.02")
"""Prices are written with two or three digits, per million tokens or in units of another currency."""
# By name: audio, pictures and vectors are priced by units that a chat's usage does not tell.
NOT_CHAT = re.compile(
    r"tts|transcribe|realtime|embed|image|audio|live|voice|moderation|sonic|rerank|ocr|imagen|streaming"
)


def rate(value: Decimal, per: int = 1) -> int:
    """Picodollars of one unit; what is finer is rounded up."""
    return int((value.scaleb(12) / per).to_integral_value(ROUND_CEILING))


def steps(value: Any) -> dict[int, int]:
    """A rate by the number of input tokens above which it holds."""
    return {-1: value} if isinstance(value, int) else {-1: value[0], **dict(value[1:])}


def at(value: Any, tokens: int) -> int:
    """The rate of a request with so many input tokens."""
    return [rate for start, rate in sorted(steps(value).items()) if start < tokens][-1]


def dearer(one: Any, other: Any) -> Any:
    """The higher of two rates at every number of tokens."""
    starts = sorted({*steps(one), *steps(other)})
    base, *rest = [[start, max(at(one, start + 1), at(other, start + 1))] for start in starts]
    return [base[1], *rest] if rest else base[1]


def dearest(one: Record, other: Record) -> Record:
    """Each component at the higher rate, and those that only one of them knows."""
    return {**other, **one, **{key: dearer(one[key], other[key]) for key in COMPONENTS if key in one and key in other}}


def flat(value: Any) -> bool:
    """Whether a rate is the same for every number of tokens."""
    return isinstance(value, int)


def differing(one: Record, other: Record) -> list[str]:
    """The components that both know and that differ by more than rounding; a ladder that one lacks is no claim."""
    return [key for key in COMPONENTS if key in one and key in other and not _same(one[key], other[key])]


def _same(one: Any, other: Any) -> bool:
    starts = {-1} if flat(one) or flat(other) else {*steps(one), *steps(other)}
    # One token of grace: `from 200,000` and `above 200,000` are the same sentence to most.
    return all(_near(at(one, start + 2), at(other, start + 2)) for start in starts)


def raised(value: Any, like: Any) -> Any:
    """A flat rate with the ladder of another, in proportion: a discount that names no ladder is no way around one."""
    if not flat(value) or flat(like):
        return value
    base, *rest = sorted(steps(like).items())
    return [value, *([start, -(-value * rate // base[1])] for start, rate in rest)]


def _near(one: int, other: int) -> bool:
    return abs(one - other) <= ROUNDING * max(one, other)
