"""How a batch shows where it stands."""

from __future__ import annotations

import io
import re

import pytest

from llmo.render.progress import Bar, Snapshot, line

BUSY = Snapshot(
    total=1_000_000,
    skipped=10,
    done=12_345,
    failed=12,
    in_flight=4,
    spent=10**12,
    held=10**10,
    in_doubt=10**9,
    cap=5 * 10**12,
    unpriced=1,
    throttled=3,
    used=0.98,
    elapsed=100.0,
)


@pytest.mark.parametrize("width", [40, 80, 100, 300])
def test_a_bar_cuts_nothing_of_what_it_says(width: int) -> None:
    """
    Money, limit and time to go stand below it, on as many lines as they take, and none is wider than the terminal.
    """
    out = io.StringIO()
    bar = Bar(out, color=False, width=width)
    bar.show(BUSY)
    bar.close()
    drawn = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", out.getvalue())

    assert line(BUSY) in " ".join(drawn.split())
    assert max(map(len, drawn.splitlines())) <= width
