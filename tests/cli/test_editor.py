"""`llmo ask --edit`: the prompt comes from the user's editor."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Llmo, Run

    Ask = Callable[..., Run]

OFF = ("-P", "offline", "--raw")


@pytest.fixture
def ask(llmo: Llmo, tmp_path: Path) -> Ask:
    """Ask with an editor that runs some Python on `path`, the file that it is to edit."""

    def run(does: str, *args: str, tty: bool = False, stdin: str | None = None, name: str = "EDITOR") -> Run:
        script = tmp_path / "an editor.py"
        script.write_text(f"import os, sys\nfrom pathlib import Path\npath = Path(sys.argv[-1])\n{does}\n")
        env = {name: f"{shlex.quote(sys.executable)} {shlex.quote(str(script))} --wait"}
        if name == "VISUAL":
            env["EDITOR"] = "false"
        how = {"tty": True} if tty else {"stdin": stdin}
        return llmo("ask", "--edit", *args, *OFF, env=env, **how)

    return run


@pytest.mark.parametrize("name", ["VISUAL", "EDITOR"])
@pytest.mark.parametrize("tty", [False, True])
def test_what_the_editor_saved_is_sent(ask: Ask, name: str, tty: bool) -> None:
    """
    The prompt that was given is there to begin with; VISUAL comes first.
    """
    run = ask("path.write_text(path.read_text().upper() + ' world\\n\\n')", "hello", name=name, tty=tty)

    assert (0, True) == (run.code, run.stdout.startswith("You said: HELLO world\n")), run


def test_a_pipe_still_follows_the_prompt(ask: Ask) -> None:
    """
    The editor doesn't read it, and what it writes is no answer.
    """
    run = ask("print('Welcome'); sys.stdin.read(); path.write_text('Sum up:')", stdin="a text")

    assert run.stdout.startswith("You said: Sum up: a text\n"), run


@pytest.mark.parametrize(
    ("does", "said"),
    [
        ("", "nothing to send: the prompt is empty"),
        ("path.write_text(' \\n')", "nothing to send: the prompt is empty"),
        ("path.write_text('x'); sys.exit(3)", f"the editor {sys.executable} exited with 3: nothing was sent"),
        ("os.kill(os.getpid(), 9)", f"the editor {sys.executable} was ended by signal 9: nothing was sent"),
        ("path.unlink()", "--edit: no such file: "),
        ("path.write_bytes(b'\\xff')", "--edit: "),
        ("path.write_bytes(b'\\0')", "--edit: binary file: "),
    ],
)
def test_nothing_is_sent_without_a_text(ask: Ask, llmo: Llmo, does: str, said: str) -> None:
    """
    Neither of an empty one, nor when the editor failed.
    """
    run = ask(does)

    assert (2, True) == (run.code, run.stderr.startswith(f"llmo: {said}")), run
    assert llmo("cost", "--json").json["total"]["calls"] == 0


@pytest.mark.parametrize(
    ("editor", "said"),
    [
        ("no-such-editor -w", "cannot start the editor no-such-editor: No such file or directory"),
        ("/", "cannot start the editor /: Permission denied"),
        ("'vim", "EDITOR is not a command: 'vim: No closing quotation"),
    ],
)
def test_an_editor_that_cannot_be_started_is_named(llmo: Llmo, editor: str, said: str) -> None:
    """
    In one line.
    """
    run = llmo("ask", "--edit", *OFF, env={"EDITOR": editor})

    assert (2, f"llmo: {said}") == (run.code, run.stderr.splitlines()[0]), run


def test_ctrl_c_in_the_editor_is_the_editors(ask: Ask) -> None:
    """
    It reaches both; the editor may take it for a key.
    """
    does = """
import signal
signal.signal(signal.SIGINT, lambda *_: path.write_text("kept on"))
os.kill(os.getppid(), signal.SIGINT)
os.kill(os.getpid(), signal.SIGINT)
"""
    run = ask(does)

    assert (0, True) == (run.code, run.stdout.startswith("You said: kept on\n")), run


def test_standard_input_cannot_be_the_prompt_too(ask: Ask) -> None:
    """
    A dash means one source.
    """
    run = ask("", "-", stdin="x")

    assert (2, "llmo: --edit and - cannot be combined") == (run.code, run.stderr.splitlines()[0])
