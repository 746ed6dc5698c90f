"""
A file that lines are appended to, and that may be taken away meanwhile.

A deleted file can be written for as long as it is open: everything seems well, and nothing is there at the end. So the
file that its name means is compared with the one that is open, again and again; what was deleted is saved under
another name, with all lines that were written meanwhile. Its size is compared at each line: one that was cut must not
be joined to the next one.
"""

from __future__ import annotations

import os
import stat
import time
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, TextIO

from llmo.errors import LlmoError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

COPY = 1 << 20
SAVED = ".saved"
ROOM = "free some space"
LOOKED_S = 0.01
"""Seconds for which a name that was looked at is taken to mean the same file."""
SAVES = 100
"""Names tried for a saved file."""
APPEND = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)


class OutputLost(LlmoError):
    """An output can't be written any more, or is no longer what was written: nothing more may be paid for it."""


class Appended:
    """
    An open file, its size, and where it is saved when it is gone.

    `failure` is why it is lost, once it is. Files that are no regular ones (pipes, devices) are never lost.
    """

    def __init__(self, fd: int, path: Path, *, refuge: Path | None = None) -> None:
        """`refuge` is a directory for what can't be saved beside the file."""
        self.fd, self.path = fd, path
        self.size = os.lseek(fd, 0, os.SEEK_END) if regular(fd) else 0
        self.saved: Path | None = None
        self.failure: OutputLost | None = None
        self._refuge, self._name = refuge, os.fspath(path)
        self._watched = regular(fd)
        opened = os.fstat(fd)
        self._mine = opened.st_ino, opened.st_dev
        self._looked = time.monotonic()

    def check(self) -> None:
        """Raise `OutputLost` when the file is no longer the one that its name means, or others changed its size."""
        if (failure := self.look()) is not None:
            raise failure

    def look(self) -> OutputLost | None:
        """Why the file is lost, by what is there now; saves its lines the first time."""
        self._looked = time.monotonic()
        if self._watched and self.failure is None and (what := self._changed()) is not None:
            self.failure = self._lost(what)
        return self.failure

    def write(self, line: bytes) -> int:
        """
        Append one whole line; where it begins.

        Raises `OutputLost` and leaves no part of it. Where the disk is full the line is saved elsewhere if it can be.
        """
        if self._watched and (
            os.lseek(self.fd, 0, os.SEEK_END) != self.size or time.monotonic() - self._looked >= LOOKED_S
        ):
            self.look()
        begin = self.size
        why = _put(self.fd, line)
        if why is not None:
            if self._watched:
                os.ftruncate(self.fd, begin)
            self.failure = self.failure or OutputLost(f"cannot write {self.path}: {why}", hint=ROOM)
            begin = self._save(line)
        else:
            self.size += len(line)
        return begin

    def _changed(self) -> str | None:
        """What happened to the file, None if it is unchanged: mostly its name tells all."""
        try:
            there: os.stat_result | None = os.stat(self._name)  # noqa: PTH116 - a third of the time
        except OSError:
            there = None
        if there is not None and (there.st_ino, there.st_dev) == self._mine and there.st_size == self.size:
            return None
        mine = os.fstat(self.fd)
        same = there is not None and os.path.samestat(mine, there)
        if there is None or (same and mine.st_nlink == 0):
            return "was moved away" if mine.st_nlink else "was deleted"
        if not same:
            return "was replaced"
        if mine.st_size != self.size:
            return "was truncated" if mine.st_size < self.size else "was written by another program"
        return None

    def _lost(self, what: str) -> OutputLost:
        """The error that ends the run; a deleted file is saved under another name."""
        said = f"the output {what} while the run was writing it: {self.path}"
        if os.fstat(self.fd).st_nlink:
            self.size = os.lseek(self.fd, 0, os.SEEK_END)
            if self.size and _read(self.fd, self.size - 1, 1) != b"\n":
                # Cut within a line: the next one must not be joined to its rest.
                self.size += os.write(self.fd, b"\n")
            hint = "keep other programs from writing to it; run the same command to send the missing rows again"
            if what in ("was replaced", "was moved away"):
                hint = f"the answers are in the file that was moved; move it back to {self.path} to resume"
            return OutputLost(said, hint=hint)
        fresh = self._fresh()
        if fresh is None:
            return OutputLost(said, hint="the answers could not be saved")
        saved, self.saved = fresh
        with suppress(OSError):
            self.saved.chmod(stat.S_IMODE(os.fstat(self.fd).st_mode))
        _copy(self.fd, saved)
        os.dup2(saved, self.fd)
        os.close(saved)
        self.size = os.lseek(self.fd, 0, os.SEEK_END)
        return OutputLost(said, hint=f"all answers were saved in {self.saved}; move it to {self.path} to resume")

    def _save(self, line: bytes) -> int:
        """Save a line elsewhere; raises the failure if no place has room."""
        assert self.failure is not None
        fresh = self._fresh() if self._watched and self.saved is None else None
        if fresh is None:
            raise self.failure
        saved, self.saved = fresh
        why = _put(saved, line)
        if why is not None:
            os.close(saved)
            self.saved.unlink()
            self.saved = None
            raise self.failure
        os.dup2(saved, self.fd)
        os.close(saved)
        self.size = len(line)
        self.failure.hint = f"free some space, then: cat {self.saved} >> {self.path}; the same command resumes"
        return 0

    def _fresh(self) -> tuple[int, Path] | None:
        """A new file for what is to be saved: beside the lost one, else in the refuge."""
        beside = _new(self.path.parent, self.path.name)
        if beside is not None or self._refuge is None:
            return beside
        with suppress(OSError):
            self._refuge.mkdir(parents=True, exist_ok=True)
        return _new(self._refuge, self.path.name)


