"""Runs the command of a run again, in its directory."""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING

from llmo.batch.registry import Registry
from llmo.errors import UsageError

if TYPE_CHECKING:
    from llmo.cli.context import Context

NOT_AGAIN = ("--restart",)


def resume(ctx: Context, asked: str) -> int:
    """Become that command; does not return where it can be run. Raises `UsageError`."""
    record = Registry.of(ctx.env).find(asked)
    words = [word for word in record.command if word not in NOT_AGAIN]
    if record.output is None:
        hint = f"llmo runs fetch {record.id} -o FILE, then the same command with -o FILE"
        raise UsageError(f"the run {record.id} has no output that it could continue", hint=hint)
    if record.from_stdin:
        raise UsageError(
            f"the rows of {record.id} came from standard input",
            hint=f"pipe them again: {shlex.join(['llmo', *words])}",
        )
    if record.running and record.owner.pid != os.getpid():
        raise UsageError(f"the run {record.id} is running", hint="wait until it has ended, or llmo runs cancel")
    try:
        os.chdir(record.cwd)
    except OSError as exc:
        raise UsageError(f"cannot enter {record.cwd}: {exc.strerror}") from None
    ctx.note(f"llmo: {shlex.join(['llmo', *words])}")
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, "-m", "llmo", *words])  # noqa: S606 - what this user typed
