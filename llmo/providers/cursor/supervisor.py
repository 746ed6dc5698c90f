"""
Runs a program for llmo and sees to it that nothing of it outlives llmo. Started as a script, imports nothing of llmo.

    python -I -S keeper.py LIFELINE DIRECTORY PROGRAM ARGUMENT…

LIFELINE is a pipe whose other end only llmo holds. A line in it, `GRACE PATIENCE`, says: the program
may go on for so many seconds, then it gets SIGTERM, and so many seconds later SIGKILL. The end of the
pipe, be it that llmo closed it or was killed, means `0 5`. Signals go to the program's whole group;
on Linux what has left the group is found as well. DIRECTORY is removed at the end.

A process of its own can do what a `preexec_fn` must not, and it is still there after `kill -9` of llmo.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time

NOW = (0.0, 5.0)
CANNOT_START = 127
BY_SIGNAL = 128
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def main(lifeline: int, directory: str, command: list[str]) -> int:
    """Run the program to its end, whichever it is; its exit code as a shell would say it."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    bell, ring = os.pipe()
    os.set_blocking(ring, False)
    signal.set_wakeup_fd(ring, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    child = _start(command)
    # Else whoever reads the program's output would never see its end.
    for inherited in (0, 1, 2):
        os.close(inherited)
    try:
        _watch(child, lifeline, bell)
    finally:
        # Not yet waited for, so that the number of the group is still ours.
        _signal(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        _reap()
        _remove(directory)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else BY_SIGNAL - code


def _start(command: list[str]) -> int:
    keeper = os.getpid()
    child = os.fork()
    if child:
        with contextlib.suppress(OSError):  # it was quicker, or has ended
            os.setpgid(child, child)
        return child
    try:
        os.setpgid(0, 0)
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        if os.getppid() == keeper:
            os.execvp(command[0], command)  # noqa: S606 - the user's own program, without a shell
    except OSError as exc:
        os.write(2, f"{command[0]} cannot be started: {exc.strerror}\n".encode())
    finally:
        os._exit(CANNOT_START)


def _prctl(option: int, value: int) -> None:
    """Linux only; elsewhere the keeper still does its work, and only its own death leaves the program alone."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _watch(child: int, lifeline: int, bell: int) -> None:
    """Wait for the program's end; make it end when llmo says so or is gone."""
    ends, kills = float("inf"), float("inf")
    listening = [bell, lifeline]
    while os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        now = time.monotonic()
        if now >= kills:
            return
        if now >= ends:
            _signal(child, signal.SIGTERM)
            ends = float("inf")
        wait = min(ends, kills) - now
        ready, _, _ = select.select(listening, [], [], None if wait == float("inf") else max(0.0, wait))
        if bell in ready:
            os.read(bell, 4096)
        if lifeline in ready:
            said = os.read(lifeline, 4096)
            grace, patience = _told(said)
            now = time.monotonic()
            if kills > now + grace + patience:
                ends, kills = min(ends, now + grace), now + grace + patience
            if not said:
                listening.remove(lifeline)


def _told(said: bytes) -> tuple[float, float]:
    """The last whole line, else what the end of the pipe means."""
    words = said.split(b"\n")[-2].split() if b"\n" in said else []
    return (float(words[0]), float(words[1])) if len(words) == len(NOW) else NOW


def _signal(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _reap() -> None:
    """What left the group and lost its parent has become a child of the keeper: end it, and what it leaves."""
    if sys.platform != "linux":
        return
    while True:
        try:
            with open(f"/proc/self/task/{os.getpid()}/children") as file:  # noqa: PTH123 - pathlib takes as long as the rest
                left = [int(number) for number in file.read().split()]
        except OSError:
            return
        if not left:
            return
        for number in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(number, signal.SIGKILL)
        for number in left:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(number, 0)


def _remove(directory: str) -> None:
    import shutil

    shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2], sys.argv[3:]))
