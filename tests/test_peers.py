"""A check that is skipped where it must run is no check."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.peers import PEERS

ROOT = Path(__file__).parent.parent


def run(*args, require, code="import sys, pytest; sys.exit(pytest.main(sys.argv[1:]))"):
    """pytest in a process of its own, that finds no program on PATH."""
    return subprocess.run(
        [sys.executable, "-c", code, "-q", "-n", "0", "-p", "no:cacheprovider", *args],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PATH": os.devnull, "LLMO_TEST_REQUIRE": require},
    )


@pytest.mark.parametrize(
    ("require", "code", "closing"),
    [
        pytest.param("", 0, "1 skipped", id="nothing required"),
        pytest.param("fish,zsh", 0, "1 skipped", id="others required"),
        pytest.param("zsh,mandoc", 1, "1 failed", id="required"),
    ],
)
def test_a_test_that_lacks_what_is_required_fails(require, code, closing):
    """
    Elsewhere it is skipped by name.
    """
    done = run("tests/test_manual.py", "-k", "clean and mandoc and llmo.1", require=require)

    assert (code, True) == (done.returncode, closing in done.stdout), done.stdout
    assert "mandoc is not installed: " in done.stdout


@pytest.mark.parametrize(
    ("require", "code"), [pytest.param("", 5, id="skipped"), pytest.param("langchain", 2, id="failed")]
)
def test_a_whole_file_that_lacks_what_is_required_fails(require, code):
    """
    Also when it can't even be imported.
    """
    without = "import sys, pytest; sys.modules['langchain_core'] = None; sys.exit(pytest.main(sys.argv[1:]))"
    done = run("tests/langchain/test_chat.py", require=require, code=without)

    assert code == done.returncode, done.stdout
    assert "langchain is not installed: " in done.stdout


def test_a_name_that_no_test_speaks_of_is_refused():
    """
    A slip in the list must not turn a check off.
    """
    done = run("tests/test_peers.py", require="zsh,chrome")

    assert 4 == done.returncode
    assert f"unknown: chrome; known: {', '.join(PEERS)}" in done.stderr
