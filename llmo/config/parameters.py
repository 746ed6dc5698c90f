"""
Valid values of parameters, for flags, the profile, `llmo.Client`, LangChain's model and batch rows alike.

Whatever multiplies money or is stored in SQLite has an upper bound here: 10⁸ tokens at the highest price that a
profile can set ($10,000 a million, 10¹⁰ picodollars a token) are 10¹⁸ picodollars, below 2⁶³.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from llmo.errors import UsageError
from llmo.types import jsontext
from llmo.types.dataclass import dataclass
from llmo.types.money import parse_usd

if TYPE_CHECKING:
    from llmo.types.money import Pico

MOST_TOKENS = 10**8
"""The largest token limit: a hundred times what any model writes."""
MOST_PRICE = 10_000
"""Dollars for a million tokens."""
MOST_RETRIES = 100
MOST_SECONDS = 1_000_000
"""Eleven days; sockets and event loops overflow far above."""
MOST_DAYS = 100_000
MOST_IN_FLIGHT = 10_000
MOST_COUNT = 10**12
"""Rows, calls or requests a minute."""
MOST_STOPS = 64
DOLLARS = "use dollars, such as 0.50"
SHOWN = 40
NAMED = 2
"""Levels of keys that a message names."""


@dataclass(frozen=True, slots=True)
class Range:
    """The range of a number, both ends included; `positive` excludes `least`."""

    least: float
    most: float
    whole: bool = True
    positive: bool = False


TOKENS = Range(1, MOST_TOKENS)
COUNT = Range(0, MOST_COUNT)
PACE = Range(0, MOST_COUNT, whole=False, positive=True)
RANGES: Mapping[str, Range] = {
    "max_tokens": TOKENS,
    "max_completion_tokens": TOKENS,
    "n": Range(1, 1000),
    "best_of": Range(1, 1000),
    "temperature": Range(0, 100, whole=False),
    "top_p": Range(0, 1, whole=False),
    "seed": Range(-(2**63), 2**63 - 1),
    "timeout": Range(0, MOST_SECONDS, whole=False, positive=True),
    "retries": Range(0, MOST_RETRIES),
    "repair": Range(0, MOST_RETRIES),
    "concurrency": Range(1, MOST_IN_FLIGHT),
    "rpm": PACE,
    "tpm": PACE,
    "share": Range(0, 1, whole=False, positive=True),
    "limit": COUNT,
    "sample": COUNT,
    "percent": Range(1, 100),
}
BODY = ("max_tokens", "max_completion_tokens", "n", "best_of", "temperature", "top_p", "seed")
"""Numbers in a request body that affect its cost, or that llmo sends in a field of another name."""


def whole(name: str, value: object, said: str | None = None) -> int | None:
    """Check a whole number against `RANGES[name]`; None stays None. `said` names it in the `UsageError`."""
    number = _checked(name, value, said or name)
    return None if number is None else int(number)


def real(name: str, value: object, said: str | None = None) -> float | None:
    """The same for a number that need not be whole."""
    number = _checked(name, value, said or name)
    return None if number is None else float(number)


def stops(value: object, said: str = "stop") -> tuple[str, ...]:
    """Check stop sequences, one or a list. Raises `UsageError` for an empty one, too many, or another type."""
    if value is None:
        return ()
    texts = [value] if isinstance(value, str) else value
    if isinstance(texts, Mapping) or not isinstance(texts, Sequence):
        raise UsageError(f"{said} is not a string or a list of strings: {shown(value)}")
    if len(texts) > MOST_STOPS:
        raise UsageError(f"{said} has more than {MOST_STOPS} texts: {len(texts):,}")
    for text in texts:
        if not isinstance(text, str):
            raise UsageError(f"{said} is not a text: {shown(text)}")
        if not text:
            raise UsageError(f"{said} is an empty text", hint="leave it out")
    return tuple(texts)


def parsed(name: str, text: str, said: str) -> int:
    """The same for a whole number in the text of a flag."""
    try:
        value = int(text)
    except ValueError:
        raise UsageError(f"{said} is not a whole number: {shown(text)}") from None
    return int(_checked(name, value, said) or 0)


def dollars(text: str, said: str) -> Pico:
    """An amount of 0 or more. Raises `UsageError`."""
    try:
        return parse_usd(text)
    except ValueError as exc:
        raise UsageError(f"{said}: {exc}", hint=DOLLARS) from None


def cap(text: str, said: str) -> Pico:
    """An amount above 0. Raises `UsageError`."""
    amount = dollars(text, said)
    if amount == 0:
        raise UsageError(f"{said} must be above 0: {text}", hint=DOLLARS)
    return amount


def word(name: str, value: object) -> str | None:
    """Check a text such as a service tier; None stays None. Raises `UsageError`."""
    if value is None or (isinstance(value, str) and value):
        return value
    raise UsageError(f"{name} is not a text: {shown(value)}")


def body(fields: Mapping[str, Any]) -> None:
    """Check the numbers and texts of a request body. Raises `UsageError`."""
    for name in BODY:
        _checked(name, fields.get(name), name)
    stops(fields.get("stop") or None)
    word("service_tier", fields.get("service_tier"))


def options(given: object, said: str = "extra") -> dict[str, Any]:
    """Check that options, which are passed on unchanged, are JSON. Raises `UsageError`."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise UsageError(f"{said} is not a mapping of options: {shown(given)}")
    for name, value in given.items():
        _option({name: value}, said)
    return dict(given)


