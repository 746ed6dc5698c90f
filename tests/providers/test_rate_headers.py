"""Limits in headers, and durations as Go writes them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from llmo.providers.http import rate_headers
from llmo.types.events import RateInfo
from tests.contract.dialects import ANTHROPIC, OLLAMA, OPENAI, Row, Scripted, events
from tests.virtual import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("12ms", 0.012, id="ms"),
        pytest.param("1s", 1.0, id="s"),
        pytest.param("6m0s", 360.0, id="m-s"),
        pytest.param("1h2m3.5s", 3723.5, id="h-m-s"),
        pytest.param("2m59.56s", 179.56, id="fraction"),
        pytest.param("0.25", 0.25, id="bare"),
        pytest.param("", None, id="empty"),
        pytest.param("later", None, id="words"),
        pytest.param("inf", None, id="infinite"),
    ],
)
def test_durations(text: str, expected: float | None) -> None:
    """
    What cannot be read is unknown.
    """
    assert rate_headers.seconds(text) == expected


@pytest.mark.parametrize(
    ("row", "headers", "expected"),
    [
        pytest.param(
            OPENAI,
            {
                "x-ratelimit-limit-requests": "500",
                "x-ratelimit-remaining-requests": "499",
                "x-ratelimit-reset-requests": "120ms",
                "x-ratelimit-limit-tokens": "30000",
                "x-ratelimit-remaining-tokens": "29000",
                "x-ratelimit-reset-tokens": "6m0s",
                "x-ratelimit-limit-tokens_usage_based": "1",
            },
            RateInfo(500, 499, 0.12, 30000, 29000, 360.0),
            id="openai",
        ),
        pytest.param(
            OPENAI,
            {"x-ratelimit-limit-requests": "many"},
            RateInfo(),
            id="openai-odd",
        ),
        pytest.param(
            ANTHROPIC,
            {
                "date": "Sun, 22 Nov 2026 12:00:00 GMT",
                "anthropic-ratelimit-requests-limit": "50",
                "anthropic-ratelimit-requests-remaining": "49",
                "anthropic-ratelimit-requests-reset": "2026-11-22T12:00:01Z",
                "anthropic-ratelimit-tokens-limit": "40000",
                "anthropic-ratelimit-tokens-remaining": "39000",
                "anthropic-ratelimit-tokens-reset": "2026-11-22T12:00:02.5Z",
            },
            RateInfo(50, 49, 1.0, 40000, 39000, 2.5),
            id="anthropic",
        ),
        pytest.param(
            ANTHROPIC,
            {
                "date": "Sun, 22 Nov 2026 12:00:00 GMT",
                "anthropic-ratelimit-tokens-limit": "48000",
                "anthropic-ratelimit-tokens-remaining": "1",
                "anthropic-ratelimit-input-tokens-limit": "40000",
                "anthropic-ratelimit-input-tokens-remaining": "39000",
                "anthropic-ratelimit-input-tokens-reset": "2026-11-22T12:00:01Z",
                "anthropic-ratelimit-output-tokens-limit": "8000",
                "anthropic-ratelimit-output-tokens-remaining": "6000",
                "anthropic-ratelimit-output-tokens-reset": "2026-11-22T12:00:15Z",
            },
            RateInfo(
                limit_input=40000,
                remaining_input=39000,
                reset_input=1.0,
                limit_output=8000,
                remaining_output=6000,
                reset_output=15.0,
            ),
            id="anthropic-input-and-output",
        ),
        pytest.param(
            ANTHROPIC,
            {"anthropic-ratelimit-requests-limit": "50"},
            RateInfo(limit_requests=50),
            id="anthropic-requests-alone",
        ),
        pytest.param(
            ANTHROPIC,
            {"anthropic-ratelimit-tokens-limit": "40000"},
            RateInfo(limit_tokens=40000),
            id="anthropic-tokens-alone",
        ),
        pytest.param(
            OPENAI,
            {"x-ratelimit-limit-tokens": "1000000000000", "x-ratelimit-remaining-tokens": "1000000000001"},
            RateInfo(limit_tokens=10**12),
            id="openai-more-than-can-be",
        ),
    ],
)
def test_limits_are_told_with_good_and_bad_answers(row: Row, headers: dict[str, str], expected: RateInfo) -> None:
    """
    The limiter learns from both.
    """
    good = events(row, Scripted([row.wire("plain")], headers={**row.streamed, **headers}))
    bad = events(row, Scripted([row.errors["rate"].body.encode()], 429, headers))

    assert [event for event in good if isinstance(event, RateInfo)] == [expected]
    assert [event for event in bad if isinstance(event, RateInfo)] == [expected]


@pytest.mark.parametrize("row", [pytest.param(row, id=row.kind) for row in (OPENAI, ANTHROPIC, OLLAMA)])
def test_silence_about_limits(row: Row) -> None:
    """
    No headers, no event.
    """
    found = events(row, Scripted([row.wire("plain")], headers=row.streamed))

    assert [event for event in found if isinstance(event, RateInfo)] == []


@pytest.fixture
def _tokyo() -> Iterator[None]:
    """A machine whose zone is not UTC, where that can be set."""
    if not hasattr(time, "tzset"):
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("_tokyo")
@pytest.mark.parametrize(
    "moment",
    [
        pytest.param("2026-11-22T12:00:05Z", id="utc"),
        pytest.param("2026-11-22T12:00:05", id="no-zone"),
        pytest.param("2026-11-22T14:00:05+02:00", id="another-zone"),
        pytest.param(" Sun, 22 Nov 2026 07:00:05 -0500 ", id="http-date-of-another-zone"),
    ],
)
def test_a_wait_by_our_own_clock(moment: str) -> None:
    """
    Without a date of the server its times are held against ours; a time without a zone is UTC, wherever we are.
    """
    clock = VirtualClock(1_795_348_800.0)
    headers = {"anthropic-ratelimit-requests-limit": "1", "anthropic-ratelimit-requests-reset": moment}

    assert rate_headers.retry_after({"retry-after": moment}, clock) == 5.0
    assert rate_headers.anthropic(headers, clock) == RateInfo(limit_requests=1, reset_requests=5.0)
