"""Answers beside each other, and what each took: plain text, for a comparison."""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import TYPE_CHECKING

from llmo.render import summary, tables
from llmo.render.screen import visible
from llmo.render.wrapping import columns
from llmo.types.dataclass import dataclass
from llmo.types.format import dollars, span
from llmo.types.money import stated

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from llmo.engine.results import Result

WIDE = 100
"""Columns of a terminal from which answers stand side by side."""
NARROWEST = 28
"""Columns that an answer needs."""
GAP = " │ "
HEAD = ("model", "first token", "total", "tokens/s", "in", "out", "cost", "outcome")
NUMBERS = HEAD[1:6]


@dataclass(frozen=True, slots=True)
class Side:
    """One answer under its name."""

    name: str
    text: str


def shown(sides: Sequence[Side], width: int) -> str:
    """Answers for a terminal: side by side where there is room, else one below the other."""
    size = (width - len(GAP) * (len(sides) - 1)) // len(sides)
    return _columns(sides, size) if width >= WIDE and size >= NARROWEST else _stacked(sides, width)


def piped(sides: Sequence[Side]) -> str:
    """Answers for a pipe: each under its heading, the exact text."""
    return "".join(
        f"== {side.name} ==\n{side.text}{'' if side.text.endswith(chr(10)) else chr(10)}\n" for side in sides
    )


def table(results: Sequence[Result], *, width: int | None = None, bold: bool = False) -> str:
    """First token, speed, tokens and cost of each: a line each, or a column each where that is too wide."""
    rows = [_row(result) for result in results]
    return tables.folded(HEAD, rows, right=NUMBERS, width=width, bold=bold)


def _row(result: Result) -> tuple[str, ...]:
    used, rate = result.usage, summary.rate(result)
    return (
        str(result.target),
        "-" if result.first_token_s is None else f"{result.first_token_s:.2f} s",
        f"{result.total_s:.2f} s",
        "-" if rate is None else f"{rate:.0f}",
        "-" if used is None else str(used.input_tokens),
        "-" if used is None else str(used.output_tokens),
        summary.cost(result) if result.attempts else "-",
        result.error.kind if result.error else str(result.finish),
    )


STANDINGS = ("model", "ok", "failed", "in", "out", "cost", "p50")


def standings(report: Mapping[str, Any], width: int | None = None) -> list[str]:
    """What each model did over all rows of a batch, and how far their data agree; in at most `width` columns."""
    rows = [_standing(model) for model in report["models"]]
    found = tables.folded(STANDINGS, rows, right=STANDINGS[1:], width=width).splitlines()
    if report["agreement"] is not None:
        found.append(f"same data in {report['agreement']:.1%} of {report['agreement_rows']:,} rows")
    return found


def _standing(model: Mapping[str, Any]) -> tuple[str, ...]:
    took, unpriced = model["latency_p50_s"], model["unpriced"]
    return (
        f"{model['provider']}/{model['model']}",
        f"{model['ok']:,}",
        f"{model['failed']:,}",
        f"{model['input_tokens']:,}",
        f"{model['output_tokens']:,}",
        dollars(stated(model["cost_usd"])) + (f" and {unpriced:,} unpriced" if unpriced else ""),
        "-" if took is None else span(took),
    )


def _columns(sides: Sequence[Side], size: int) -> str:
    heads = [[*wrapped(side.name, size), "─" * size, *wrapped(side.text.strip("\n"), size)] for side in sides]
    # Names of several lines must not push the rule below that of their neighbours.
    deepest = max(cells.index("─" * size) for cells in heads)
    padded = [[*[""] * (deepest - cells.index("─" * size)), *cells] for cells in heads]
    rows = zip_longest(*padded, fillvalue="")
    return "".join(GAP.join(_padded(cell, size) for cell in row).rstrip() + "\n" for row in rows)


def _stacked(sides: Sequence[Side], width: int) -> str:
    return "\n".join(
        f"{name}\n{'─' * min(width, columns(name))}\n{visible(side.text).strip(chr(10))}\n"
        for side in sides
        for name in (visible(side.name),)
    )


def _padded(cell: str, size: int) -> str:
    return cell + " " * (size - columns(cell))


def wrapped(text: str, size: int) -> list[str]:
    """Lines of at most `size` columns, control characters made visible, indentation kept."""
    return [piece for line in visible(text).expandtabs(4).split("\n") for piece in _broken(line.rstrip(), size)]


def _broken(line: str, size: int) -> Iterator[str]:
    """One line in pieces, at spaces where there are some."""
    current, used = "", 0
    for word in re.findall(r"\s+|\S+", line):
        wide = columns(word)
        if used + wide > size and current.strip():
            yield current.rstrip()
            current, used = "", 0
            if word.isspace():
                continue
        while wide > size - used:
            head = _head(word, size - used)
            yield current + head
            word, current, used = word[len(head) :], "", 0  # noqa: PLW2901 - what is left of the word
            wide = columns(word)
        current, used = current + word, used + wide
    yield current.rstrip()


def _head(word: str, size: int) -> str:
    """As many characters as fit, one at least."""
    taken, used = 0, 0
    for char in word:
        used += columns(char)
        if used > size and taken:
            break
        taken += 1
    return word[:taken]
