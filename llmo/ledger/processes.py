"""Which process took a hold, and whether it is still running."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")
_SYSTEM: str = sys.platform


class Owner(NamedTuple):
    """
    A process, distinguished from later ones with the same id.

    `started` is its start time as the system reports it, `boot` the boot and the namespace that its id belongs to.
    Both are empty where the system does not report them.
    """

    pid: int
    started: str
    boot: str


@cache
def _me(pid: int) -> Owner:
    return Owner(pid, "" if _SYSTEM == "win32" else _started(pid) or "", _boot())


def me() -> Owner:
    """The current process; after a fork, the child."""
    return _me(os.getpid())


def lives(owner: Owner) -> bool:
    """
    Whether a process may still settle its holds.

    A process that can't be inspected (in another namespace of this boot, or on a system without such data) counts
    as running: its money stays held.
    """
    boot = _boot()
    if not owner.boot or not boot:
        return _runs(owner)
    if owner.boot == boot:
        return _runs(owner)
    return owner.boot.partition(" ")[0] == boot.partition(" ")[0]


def _runs(owner: Owner) -> bool:
    if _SYSTEM == "win32":
        return True
    started = _started(owner.pid)
    return started is not None and (not owner.started or not started or started == owner.started)


@cache
def _boot() -> str:
    with suppress(OSError):
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {(_PROC / 'self/ns/pid').readlink()}"
    return ""


def _started(pid: int) -> str | None:
    """The start time of a process as the system reports it, empty where it does not; None when there is none."""
    if _SYSTEM == "linux":
        try:
            stat = (_PROC / str(pid) / "stat").read_bytes()
        except OSError:
            return None
        # Field 22, after the name in parentheses, which may hold anything; field 3 is the state.
        fields = stat.rpartition(b")")[2].split()
        return None if fields[0] in {b"Z", b"X"} else fields[19].decode()
    env = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "LC_TIME", "TZ") if name in os.environ}
    command = ["ps", "-o", "lstart=", "-p", str(pid)]
    import subprocess

    found = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    return found.stdout.strip() or None
