"""One run per output."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from llmo.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: its locks are mandatory, so one byte far behind the end is taken
    fcntl = None  # type: ignore[assignment]

FAR = 1 << 40


def locked(fd: int, path: Path) -> None:
    """Lock an open file until it is closed or the process ends. Raises `UsageError` when another run has it."""
    try:
        if fcntl is not None:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            _locked_on_windows(fd)
    except BlockingIOError:
        raise UsageError(f"another run writes to {path}", hint="wait for it, or give this one another -o") from None
    except OSError:
        # A file system without locks (some network mounts): better unlocked than not at all.
        return


def _locked_on_windows(fd: int) -> None:
    import msvcrt

    os.lseek(fd, FAR, os.SEEK_SET)
    try:
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    except OSError as exc:
        raise BlockingIOError from exc
