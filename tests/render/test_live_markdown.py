"""An answer on a terminal: words at once, each block once in its final form, nothing above it touched."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmo.render.live_markdown import LiveMarkdown
from llmo.render.region import Region
from tests.scrollback import Terminal

CODE = "```python\n" + "".join(f"line{n:03} = {n}\n" for n in range(60)) + "```\n"
ITEMS = "".join(f"- item{n:03} has **bold** words\n" for n in range(60))
ROWS = "| a | b |\n|---|---|\n" + "".join(f"| row{n:03} | x |\n" for n in range(60))

TAILS = ("", "", "日本", "e\u0301", "👩\u200d💻", "❤\ufe0f", "🇩🇪")


def live(terminal: Any, *, color: bool = True) -> LiveMarkdown:
    """What writes an answer to it."""
    return LiveMarkdown(terminal, terminal.size, color=color)


def shown(terminal: Terminal, text: str, size: int = 3) -> Terminal:
    """The terminal after the answer came in pieces of a size."""
    writer = live(terminal)
    for at in range(0, len(text), size):
        writer.text(text[at : at + size])
    writer.end()
    return terminal


def test_words_are_shown_as_they_come() -> None:
    """
    Each piece is on the screen before the next, also in the middle of a word.
    """
    terminal = Terminal()
    writer = live(terminal)
    seen = []
    for piece in ("Some **bo", "ld", "** wor", "ds\n", "and more"):
        writer.text(piece)
        seen.append(terminal.all)

    assert [
        ["Some **bo"],
        ["Some **bold"],
        ["Some **bold** wor"],
        ["Some **bold** words"],
        ["Some **bold** words", "and more"],
    ] == seen


def test_a_finished_block_takes_its_final_form() -> None:
    """
    What was shown of it is gone, and the blocks are one line apart.
    """
    terminal = Terminal()
    writer = live(terminal)
    writer.text("Some **bold** words.\n\n- one\n- two\n\n")
    open_list = terminal.all
    writer.text("> said\n\n\n\n```py\nx = 1\n```\nend")
    writer.end()

    assert ["Some bold words.", "", "- one", "- two"] == open_list
    assert ["Some bold words.", "", " • one", " • two", "", "▌ said", "", "x = 1", "", "end"] == terminal.all


def mixed(seed: int) -> str:
    """An answer of all kinds of blocks; each word is there once."""
    chance, count = random.Random(seed), iter(range(10**6))

    def word() -> str:
        return f"w{next(count)}x{chance.choice(TAILS)}"

    def words(most: int) -> str:
        return " ".join(chance.choice(["{}", "**{}**", "`{}`", "*{}*"]).format(word()) for _ in range(most))

    blocks = (
        lambda: words(chance.randint(1, 60)) + "\n\n",
        lambda: "".join(f"- {words(chance.randint(1, 20))}\n" for _ in range(chance.randint(1, 40))) + "\n",
        lambda: f"1. {word()}\n   ```py\n   x = '{word()}'\n   ```\n2. {word()}\n   - {word()}\n\n",
        lambda: "```py\n" + "".join(f"f({words(3)!r})\n" for _ in range(chance.randint(0, 60))) + "```\n",
        lambda: "| a | b |\n|---|---|\n" + "".join(f"| {word()} | {word()} |\n" for _ in range(30)) + "\n",
        lambda: "".join(f"> {words(30)}\n" for _ in range(chance.randint(1, 5))) + "\n",
        lambda: f"## {word()}\n",
        lambda: f"<b>{word()}</b>\n\n",
    )
    return "".join(chance.choice(blocks)() for _ in range(chance.randint(1, 6)))


def every_word(lines: list[str] | str) -> list[str]:
    """The numbered words, wherever lines are broken."""
    return re.findall(r"w\d+x", re.sub(r"\s", "", "".join(lines)))


@pytest.mark.parametrize("columns", [40, 47, 80, 200])
@pytest.mark.parametrize("rows", [2, 6, 24])
def test_each_word_stands_once_in_the_scrollback(columns: int, rows: int) -> None:
    """
    Whatever the size of the screen, the pieces and the width of characters; blocks taller than the screen too.
    """
    for seed in range(4):
        text = mixed(seed * 100 + columns + rows)
        for size in (1, 50, 10**6):
            terminal = shown(Terminal(columns, rows), text, size)
            assert every_word(text) == every_word(terminal.all), (seed, size)


@pytest.mark.parametrize("columns", [1, 2, 5, 13])
def test_a_window_that_is_too_narrow_loses_nothing(columns: int) -> None:
    """
    Blocks that don't fit stay as they were written.
    """
    text = mixed(7)
    terminal = shown(Terminal(columns, 10), text, 9)
    every = re.sub(r"[^w\dx]", "", "".join(terminal.all))

    assert all(word in every for word in every_word(text))


def test_a_new_size_leaves_the_open_block_as_it_was_written() -> None:
    """
    The terminal has wrapped it anew, so that nobody knows where it begins; the next block is live again.
    """
    terminal = Terminal()
    writer = live(terminal)
    writer.text("First **one** ")
    terminal.resize(24, 60)
    writer.text("is not\ntouched.\n\nThe **second**")
    before = terminal.all
    writer.text(" is.\n\n")

    assert ["First **one** is not", "touched.", "", "The **second**"] == before
    assert ["First **one** is not", "touched.", "", "The second is."] == terminal.all


def test_a_new_size_in_the_midst_of_code_leaves_its_lines() -> None:
    """
    The line that was open stays plain, and the end of the code is still found, even in that line.
    """
    terminal = Terminal()
    writer = live(terminal)
    writer.text("```py\nx = 1\ny")
    terminal.resize(24, 60)
    writer.text(" = 2\nz = 3\n``")
    terminal.resize(24, 70)
    writer.text("`\nThe **end**")
    writer.end()

    assert ["x = 1", "y = 2", "z = 3", "```", "", "The end"] == terminal.all


@pytest.mark.parametrize("rows", [4, 24, 100])
@pytest.mark.parametrize("size", [1, 100, 10**6])
def test_code_longer_than_the_screen_is_copied_clean(rows: int, size: int) -> None:
    """
    No fence, no leading blank, and colors to the last line.
    """
    terminal = shown(Terminal(80, rows), CODE, size)

    assert [f"line{n:03} = {n}" for n in range(60)] == terminal.all
    assert "59\x1b[0m\n" in "".join(terminal.written)


def test_long_lines_of_code_are_left_to_the_terminal() -> None:
    """
    No line break of llmo's is in them, at the margin or in a list or a quote.
    """
    line = "word " * 40 + "end"
    terminal = shown(Terminal(40), f"```\n{line}\n```\n\n1. Do:\n   ```\n   {line}\n   ```\n\n> ```\n> {line}\n> ```\n")
    written = "".join(terminal.written)

    assert line in written
    assert "".join(terminal.all).replace(" ", "").count(line.replace(" ", "")) == 3


def test_a_list_longer_than_the_screen_is_finished_item_by_item() -> None:
    """
    Every item is in its final form although the list never fits.
    """
    assert [f" • item{n:03} has bold words" for n in range(60)] == shown(Terminal(80, 5), ITEMS, 7).all


def test_a_table_longer_than_the_screen_stays_as_written() -> None:
    """
    Its last row may change the width of its columns, and nothing above the screen can be touched.
    """
    assert ROWS.splitlines() == shown(Terminal(80, 10), ROWS, 7).all


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("x" * 50_000, id="one line"),
        pytest.param("- x\n" * 5000, id="one list"),
        pytest.param("```\n" + "x\n" * 5000, id="an open fence"),
        pytest.param("> " * 500 + "x", id="500 quotes"),
        pytest.param("| x | y |\n|---|---|\n" + "| x | y |\n" * 3000, id="one table"),
        pytest.param("\n" * 20_000 + "x", id="nothing but line ends"),
        pytest.param("[" * 20_000 + "x", id="open links"),
        pytest.param("~~~" * 5000 + "x", id="fence marks"),
    ],
)
def test_no_answer_is_written_more_often_than_a_few_times(text: str) -> None:
    """
    What is sent to the terminal grows with the answer, not with its square, and nothing of it is kept for long.
    """
    terminal = _Counted(80, 24)
    writer = live(terminal)
    for at in range(0, len(text), 50):
        writer.text(text[at : at + 50])
    writer.end()

    assert terminal.count <= 8 * len(text) + 20_000
    assert terminal.xs >= text.count("x")


class _Counted(Terminal):
    """Counts what it gets, and shows nothing."""

    count = xs = 0

    def write(self, text: str) -> int:
        self.count += len(text)
        self.xs += text.count("x")
        return len(text)


def test_what_an_answer_says_is_not_obeyed() -> None:
    """
    Control characters are shown, in code and as entities too, while they come and in the final form.
    """
    evil = "\x1b]0;t\x07 \x1b[2J a\rb \u202e &#x202e;"
    terminal = shown(Terminal(), f"{evil}\n\n```\n{evil}\n```\n\n- {evil}\n\n1. x\n   ```\n   {evil}\n   ```\n", 1)
    written = re.sub(r"\x1b\[[0-9;]*m|\r\x1b\[2K|\x1b\[A\x1b\[2K", "", "".join(terminal.written))

    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", written)


def test_a_line_of_others_goes_above_the_open_block() -> None:
    """
    A warning in the midst of an answer: the block is shown again below it, and replaced as ever.
    """
    terminal = Terminal()
    writer = live(terminal)
    writer.text("One.\n\nSome **bold** wor")
    writer.clear()
    between = terminal.all
    terminal.write("llmo: warning: x\n")
    writer.draw()
    after = terminal.all
    writer.text("ds.\n")
    writer.end()
    writer.clear()
    terminal.write("end\n")

    assert ["One."] == between
    assert ["One.", "", "llmo: warning: x", "Some **bold** wor"] == after
    assert ["One.", "", "llmo: warning: x", "Some bold words.", "end"] == terminal.all


def test_after_a_stop_the_answer_continues_below_the_shell() -> None:
    """
    Ctrl-Z and fg: nothing that the shell wrote is erased.
    """
    terminal = Terminal()
    writer = live(terminal)
    writer.text("Some **bold** wor")
    terminal.write("\n[1]+  Stopped\n$ fg\n")
    writer.displaced()
    writer.text("ds.\n\nThe **end**")
    writer.end()

    assert ["Some **bold** wor", "[1]+  Stopped", "$ fg", "ds.", "", "The end"] == terminal.all


def test_reasoning_is_dim_and_stands_apart() -> None:
    """
    Without the blank lines around it, and before, between and after words.
    """
    terminal = Terminal()
    writer = live(terminal)
    for piece in ("\n\nHm, ", "**so**\n", "it is.\n\n"):
        writer.reasoning(piece)
    writer.text("Yes **it** is")
    writer.reasoning("Is it?\n")
    writer.text("Yes.")
    writer.end()

    assert ["Hm, **so**", "it is.", "", "Yes it is", "", "Is it?", "", "Yes."] == terminal.all
    assert "\x1b[2mHm, \x1b[0m" in terminal.written


def test_without_colors_there_is_style_but_no_color() -> None:
    """
    NO_COLOR is about colors.
    """
    terminal = Terminal()
    writer = live(terminal, color=False)
    writer.text("# Title\n\n**bold** [a](http://b.c) `code`\n\n```py\nx = 1 # c\n```\n> quote\n\n| a |\n|---|\n| b |\n")
    writer.end()
    codes = {code for found in re.findall(r"\x1b\[([0-9;]*)m", "".join(terminal.written)) for code in found.split(";")}

    assert codes <= {"", "0", "1", "2", "3", "4", "9"}
    assert "1" in codes


@given(
    st.text(st.sampled_from("ab \t\n日한é①🇩👍🏽ก\u0301\u200d\ufe0f"), max_size=80),
    st.integers(5, 12),
    st.integers(1, 9),
)
def test_a_region_knows_its_rows(text: str, columns: int, size: int) -> None:
    """
    Whatever is written to it, in whatever pieces.
    """
    terminal, region = Terminal(columns, 500), Region(columns)
    for at in range(0, len(text), size):
        terminal.write(region.put(text[at : at + size]))

    assert terminal.cursor.y == region.row