def opened(path: Path) -> int:
    """A file for lines, emptied; pipes and devices are only written to. Raises `OSError`."""
    odd = path.exists() and not path.is_file()
    return os.open(path, os.O_WRONLY | os.O_APPEND if odd else APPEND | os.O_TRUNC, 0o666)


def written(file: BinaryIO, data: bytes) -> None:
    """Write all of it to an unbuffered file. Raises `OSError`."""
    _write_all(file.fileno(), data)


def regular(fd: int) -> bool:
    """Whether a descriptor is an ordinary file."""
    return stat.S_ISREG(os.fstat(fd).st_mode)


def deleted(stream: TextIO) -> None:
    """Raise `OutputLost` when a stream goes into a file that has been deleted."""
    try:
        there = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return
    if stat.S_ISREG(there.st_mode) and there.st_nlink == 0:
        raise OutputLost("the file behind standard output was deleted", hint="use -o FILE, which can be resumed")


def check_all(files: Sequence[Appended | None]) -> None:
    """Raise `OutputLost` for the first that is lost."""
    for file in files:
        if file is not None:
            file.check()


def _write_all(fd: int, data: bytes) -> None:
    """Write all of it: the system may take a part at a time. Raises `OSError`."""
    while data:
        count = os.write(fd, data)
        if count == 0:
            raise OSError("nothing is written")
        data = data[count:]


def _put(fd: int, line: bytes) -> str | None:
    """Write a whole line; returns the reason if that fails."""
    try:
        _write_all(fd, line)
    except BrokenPipeError:
        raise
    except OSError as exc:
        return str(exc.strerror or exc).lower()
    return None


def _read(fd: int, begin: int, most: int) -> bytes:
    os.lseek(fd, begin, os.SEEK_SET)
    return os.read(fd, most)


def _new(folder: Path, name: str) -> tuple[int, Path] | None:
    """Create and open a file; None if that is not possible."""
    for number in range(1, SAVES):
        path = folder / f"{name}{SAVED}{'' if number == 1 else f'-{number}'}"
        try:
            return os.open(path, APPEND | os.O_EXCL, 0o666), path
        except FileExistsError:
            continue
        except OSError:
            return None
    return None


def _copy(source: int, target: int) -> None:
    at = 0
    while piece := _read(source, at, COPY):
        at += len(piece)
        if _put(target, piece) is not None:
            return
