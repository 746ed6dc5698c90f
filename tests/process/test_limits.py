"""`llmo batch` against servers that enforce a limit over HTTP and state it as each dialect does."""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.servers.raw import RawServer, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers.raw import Answer

PER_SECOND = 30
CHAT = {
    "id": "c",
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}
MESSAGE = {
    "id": "c",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "hi"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 3, "output_tokens": 2},
}
BUSY = {"error": {"message": "slow down", "type": "rate_limit_error"}}


def openai(limit: int, left: int) -> dict[str, str]:
    """Durations of Go; the reset is one that does not fit."""
    return {
        "x_ratelimit_limit_requests": str(limit),
        "x_ratelimit_remaining_requests": str(left),
        "x_ratelimit_reset_requests": "6m0s",
    }


def anthropic(limit: int, left: int) -> dict[str, str]:
    """Times of RFC 3339."""
    full = datetime.now(UTC) + timedelta(seconds=60 * (limit - left) / limit)
    return {
        "anthropic_ratelimit_requests_limit": str(limit),
        "anthropic_ratelimit_requests_remaining": str(left),
        "anthropic_ratelimit_requests_reset": full.isoformat(timespec="seconds").replace("+00:00", "Z"),
    }


def counted(limit: int, left: int) -> dict[str, str]:
    """No reset, as a LiteLLM proxy."""
    return {"x_ratelimit_limit_requests": str(limit), "x_ratelimit_remaining_requests": str(left)}


class Enforced:
    """Answers of a server that states a limit per minute, and enforces it per second."""

    def __init__(self, body: object, told: Callable[[int, int], dict[str, str]]) -> None:
        self.body, self.told = body, told
        self.level, self.at, self.left = float(PER_SECOND), time.monotonic(), 60.0 * PER_SECOND
        self.refused = 0

    def __len__(self) -> int:
        return sys.maxsize

    def __getitem__(self, number: int) -> Answer:
        now = time.monotonic()
        passed, self.at = now - self.at, now
        self.level = min(PER_SECOND, self.level + passed * PER_SECOND)
        self.left = min(60 * PER_SECOND, self.left + passed * PER_SECOND)
        admitted = self.level >= 1
        self.level -= admitted
        self.left -= admitted
        headers = self.told(60 * PER_SECOND, int(self.left))
        if admitted:
            return [0.1, whole(self.body, **headers)]
        self.refused += 1
        return [whole(BUSY, status="429 Too Many Requests", Retry_After="1", **headers)]


@pytest.mark.parametrize(
    ("kind", "body", "told"),
    [
        pytest.param("openai", CHAT, openai, id="openai"),
        pytest.param("anthropic", MESSAGE, anthropic, id="anthropic"),
        pytest.param("openrouter", CHAT, openai, id="openrouter"),
        pytest.param("litellm-proxy", CHAT, counted, id="litellm-proxy"),
    ],
)
def test_a_limit_that_only_headers_state_is_a_pace(
    raw: Any, kind: str, body: object, told: Callable[[int, int], dict[str, str]]
) -> None:
    """
    64 rows may be in flight, but they do not come at once: every row is answered, and hardly one refused.
    """
    answers = Enforced(body, told)
    with RawServer() as server:
        server.answers = answers  # type: ignore[assignment]  # made as they are asked for
        peer = raw(server.url, kind)
        out = peer.llmo.home / "out.jsonl"
        lines = "".join(json.dumps({"id": f"r-{n}", "text": f"hello {n}"}) + "\n" for n in range(100))
        run = peer("batch", "-", "-o", out, "--max-tokens", "100", stdin=lines)

    assert run.code == 0, run
    assert 100 == len(out.read_bytes().splitlines()) == len(server.requests) - answers.refused
    assert answers.refused <= 10


@pytest.mark.parametrize(
    ("flags", "most"),
    [pytest.param([], 100, id="auto"), pytest.param(["-j", "20"], 20, id="20")],
)
def test_more_rows_are_in_flight_than_at_the_start_when_more_are_answered_so(
    raw: Any, flags: list[str], most: int
) -> None:
    """
    Answers take their time, and nothing limits how many: `-j auto` goes on to more, `-j 20` stays.
    """
    with RawServer([2.0, whole(CHAT)]) as server:
        peer = raw(server.url, "openai")
        out = peer.llmo.home / "out.jsonl"
        lines = "".join(
            json.dumps({"id": f"r-{n}", "text": f"hello {n}"}) + "\n" for n in range(260 if not flags else 40)
        )
        run = peer("batch", "-", "-o", out, "--max-tokens", "100", *flags, stdin=lines)

    assert run.code == 0, run
    assert server.most >= most if not flags else server.most == most


def test_two_batches_with_one_key_share_its_limit(raw: Any) -> None:
    """
    Each is configured with all of it; without knowing of each other every second request would be refused.
    """
    answers = Enforced(CHAT, counted)
    with RawServer() as server:
        server.answers = answers  # type: ignore[assignment]  # made as they are asked for
        peer = raw(server.url, "openai", provider=f"rpm = {60 * PER_SECOND}")
        lines = "".join(json.dumps({"id": f"r-{n}", "text": f"hello {n}"}) + "\n" for n in range(150))

        def batch(number: int) -> Any:
            out = peer.llmo.home / f"out{number}.jsonl"
            return peer("batch", "-", "-o", out, "--max-tokens", "100", stdin=lines.replace("r-", f"{number}-"))

        with ThreadPoolExecutor(2) as pool:
            runs = list(pool.map(batch, (1, 2)))

    assert [run.code for run in runs] == [0, 0], runs
    assert len(server.requests) - answers.refused == 300
    assert answers.refused <= 30
