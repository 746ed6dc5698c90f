"""Spans of time as people write them: `90s`, `30m`, `24h`, `7d`, `2w`."""

from __future__ import annotations

import re

from llmo.errors import UsageError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def seconds(text: str) -> float:
    """The span in seconds. Raises `UsageError` with the forms that work."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhdw])", text.strip().lower())
    if match is None:
        raise UsageError(f"not a span of time: {text}", hint="write 90s, 30m, 24h, 7d or 2w")
    return float(match[1]) * _UNITS[match[2]]
