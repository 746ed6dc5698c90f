"""Calendar windows of budgets in a time zone; instants are microseconds since the epoch."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import tzinfo

    from llmo.config.profile import Window

FOREVER = 2**62
"""Microseconds; no instant of a call is this far from the epoch."""


class Period(NamedTuple):
    """A span of time from `start` up to, not including, `end`, in microseconds."""

    start: int
    end: int


ALWAYS = Period(-FOREVER, FOREVER)


def zone(name: str | None) -> tzinfo | None:
    """The zone of an IANA name; None is the system's. Raises `ConfigError` for an unknown name."""
    if name is None:
        return None
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    from llmo.errors import ConfigError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigError(f"unknown timezone: {name}", hint="use a name such as Europe/Berlin") from None


def period(window: Window, at: int, where: tzinfo | None) -> Period:
    """The window that contains an instant; `run` and `total` are not bounded in time."""
    if window in {"run", "total"}:
        return ALWAYS
    first = _first(window, local(at, where))
    start, end = instant(first, where), instant(_next(window, first), where)
    # Where a clock is set back across midnight, local time returns to yesterday, but the new day has already begun.
    while at >= end:
        first = _next(window, first)
        start, end = end, instant(_next(window, first), where)
    return Period(start, end)


class Windows:
    """The windows of a time zone; the last one of each kind is remembered, because most calls are in it."""

    def __init__(self, where: tzinfo | None) -> None:
        self.where = where
        self._last: dict[Window, Period] = {}

    def period(self, window: Window, at: int) -> Period:
        """The window that contains an instant."""
        span = self._last.get(window)
        if span is None or not span.start <= at < span.end:
            span = self._last[window] = period(window, at, self.where)
        return span


def local(at: int, where: tzinfo | None) -> datetime:
    """The wall-clock time of an instant, without an offset."""
    return datetime.fromtimestamp(at / 1_000_000, where).replace(tzinfo=None)


def instant(wall: datetime, where: tzinfo | None) -> int:
    """The first instant at which wall clocks show a time; for a time in a gap, the instant at which the gap begins."""
    return round(wall.replace(tzinfo=where).timestamp() * 1_000_000)


def seconds(moment: datetime, where: tzinfo | None) -> float:
    """Seconds since the epoch of a date and time; one without an offset is wall-clock time of the zone."""
    return moment.timestamp() if moment.tzinfo else instant(moment, where) / 1_000_000


def format_instant(at: int, where: tzinfo | None) -> str:
    """An instant as ISO 8601 with its offset, to the second."""
    moment = datetime.fromtimestamp(at / 1_000_000, where)
    return (moment if where else moment.astimezone()).isoformat(timespec="seconds")


def _first(window: Window, wall: datetime) -> datetime:
    day = wall.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if window == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if window == "month" else day


def _next(window: Window, first: datetime) -> datetime:
    if window == "month":
        return (first + timedelta(days=32)).replace(day=1)
    return first + timedelta(days=7 if window == "week" else 1)
