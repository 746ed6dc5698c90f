"""No file that is read is written, no file is written twice: checked before anything is opened for writing."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from llmo.errors import UsageError
from llmo.storage.paths import expanded
from llmo.types.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from llmo.cli.context import Context

HINT = "write to another file"


@dataclass(frozen=True, slots=True)
class Named:
    """A file and what it is in a message: the flag that names it, `the profile`, `an input`."""

    what: str
    path: Path


def apart(
    written: Sequence[Named], read: Iterable[Named], *, stdin: TextIO | None = None, stdout: TextIO | None = None
) -> None:
    """
    Raise `UsageError` when one file is in both lists, or twice in the first; through links too.

    `stdin` and `stdout` are checked as well when they carry rows: `>> rows.jsonl` would read what it writes.
    """
    before = [one for one in read if _keeps(one.path)]
    for other in before if stdout is not None else ():
        if _is(stdout, other.path):
            raise UsageError(
                f"standard output is redirected to {other.what}: {other.path}", hint="name the output with -o"
            )
    for one in filter(lambda one: _keeps(one.path), written):
        if _is(stdin, one.path):
            raise UsageError(f"{one.what} would overwrite standard input: {one.path}", hint=HINT)
        for other in before:
            if _same(one.path, other.path):
                raise UsageError(f"{one.what} would overwrite {other.what}: {one.path}", hint=HINT)
        before.append(one)


def writable(flag: str, name: str | None) -> None:
    """Raise `UsageError` for a file that could not be written at the end, when the rows are paid."""
    path = Path(name or "")
    there = path if path.exists() else path.parent
    why = None
    if name is not None and path.is_dir():
        why = "is a directory"
    elif name is not None and not there.exists():
        why = f"no such directory: {there}"
    elif name is not None and not os.access(there, os.W_OK):
        why = "permission denied"
    if why is not None:
        raise UsageError(f"{flag}: cannot write {path}: {why}")


def own(ctx: Context) -> Iterator[Named]:
    """The files that llmo lives by."""
    from llmo.storage.paths import data_dir

    if ctx.loaded.source is not None:
        yield Named("the profile", ctx.loaded.source)
    for name, config in ctx.profile.providers.items():
        if config.offline.reply_file is not None:
            yield Named(f"the reply_file of {name}", expanded(config.offline.reply_file))
    for name in ("ledger", "history"):
        for ending in ("", "-wal", "-shm"):
            yield Named(f"the {name}", data_dir(ctx.env) / f"{name}.db{ending}")
    yield Named("the index of the history", ctx.history.index_path)


def given(flag: str, value: str | None, *, mark: str = "") -> Iterator[Named]:
    """The file of a flag that takes a text or a file: with a mark such as `@` only what begins with it."""
    if value and value.startswith(mark) and not value.lstrip().startswith("{"):
        yield Named(flag, expanded(value[len(mark) :]))


def _keeps(path: Path) -> bool:
    """Whether what is written there stays: no pipe, no terminal, no /dev/null."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return True


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return one.resolve() == other.resolve()


def _is(stream: TextIO | None, path: Path) -> bool:
    try:
        return stream is not None and os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except (OSError, ValueError):
        return False
