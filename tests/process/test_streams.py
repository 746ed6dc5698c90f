"""What goes where: standard input in its three shapes, pipes, terminals with and without colour."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.patience import LONG
from tests.process.conftest import explained

if TYPE_CHECKING:
    from tests.conftest import Llmo
    from tests.process.conftest import Peer

ESCAPE = "\x1b"


def sent(peer: Peer) -> list[str]:
    """The prompts that the server got."""
    return [request["body"]["messages"][-1]["content"] for request in peer.received()]


def test_stdin_from_a_file_is_read(openai: Peer, tmp_path: Path) -> None:
    """
    `llmo ask … < file` is as a pipe.
    """
    (tmp_path / "note.txt").write_text("from a file", "utf-8")
    openai("ask", "hello", stdin=tmp_path / "note.txt")

    assert ["hello\n\nfrom a file"] == sent(openai)


def test_stdin_alone_is_the_prompt(openai: Peer) -> None:
    """
    Piped text without an argument, and with `-`.
    """
    openai("ask", stdin="hello pipe")
    openai("ask", "-", stdin="hello dash")

    assert ["hello pipe", "hello dash"] == sent(openai)


def test_no_stdin_leaves_a_loop_its_input(llmo: Llmo) -> None:
    """
    In `while read`, -n keeps llmo from eating the other lines.
    """
    loop = 'while read -r x; do llmo -P offline ask -n -q "$x" | head -n 1; done'
    run = subprocess.run(
        ["bash", "-c", loop], input=b"one\ntwo\nthree\n", env=llmo.env(), capture_output=True, timeout=LONG, check=True
    )

    assert b"You said: one\nYou said: two\nYou said: three\n" == run.stdout


def test_a_pipe_that_stays_open_does_not_hold_up_no_stdin(llmo: Llmo) -> None:
    """
    Under a supervisor that never closes stdin, -n answers.
    """
    reader, writer = os.pipe()
    try:
        run = llmo.finish(llmo.start("-P", "offline", "ask", "-n", "hello", stdin=reader))
    finally:
        os.close(reader)
        os.close(writer)

    assert (0, True) == (run.code, run.stdout.startswith("You said: hello")), run


def test_the_first_words_come_before_the_last(openai: Peer) -> None:
    """
    A pipe is flushed piece by piece: the answer is not kept until its end.
    """
    process = openai.start("ask", "slow")
    first = os.read(process.stdout.fileno(), 1000)
    still_running = process.poll() is None
    run = openai.llmo.finish(process)

    assert (0, True) == (run.code, still_running), run
    assert "one two three four five six seven eight nine ten" == (first + run.raw).decode().rstrip("\n")
    assert len(first) < 20


@pytest.mark.parametrize(
    "args",
    [
        pytest.param(("ask", "hello **bold**"), id="ask"),
        pytest.param(("route", "hello"), id="route"),
        pytest.param(("models",), id="models"),
        pytest.param(("cost",), id="cost"),
        pytest.param(("profile", "show"), id="profile-show"),
        pytest.param(("--help",), id="help"),
    ],
)
def test_no_colour_where_none_is_wanted(llmo: Llmo, args: tuple[str, ...]) -> None:
    """
    A pipe has no escapes; a terminal with NO_COLOR, --no-color or TERM=dumb has no colours.
    """
    piped = llmo("-P", "offline", *args)
    env = llmo("-P", "offline", *args, tty=True, env={"NO_COLOR": "1"})
    dumb = llmo("-P", "offline", *args, tty=True, env={"TERM": "dumb"})
    flag = llmo("--no-color", "-P", "offline", *args, tty=True)

    assert (0, 0, 0, 0) == (piped.code, env.code, dumb.code, flag.code), (piped, env, dumb, flag)
    assert ESCAPE not in piped.stdout + piped.stderr
    assert ESCAPE not in dumb.stdout
    colours = [f"{ESCAPE}[3", f"{ESCAPE}[4", f"{ESCAPE}[9"]
    assert [] == [(c, run.args) for run in (env, flag) for c in colours if f"{c}" in without_style(run.stdout)]


def without_style(text: str) -> str:
    """The text without bold, italics and underline, which are no colours."""
    for code in ("1", "2", "3", "4", "22", "23", "24"):
        text = text.replace(f"{ESCAPE}[{code}m", "")
    return text


def test_an_error_on_a_terminal_is_the_same_line(llmo: Llmo) -> None:
    """
    No box, no colour needed to read it.
    """
    run = llmo("-P", "offline", "ask", "hi", "--nope", tty=True)

    assert (2, True) == (run.code, "llmo: no such option: --nope" in run.stdout), run


def test_an_odd_locale_is_no_reason_to_fail(llmo: Llmo) -> None:
    """
    In the C locale UTF-8 goes in and out unharmed.
    """
    run = llmo("-P", "offline", "ask", stdin="grüße 🙏", env={"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0"})

    assert (0, True) == (run.code, "grüße 🙏" in run.stdout), run


def test_a_closed_stdout_is_said_not_thrown(llmo: Llmo) -> None:
    """
    `>&-` and a full device: no traceback.
    """
    closed = subprocess.run(
        ["sh", "-c", "llmo -P offline ask hi >&-"], env=llmo.env(), capture_output=True, timeout=LONG, check=False
    )
    with Path("/dev/full").open("wb") as full:
        process = llmo.start("-P", "offline", "ask", "hi", stdout=full)
        run = llmo.finish(process)

    assert b"Traceback" not in closed.stderr
    assert run.code != 0, run
    explained(run)


def test_quiet_is_quiet(llmo: Llmo) -> None:
    """
    -q leaves stderr empty when all is well.
    """
    ask = llmo("-q", "-P", "offline", "ask", "hi")
    batch = llmo("-q", "-P", "offline", "batch", "-", stdin='{"text": "a"}\n')

    assert ((0, ""), (0, "")) == ((ask.code, ask.stderr), (batch.code, batch.stderr))
