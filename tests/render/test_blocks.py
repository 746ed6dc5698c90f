"""Which lines are unlikely to have ended a block, and which blocks have ended."""

from __future__ import annotations

import pytest

from llmo.render.blocks import block_parser, continues, finished


@pytest.mark.parametrize(
    ("text", "like"),
    [
        pytest.param("a\n", True, id="the first line of a paragraph"),
        pytest.param("a\nb\n", True, id="the next"),
        pytest.param("a\n\n", False, id="blank"),
        pytest.param("a\n\nb\n", False, id="after blank"),
        pytest.param("# a\n", False, id="heading"),
        pytest.param("a\n---\n", False, id="underline"),
        pytest.param("| a |\n|---|\n", True, id="rows"),
        pytest.param("| a |\nb\n", False, id="after rows"),
        pytest.param("- a\n- b\n", True, id="items"),
        pytest.param("- a\n" * 200, False, id="enough items to print"),
        pytest.param("```\na\n", False, id="code"),
        pytest.param("\n", False, id="nothing"),
    ],
)
def test_lines_like_the_one_before_are_not_looked_at(text: str, like: bool) -> None:
    """
    They are most lines, and looking at each would take the square of their number.
    """
    assert like == continues(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        pytest.param("a\nb", 0, id="a line that is open"),
        pytest.param("a\n\n", 3, id="a paragraph"),
        pytest.param("# a\nb\n", 4, id="a heading"),
        pytest.param("- a\n\nb\n", 5, id="a list and what follows"),
        pytest.param("- a\n\n", 0, id="a list may go on"),
        pytest.param("```\n\n# a\n", 0, id="code"),
        pytest.param("~~~~\na\n~~~\n~~~~\n", 16, id="code that ended"),
        pytest.param("\n\n", 2, id="blank lines"),
    ],
)
def test_blocks_end(text: str, size: int) -> None:
    """
    At the earliest line that shows it.
    """
    assert size == finished(block_parser(), text).size
