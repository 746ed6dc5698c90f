"""
Long tables, a page at a time: in the pager that the user has set, and in none otherwise.

`LLMO_PAGER` counts before `PAGER`; `cat` or an empty value turns it off. A pipe, a dumb terminal and what fits on the
screen never get one, and a pager that cannot be started is as good as none.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING

from llmo.cli.foreground import uninterrupted
from llmo.render.screen import styled
from llmo.render.wrapping import columns, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.cli.context import Context

LESS = "FRX"
"""For a `less` without options of its own: quit if all is seen, show colors, and leave the text on the screen."""
_SHELL = frozenset("|&;<>()$`*?~\n")
"""Characters that make a value something for a shell, as in `git`."""
_NOT_STARTED = (126, 127)
"""What a shell returns for a program that it cannot start."""


def show(ctx: Context, drawn: str) -> None:
    """Write text that llmo has formatted, through a pager where one is due."""
    command = command_of(ctx.env) if ctx.stdout_tty and _longer_than_screen(ctx, drawn) else None
    if command is None or not _paged(ctx, command, drawn):
        ctx.show(drawn)


def command_of(env: Mapping[str, str]) -> list[str] | None:
    """The pager's program and its arguments; None where the user wants none, or none that can be started."""
    value = env.get("LLMO_PAGER", env.get("PAGER", "")).strip()
    if value in ("", "cat") or env.get("TERM", "") in ("", "dumb"):
        return None
    if os.name == "posix" and _SHELL & set(value):
        return ["sh", "-c", value]
    try:
        words = shlex.split(value, posix=os.name == "posix")
    except ValueError:
        return None
    found = shutil.which(words[0], path=env.get("PATH"))
    return [found, *words[1:]] if found else None


def _longer_than_screen(ctx: Context, drawn: str) -> bool:
    width, height = ctx.size
    rows = sum(max(1, -(-columns(plain(line)) // width)) for line in drawn.splitlines())
    return rows >= height  # the shell's prompt takes a row


def _paged(ctx: Context, command: list[str], drawn: str) -> bool:
    """Whether a pager has shown it; who closes the pager has seen enough."""
    ctx.stdout.flush()
    env = {"LESS": LESS, "LV": "-c"} | dict(ctx.env)
    try:
        with uninterrupted(), subprocess.Popen(command, stdin=subprocess.PIPE, env=env) as pager:
            pager.communicate(styled(drawn).encode("utf-8", "replace"))
    except OSError:
        return False
    return pager.returncode not in _NOT_STARTED
