"""Which process holds money, and whether it still lives."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")
_SYSTEM: str = sys.platform


class Owner(NamedTuple):
    """
    A process, told apart from a later one of the same number.

    `started` is its start time in the system's own words, `boot` the boot and the namespace
    that its number counts in. Both are empty where the system does not tell.
    """

    pid: int
    started: str
    boot: str


@cache
def _me(pid: int) -> Owner:
    return Owner(pid, "" if _SYSTEM == "win32" else _started(pid) or "", _boot())


def me() -> Owner:
    """The process that asks; after a fork, the child."""
    return _me(os.getpid())


def lives(owner: Owner) -> bool:
    """
    Whether a process may still settle what it holds.

    A process that can't be looked at (another namespace of this boot, a system that does not
    tell) counts as alive: its money stays held.
    """
    boot = _boot()
    if not owner.boot or not boot:
        return _answers(owner)
    if owner.boot == boot:
        return _answers(owner)
    return owner.boot.partition(" ")[0] == boot.partition(" ")[0]


def _answers(owner: Owner) -> bool:
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
    """When a process began; None when there is none, empty when the system does not say."""
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
    found = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    return found.stdout.strip() or None
