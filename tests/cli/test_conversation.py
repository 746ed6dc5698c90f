"""What `llmo ask` keeps of a conversation when an answer is interrupted, incomplete or missing."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import sqlite3
from typing import TYPE_CHECKING

import pytest

from llmo.storage.history import History, PrivacyReason
from llmo.types.clock import SystemClock
from llmo.types.messages import Message
from tests.patience import LONG

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Llmo

    Profile = Callable[[str], str]

OFF = ("-P", "offline")


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    """Write a profile whose offline provider behaves as given; its path."""

    def write(how: str) -> str:
        path = tmp_path / "p.toml"
        how = how.replace("replies", str(tmp_path / "replies"))
        (tmp_path / "replies").write_text("not json\nstill not\n" * 2)
        path.write_text(f'model = "offline/echo"\n[providers.offline]\nkind = "offline"\noffline = {{ {how} }}\n')
        return str(path)

    return write


def history(llmo: Llmo) -> History:
    return History(llmo.home / "data" / "history.db", SystemClock())


def test_an_interrupted_answer_is_kept_and_the_conversation_continues(llmo: Llmo, profile: Profile) -> None:
    """
    Its text is the assistant's turn, marked as cancelled; the next complete answer needs no mark.
    """
    with llmo.start("ask", "one two", "--ndjson", "-P", profile("delay = 86400")) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line)["event"] == "text":
                break
        process.send_signal(signal.SIGINT)
        last = json.loads(process.stdout.read().splitlines()[-1])
        process.wait(LONG)
    kept, name = history(llmo), last["conversation"]
    found = (kept.messages(name), kept.failure(name))
    run = llmo("ask", "go on", "-c", "--json", *OFF)

    assert found == ((Message("user", "one two"), Message("assistant", last["text"])), "cancelled")
    assert (name, 4, None) == (run.json["conversation"], len(kept.messages(name)), kept.failure(name))
    assert run.stderr.startswith(f"llmo: continuing conversation {name} (2 turns, "), run
    assert "\nllmo: the last answer of this conversation is incomplete (cancelled)" in run.stderr, run


@pytest.mark.parametrize(
    ("how", "args", "kind"),
    [
        pytest.param('fail = "cut"', (), "incomplete", id="the stream ended early"),
        pytest.param("delay = 0", ("--max-tokens", "3", "--strict"), "incomplete", id="cut by the token limit"),
        pytest.param(
            'reply_file = "replies"', ("--schema", '{"type": "array"}'), "invalid_output", id="not the schema"
        ),
    ],
)
def test_the_text_of_a_failed_answer_is_kept_but_not_cached(
    llmo: Llmo, profile: Profile, how: str, args: tuple[str, ...], kind: str
) -> None:
    """
    What was printed is what is kept; the same request with --cache is sent again.
    """
    ask = ("ask", "hello there", "--cache", "1h", "--json", "--retries", "0", "-P", profile(how), *args)
    first, second = llmo(*ask), llmo(*ask)
    kept = history(llmo)

    for run in (first, second):
        assert (False, kind) == (run.json["ok"], run.json["error"]["kind"]), run
        assert kept.messages(run.json["conversation"])[-1] == Message("assistant", run.json["text"])
        assert kept.failure(run.json["conversation"]) == kind


def test_no_log_keeps_no_incomplete_answer(llmo: Llmo, profile: Profile) -> None:
    """
    There is nothing to continue.
    """
    run = llmo("ask", "hello there", "--no-log", "--retries", "0", "-P", profile('fail = "cut"'))

    assert (6, True) == (run.code, bool(run.stdout)), run
    assert llmo("ask", "go on", "-c", *OFF).code == 2


def test_a_failure_without_text_leaves_no_turn(llmo: Llmo, profile: Profile) -> None:
    """
    The conversation continues as if the request had never been made.
    """
    name = llmo("ask", "hello", "--json", *OFF).json["conversation"]
    before = history(llmo).messages(name)
    run = llmo("ask", "more", "-c", "--retries", "0", "-P", profile('fail = "unavailable"'))

    assert (5, before, None) == (run.code, history(llmo).messages(name), history(llmo).failure(name)), run


def test_an_incomplete_answer_makes_its_conversation_private_too(llmo: Llmo, profile: Profile) -> None:
    """
    What was asked with --private stays so, whatever became of the answer.
    """
    path = profile('fail = "cut"')
    run = llmo("ask", "my plan is", "--private", "--json", "--retries", "0", "-P", path)

    assert (6, "incomplete") == (run.code, run.json["error"]["kind"]), run
    assert history(llmo).privacy_reason(run.json["conversation"]) == PrivacyReason(asked=True, kinds=())


def test_a_history_of_the_version_before_is_read_and_added_to(tmp_path: Path) -> None:
    """
    Its answers are complete, and the mark of one goes with its turn.
    """
    path = tmp_path / "history.db"
    kept, turn = History(path, SystemClock()), Message("assistant", "old")
    kept.append("c", [turn], target="a/m", retention_days=0)
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.executescript("DROP TABLE incomplete; PRAGMA user_version = 2;")
    said = [kept.failure("c")]
    kept.append("c", [turn], target="a/m", retention_days=0, error="timeout")
    said.append(kept.failure("c"))

    assert ([None, "timeout"], (turn, turn)) == (said, kept.messages("c"))
    kept.prune(SystemClock().now() + 1)
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT * FROM incomplete").fetchall() == []


def test_continuing_the_last_conversation_says_which(llmo: Llmo) -> None:
    """
    On stderr, with its first words; not where an id was given, nor with -q.
    """
    name = llmo("ask", "Name\nthree " + "rivers " * 10, "--json", *OFF).json["conversation"]
    run = llmo("ask", "more", "-c", "--json", *OFF)
    silent = [llmo("ask", "more", *how, *OFF).stderr for how in (("-c", "-q"), ("--conversation", name))]

    assert re.fullmatch(
        rf'llmo: continuing conversation {name} \(2 turns, \d+ \w+ ago\): "Name three rivers rivers rivers rivers …"\n',
        run.stderr,
    ), run.stderr
    assert (name, ["", ""]) == (run.json["conversation"], silent)
