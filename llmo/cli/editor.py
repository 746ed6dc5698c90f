"""Lets the user write a text in their editor."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmo.cli.files import read_text
from llmo.cli.foreground import uninterrupted
from llmo.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from llmo.cli.context import Context

COMMON = ("editor", "nano", "vi", "notepad")
"""Tried in this order where neither VISUAL nor EDITOR says what to use."""


class EditorFailed(UsageError):
    """The editor ended with a failure; what it saved may be incomplete."""


def run(ctx: Context, path: Path) -> None:
    """Let the user edit a file. Raises `UsageError` if the editor can't be started, `EditorFailed` if it fails."""
    command = _command(ctx.env)
    with _streams(ctx) as streams, uninterrupted():
        try:
            code = subprocess.run([*command, str(path)], check=False, **streams).returncode
        except OSError as exc:
            why = f"cannot start the editor {command[0]}: {exc.strerror}"
            raise UsageError(why, hint="set EDITOR to another one") from None
    if code:
        what = f"was ended by signal {-code}" if code < 0 else f"exited with {code}"
        raise EditorFailed(f"the editor {command[0]} {what}")


def edited(ctx: Context, text: str) -> str:
    """
    The text as it was saved in the editor, without a newline at its end.

    Raises `UsageError` if the editor can't be started or fails.
    """
    with tempfile.TemporaryDirectory(prefix="llmo-") as folder:  # mode 0700
        path = Path(folder) / "prompt.md"
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        try:
            run(ctx, path)
        except EditorFailed as exc:
            raise UsageError(f"{exc.message}: nothing was sent") from None
        return read_text(ctx, str(path), "--edit").rstrip("\n")


def _command(env: Mapping[str, str]) -> list[str]:
    for name in ("VISUAL", "EDITOR"):
        try:
            command = shlex.split(env.get(name, ""))
        except ValueError as exc:
            raise UsageError(f"{name} is not a command: {env[name]}: {exc}") from None
        if command:
            return command
    found = next(filter(shutil.which, COMMON), None)
    if found is None:
        raise UsageError("no editor found", hint="set EDITOR to the one to use")
    return [found]


@contextmanager
def _streams(ctx: Context) -> Iterator[dict[str, Any]]:
    """The terminal for an editor, also where llmo itself reads or writes a pipe: stdout carries only the answer."""
    with ExitStack() as stack:
        streams: dict[str, Any] = {}
        if not ctx.stdin_tty:
            streams["stdin"] = stack.enter_context(_terminal(os.O_RDONLY))
        if not ctx.stdout_tty:
            streams["stdout"] = stack.enter_context(_terminal(os.O_WRONLY))
        yield streams


@contextmanager
def _terminal(flags: int) -> Iterator[int]:
    try:
        handle = os.open("/dev/tty", flags)
    except OSError:
        handle = os.open(os.devnull, flags)
    try:
        yield handle
    finally:
        os.close(handle)
