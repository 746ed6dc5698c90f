"""A finished block as it is printed."""

from __future__ import annotations

import re

import pytest

from llmo.render.highlight import Highlighter
from llmo.render.rich_markdown import Drawing


def plain(block: str, width: int = 40) -> str:
    """The block without its styles."""
    return re.sub(r"\x1b\[[0-9;]*m", "", Drawing(color=True, terminal=True).drawn(block, width))


@pytest.mark.parametrize(
    ("block", "shown"),
    [
        pytest.param("```sh\nls  -l\n\n\ttab\n```\n", "ls  -l\n\n\ttab\n", id="code"),
        pytest.param("    a\n      b\n", "a\n  b\n", id="indented code"),
        pytest.param("1. Do\n   ```\n   a\n     b\n   ```\n", " 1 Do\na\n  b\n", id="code in a list"),
        pytest.param("- ```\n  a\n  ```\n", " •\na\n", id="code as an item"),
        pytest.param("> ```\n> a\n> ```\n", "a\n", id="code in a quote"),
        pytest.param("```\n```\n", "\n", id="no code"),
        pytest.param("a <b>c</b>\n\n<div>\nd\n</div>\n", "a <b>c</b>\n\n<div> d </div>\n", id="HTML is text"),
        pytest.param("&#x1e; &#30; &#x202e;\n", "\ufffd \ufffd \ufffd\n", id="entities"),
        pytest.param("[a](http://b.c)\n", "a (http://b.c)\n", id="the address of a link"),
        pytest.param("> " * 30 + "x\n", "> " * 30 + "x\n", id="too deep"),
        pytest.param("|a" * 9 + "|\n" + "|-" * 9 + "|\n", "|a" * 9 + "|\n" + "|-" * 9 + "|\n", id="too many columns"),
        pytest.param("[a]: http://b.c\n", "", id="nothing to show"),
    ],
)
def test_a_block_is_printed(block: str, shown: str) -> None:
    """
    Code begins in the first column wherever it stands, and what the width can't hold is left as it was.
    """
    assert shown == plain(block)


def test_long_words_of_a_table_are_folded() -> None:
    """
    Nothing is cut off.
    """
    drawn = plain(f"| a | b |\n|---|---|\n| {'x' * 50} | {'y' * 50} |\n")

    assert (50, 50) == (drawn.count("x"), drawn.count("y"))


def test_nothing_is_printed_in_color_without_color_or_terminal() -> None:
    """
    Style is, on a terminal; a pipe gets text.
    """
    block = "**a** `b`\n\n```py\nx = 1\n```\n"

    assert "\x1b[1;36mb\x1b[0m" in Drawing(color=True, terminal=True).drawn(block, 40)
    assert "\x1b" not in Drawing(color=True, terminal=False).drawn(block, 40)
    assert not re.search(r"\x1b\[[0-9;]*[34][0-9]", Drawing(color=False, terminal=True).drawn(block, 40))


CODE = 'def f():\n    """Say\n\n    hello."""\n    return "x"  # why\n'


@pytest.mark.parametrize("lines", [1, 2, 3, 5])
def test_code_in_parts_has_the_colors_of_the_whole(lines: int) -> None:
    """
    A text or comment of several lines continues in the next part.
    """
    parts = re.findall(rf"(?:.*\n){{1,{lines}}}", CODE)
    highlighter = Highlighter("python", color=True)

    assert Highlighter("python", color=True).colored(CODE) == "".join(map(highlighter.colored, parts))
    assert "\x1b[32m    hello." in Highlighter("python", color=True).colored(CODE)


@pytest.mark.parametrize("language", ["", "no such", "python\x1b[2J", "../x"])
def test_code_of_an_unknown_language_is_plain(language: str) -> None:
    """
    Whatever a model calls it.
    """
    assert CODE == Highlighter(language, color=True).colored(CODE)


@pytest.mark.parametrize("language", ["python", "json", "html", "bash", "c", "markdown", "diff"])
def test_highlighting_changes_no_character(language: str) -> None:
    """
    Long lines, unclosed texts and odd characters included.
    """
    for code in ('"' * 3 + "a\n" * 9000, "x" * 100_000, "\t'\\\n\f\v\x1c\u2028'\n\n  ", "{" * 3000 + "\n", CODE):
        assert code == re.sub(r"\x1b\[[0-9;]*m", "", Highlighter(language, color=True).colored(code))
