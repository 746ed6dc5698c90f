"""What a request imports of httpx."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.patience import LONG

SHOW = "import sys; print(*sorted({'click', 'rich', 'pygments'} & set(sys.modules)), httpx.Client.__name__)"


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        pytest.param("from llmo.providers.transports.lean_httpx import httpx", "Client", id="lean"),
        pytest.param("import llmo.providers.transports.httpx, httpx", "Client", id="transport"),
        pytest.param("import llmo.providers.transports.httpx, httpx._main", "click pygments rich Client", id="later"),
        pytest.param("import httpx, llmo.providers.transports.httpx", "click pygments rich Client", id="before"),
    ],
)
def test_a_request_does_not_pay_for_the_command_line_of_httpx(program: str, expected: str) -> None:
    """
    It can still be imported by whoever wants it, before or later.
    """
    run = subprocess.run(
        [sys.executable, "-c", f"{program}; {SHOW}"], capture_output=True, text=True, check=False, timeout=LONG
    )

    assert (0, expected, "") == (run.returncode, run.stdout.strip(), run.stderr)
