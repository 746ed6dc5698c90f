"""
Record `.ci/session.svg`, the picture of README: runs of llmo in a terminal, against the provider `offline`.

With `--check`, run everything again and only say whether the picture shows what llmo prints now. Times and rates differ
from run to run and are not compared.
"""

from __future__ import annotations

import html
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import pyte
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import MONOKAI
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
PICTURE = Path(__file__).parent / "session.svg"
COLUMNS, LINES = 100, 80
BATCH = (
    "llmo batch examples/support/messages.csv --template examples/support/prompt.txt \\\n"
    "    --schema examples/support/schema.json -j 1 -o classified.jsonl --max-cost {}"
)
COMMANDS = (
    'llmo ask --schema examples/support/schema.json "The parcel is wet. Send a new one today."',
    BATCH.format("0.02"),
    BATCH.format("0.10"),
    "llmo cost --by model",
)
TYPED = "\x1b[1;32m$\x1b[0m \x1b[1m{}\x1b[0m\r\n"
NAMES = {"brown": "yellow", "default": None}
"""Colors that pyte calls otherwise than rich."""
VARYING = re.compile(r"(, )?[\d,.]+ (ms|s|min|tokens/s|rows/s)\b")


def main() -> int:
    """Record, or compare; the exit code."""
    recorded = record()
    if "--check" not in sys.argv:
        PICTURE.write_text(recorded, "utf-8")
    elif not PICTURE.exists() or shown(PICTURE.read_text("utf-8")) != shown(recorded):
        print(f"stale: {PICTURE.relative_to(ROOT)}")
        return 1
    return 0


def record() -> str:
    """The picture of the commands, run in an empty home."""
    screen = pyte.Screen(COLUMNS, LINES)
    stream = pyte.ByteStream(screen)
    with tempfile.TemporaryDirectory() as home:
        shutil.copytree(ROOT / "examples", Path(home) / "examples")
        for number, command in enumerate(COMMANDS):
            typed = TYPED.format(command.replace("\n", "\r\n"))
            stream.feed(b"\r\n" * bool(number) + typed.encode())
            for piece in run(command, Path(home)):
                stream.feed(piece)
    return drawn(screen)


def run(command: str, home: Path) -> Iterator[bytes]:
    """What a command writes to its terminal."""
    ours, its = pty.openpty()
    env = {name: os.environ[name] for name in ("SYSTEMROOT", "LANG") if name in os.environ}
    env |= {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "HOME": str(home),
        "TERM": "xterm-256color",
        "COLUMNS": str(COLUMNS),
        "LLMO_PROFILE": "examples/priced.toml",
        **{f"LLMO_{name}_DIR": str(home / name.lower()) for name in ("CONFIG", "DATA", "CACHE")},
    }
    with subprocess.Popen(["sh", "-c", command], cwd=home, env=env, stdin=its, stdout=its, stderr=its):
        os.close(its)
        while piece := _read(ours):
            yield piece
    os.close(ours)


def _read(ours: int) -> bytes:
    try:
        return os.read(ours, 1 << 16)
    except OSError:  # Linux says so when the last program has closed a terminal
        return b""


def drawn(screen: pyte.Screen) -> str:
    """The screen as rich draws it, without the fonts that it would load from elsewhere."""
    used = max(number for number, line in enumerate(screen.display) if line.strip()) + 1
    console = Console(record=True, width=COLUMNS, height=used, file=open(os.devnull, "w"), force_terminal=True)  # noqa: SIM115, PTH123
    for number in range(used):
        cells = [screen.buffer[number][column] for column in range(COLUMNS)]
        line = Text()
        for style, run_ in groupby(cells, key=_style):
            line.append("".join(cell.data for cell in run_), style)
        line.rstrip()
        console.print(line, no_wrap=True, soft_wrap=True)
    svg = console.export_svg(title="llmo", theme=MONOKAI, unique_id="llmo")
    return re.sub(r"@font-face \{[^}]*\}\s*", "", svg)


def _style(cell: pyte.screens.Char) -> Style:
    color = NAMES.get(cell.fg, cell.fg)
    name = color if color is None or not re.fullmatch("[0-9a-f]{6}", color) else f"#{color}"
    return Style(color=name, bold=cell.bold, italic=cell.italics, underline=cell.underscore)


def shown(svg: str) -> list[str]:
    """Its text, without what differs from run to run."""
    texts = re.findall(r"<text [^>]*>(.*?)</text>", svg)
    return [VARYING.sub("", html.unescape(text).replace("\xa0", " ")) for text in texts]


if __name__ == "__main__":
    sys.exit(main())
