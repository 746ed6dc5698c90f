"""`llmo chat`: a conversation from a pipe and on a terminal."""

from __future__ import annotations

import json
import re
import shlex
import signal
import sys
from typing import TYPE_CHECKING, Any

import pexpect
import pytest

from tests.patience import LONG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Llmo

    Start = Callable[..., "pexpect.spawn[Any]"]

OFF = ("-P", "offline")


def saved(llmo: Llmo) -> list[tuple[str, str]]:
    """The turns of the last conversation, answers by their first line."""
    turns = llmo("history", "show", "--json").json["turns"]
    return [(one["role"], one["text"].split("\n\n")[0]) for one in turns]


@pytest.fixture
def start(llmo: Llmo) -> Iterator[Start]:
    """Start a chat on a terminal; what still runs is ended with the test."""
    begun: list[pexpect.spawn[Any]] = []

    def spawn(*args: str, env: dict[str, str] | None = None) -> pexpect.spawn[Any]:
        program, *rest = llmo.command
        child = pexpect.spawn(
            program, [*rest, "chat", "--raw", *args], env=llmo.env(env), cwd=str(llmo.home), timeout=LONG, dimensions=(24, 100)
        )  # fmt: skip
        begun.append(child)
        child.expect_exact("Ctrl-D leaves")
        child.expect_exact("> ")
        return child

    yield spawn
    for child in begun:
        child.close(force=True)


def ended(child: pexpect.spawn[Any]) -> tuple[str, int | None]:
    """What is printed to the end, and the exit code."""
    child.expect(pexpect.EOF)
    child.close()
    text = re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", (child.before or b"").decode())
    return text, child.exitstatus if child.signalstatus is None else -child.signalstatus


@pytest.fixture
def slow(llmo: Llmo) -> str:
    """A profile whose answers stop after the first word."""
    path = llmo.home / "slow.toml"
    path.write_text('model = "offline/echo"\n[providers.offline]\nkind = "offline"\noffline = { delay = 86400 }\n')
    return str(path)


def test_each_line_of_a_pipe_is_a_prompt(llmo: Llmo) -> None:
    """
    The answers are all that is on stdout; several lines can be one prompt.
    """
    run = llmo("chat", *OFF, stdin='hello\n\none \\\ntwo\n"""\nthree\n\nfour\n"""\n""" five"""\nlast \\')

    assert (0, "") == (run.code, run.stderr)
    said = ["hello", "one two", "three four", "five", "last"]
    assert [f"You said: {words}" for words in said] == run.stdout.splitlines()[::3]
    assert run.stdout.endswith("\n")
    assert [("user", "one \ntwo"), ("user", "three")] == saved(llmo)[2:6:2]


def test_a_conversation_goes_on_in_a_chat(llmo: Llmo) -> None:
    """
    By any part of its id, and the last one with -c.
    """
    name = llmo("ask", "first", "--json", *OFF).json["conversation"]
    llmo("chat", "--conversation", name[-8:], *OFF, stdin="second\n")
    run = llmo("chat", "-c", *OFF, stdin="third\n")

    assert ["first", "second", "third"] == [text for role, text in saved(llmo) if role == "user"]
    assert run.stderr.startswith(f"llmo: continuing conversation {name} (4 turns, ")


def test_no_log_saves_nothing(llmo: Llmo) -> None:
    """
    The chat itself still has all turns.
    """
    llmo("chat", "--no-log", *OFF, stdin=f"one\ntwo\n/save {llmo.home / 'talk.md'}\n")

    assert ([], 4) == (llmo("history", "--json").json, (llmo.home / "talk.md").read_text().count("\n## "))


