"""
What does an answer cost on its way to a terminal? Run by hand: PYTHONPATH=. python tests/bench/terminal.py.

CPU per kB of an answer in pieces of four characters, and the memory that is held at its end, for kinds of answers and
sizes of windows. Peers in the same run: the pieces printed raw, rich's Markdown drawn once at the end, and rich's Markdown
repainted with each line, which takes the square of the length and therefore gets only the first lines.
"""

from __future__ import annotations

import io
import os
import time
import tracemalloc
from pathlib import Path

from rich.console import Console
from rich.markdown import Markdown

from llmo.render.live_markdown import LiveMarkdown

LINES = 10_000
PIECE = 4
REPAINTED = 150
"""Lines of the answer that is repainted."""
PROSE = "The **quick** brown fox jumps over `the` lazy dog, and [then](http://x.y) goes home to rest.\n" * 5 + "\n"
CODE = (
    "```python\n"
    + "def f(x, y=1):\n    '''doc'''\n    return [x for _ in range(y)] + {'a': 1.5}  # c\n\n" * 8
    + "```\n\n"
)
LIST = "".join(f"{n}. item with **bold** text and a bit more of it to be long\n" for n in range(1, 13)) + "\n"
TABLE = "| a | b |\n|---|---|\n" + "| value | some more text |\n" * 10 + "\n"
ANSWERS = {
    "mixed": PROSE + LIST + TABLE + CODE,
    "prose": PROSE,
    "code": CODE,
    "lists": LIST,
    "tables": TABLE,
    "one fence": "line = [1, 'two']  # three\n",
    "one list": "- item with **bold** text\n",
    "one line": "word " * 10,
}


class Nowhere(io.StringIO):
    """Takes everything and keeps nothing."""

    def write(self, text):
        return len(text)


def repeated(text, lines=LINES):
    return text * max(1, lines // max(1, text.count("\n")))


def per_kb(show, text):
    begin = time.process_time()
    show(text)
    return (time.process_time() - begin) * 1e6 / len(text.encode())


def live(columns, rows):
    def show(text):
        writer = LiveMarkdown(Nowhere(), lambda: os.terminal_size((columns, rows)))
        for at in range(0, len(text), PIECE):
            writer.text(text[at : at + PIECE])
        writer.end()

    return show


def raw(text):
    with Path(os.devnull).open("w", encoding="utf-8") as stream:
        for at in range(0, len(text), PIECE):
            stream.write(text[at : at + PIECE])
            stream.flush()


def once(text):
    Console(file=Nowhere(), force_terminal=True, width=80).print(Markdown(text))


def repainted(text):
    console = Console(file=Nowhere(), force_terminal=True, width=80)
    lines = text.splitlines(keepends=True)
    for end in range(1, len(lines) + 1):
        console.print(Markdown("".join(lines[:end])))


def held(lines):
    """Bytes held while an answer of so many lines is open, and at most."""
    text = repeated(ANSWERS["mixed"], lines)
    tracemalloc.start()
    live(80, 24)(text)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def main():
    live(80, 24)(ANSWERS["mixed"])
    print(f"{'ms CPU per kB':12} {'kB':>5} {'40x24':>7} {'80x24':>7} {'200x50':>7} {'raw':>6} {'rich once':>10}")
    for name, part in ANSWERS.items():
        text = repeated(part) if name != "one line" else part * 20_000
        text = f"```python\n{text}" if name == "one fence" else text
        short = text[:200_000] if name != "one line" else part * 400
        figures = [per_kb(live(*size), text) for size in ((40, 24), (80, 24), (200, 50))]
        print(
            f"{name:12} {len(text) // 1000:5}",
            *(f"{one:7.2f}" for one in figures),
            f"{per_kb(raw, text):6.2f} {per_kb(once, short):10.2f}",
            flush=True,
        )
    few = repeated(ANSWERS["mixed"], REPAINTED)
    print(
        f"{REPAINTED} lines: live {per_kb(live(80, 24), few):.1f}, repainted by rich {per_kb(repainted, few):.1f} ms per kB"
    )
    print(f"memory: {held(1000) / 1000:.0f} kB at most for 1,000 lines, {held(LINES) / 1000:.0f} kB for {LINES:,}")


if __name__ == "__main__":
    main()
