"""One run per output."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from llmo.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

FAR = 1 << 40
"""Windows' locks keep others from reading what is locked, so one byte far behind the end is taken."""


def locked(fd: int, path: Path) -> None:
    """Lock an open file until it is closed or the process ends. Raises `UsageError` when another run has it."""
    try:
        _lock(fd)
    except BlockingIOError:
        raise UsageError(f"another run writes to {path}", hint="wait for it, or give this one another -o") from None
    except OSError:
        # A file system without locks (some network mounts): better unlocked than not at all.
        return


if sys.platform == "win32":

    def _lock(fd: int) -> None:
        import msvcrt

        os.lseek(fd, FAR, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError as exc:
            raise BlockingIOError from exc

else:

    def _lock(fd: int) -> None:
        import fcntl

        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
