"""What has come of an answer, and what it takes to keep it."""

from __future__ import annotations

import tracemalloc

from llmo.engine.response import GrowingText, ResponseBuilder
from llmo.types.events import Reasoning, Text

PIECES = 20_000


def test_a_text_of_pieces_is_the_text() -> None:
    """
    Whatever their number is: none, some, or a few more than are put together at once.
    """
    for count in (0, 1, 255, 256, 257, 1000):
        text = GrowingText()
        for number in range(count):
            text.append(f"{number} ")

        for _ in range(2):
            assert (bool(count), "".join(f"{number} " for number in range(count))) == (bool(text), str(text))


def test_a_long_answer_takes_the_memory_of_its_text() -> None:
    """
    Not that of a hundred thousand short ones, though it came so.
    """
    builder = ResponseBuilder()
    tracemalloc.start()
    try:
        for number in range(PIECES):
            builder.take(Text(f"{number:<10}"), 0.0)
            builder.take(Reasoning(f"{number:<10}"), 0.0)
        assert len(str(builder.text)) == len(str(builder.reasoning)) == PIECES * 10
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()

    assert held < 1.2 * PIECES * 20
