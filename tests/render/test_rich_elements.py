"""Tables and items of lists that are drawn without rich's layout look as rich's."""

from __future__ import annotations

import random
import re

import pytest
from rich.markdown import ListItem, TableElement

from llmo.render import rich_markdown
from llmo.render.rich_elements import FoldedTable
from llmo.render.rich_markdown import Drawing

WORDS = [
    *("a", "**bold**", "`code x`", "日本", "[l](http://x.y)", "*i*", "~~s~~", "word", "longer-word-here", "<br>"),
    *("&nbsp;", "\\|", "![i](u)", "1.", "**b *c* d**", "e\u0301", "👩\u200d💻"),
]
MARKS = ["---", ":--", "--:", ":-:"]


def seen(drawn: str) -> str:
    """What is seen of it: no styles, no spaces at the end of a line."""
    return re.sub(r"[ \t]+$", "", re.sub(r"\x1b\[[0-9;]*m", "", drawn), flags=re.MULTILINE)


def table(chance: random.Random) -> str:
    """A table, some in a quote."""
    size = chance.randrange(1, 5)

    def row(cells: list[str]) -> str:
        return f"|{'|'.join(cells)}|\n"

    def cells() -> list[str]:
        return [" ".join(chance.choices(WORDS, k=chance.randrange(5))) for _ in range(size)]

    text = row(cells()) + row(chance.choices(MARKS, k=size)) + "".join(row(cells()) for _ in range(chance.randrange(5)))
    return text if chance.random() < 0.8 else "".join(f"> {line}" for line in text.splitlines(keepends=True))


def items(chance: random.Random) -> str:
    """A list whose items are short, or wrapped, or have parts."""
    numbered = chance.random() < 0.5
    more = ("", "", "", "  - sub\n", "  more\n", "\n", "\n  second\n\n", "  ```\n  x\n  ```\n")
    return "".join(
        f"{f'{number}.' if numbered else '-'} {' '.join(chance.choices(WORDS, k=chance.randrange(14)))}\n"
        + chance.choice(more)
        for number in range(chance.choice((1, 7)), 11)
    )


class RichTable(FoldedTable):
    """Rich's own, with long words folded."""

    __rich_console__ = FoldedTable.folded


@pytest.mark.parametrize("width", [20, 40, 100])
def test_a_table_or_list_looks_as_rich_draws_it(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Whatever is in the cells, however narrow the window.
    """
    chance = random.Random(width)
    texts = [make(chance) for _ in range(60) for make in (table, items)]
    own = [seen(Drawing(color=True, terminal=True).drawn(text, width)) for text in texts]
    elements = rich_markdown.Copyable.elements | {"table_open": RichTable, "list_item_open": ListItem}
    monkeypatch.setattr(rich_markdown.Copyable, "elements", elements)

    assert [seen(Drawing(color=True, terminal=True).drawn(text, width)) for text in texts] == own


def test_what_fits_is_not_laid_out_by_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    It would measure, wrap and crop each cell and item on its own.
    """
    monkeypatch.delattr(TableElement, "__rich_console__")
    monkeypatch.delattr(ListItem, "render_bullet")
    monkeypatch.delattr(ListItem, "render_number")
    drawing = Drawing(color=False, terminal=False)

    assert " a  b\n ────\n c\n" == drawing.drawn("|a|b|\n|-|-|\n|c||\n", 40)
    assert f" • a{' b' * 9}\n   b\n" == drawing.drawn(f"- a{' b' * 10}\n", 22)
    assert "  9 a\n 10 b\n" == drawing.drawn("9. a\n10. b\n", 40)
