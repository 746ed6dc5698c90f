"""
How long a test waits for what surely comes: a net for what hangs, never a measure of speed.

A slower machine than any of ours has `LLMO_TEST_PATIENCE=4`, say.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = float(os.environ.get("LLMO_TEST_PATIENCE", "1"))
LONG = 300.0 * PATIENCE
"""Seconds after which a test is said to hang."""
SILENCE = 3.0 * PATIENCE
"""A clock of the program under test that must not run out before something else has happened."""


def until(true: Callable[[], object], alive: Callable[[], object] = lambda: True) -> None:
    """Wait for something that another process or thread does, as long as that is `alive`."""
    end = time.monotonic() + LONG
    while not true():
        assert alive(), "it ended before"
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)
