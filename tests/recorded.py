"""A line of a batch's output as a finished row leaves it, for tests that change one thing of it."""

from __future__ import annotations

from typing import Any

KEY = "9f2c" * 8
GOOD: dict[str, Any] = {
    "id": "r1",
    "index": 1,
    "key": KEY,
    "status": "ok",
    "text": "yes",
    "data": None,
    "provider": "p",
    "model": "m",
    "finish_reason": "stop",
    "usage": None,
    "cost_usd": "0.001",
    "cost_source": "computed",
    "attempts": 1,
    "duration_s": 1.0,
    "error": None,
    "input": None,
}
