"""What headers say about limits: Retry-After in all its forms, and the buckets of both vendors."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from llmo.types.events import RateInfo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.types.clock import Clock

LONGEST_S = 31 * 86_400.0
"""Limits are by the month at most: a longer wait is another unit, or nonsense."""
MOST = 10**12
_ANTHROPIC = ("requests", "tokens", "input-tokens", "output-tokens")
_DURATION = re.compile(
    r"(?:(\d{1,18})h)?(?:(\d{1,18})m(?!s))?(?:(\d{1,18}(?:\.\d{1,18})?)s)?(?:(\d{1,18}(?:\.\d{1,18})?)ms)?"
)


def seconds(text: str) -> float | None:
    """Seconds of a Go duration (`12ms`, `6m0s`, `1h2m3.5s`) or a bare number; None when it is neither."""
    text = text.strip()
    found = _DURATION.fullmatch(text)
    if text and found:
        hours, minutes, whole, milli = (float(part or 0) for part in found.groups())
        return hours * 3600 + minutes * 60 + whole + milli / 1000
    return number(text)


def number(value: Any) -> float | None:
    """Seconds, or a count, as a stranger gives it; None when it is no finite number."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return max(found, 0.0) if math.isfinite(found) else None


def _moment(text: str) -> float | None:
    """Epoch seconds of an HTTP date or an RFC 3339 time."""
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime

    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = parse(text.strip())
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None


def wait(told: float | None) -> float | None:
    """Seconds to wait that can be meant; a time of the epoch in place of a span is none."""
    return None if told is None or told > LONGEST_S else told


def _until(moment: float | None, headers: Mapping[str, str], clock: Clock) -> float | None:
    """Seconds until a moment by the server's own clock where it tells it: ours may be wrong."""
    if moment is None:
        return None
    now = _moment(headers.get("date", ""))
    return max(moment - (clock.now() if now is None else now), 0.0)


def retry_after(headers: Mapping[str, str], clock: Clock) -> float | None:
    """Seconds to wait before another try, None when the server gives none: retry-after-ms wins over retry-after."""
    milli = number(headers.get("retry-after-ms"))
    if milli is not None:
        return wait(milli / 1000)
    given = headers.get("retry-after")
    if given is None:
        return None
    plain = number(given)
    return wait(_until(_moment(given), headers, clock) if plain is None else plain)


def _whole(text: str | None) -> int | None:
    value = number(text)
    return None if value is None or value > MOST else int(value)


def openai(headers: Mapping[str, str]) -> RateInfo | None:
    """`x-ratelimit-*`; resets are Go durations. Suffixed variants are left alone."""
    if "x-ratelimit-limit-requests" not in headers and "x-ratelimit-limit-tokens" not in headers:
        return None
    get = headers.get
    return RateInfo(
        limit_requests=_whole(get("x-ratelimit-limit-requests")),
        remaining_requests=_whole(get("x-ratelimit-remaining-requests")),
        reset_requests=wait(seconds(get("x-ratelimit-reset-requests", ""))),
        limit_tokens=_whole(get("x-ratelimit-limit-tokens")),
        remaining_tokens=_whole(get("x-ratelimit-remaining-tokens")),
        reset_tokens=wait(seconds(get("x-ratelimit-reset-tokens", ""))),
    )


def anthropic(headers: Mapping[str, str], clock: Clock) -> RateInfo | None:
    """
    `anthropic-ratelimit-*`; resets are times.

    `tokens` repeats the most restrictive of the token limits: it counts only where those are not stated.
    """
    if not any(f"anthropic-ratelimit-{name}-limit" in headers for name in _ANTHROPIC):
        return None
    apart = "anthropic-ratelimit-input-tokens-limit" in headers or "anthropic-ratelimit-output-tokens-limit" in headers
    get = headers.get

    def reset(bucket: str) -> float | None:
        return wait(_until(_moment(get(f"anthropic-ratelimit-{bucket}-reset", "")), headers, clock))

    def bucket(name: str) -> tuple[int | None, int | None, float | None]:
        limit, remaining = (_whole(get(f"anthropic-ratelimit-{name}-{what}")) for what in ("limit", "remaining"))
        return limit, remaining, reset(name)

    return RateInfo(
        *bucket("requests"),
        *((None, None, None) if apart else bucket("tokens")),
        *bucket("input-tokens"),
        *bucket("output-tokens"),
    )
