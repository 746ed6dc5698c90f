"""`llmo history rate`: what a reader says of answers, and where that is shown."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Llmo

OFF = ("-P", "offline")


def talk(llmo: Llmo, *prompts: str) -> tuple[str, list[str]]:
    """Begin a conversation: its id, and those of its answers."""
    name = ""
    for n, prompt in enumerate(prompts):
        name = llmo("ask", prompt, "--json", *OFF, *(("-c",) if n else ())).json["conversation"]
    turns = llmo("history", "show", name, "--json").json["turns"]
    return name, [one["id"] for one in turns if one["role"] == "assistant"]


def test_a_rating_is_shown_with_its_answer(llmo: Llmo) -> None:
    """
    In lists of conversations and of turns, in the text and in JSON; before there is one, no column is for it.
    """
    name, (first, second) = talk(llmo, "Name three rivers", "longer ones")
    before = llmo("history").stdout
    runs = [llmo("history", "rate", first, "good"), llmo("history", "rate", name[-8:], "bad")]

    assert "RATED" not in before
    assert [(0, ""), (0, "")] == [(run.code, run.stdout) for run in runs]
    assert runs[0].stderr.startswith('llmo: rated good: "')
    assert " by offline/" in runs[0].stderr
    assert ["ID", "AGE", "MODEL", "COST", "TURNS", "RATED", "PROMPT"] == llmo("history").stdout.split("\n")[0].split()
    assert {"good": 1, "bad": 1} == llmo("history", "--json").json[0]["rated"]
    assert "  1 good, 1 bad  " in llmo("history").stdout
    shown = llmo("history", "show", name, "--json").json["turns"]
    assert {first: "good", second: "bad"} == {one["id"]: one["rating"] for one in shown if one["rating"]}
    assert " · rated good\n" in llmo("history", "show", first).stdout
    assert "  bad    " in llmo("history", "list", "--conversation", name).stdout


def test_the_last_rating_counts(llmo: Llmo) -> None:
    """
    Whoever changes their mind rates again.
    """
    name, (answer,) = talk(llmo, "Name three rivers")
    for rating in ("good", "good", "bad"):
        llmo("history", "rate", answer, rating)

    assert {"good": 0, "bad": 1} == llmo("history", "--json").json[0]["rated"]
    assert "  bad  " in llmo("history").stdout
    assert name in llmo("history").stdout


def test_a_rating_goes_with_its_text(llmo: Llmo) -> None:
    """
    A deletion leaves nothing of it.
    """
    name, (answer,) = talk(llmo, "Name three rivers")
    llmo("history", "rate", answer, "good")
    llmo("history", "delete", name, "--yes")

    with contextlib.closing(sqlite3.connect(llmo.home / "data" / "history.db")) as db:
        assert [(0,)] == db.execute("SELECT count(*) FROM ratings").fetchall()


@pytest.mark.parametrize(
    ("args", "told"),
    [
        pytest.param(("nonsense", "good"), "llmo: unknown conversation: nonsense", id="no such id"),
        pytest.param(("", "good"), "llmo: unknown conversation: ", id="empty"),
        pytest.param(("PROMPT", "good"), "llmo: not an answer: ", id="a prompt"),
        pytest.param(("PROMPT", "fine"), "llmo: invalid value for 'RATING'", id="no such rating"),
        pytest.param(("good",), "llmo: missing argument 'RATING'", id="no id"),
        pytest.param((), "llmo: missing argument 'ID'", id="nothing"),
    ],
)
def test_what_cannot_be_rated_is_one_clear_line(llmo: Llmo, args: tuple[str, ...], told: str) -> None:
    """
    Exit code 2, and nothing is kept.
    """
    name, _ = talk(llmo, "Name three rivers")
    prompt = llmo("history", "show", name, "--json").json["turns"][0]["id"]
    run = llmo("history", "rate", *(prompt if one == "PROMPT" else one for one in args))

    assert (2, "") == (run.code, run.stdout)
    assert run.stderr.startswith(told)
    assert {"good": 0, "bad": 0} == llmo("history", "--json").json[0]["rated"]


def test_a_history_of_an_older_llmo_can_be_rated(llmo: Llmo) -> None:
    """
    The table is made by the first command that opens the file.
    """
    _, (answer,) = talk(llmo, "Name three rivers")
    with contextlib.closing(sqlite3.connect(llmo.home / "data" / "history.db")) as db:
        db.executescript("DROP TABLE ratings; PRAGMA user_version = 4;")

    assert llmo("history", "rate", answer, "good").code == 0
    assert {"good": 1, "bad": 0} == llmo("history", "--json").json[0]["rated"]