def test_commands_change_the_chat(llmo: Llmo) -> None:
    """
    What they say is on stderr.
    """
    script = (
        "one\n/model offline/echo-large\n/system Be brief.\n/system\ntwo\n/cost\n/new\nthree\n /literal\n/quit\nnever\n"
    )
    run = llmo("chat", *OFF, stdin=script)

    assert (0, ["one", "two", "three", "/literal"]) == (
        run.code, re.findall(r"^You said: (.*)$", run.stdout, re.MULTILINE),
    )  # fmt: skip
    assert run.stderr.splitlines() == [
        "model: offline/echo-large",
        "system: Be brief.",
        "this chat: $0 for 2 answers",
        "started a new conversation",
    ]
    assert [("system", "Be brief."), ("user", "three")] == saved(llmo)[:2]


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("/modle x", 2, "unknown command: /modle"),
        ("/model nobody/x", 4, "unknown provider: nobody"),
        ("/save", 2, "/save requires a file"),
        ("/save x.md", 2, "nothing to save: there is no answer yet"),
        ("hi\n/save .", 2, "/save: cannot write .: is a directory"),
        ("hi\n/save no/where.md", 2, "/save: cannot write no/where.md: no such directory: no"),
        ("hi\n/save there.md", 2, "/save: the file exists: there.md"),
        ("\udcff", 2, "the prompt is not UTF-8 text"),
        ("/edit", 2, "cannot start the editor no-editor: No such file or directory"),
    ],
)
def test_a_pipe_ends_at_the_first_failure(llmo: Llmo, line: str, code: int, said: str) -> None:
    """
    With its exit code, and one line that says what is wrong.
    """
    (llmo.home / "there.md").write_text("mine")
    text = f"{line}\nnever sent\n".encode("utf-8", "surrogateescape")
    run = llmo("chat", *OFF, stdin=text, env={"EDITOR": "no-editor"})

    assert (code, True) == (run.code, run.stderr.startswith(f"llmo: {said}")), run
    assert "never sent" not in run.stdout
    assert (llmo.home / "there.md").read_text() == "mine"


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("-m", "nobody/x"), 4),
        (("--conversation", "none"), 2),
        (("-c",), 2),
        (("--max-cost", "x"), 2),
        (("-s", "@no"), 2),
    ],
)
def test_what_cannot_work_is_refused_before_the_first_prompt(llmo: Llmo, args: tuple[str, ...], code: int) -> None:
    """
    Nobody writes a prompt for nothing.
    """
    run = llmo("chat", *OFF, *args, stdin="hello\n")

    assert (code, "", 0) == (run.code, run.stdout, llmo("cost", "--json").json["total"]["calls"]), run


def test_a_file_that_the_chat_wrote_is_written_again(llmo: Llmo) -> None:
    """
    Only that one.
    """
    llmo("chat", *OFF, stdin="one\n/save talk.md\ntwo\n/save talk.md\n")

    assert (llmo.home / "talk.md").read_text().count("\n## user · ") == 2


def test_a_chat_on_a_terminal(llmo: Llmo, start: Start) -> None:
    """
    A failure doesn't end it; Ctrl-D does, and tells how to continue.
    """
    child = start(*OFF)
    child.sendline("hello there")
    child.expect_exact("You said: hello there")
    child.expect_exact("> ")
    child.sendline("/modle")
    child.expect_exact("did you mean /model?")
    child.expect_exact("> ")
    child.sendeof()
    text, code = ended(child)

    (found,) = llmo("history", "--json").json
    assert (0, True) == (code, f"llmo: $0; continue with: llmo chat --conversation {found['id'][-8:]}" in text), text


def test_the_arrow_recalls_prompts_and_tab_completes_commands(llmo: Llmo, start: Start) -> None:
    """
    Those of earlier conversations, too.
    """
    llmo("ask", "an old question", *OFF)
    child = start(*OFF)
    child.send("\x1b[A again\r")
    child.expect_exact("You said: an old question again")
    child.expect_exact("> ")
    child.send("/co\t\r")
    child.expect_exact("this chat: $0 for 1 answer")
    child.expect_exact("> ")
    child.sendeof()

    assert ended(child)[1] == 0


@pytest.mark.parametrize(
    "keys", ["one\x1b\rtwo\r", "\x1b[200~one\rtwo\x1b[201~\r", '"""one\rtwo"""\r', "one\\\rtwo\r"], ids=repr
)
def test_a_prompt_of_several_lines_is_typed_or_pasted(llmo: Llmo, start: Start, keys: str) -> None:
    """
    Alt-Enter, a paste, quotes, a backslash.
    """
    child = start(*OFF)
    child.send(keys)
    child.expect_exact("You said: one two")
    child.expect_exact("> ")
    child.sendeof()
    ended(child)

    assert ("user", "one\ntwo") == saved(llmo)[0]