def shown(value: object) -> str:
    """A value as a message shows it: in JSON's spelling, truncated."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and value.bit_length() > 4 * SHOWN:
        return f"{'-' if value < 0 else ''}a number of {round(value.bit_length() * math.log10(2)):,} digits"
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return f"a list of {len(value):,}"
    text = str(value) if isinstance(value, str | int | float) or value is None else type(value).__name__
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def _checked(name: str, value: object, said: str) -> int | float | None:
    allowed = RANGES[name]
    if value is None:
        return None
    # A float such as 100.0 is a whole number too: tables with missing values write every number so.
    number = int(value) if allowed.whole and isinstance(value, float) and value.is_integer() else value
    if isinstance(number, bool) or not isinstance(number, int if allowed.whole else int | float) or number != number:  # noqa: PLR0124 - NaN
        kind = " (a text)" if isinstance(value, str) else ""
        raise UsageError(f"{said} is not a {'whole ' if allowed.whole else ''}number: {shown(value)}{kind}")
    if not allowed.whole and number in (math.inf, -math.inf):
        raise UsageError(f"{said} is not a number: {shown(value)}")
    if number < allowed.least or (allowed.positive and number == allowed.least):
        bound = "above" if allowed.positive else "at least"
        raise UsageError(f"{said} must be {bound} {allowed.least:,}: {shown(value)}")
    if number > allowed.most:
        raise UsageError(f"{said} must be at most {allowed.most:,}: {shown(value)}")
    return number


def _option(given: Mapping[str, Any], said: str) -> None:
    """Raise `UsageError` unless an option is JSON; the message has its name and the next one inside."""
    names: list[str] = []
    try:
        for node in jsontext.nodes(given):
            names[max(0, node.depth - 1) :] = [] if node.name is None else [f".{shown(node.name)}"]
            where = "".join((said, *names[:NAMED]))
            _json(node.value, where)
    except jsontext.UnsupportedJson as exc:
        raise UsageError(f"{said}.{shown(next(iter(given)))} is {exc}") from None


def _json(value: object, said: str) -> None:
    """Raise `UsageError` for what is no value of JSON by itself."""
    if isinstance(value, Mapping):
        if wrong := [key for key in value if not isinstance(key, str)]:
            raise UsageError(f"{said} is not JSON: a key is {shown(wrong[0])}")
    elif not isinstance(value, list | tuple | str | int | float | None) or (
        isinstance(value, float) and not math.isfinite(value)
    ):
        raise UsageError(f"{said} is not JSON: {shown(value)}")
