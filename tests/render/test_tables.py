"""Tables that fit, whatever they hold."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmo.render import tables
from llmo.render.wrapping import columns, hanging
from tests.scrollback import Terminal

HEAD = ("model", "in", "out", "note")
LONG = "openrouter/anthropic/claude-3.5-sonnet"
ROWS = [("openai/gpt-6-luna", "$0.10", "$0.50", ""), (LONG, "$3.00", "$15.00", "KEY is not set")]
WIDTHS = pytest.mark.parametrize("width", [200, 80, 60, 40, 20])
CELLS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn")) | st.sampled_from("a-/ 日"), max_size=40
)


def folded(width: int | None) -> str:
    return tables.folded(HEAD, ROWS, right=("in", "out"), below=("note", "in"), width=width)


def test_a_note_of_few_rows_stands_below_them_before_names_are_wrapped() -> None:
    """
    One note in four rows takes no room from the other three.
    """
    rows = [(LONG, "$3.00", "$15.00", ""), *([("openai/gpt-6-luna", "$0.10", "$0.50", "")] * 2)]
    noted = [*rows, (LONG, "$3.00", "$15.00", "shutdown 2026-11-30")]
    found = tables.folded(HEAD, noted, right=("in", "out"), below=("note", "in"), width=60)

    assert found.splitlines() == [
        "model                                      in     out",
        "openrouter/anthropic/claude-3.5-sonnet  $3.00  $15.00",
        *["openai/gpt-6-luna                       $0.10   $0.50"] * 2,
        "openrouter/anthropic/claude-3.5-sonnet  $3.00  $15.00",
        "    note shutdown 2026-11-30",
    ]


def test_a_table_that_is_too_wide_wraps_its_texts_and_then_puts_columns_below() -> None:
    """
    Numbers stand whole in their columns as long as one is left beside the name.
    """
    assert folded(200) == folded(None)
    assert folded(50).splitlines() == [
        "model                                   in     out",
        "openai/gpt-6-luna                    $0.10   $0.50",
        "openrouter/anthropic/claude-3.5-     $3.00  $15.00",
        "  sonnet",
        "    note KEY is not set",
    ]
    assert folded(30).splitlines() == [
        "model                      out",
        "openai/gpt-6-luna        $0.50",
        "    in $0.10",
        "openrouter/anthropic/   $15.00",
        "  claude-3.5-sonnet",
        "    in $3.00, note KEY is not",
        "    set",
    ]


def test_a_table_without_room_is_turned_or_has_a_block_for_each_row() -> None:
    """
    Short rows stand side by side; longer ones stand below each other, without their empty cells.
    """
    head, rows = ("model", "ok", "failed"), [("m", "1", ""), ("n", "2", "3")]

    assert tables.folded(head, rows, right=head, width=12).splitlines() == [
        "model   m  n",
        "ok      1  2",
        "failed     3",
    ]
    assert tables.folded(head, rows, right=head, width=11).splitlines() == [
        *("model  m", "ok     1", ""),
        *("model  n", "ok     2", "faile  3", "d"),
    ]


@WIDTHS
def test_a_terminal_breaks_no_line_of_a_table(width: int) -> None:
    """
    What a terminal of that size shows is what was written, line by line, wide characters included.
    """
    rows = [*ROWS, ("ollama/日本語モデル-とても長い名前-7b", "local", "local", "説明がとても長いモデルです" * 3)]
    drawn = tables.folded(HEAD, rows, right=("in", "out"), below=("note",), width=width)
    screen = Terminal(width, 200)
    screen.write(drawn)

    assert [line.replace(" ", "") for line in drawn.splitlines()] == [line.replace(" ", "") for line in screen.all]


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=4), st.integers(12, 90))
def test_every_cell_is_shown_in_full_and_no_line_is_too_long(rows: list[tuple[str, str, str]], width: int) -> None:
    """
    Whatever the cells hold and however narrow the terminal is.
    """
    drawn = tables.folded(("name", "count", "why"), rows, right=("count",), below=("why",), width=width)
    whole = tables.folded(("name", "count", "why"), rows)
    left = Counter("".join(whole.split())) - Counter("".join(drawn.split())) - Counter("namecountwhy")

    assert max(map(columns, drawn.splitlines())) <= width
    assert not left


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        pytest.param("one two three", 8, ["one two", "  three"], id="at spaces"),
        pytest.param("vendor/model-name", 8, ["vendor/", "  model-", "  name"], id="after a separator"),
        pytest.param("on 2026-11-29 at", 14, ["on 2026-11-29", "  at"], id="a date stays whole where it can"),
        pytest.param("-1 -2", 4, ["-1", "  -2"], id="a sign is no separator"),
        pytest.param("日本語", 4, ["日本", "  語"], id="wide characters"),
        pytest.param("abcdef", 1, list("abcdef"), id="one column"),
        pytest.param("日", 1, ["日"], id="no room at all"),
        pytest.param("", 9, [""], id="nothing"),
    ],
)
def test_a_text_is_broken_where_it_hurts_least(text: str, width: int, lines: list[str]) -> None:
    """
    At spaces, then after separators, then anywhere.
    """
    assert hanging(text, width, indent=2) == lines


@pytest.mark.parametrize(
    ("text", "size"),
    [
        pytest.param("abc", 3, id="narrow"),
        pytest.param("日本", 4, id="wide"),
        pytest.param("e\u0301", 1, id="a combining mark"),
        pytest.param("a\u200db", 2, id="a joiner"),
        pytest.param("\u1112\u1161\u11ab", 2, id="a syllable in parts"),
    ],
)
def test_columns_are_those_of_a_terminal(text: str, size: int) -> None:
    """
    Marks and joiners take none, wide characters two.
    """
    assert columns(text) == size
