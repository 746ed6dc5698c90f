"""Errors of SQLite and the file system as errors of llmo, in one line with the file's name."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
from contextlib import contextmanager, suppress
from json import JSONDecodeError
from pathlib import Path
from typing import TYPE_CHECKING

from llmo.errors import ConfigError, Locked

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCKS = Path("/proc/locks")
ROOM = 1 << 16
"""Bytes that SQLite needs for its shared memory and a page or two."""
ELSEWHERE = "use LLMO_DATA_DIR to keep it in another directory"
MOVE = "restore a copy, or move it away to start a new one (which forgets what was spent)"
_WORDS: dict[str, tuple[str, str]] = {
    "CORRUPT": ("it is damaged", MOVE),
    "NOTADB": ("it is damaged or not a ledger", MOVE),
    "READONLY": ("it cannot be written", ELSEWHERE),
    "CANTOPEN": ("it cannot be opened", ELSEWHERE),
    "PERM": ("it cannot be written", ELSEWHERE),
    "AUTH": ("it cannot be written", ELSEWHERE),
    "FULL": ("the disk is full", "free some space; every call that was sent is in the ledger"),
    "IOERR": ("the disk fails", ELSEWHERE),
    "TOOBIG": ("a value is too large", ELSEWHERE),
}
_BUSY = ("BUSY", "LOCKED", "PROTOCOL")
_LACKS = ("no such table: ", "no such column: ")
_KINDS = {
    stat.S_IFIFO: "a pipe (FIFO)",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a directory",
}


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """
    Turn errors of the file into `ConfigError`, and into `Locked` where another program locks it.

    Errors in our own SQL are bugs and pass unchanged.
    """
    try:
        yield
    except OSError as exc:
        raise ConfigError(f"cannot use the ledger: {exc.filename or path}: {exc.strerror}", hint=ELSEWHERE) from exc
    except sqlite3.Error as exc:
        found = _found(exc, path)
        if found is None:
            raise
        raise found from exc
    except (UnicodeDecodeError, JSONDecodeError) as exc:
        raise refused(path, *_WORDS["CORRUPT"]) from exc


def _found(exc: sqlite3.Error, path: Path) -> ConfigError | Locked | None:
    """What to raise for an error of SQLite; None lets it pass."""
    name, text = getattr(exc, "sqlite_errorname", "").removeprefix("SQLITE_"), str(exc)
    if name.startswith(_BUSY):
        return Locked(
            f"cannot use the ledger now: {path}: another program locks it{_holder(path)}",
            hint="quit that program, or try again later",
        )
    lacks = next((text.removeprefix(words) for words in _LACKS if text.startswith(words)), None)
    if lacks is not None:
        return refused(path, f"it is damaged: it has no {lacks}", MOVE)
    if text == "malformed JSON" or (not name and isinstance(exc, sqlite3.OperationalError)):
        # Without a name it is Python's own error: text that is not UTF-8.
        return refused(path, *_WORDS["CORRUPT"])
    said = next((words for code, words in _WORDS.items() if name.startswith(code)), None)
    if said is None:
        return None
    # For its shared memory SQLite reports a full disk as an I/O error.
    return refused(path, *(_WORDS["FULL"] if name.startswith("IOERR") and _full(path.parent) else said))


def refused(path: Path, what: str, hint: str) -> ConfigError:
    """The error for a ledger that can't be used as it is."""
    return ConfigError(f"cannot use the ledger: {path}: {what}", hint=hint)


def there(path: Path) -> bool:
    """
    Whether there is a ledger; False where none was ever created.

    Raises `ConfigError` for anything else: a dangling link, a pipe, an empty file. A ledger is never empty (see
    `llmo.ledger.sqlite.connection`): such a file has lost its contents, and a new one would forget what was spent.
    """
    with explained(path):
        try:
            found = path.stat()
        except FileNotFoundError:
            if path.is_symlink():
                raise refused(path, f"it is a link to {path.readlink()}, which does not exist", MOVE) from None
            if not _orphaned(path):
                return False
            # Another first start may have created the ledger, and its log, between the two checks.
            try:
                found = path.stat()
            except FileNotFoundError:
                what, hint = (
                    f"it is missing, but its log exists: {path.name}-wal",
                    "restore it, or move the log away too",
                )
                raise refused(path, what, hint) from None
    kind = _KINDS.get(stat.S_IFMT(found.st_mode))
    if kind is not None:
        raise refused(path, f"it is {kind}", ELSEWHERE)
    if found.st_size == 0:
        raise refused(path, "it is empty: its contents are lost", MOVE)
    return True


def permitted(path: Path) -> None:
    """
    Raise the `OSError` of a file that may not be read and written.

    The file is not opened for that: closing any descriptor of it would drop all locks of this process on it (POSIX),
    including those of SQLite's connections in other threads. Another process that closes the ledger would then take
    itself for the last user and delete the log, and whatever is written to that log afterwards would be lost.
    """
    if not os.access(path, os.R_OK | os.W_OK):
        fixed = hasattr(os, "statvfs") and os.statvfs(path).f_flag & os.ST_RDONLY
        code = errno.EROFS if fixed else errno.EACCES
        raise OSError(code, os.strerror(code), str(path))


def _orphaned(path: Path) -> bool:
    """Whether there is a write-ahead log, whose changes would be lost without its ledger."""
    try:
        return path.with_name(f"{path.name}-wal").stat().st_size > 0
    except FileNotFoundError:
        return False


def _holder(path: Path) -> str:
    """The process that holds the lock, as far as Linux tells; SQLite locks the file or the shared memory beside it."""
    inodes = set()
    for name in (path.name, f"{path.name}-shm"):
        with suppress(OSError):
            inodes.add(str(path.with_name(name).stat().st_ino))
    try:
        locks = _LOCKS.read_text()
    except OSError:
        return ""
    found = set()
    for line in locks.splitlines():
        match line.split():
            # A waiting process has an arrow in the second field, and one field more.
            case [_, "POSIX", _, "WRITE", process, at, *_] if at.rpartition(":")[2] in inodes:
                found.add(process)
    found -= {"0", "-1", str(os.getpid())}  # of another namespace, or ours
    return f" (process {', '.join(sorted(found))})" if found else ""


def _full(directory: Path) -> bool:
    import shutil

    try:
        return shutil.disk_usage(directory).free < ROOM
    except OSError:
        return False
