"""Long tables in the user's pager, and never where nobody expects one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pexpect
import pytest

from tests.patience import LONG

if TYPE_CHECKING:
    from tests.conftest import Llmo

PAGED = {"LLMO_PAGER": "echo BEGIN; cat; echo END", "LINES": "24", "COLUMNS": "80"}


@pytest.mark.parametrize(
    ("env", "paged"),
    [
        pytest.param({}, True, id="its own variable"),
        pytest.param({"LLMO_PAGER": "", "PAGER": "echo BEGIN;"}, False, id="an empty one is none"),
        pytest.param({"LLMO_PAGER": "cat"}, False, id="cat is none"),
        pytest.param({"LLMO_PAGER": "no-such-program -R"}, False, id="not installed"),
        pytest.param({"LLMO_PAGER": "no-such-program | cat"}, False, id="nothing comes of it"),
        pytest.param({"LLMO_PAGER": "no-such-program; exit 127"}, False, id="not installed, in a shell"),
        pytest.param({"LLMO_PAGER": "'unbalanced"}, False, id="no command"),
        pytest.param({"TERM": "dumb"}, False, id="a dumb terminal"),
        pytest.param({"LINES": "100000"}, False, id="all fits on the screen"),
    ],
)
def test_a_long_table_is_paged_if_the_user_has_set_a_pager(llmo: Llmo, env: dict[str, str], paged: bool) -> None:
    """
    A pager that cannot be started is as good as none: the table is shown.
    """
    run = llmo("models", tty=True, env=PAGED | env)

    assert (run.code, "BEGIN" in run.stdout, "END" in run.stdout) == (0, paged, paged)
    assert "prices: dollars per million tokens" in run.stdout or "| cat" in env.get("LLMO_PAGER", "")


def test_no_pager_is_used_unless_it_was_set(llmo: Llmo) -> None:
    """
    PAGER counts where LLMO_PAGER is not set; without either there is none, and none in a pipe.
    """
    size = {"LINES": "24", "COLUMNS": "80"}

    assert "BEGIN" in llmo("models", tty=True, env=size | {"PAGER": "echo BEGIN; cat"}).stdout
    assert llmo("models", tty=True, env=size).stdout.startswith("\x1b[1mmodel")
    assert llmo("models", env=PAGED).stdout.startswith("model")
    assert llmo("models", "gpt-4o", "--names", tty=True, env=PAGED).stdout.startswith("openai/gpt-4o\n")


def test_less_without_options_of_its_own_shows_colors_and_leaves_the_text(llmo: Llmo) -> None:
    """
    As in git; who has set LESS keeps that.
    """
    show = {"LLMO_PAGER": 'cat >&- ; echo "LESS is $LESS"', "LINES": "24", "COLUMNS": "80"}

    assert "LESS is FRX" in llmo("models", tty=True, env=show).stdout
    assert "LESS is -S" in llmo("models", tty=True, env=show | {"LESS": "-S"}).stdout


def test_a_pager_that_is_closed_early_has_shown_enough(llmo: Llmo) -> None:
    """
    Nothing more is written, and nothing is wrong.
    """
    run = llmo("models", tty=True, env=PAGED | {"LLMO_PAGER": "head -n 1; exit 3"})

    assert (run.code, run.stdout.count("openai/")) == (0, 0)


def test_ctrl_c_is_the_pagers(llmo: Llmo) -> None:
    """
    A pager stops a search with it; llmo stays until the pager ends.
    """
    pager = "trap 'echo HEARD' INT; cat >/dev/null; echo READY; read -r line </dev/tty; echo DONE"
    child = pexpect.spawn(llmo.command[0], [*llmo.command[1:], "models"], env=llmo.env(PAGED | {"LLMO_PAGER": pager}))
    child.expect_exact("READY", timeout=LONG)
    child.sendintr()
    child.expect_exact("HEARD", timeout=LONG)
    child.sendline("")
    child.expect(pexpect.EOF, timeout=LONG)
    child.close()

    assert child.exitstatus == 0
