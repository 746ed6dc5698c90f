"""How long answers are, and those in flight."""

from __future__ import annotations

import pytest

from llmo.engine.answer_sizes import AnswerSizes


def test_an_answer_in_flight_is_longer_than_one_that_is_sent() -> None:
    """
    Who takes three times as long is there three times as often: (1 x 100 + 3 x 300) / 4 instead of (100 + 300) / 2.
    """
    sizes = AnswerSizes()
    for _ in range(10):
        sizes.add(100, 1.0)
        sizes.add(300, 3.0)

    assert sizes.mean == pytest.approx(200)
    assert sizes.mean * sizes.heavy == pytest.approx(250)


@pytest.mark.parametrize("answers", [[], [(0, 0.0)], [(0, 1.0)], [(10, 0.0)]])
def test_nothing_is_concluded_from_answers_without_length_or_time(answers: list[tuple[int, float]]) -> None:
    """
    The first, the empty, and those at once.
    """
    sizes = AnswerSizes()
    for answer in answers:
        sizes.add(*answer)

    assert sizes.heavy == 1.0