def test_ctrl_c_stops_the_answer_only(llmo: Llmo, start: Start, slow: str) -> None:
    """
    What came is kept, and the chat goes on, twice over; at the prompt Ctrl-C discards the line.
    """
    child = start("-P", slow)
    for prompt in ("hello there", "and more"):
        child.sendline(prompt)
        child.expect_exact("You")
        child.sendintr()
        child.expect_exact("llmo: interrupted")
        child.expect_exact("> ")
    child.send("discarded")
    # Python's readline misses a signal that comes while it handles a key: nobody types both at once.
    child.expect_exact("discarded")
    child.sendintr()
    child.expect_exact("> ")
    child.sendeof()
    code = ended(child)[1]
    turns = llmo("history", "show", "--json").json["turns"]
    total = llmo("cost", "--json").json["total"]

    assert (0, ["hello there", "and more"]) == (code, [one["text"] for one in turns if one["role"] == "user"])
    assert (["cancelled"] * 2, 2, 0) == (
        [one["error"] for one in turns if one["role"] == "assistant"], total["calls"], total["in_flight_calls"],
    )  # fmt: skip


@pytest.mark.parametrize("where", ["prompt", "answer"])
def test_a_termination_ends_the_chat(llmo: Llmo, start: Start, slow: str, where: str) -> None:
    """
    With the signal's code, and nothing left in flight.
    """
    child = start("-P", slow)
    if where == "answer":
        child.sendline("hello there")
        child.expect_exact("You")
    child.kill(signal.SIGTERM)
    text, code = ended(child)

    assert (143, 0) == (code, llmo("cost", "--json").json["total"]["in_flight_calls"]), text


def test_the_editor_writes_a_prompt(llmo: Llmo, start: Start) -> None:
    """
    What follows /edit is there to begin with.
    """
    script = llmo.home / "editor.py"
    script.write_text(
        "import sys, pathlib\np = pathlib.Path(sys.argv[1])\np.write_text(p.read_text().upper() + '\\nB')\n"
    )
    child = start(*OFF, env={"EDITOR": f"{shlex.quote(sys.executable)} {shlex.quote(str(script))}"})
    child.sendline("/edit a")
    child.expect_exact("You said: A B")
    child.expect_exact("> ")
    child.sendeof()

    assert ended(child)[1] == 0


def test_the_cap_is_for_the_whole_chat(llmo: Llmo, tmp_path: Path) -> None:
    """
    A prompt that no longer fits is refused, as a budget refuses it.
    """
    path = tmp_path / "p.toml"
    path.write_text("""
model = "cloud/dear"
[providers.cloud]
kind = "offline"
local = false
[[prices]]
model = "cloud/dear"
input_usd = "1000"
output_usd = "2000"
""")
    ask = ("-P", path, "--max-tokens", "20", "--max-cost", "1")
    run: Any = llmo("chat", *ask, stdin="one\n" * 20)

    assert (3, True) == (run.code, 0 < run.stdout.count("You said") < 20), run
    assert float(llmo("cost", "--json", "-P", path).json["total"]["cost_usd"]) <= 1


def test_a_private_conversation_stays_private(llmo: Llmo, tmp_path: Path) -> None:
    """
    As with `ask`; `/model` doesn't lead out of it.
    """
    path = tmp_path / "p.toml"
    path.write_text("""
model = "offline/echo"
[providers.offline]
kind = "offline"
[providers.cloud]
kind = "openai"
base_url = "https://cloud.invalid/v1"
api_key_env = "CLOUD_KEY"
models = ["m"]
""")
    env = {"CLOUD_KEY": "sk-0123456789abcdef"}
    llmo("ask", "hello", "--private", "-P", path, env=env)
    run = llmo("chat", "-c", "-P", path, stdin="/model cloud/m\n", env=env)

    assert (4, True) == (run.code, "is private" in run.stderr), run


def test_the_prompts_are_in_the_ledger_as_one_run(llmo: Llmo) -> None:
    """
    So their cost can be looked up together.
    """
    llmo("chat", *OFF, stdin="one\ntwo\n")

    assert [2] == [row["calls"] for row in json.loads(llmo("cost", "--by", "run", "--json").stdout)["groups"]]
