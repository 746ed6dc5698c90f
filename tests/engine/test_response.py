"""What has come of an answer, and what it takes to keep it."""

from __future__ import annotations

import tracemalloc

from llmo.engine.response import ResponseBuilder
from llmo.types.events import Reasoning, Text

PIECES = 20_000


def test_a_text_of_pieces_is_the_text() -> None:
    """
    Whatever their number is, and however their lines end.
    """
    for count in (0, 1, 255, 256, 257, 1000):
        builder = ResponseBuilder()
        for number in range(count):
            builder.take(Text(f"{number}\r\n"), float)

        for _ in range(2):
            expected = "".join(f"{number}\r\n" for number in range(count))
            assert (bool(count), expected) == (builder.begun, builder.text.getvalue())


def test_a_long_answer_takes_the_memory_of_its_text() -> None:
    """
    Not that of a hundred thousand short ones, though it came so.
    """
    builder = ResponseBuilder()
    tracemalloc.start()
    try:
        for number in range(PIECES):
            builder.take(Text(f"{number:<10}"), float)
            builder.take(Reasoning(f"{number:<10}"), float)
        assert len(builder.text.getvalue()) == len(builder.reasoning.getvalue()) == PIECES * 10
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()

    assert held < 1.2 * PIECES * 20
