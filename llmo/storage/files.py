"""Files that are there whole or as they were before: the one way to replace one."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from llmo.storage.paths import ensure_private

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO


def replace(path: Path, content: bytes, *, durable: bool = True) -> None:
    """
    Replace a file of llmo's own with `content`, readable by this user only.

    Several processes may do so at once, so each writes under a name of its own. A link stays a link: profiles are
    often links into a folder of dotfiles. Raises `OSError`.
    """
    path = Path(os.path.realpath(path))
    ensure_private(path.parent)
    handle, fresh = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mkstemp: mode 0600
    with _becoming(path, Path(fresh), os.fdopen(handle, "wb"), durable=durable) as file:
        file.write(content)


@contextmanager
def replaced(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """
    Replace an output of the user's with what is written, in the mode that it had, else in the usual one.

    One run at a time writes to an output (`llmo.storage.locks`), so that the name beside it is the same each time, and
    a killed run leaves at most one such file.
    """
    fresh = successor(path)
    with _becoming(path, fresh, fresh.open("wb"), durable=durable) as file:
        yield file
        if path.exists():
            fresh.chmod(stat.S_IMODE(path.stat().st_mode))


def successor(path: Path) -> Path:
    """Where `replaced` writes before the file takes its place."""
    return path.with_name(f"{path.name}.new")


@contextmanager
def _becoming(path: Path, fresh: Path, file: BinaryIO, *, durable: bool) -> Iterator[BinaryIO]:
    """Move `fresh` to `path` when all of it is written; of a failure nothing stays."""
    try:
        with file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        with suppress(OSError):
            fresh.unlink()
        raise
