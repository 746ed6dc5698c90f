"""`llmo history`: lists, search, whole conversations, deletion."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from llmo.render.history import age, clipped
from llmo.storage.history import History
from llmo.types.clock import SystemClock
from llmo.types.messages import Message

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Llmo

OFF = ("-P", "offline")


def talk(llmo: Llmo, *prompts: str) -> str:
    """Begin a conversation; its id."""
    name = ""
    for n, prompt in enumerate(prompts):
        name = llmo("ask", prompt, "--json", *OFF, *(("-c",) if n else ())).json["conversation"]
    return name


def test_conversations_are_listed_with_cost_and_first_words(llmo: Llmo) -> None:
    """
    Latest first; a word finds one of them, in its answers too.
    """
    first, second = talk(llmo, "Name three rivers", "longer ones"), talk(llmo, "Translate\n\n  this")
    rows = llmo("history").stdout.splitlines()

    assert ["ID", "AGE", "MODEL", "COST", "TURNS", "PROMPT"] == rows[0].split()
    assert [(second, "Translate this"), (first, "Name three rivers")] == [
        (row.split()[0], row.split("  ")[-1]) for row in rows[1:]
    ]
    assert [first] == [one["id"] for one in llmo("history", "rivers", "--json").json]
    assert ("$0", "4") == tuple(llmo("history", "longer").stdout.splitlines()[1].split()[4:6])


def test_a_list_is_limited_and_says_so(llmo: Llmo) -> None:
    """
    0 is no limit.
    """
    for prompt in ("one", "two", "three"):
        talk(llmo, prompt)
    run = llmo("history", "--limit", "2", "--json")

    assert (2, "llmo: 2 of 3 conversations; show all with --limit 0\n") == (len(run.json), run.stderr)
    assert len(llmo("history", "--limit", "0", "--json").json) == 3
    assert llmo("history", "--limit", "-1").code == 2


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "no conversations; llmo ask saves them, unless store_texts is off or --no-log is given"),
        (("nothing",), "no conversations match: nothing"),
        (("search", "two", "words"), "no conversations match: search two words; did you mean llmo history two words?"),
        (("shwo", "X"), "no conversations match: shwo X; did you mean llmo history show?"),
    ],
)
def test_an_empty_list_says_why(llmo: Llmo, args: tuple[str, ...], said: str) -> None:
    """
    It is no error.
    """
    run = llmo("history", *args)

    assert (0, "", f"llmo: {said}\n") == (run.code, run.stdout, run.stderr)


def test_the_turns_of_one_conversation_are_listed(llmo: Llmo) -> None:
    """
    With ids that show finds, and searched.
    """
    name = talk(llmo, "Name three rivers", "longer ones")
    listed = llmo("history", "--conversation", name[-8:], "longer", "--json").json
    shown = llmo("history", "show", listed[1]["id"][-8:], "--json").json

    assert ["user", "assistant"] == [one["role"] for one in listed]
    assert {"id": name, "turns": listed} == shown


def test_a_conversation_is_shown_as_it_is_exported(llmo: Llmo, tmp_path: Path) -> None:
    """
    Without a name the last one; in a pipe and in a file the same Markdown.
    """
    talk(llmo, "other")
    name = talk(llmo, "Name *three* rivers")
    shown = llmo("history", "show").stdout
    run = llmo("history", "export", name, "-o", tmp_path / "out.md")

    assert (shown, shown) == ((tmp_path / "out.md").read_text(), llmo("history", "export", name).stdout)
    assert run.stderr == f"llmo: wrote 1 conversation to {tmp_path / 'out.md'}\n"
    assert shown.startswith(f"# Conversation {name}\n\n## user · 20")
    assert "\n\nName *three* rivers\n\n## offline/echo · 20" in shown


def test_json_has_a_conversation_per_line(llmo: Llmo) -> None:
    """
    With all that is known of each turn.
    """
    names = [talk(llmo, "one"), talk(llmo, "two", "three")]
    lines = llmo("history", "export", "--all", "--format", "json").lines

    assert [(names[1], 4), (names[0], 2)] == [(line["id"], len(line["turns"])) for line in lines]
    assert ["id", "role", "at", "model", "cost_usd", "error", "rating", "text"] == list(lines[0]["turns"][1])


def test_a_terminal_obeys_nothing_of_what_is_shown(llmo: Llmo) -> None:
    """
    Neither in a list nor in a text.
    """
    history = History(llmo.home / "data" / "history.db", SystemClock())
    history.append("c", [Message("user", "\x1b]52;c;aGk=\x07 hi"), Message("assistant", "\x1b[2J")], target="a/\x1b[m", retention_days=0)  # fmt: skip

    for args in (("history",), ("history", "show"), ("history", "list", "--conversation", "c")):
        raw = llmo(*args, tty=True, env={"NO_COLOR": "1"}).raw
        assert (False, False) == (b"\x1b]52" in raw, b"\x1b[2J" in raw), args


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_a_list_fits_its_terminal(llmo: Llmo, columns: int) -> None:
    """
    Ids are short there; the prompt gets what is left.
    """
    name = talk(llmo, "東京の天気 " * 100)
    rows = llmo("history", tty=True, env={"COLUMNS": str(columns), "NO_COLOR": "1"}).stdout.splitlines()

    assert name[-8:] == rows[1].split()[0]
    assert max(sum(2 if ord(char) > 0x3000 else 1 for char in row) for row in rows) <= columns
    assert rows[1].endswith("…")


def test_a_conversation_is_deleted_once_that_is_confirmed(llmo: Llmo) -> None:
    """
    Without a terminal --yes confirms; the costs stay.
    """
    name, other = talk(llmo, "forget\nthis"), talk(llmo, "keep this")
    refused, done = llmo("history", "delete", name), llmo("history", "delete", name[-8:], name, "--yes")

    assert (2, f'llmo: delete conversation {name} ("forget this")?\nhint: confirm with --yes\n') == (
        refused.code, refused.stderr,
    )  # fmt: skip
    assert (0, "llmo: deleted 1 conversation (2 texts); costs are kept\n") == (done.code, done.stderr)
    assert ([other], 2) == ([one["id"] for one in llmo("history", "--json").json], llmo("cost", "--json").json["total"]["calls"])  # fmt: skip


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("show", "nobody"), "unknown conversation: nobody"),
        (("show",), "no conversation to continue"),
        (("export",), "no conversation named"),
        (("delete",), "no conversation named"),
        (("delete", "x", "--all", "--yes"), "--all and ID cannot be combined"),
        (("export", "--all", "--format", "xml"), "'xml' is not one of markdown, json"),
        (("--conversation", "nobody"), "unknown conversation: nobody"),
        (("export", "--all", "-o", "."), "--output: cannot write .: is a directory"),
        (("export", "--all", "-o", "no/where"), "--output: cannot write no/where: no such directory: no"),
        (("export", "--all", "-o", "data/history.db"), "--output would overwrite the history: data/history.db"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(llmo: Llmo, args: tuple[str, ...], said: str) -> None:
    """
    And exits with 2.
    """
    (llmo.home / "data").mkdir()
    run = llmo("history", *args)

    assert (2, True) == (run.code, said in run.stderr.splitlines()[0]), run


def test_an_abbreviated_id_continues_a_conversation(llmo: Llmo) -> None:
    """
    As the list shows it.
    """
    name = talk(llmo, "hello")
    talk(llmo, "other")

    assert name == llmo("ask", "more", "--conversation", name[-8:], "--json", *OFF).json["conversation"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(-5, "0 s"), (59, "59 s"), (60, "1 min"), (7199, "1 h"), (86_400, "1 d"), (700_000, "1 w")]
)
def test_an_age_has_one_unit(seconds: float, text: str) -> None:
    """
    A clock that went back makes nothing negative.
    """
    assert text == age(seconds)


def test_a_text_is_cut_by_columns() -> None:
    """
    A wide character has two.
    """
    assert ["abc", "ab…", "東…", "…"] == [clipped("abc", 3), clipped("abcd", 3), clipped("東京", 3), clipped("東京", 1)]


def test_an_answer_that_cost_nothing_known_is_counted(llmo: Llmo) -> None:
    """
    A sum that lacks something says at least.
    """
    history = History(llmo.home / "data" / "history.db", SystemClock())
    for cost in (None, 5 * 10**9):
        history.append("c", [Message("assistant", "x")], target="a/b", retention_days=0, cost=cost)

    assert "≥ $0.005" in llmo("history").stdout
    assert [("0.005", 1)] == [(one["cost_usd"], one["unpriced_answers"]) for one in llmo("history", "--json").json]
    assert json.loads(llmo("history", "export", "c", "--format", "json").stdout)["turns"][0]["cost_usd"] is None


def test_a_damaged_history_is_not_blamed_on_a_flag_of_other_commands(llmo):
    """
    A command that only reads is told what to do with the file.
    """
    (llmo.home / "data").mkdir()
    (llmo.home / "data" / "history.db").write_bytes(b"no database" * 100)
    run, ask = llmo("history"), llmo("-P", "offline", "ask", "hi")

    assert (4, "hint: move the file away to start a new history") == (run.code, run.stderr.splitlines()[-1])
    assert (0, True) == (ask.code, "the answer was not saved" in ask.stderr)
