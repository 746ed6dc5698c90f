"""Locks between processes: one run per output, one change of a profile at a time."""

from __future__ import annotations

import hashlib
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from llmo.errors import ConfigError, UsageError
from llmo.storage.paths import cache_dir, ensure_private

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

FAR = 1 << 40
"""Windows' locks keep others from reading what is locked, so one byte far behind the end is taken."""


def locked(fd: int, path: Path) -> None:
    """Lock an open file until it is closed or the process ends. Raises `UsageError` when another run has it."""
    try:
        _try_lock(fd)
    except BlockingIOError:
        raise UsageError(f"another run is writing to {path}", hint="wait for it, or use another -o") from None
    except OSError:
        # A file system without locks (some network mounts): better unlocked than not at all.
        return


@contextmanager
def exclusive(path: Path, env: Mapping[str, str]) -> Iterator[None]:
    """
    Wait until no other llmo process changes `path`, and keep them from it meanwhile, so that no change is lost.

    The lock lies in the cache: beside a profile in somebody's project it would be litter. Raises `ConfigError`.
    """
    name = hashlib.sha256(os.fsencode(os.path.realpath(path))).hexdigest()[:16]
    lock = cache_dir(env) / "locks" / name
    try:
        ensure_private(lock.parent)
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as exc:
        raise ConfigError(f"cannot lock the profile: {lock}: {(exc.strerror or str(exc)).lower()}") from None
    try:
        _wait_for(handle)
        yield
    finally:
        os.close(handle)


if sys.platform == "win32":

    def _try_lock(fd: int) -> None:
        import msvcrt

        os.lseek(fd, FAR, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError as exc:
            raise BlockingIOError from exc

    def _wait_for(fd: int) -> None:
        """Nothing here waits as long as it takes: the last writer wins, and never half a file."""

else:

    def _try_lock(fd: int) -> None:
        import fcntl

        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _wait_for(fd: int) -> None:
        import fcntl

        fcntl.flock(fd, fcntl.LOCK_EX)
