"""The end of the process: fast, and nothing that Python does at exit is left out."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.patience import LONG

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Llmo

BEFORE = """
import atexit, sys, threading, time
from llmo.cli import main
{}
sys.argv = ["llmo", "profile", "list"]
try:
    main()
finally:
    print("python", file=sys.stderr)
"""


def run(llmo: Llmo, before: str, *python: str) -> subprocess.CompletedProcess[str]:
    """Run as the console script does, after some lines of Python."""
    return subprocess.run(
        [sys.executable, *python, "-c", BEFORE.format(before)],
        env=llmo.env(),
        cwd=llmo.home,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=LONG,
    )


def test_python_does_not_take_its_memory_apart(llmo: Llmo) -> None:
    """
    The system frees it faster.
    """
    done = run(llmo, "")

    assert (0, "") == (done.returncode, done.stderr)


def test_exit_handlers_and_threads_are_waited_for(llmo: Llmo) -> None:
    """
    What libraries registered for the exit runs, and what a thread still writes is written.
    """
    done = run(
        llmo,
        "gate = threading.Event()\n"
        "def late(): gate.wait(); print('thread', file=sys.stderr)\n"
        "threading.Thread(target=late).start()\n"
        "threading._register_atexit(gate.set)\n"
        "atexit.register(lambda: print('handler', file=sys.stderr))",
    )

    assert (0, "thread\nhandler\n") == (done.returncode, done.stderr)


@pytest.mark.parametrize("watch", ["sys.setprofile(lambda *_: None)", "sys.settrace(lambda *_: None)"])
def test_who_watches_the_process_sees_its_end(llmo: Llmo, watch: str) -> None:
    """
    A profiler or a debugger has something to say after the last line.
    """
    done = run(llmo, watch)

    assert (0, "python\n") == (done.returncode, done.stderr)


def test_the_ledger_leaves_no_log_behind(llmo: Llmo) -> None:
    """
    The last command closes it, and SQLite moves its write-ahead log into the file.
    """
    llmo("-P", "offline", "ask", "hello")
    llmo("-P", "offline", "cost", "--json")
    left: list[Path] = [path for path in (llmo.home / "data").iterdir() if path.name.startswith("ledger.db")]

    assert ["ledger.db"] == [path.name for path in left]


def test_an_output_that_takes_no_more_is_still_reported(llmo: Llmo) -> None:
    """
    What can't be written at the very end is Python's to report.
    """
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        done = subprocess.run(
            [*llmo.command, "-P", "offline", "models", "--names"],
            env=llmo.env(), stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=LONG,
        )  # fmt: skip

    assert done.returncode != 0
    assert "cannot write" in done.stderr
