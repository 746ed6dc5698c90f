"""429s that follow each other."""

from __future__ import annotations

import pytest

from llmo.engine.refusal_row import HOLD_MOST_S, RefusalRow


def held(*times: float) -> float:
    """Seconds that are held back after 429s at these times."""
    row = RefusalRow()
    for at in times:
        row.add(0.0, at)
    return row.reserve(varied=False, steady=False)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        pytest.param([5.0], 0.0, id="the first"),
        pytest.param([5.0, 5.4, 5.9], 0.0, id="what was in flight then"),
        pytest.param([5.0, 8.0], 1.0, id="another soon after"),
        pytest.param([5.0, 8.0, 12.0], 2.0, id="and another"),
        pytest.param([5.0, 8.0, 12.0, 18.0, 24.0, 33.0], HOLD_MOST_S, id="many"),
        pytest.param([5.0, 8.0, 12.0, 22.5], 0.0, id="the next one long after"),
    ],
)
def test_each_429_of_a_row_holds_back_for_longer(times: list[float], expected: float) -> None:
    """
    As in somebody else's burst.
    """
    assert held(*times) == expected


def test_what_is_always_left_to_refill_is_not_added() -> None:
    """
    The longer of both is held back.
    """
    row = RefusalRow()
    row.add(0.0, 5.0)

    assert (row.reserve(varied=True, steady=True), row.reserve(varied=False, steady=True)) == (1.0, 0.3)


def test_what_was_sent_before_a_429_was_heard_of_is_no_news() -> None:
    """
    Requests are numbered as they are sent.
    """
    row = RefusalRow()
    assert row.news(0.0)
    row.add(7.0, 5.0)
    assert not row.news(7.0)
    assert row.news(8.0)
    row.know(8.0)
    assert not row.news(8.0)
