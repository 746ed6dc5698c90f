"""
What a start takes, counted: instructions are the same on a busy machine, on a fast one and on a slow one.

T is `python -c 'import typer'`. The bounds have a fifth of slack: a module more on the way is no failure, a library is.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests import peers
from tests.patience import LONG

if TYPE_CHECKING:
    from tests.conftest import Llmo

pytestmark = pytest.mark.skipif(shutil.which("valgrind") is None, reason=peers.missing("valgrind"))
COUNTED = re.compile(r"I\s+refs:\s+([\d,]+)")


def instructions(llmo: Llmo, *args: str) -> int:
    """How many Python takes for a command line, its caches warm."""
    python = [sys.executable, *args]
    counter = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    env = llmo.env({"PYTHONHASHSEED": "0"})
    for command in (python, [*counter, *python]):
        run = subprocess.run(
            command, env=env, cwd=llmo.home, capture_output=True, text=True, check=True, timeout=LONG, stdin=subprocess.DEVNULL
        )  # fmt: skip
    found = COUNTED.search(run.stderr)
    assert found, run.stderr
    return int(found[1].replace(",", ""))


MOST = {
    ("-P", "offline", "models", "--names"): 1.2,
    ("-P", "offline", "route", "hello", "--json"): 2.05,
}
"""How many T a command line may take."""


def test_a_start_takes_few_instructions(llmo: Llmo) -> None:
    """
    Neither a second parser of the profile, nor a pattern as large as a library, comes unseen.
    """
    typer = instructions(llmo, "-c", "import typer")
    taken = {args: instructions(llmo, "-m", "llmo", *args) / typer for args in MOST}

    assert {args: ratio for args, ratio in taken.items() if ratio > MOST[args]} == {}
