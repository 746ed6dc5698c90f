"""Which process took a hold, and whether it is still running."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

ABROAD_US = 24 * 3600 * 1_000_000
"""Microseconds after which a hold of a process that can't be inspected counts as left behind."""
_ON = " on "
_PROC = Path("/proc")
_MACHINE_ID = Path("/etc/machine-id")
_SYSTEM: str = sys.platform


class Owner(NamedTuple):
    """
    A process, distinguished from later ones with the same id.

    `started` is its start time as the system reports it, `boot` the boot and the namespace that its id belongs to.
    Both are empty where the system does not report them. In a ledger that machines share, `boot` ends in the machine's
    name.
    """

    pid: int
    started: str
    boot: str

    def among_machines(self) -> Owner:
        """The same process, as machines that share a ledger tell it apart."""
        return self._replace(boot=f"{self.boot}{_ON}{_machine()}")


DEFERRED = Owner(0, "", "deferred")
"""In place of a process: the call is in a batch at its provider, and whoever fetches its answer settles it."""


@cache
def _me(pid: int) -> Owner:
    return Owner(pid, "" if _SYSTEM == "win32" else _started(pid) or "", _boot())


def me() -> Owner:
    """The current process; after a fork, the child."""
    return _me(os.getpid())


def lives(owner: Owner) -> bool:
    """
    Whether a process may still settle its holds.

    A process that can't be inspected (on another machine, in another namespace of this boot, or on a system without
    such data) counts as running: its money stays held.
    """
    if not _visible(owner):
        return True
    boot, now = owner.boot.partition(_ON)[0], _boot()
    if boot and now and boot != now:
        return False
    return _runs(owner)


def abandoned(owner: Owner, held_at: int, now: int) -> bool:
    """
    Whether a hold is so old that its process on another machine has surely ended; instants are in microseconds.

    It concerns ledgers that machines share: a process that can't be inspected would keep its money held for good.
    """
    return bool(owner.boot.partition(_ON)[2]) and not _visible(owner) and now - held_at > ABROAD_US


def _visible(owner: Owner) -> bool:
    """Whether the process is of this machine, and not in another namespace of its current boot."""
    boot, _, machine = owner.boot.partition(_ON)
    here = not machine or machine == _machine()
    return here and (boot == _boot() or boot.partition(" ")[0] != _boot().partition(" ")[0])


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


@cache
def _machine() -> str:
    """Its name and, where there is one, a digest of its id: many machines of a cloud have the same name."""
    import platform
    from hashlib import sha256

    name = platform.node()
    with suppress(OSError):
        # The id itself is meant to stay on the machine.
        return f"{name} {sha256(b'llmo' + _MACHINE_ID.read_bytes().strip()).hexdigest()[:16]}"
    return name


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
