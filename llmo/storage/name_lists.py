"""
Lists of names that a shell reads when Tab is pressed, so that no Python starts.

A directory holds the lists of one profile, another one what all profiles share. A list is a file of lines `name`, tab,
`what it is`; `LIST.names` beside it has the names alone, in the order of their bytes, for a shell that is slow at
splitting. `sources` names the files that the lists were made of: a list is out of date when one of them is newer than
`stamp`, which is written last. completions/ reads all this; what changes here changes there.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from llmo.storage.files import replace
from llmo.storage.locks import locked
from llmo.storage.paths import cache_dir, ensure_private
from llmo.types.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

KEEP = 64
"""Profiles whose lists are kept; those of a temporary file would stay forever."""
SOURCES, STAMP = "sources", "stamp"
_ESCAPED = "%/" if os.sep == "/" else "%/\\:"


class Word(NamedTuple):
    """A name, and what is shown beside it."""

    name: str
    about: str = ""


def directory(env: Mapping[str, str]) -> Path:
    """Where all lists are; it is not there until Tab was pressed once."""
    return cache_dir(env) / "completion"


class NameLists:
    """The lists in one directory."""

    def __init__(self, env: Mapping[str, str], profile: str | None = None) -> None:
        """Of a profile, by its name or absolute path; without one what all profiles share."""
        part = "shared" if profile is None else f"profile-{_escaped(profile)}"
        self.directory = directory(env) / part

    def stamp(self) -> list[str]:
        """What was written when the lists were; empty when there are none."""
        try:
            return (self.directory / STAMP).read_text("utf-8").splitlines()
        except (OSError, ValueError):
            return []

    @contextmanager
    def writer(self) -> Iterator[bool]:
        """Whether this process may write now; while another one does, nobody waits for it. Raises `OSError`."""
        from llmo.errors import UsageError

        ensure_private(self.directory)
        handle = os.open(self.directory / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            locked(handle, self.directory)
        except UsageError:
            yield False
        else:
            yield True
        finally:
            os.close(handle)

    def write(
        self, lists: Mapping[str, Sequence[Word]], *, stamp: Sequence[str], sources: Sequence[Path], newest: int
    ) -> None:
        """
        Replace the lists; `newest` is the latest change of the sources in nanoseconds, before they were read.

        Raises `OSError`.
        """
        for name, words in lists.items():
            self._put(name, (f"{word.name}\t{word.about}" for word in words))
            self._put(f"{name}.names", sorted((word.name for word in words), key=os.fsencode))
        self._put(SOURCES, map(str, sources))
        self._put(STAMP, stamp)
        os.utime(self.directory / STAMP, ns=(newest, newest))
        self._prune()

    def _put(self, name: str, lines: Iterable[str]) -> None:
        text = "".join(f"{line}\n" for line in lines)
        replace(self.directory / name, text.encode("utf-8", "surrogateescape"), durable=False)

    def _prune(self) -> None:
        with suppress(OSError):
            kept = [path for path in self.directory.parent.iterdir() if path.name.startswith("profile-")]
            kept.sort(key=lambda path: (path / SOURCES).stat().st_mtime if (path / SOURCES).exists() else 0.0)
            for path in kept[:-KEEP]:
                shutil.rmtree(path, ignore_errors=True)


def _escaped(text: str) -> str:
    """A file's name for any text; the shells escape the same characters."""
    return "".join(f"%{ord(char):02X}" if char in _ESCAPED else char for char in text)


def changes(paths: Iterable[Path]) -> tuple[str, int]:
    """A digest of the versions of files, llmo's own included, and the latest change in nanoseconds."""
    digest, newest = hashlib.sha256(__version__.encode()), 0
    for path in paths:
        said: tuple[int, int] | None = None
        with suppress(OSError):
            status = path.stat()
            said = (status.st_mtime_ns, status.st_size)
            newest = max(newest, status.st_mtime_ns)
        digest.update(repr((os.fsencode(path), said)).encode())
    return digest.hexdigest(), newest
