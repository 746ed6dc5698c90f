"""What users of other tools take for granted: `-`, `--`, loops, pagers, color, widths, and many at once."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.patience import LONG

if TYPE_CHECKING:
    from tests.conftest import Llmo

OFF = ("-P", "offline")
SHOWN = [
    pytest.param(args, id=" ".join(args))
    for args in (
        ("--help",),
        ("ask", "--help"),
        (*OFF, "ask", "**hi**"),
        (*OFF, "ask", "--markdown", "**hi**"),
        (*OFF, "ask", "--compare", "-m", "offline/a", "-m", "offline/b", "hi"),
        (*OFF, "batch", "rows.txt"),
        (*OFF, "route", "hi"),
        (*OFF, "models"),
        ("history",),
        ("history", "show"),
        ("cost", "--plot"),
        ("templates",),
        ("profile", "show"),
    )
]


@pytest.fixture
def used(llmo: Llmo) -> Llmo:
    """llmo with a call in its ledger and history, rows and a template."""
    (llmo.home / "rows.txt").write_text("a\nb\n", "utf-8")
    (llmo.home / "config/templates").mkdir(parents=True)
    (llmo.home / "config/templates/fix.md").write_text("Fix: {{ prompt }}", "utf-8")
    assert llmo("ask", "**one**", *OFF).code == 0
    return llmo


def shell(llmo: Llmo, script: str) -> subprocess.CompletedProcess[str]:
    """A script of a user in the home of llmo."""
    return subprocess.run(
        ["/bin/sh", "-c", script],
        env=llmo.env(),
        cwd=llmo.home,
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
    )


@pytest.mark.skipif(not shutil.which("xargs"), reason="xargs is not here")
def test_eight_at_once_make_one_ledger(llmo: Llmo) -> None:
    """
    In a home where nothing is yet, each gets its answer and all are counted.
    """
    run = shell(llmo, "seq 16 | xargs -P 8 -I{} sh -c 'llmo -P offline ask -n \"say {}\" >{}.out'")
    answers = [(llmo.home / f"{n}.out").read_text("utf-8") for n in range(1, 17)]

    assert 0 == run.returncode
    # Where the machine is slow, some say that they wait for each other.
    assert all("that locks the ledger" in line for line in run.stderr.splitlines())
    assert [f"You said: say {n}" for n in range(1, 17)] == [text.splitlines()[0] for text in answers]
    assert 16 == llmo("cost", "--json").json["total"]["calls"]
    assert 16 == len(llmo("history", "--json").json)


def test_a_loop_keeps_its_input(llmo: Llmo) -> None:
    """
    With -n nothing is read from it; without, the first prompt takes it all, as ssh does.
    """
    loop = "printf 'a\\nb\\n' | while read -r word; do llmo -P offline ask {} \"Define $word\" | head -n 1; done"

    assert ["You said: Define a", "You said: Define b"] == shell(llmo, loop.format("-n")).stdout.splitlines()
    assert ["You said: Define a b"] == shell(llmo, loop.format("")).stdout.splitlines()


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("ask", *OFF, "--", "--model", "is a flag"), 0, "You said: --model is a flag"),
        (("ask", *OFF, "--", "-n"), 0, "You said: -n"),
        (("route", *OFF, "--", "--json"), 0, "task "),
        (("batch", *OFF, "--", "-rows.txt"), 0, '"text": "You said: x'),
        (("models", "--", "--ready"), 0, "llmo: no models match: --ready"),
        (("history", "--", "--json"), 0, "no conversations match: --json"),
        (("templates", "show", "--", "-x"), 2, "no such template: -x"),
    ],
)
def test_two_dashes_end_the_flags(llmo: Llmo, args: tuple[str, ...], code: int, said: str) -> None:
    """
    What follows is a prompt, a file or a query, whatever it looks like.
    """
    (llmo.home / "-rows.txt").write_text("x\n", "utf-8")
    run = llmo(*args)

    assert code == run.code, run.stderr
    assert said in run.stdout + run.stderr


@pytest.mark.parametrize(
    ("args", "stdin", "said"),
    [
        (("ask", "hi", "-f", "-"), "piped", 'You said: hi <file name="stdin"> piped </file>'),
        (("ask", "hi", "--schema", "-"), '{"enum": ["from stdin"]}', "from stdin"),
        (("ask", "hi", "--template", "-"), "Say {{ prompt }}", "You said: Say hi"),
        (("ask", "hi", "-s", "@-"), "Be brief.", "You said: hi"),
        (("ask", "-"), "piped", "You said: piped"),
        (("batch", "-"), "piped", '"text": "You said: piped'),
        (("batch", "rows.txt", "--template", "-"), "Say {{ text }}", '"text": "You said: Say a'),
        (("route", "--rows", "-", "--json"), "piped", '"provider": "offline"'),
    ],
)
def test_a_dash_is_standard_input_wherever_a_file_is_read(
    used: Llmo, args: tuple[str, ...], stdin: str, said: str
) -> None:
    """
    And nothing of it is sent twice.
    """
    run = used(*args, *OFF, stdin=stdin)

    assert 0 == run.code, run.stderr
    assert said in run.stdout


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("ask", "-", "-f", "-"), "--file - and the prompt - cannot both read standard input"),
        (("ask", "x", "-f", "-", "-f", "-"), "--file - and --file - cannot both read standard input"),
        (("ask", "x", "--template", "-", "--schema", "-"), "--template - and --schema - cannot both read standard input"),
        (("batch", "--template", "-"), "the rows and --template - cannot both read standard input"),
        (("chat", "-s", "@-"), "--system - and the prompts cannot both read standard input"),
        (("batch", "rows.txt", "--report", "-"), "the rows and --report - cannot both write standard output"),
        (
            ("batch", "rows.txt", "-o", "o.jsonl", "--errors", "-", "--report", "-"),
            "--errors - and --report - cannot both write standard output",
        ),
        (("batch", "--reparse", "-", "--schema", "{}"), "--reparse requires a file"),
        (("cost", "--html", "-", "--json"), "--html - takes standard output, and so do --json and --csv"),
    ],
)  # fmt: skip
def test_one_stream_is_for_one(used: Llmo, args: tuple[str, ...], message: str) -> None:
    """
    Two that want it are named, and nothing is sent.
    """
    run = used(*args, *OFF, stdin="Say {{ text }}\n")

    assert (2, f"llmo: {message}") == (run.code, run.stderr.splitlines()[0])
    assert 1 == used("cost", "--json").json["total"]["calls"]


@pytest.mark.parametrize(
    ("args", "begins"),
    [
        (("batch", "rows.txt", "-q", "-o", "-"), '{"id": '),
        (("batch", "rows.txt", "-q", "-o", "o.jsonl", "--report", "-"), '{\n  "rows": 2,'),
        (("cost", "--html", "-"), "<!doctype html>"),
        (("cost", "--export", "-"), '{"id": '),
        (("history", "export", "--all", "-o", "-"), "# Conversation "),
    ],
)  # fmt: skip
def test_a_dash_is_standard_output_wherever_a_file_is_written(used: Llmo, args: tuple[str, ...], begins: str) -> None:
    """
    No file of that name is left.
    """
    run = used(*args, *OFF)

    assert run.stdout.lower().startswith(begins.lower()), (run.stdout[:300], run.stderr)
    assert not (used.home / "-").exists()


def test_failed_rows_go_to_standard_output(used: Llmo) -> None:
    """
    Ready to be the input of the next command.
    """
    profile = used.home / "fails.toml"
    profile.write_text('[providers.offline]\nkind = "offline"\noffline = { fail = "unavailable" }\n', "utf-8")
    run = used(
        "batch", "rows.txt", "-q", "-o", "o.jsonl", "--errors", "-", "--retries", "0", "-m", "offline/x", "-P", profile
    )

    assert (7, ["a", "b"]) == (run.code, sorted(row["text"] for row in run.lines)), run.stderr


def test_no_pager_is_started(used: Llmo) -> None:
    """
    For an answer, help or JSON, however long they are; tables are in tests/cli/test_pager.py.
    """
    spy = used.home / "pager"
    spy.write_text(f"#!/bin/sh\ntouch '{used.home}/paged'\n", "utf-8")
    spy.chmod(0o755)
    env = {"PAGER": str(spy), "MANPAGER": str(spy)}
    for args in ((*OFF, "ask", "a\n" * 99), ("history", "show"), ("batch", "--help"), ("profile", "schema")):
        assert used(*args, tty=True, env=env).code == 0

    assert not (used.home / "paged").exists()


@pytest.mark.parametrize("args", SHOWN)
def test_a_dumb_terminal_gets_no_escapes(used: Llmo, args: tuple[str, ...]) -> None:
    """
    Neither color nor anything that moves the cursor.
    """
    run = used(*args, tty=True, env={"TERM": "dumb"})

    assert (0, 0) == (run.code, run.raw.count(b"\x1b"))


COLORS = re.compile(rb"\x1b\[(?:[34]\d|9\d|10\d|[34]8;[\d;]+)m")


@pytest.mark.parametrize(
    ("env", "colored"),
    [
        ({}, (True, False)),
        ({"CLICOLOR_FORCE": "1"}, (True, True)),
        ({"CLICOLOR_FORCE": "1", "TERM": "dumb"}, (True, True)),
        ({"CLICOLOR_FORCE": "0"}, (True, False)),
        ({"CLICOLOR": "0"}, (False, False)),
        ({"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, (False, False)),
    ],
)
def test_color_is_where_the_user_wants_it(used: Llmo, env: dict[str, str], colored: tuple[bool, bool]) -> None:
    """
    On a terminal, or in a pipe where it is forced; --no-color and NO_COLOR win. JSON never has any.
    """
    drawn = (b"\x1b[" in used("history", tty=True, env=env).raw, b"\x1b[" in used("history", env=env).raw)

    assert colored == drawn
    assert b"\x1b[" not in used("history", "--no-color", env=env).raw
    assert b"\x1b[" not in used("history", "--json", env=env).raw


def test_a_pipe_gets_the_bytes_of_the_answer_even_where_color_is_forced(used: Llmo) -> None:
    """
    --markdown asks for more, and then it is colored.
    """
    env = {"CLICOLOR_FORCE": "1"}

    assert b"You said: **hi**\n" in used(*OFF, "ask", "**hi**", env=env).raw
    assert b"You said: \x1b[1mhi\x1b[0m\n" in used(*OFF, "ask", "--markdown", "**hi**", env=env).raw


@pytest.mark.parametrize("columns", ["1000000000", "9" * 30, "1", "0", "-5", "abc", "²"])
@pytest.mark.parametrize(
    "args",
    [
        pytest.param((*OFF, "ask", "--markdown", "**hi**"), id="ask"),
        pytest.param((*OFF, "ask", "--compare", "-m", "offline/a", "-m", "offline/b", "hi"), id="compare"),
        pytest.param(("history",), id="history"),
        pytest.param(("ask", "--help"), id="help"),
    ],
)
def test_columns_may_be_anything(used: Llmo, args: tuple[str, ...], columns: str) -> None:
    """
    What is no width is passed over, and no line is padded to a billion columns.
    """
    run = used(*args, tty=True, env={"COLUMNS": columns, "LINES": columns})

    assert 0 == run.code, run.stdout
    assert len(run.raw) < 20_000


@pytest.mark.parametrize(
    "args",
    [
        ("ask", "x", "-f", "~no-such-user/x"),
        ("ask", "x", "--schema", "~no-such-user/x"),
        ("ask", "x", "--template", "~no-such-user/x"),
        ("ask", "x", "-s", "@~no-such-user/x"),
        ("batch", "~no-such-user/x"),
        ("history", "export", "--all", "-o", "~no-such-user/x"),
    ],
)
def test_the_home_of_nobody_is_no_file(used: Llmo, args: tuple[str, ...]) -> None:
    """
    Python fails at it; the shell leaves it as it is.
    """
    run = used(*args, *OFF)

    assert 2 == run.code, run.stderr
    assert "~no-such-user" in run.stderr.splitlines()[0]


@pytest.mark.skipif(os.name == "nt", reason="names are UTF-8 there")
@pytest.mark.parametrize(
    "args", [("ask", "a\udcff"), ("ask", "x", "-s", "\udcff"), ("batch", "rows.txt", "--prompt", "\udcff")]
)
def test_bytes_that_are_no_text_are_not_sent(used: Llmo, args: tuple[str, ...]) -> None:
    """
    As for standard input: the place and the byte.
    """
    run = used(*args, *OFF)

    assert 2 == run.code
    assert re.match(r"llmo: .*: not UTF-8 text: byte \d is 0xff\n", run.stderr), run.stderr
