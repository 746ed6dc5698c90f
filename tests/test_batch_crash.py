"""Batches that are killed, torn and interrupted: no finished row is sent twice, none is lost."""

from __future__ import annotations

import contextlib
import json
import random
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Llmo

ROWS = 240
FEW = 40
PROFILE = """
model = "offline/echo"
[providers.offline]
kind = "offline"
[providers.offline.offline]
first_token_delay = 0.02
input_usd = "1"
output_usd = "2"
"""
KILLS = 12


@pytest.fixture
def slow(llmo: Llmo) -> Iterator[Llmo]:
    """A home with a slow offline provider that costs something, and rows to send."""
    started: list[subprocess.Popen[bytes]] = []
    begin = llmo.start
    llmo.start = lambda *args, **more: started.append(begin(*args, **more)) or started[-1]  # type: ignore[method-assign,func-returns-value]
    llmo.home.joinpath("slow.toml").write_text(PROFILE)
    lines = (json.dumps({"id": f"r{n}", "prompt": f"row {n} " * 5}) for n in range(ROWS))
    llmo.home.joinpath("rows.jsonl").write_text("\n".join(lines) + "\n")
    yield llmo
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()


ARGS = ("-P", "slow.toml", "batch", "rows.jsonl", "-o", "out.jsonl", "-j", "8", "--progress", "none")


def sent(home: Path) -> Counter[str]:
    """Calls per row, as the ledger has them: also those whose process died."""
    if not (home / "data" / "ledger.db").exists():
        return Counter()
    with contextlib.closing(sqlite3.connect(home / "data" / "ledger.db")) as db:
        made = db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'calls'").fetchone() == (1,)
        return Counter(row for (row,) in db.execute("SELECT row FROM calls")) if made else Counter()


def ids(path: Path) -> list[str]:
    return [json.loads(line)["id"] for line in path.read_bytes().splitlines()]


def whole(path: Path) -> set[str]:
    """Ids of the lines that were finished at a kill."""
    text = path.read_bytes() if path.exists() else b""
    return {json.loads(line)["id"] for line in text[: text.rfind(b"\n") + 1].splitlines()}


def test_kill_9_at_any_instant_loses_no_row_and_sends_no_finished_row_again(slow: Llmo) -> None:
    """
    Twelve kills, each resumed: every row is there once, and only rows in flight at a kill were sent again.
    """
    rand = random.Random(7)
    out = slow.home / "out.jsonl"
    finished: dict[str, int] = {}
    for _ in range(KILLS):
        process = slow.start(*ARGS)
        try:
            process.wait(rand.uniform(0.3, 1.1))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        process.communicate()
        calls = sent(slow.home)
        assert {name: calls[name] for name in finished} == finished
        finished = {name: calls[name] for name in whole(out)}
    last = slow(*ARGS)

    assert last.code == 0, last
    assert sorted(f"r{n}" for n in range(ROWS)) == sorted(ids(out))
    assert {name: sent(slow.home)[name] for name in finished} == finished
    assert max(sent(slow.home).values()) <= KILLS + 1


def test_resume_says_what_was_in_flight_and_keeps_it_booked(slow: Llmo) -> None:
    """
    The first sending of rows in flight at the kill stays in the ledger as estimated.
    """
    _lengthen(slow)
    process = slow.start(*ARGS)
    out = slow.home / "out.jsonl"
    _until(lambda: 8 <= len(whole(out)) < sum(sent(slow.home).values()))
    process.kill()
    process.communicate()
    again = slow(*ARGS)

    assert again.code == 0
    assert "in flight when the last run ended: they are sent again" in again.stderr
    with contextlib.closing(sqlite3.connect(slow.home / "data" / "ledger.db")) as db:
        (lost,) = db.execute("SELECT count(*) FROM calls WHERE outcome = 'lost'").fetchone()
        (doubles,) = db.execute("SELECT count(*) - count(DISTINCT row) FROM calls").fetchone()
    assert lost >= 1
    assert doubles >= lost


def test_at_most_once_marks_rows_in_flight_unknown(slow: Llmo) -> None:
    """
    They are not sent again, get a line that says so, and the run ends with failed rows.
    """
    args = (*ARGS, "--at-most-once")
    _lengthen(slow)
    process = slow.start(*args)
    _until(lambda: len(whole(slow.home / "out.jsonl")) >= 8)
    process.kill()
    process.communicate()
    again = slow(*args)
    rows = [json.loads(line) for line in (slow.home / "out.jsonl").read_bytes().splitlines()]
    unknown = [row["id"] for row in rows if row["status"] == "unknown"]

    assert again.code == 7, again
    assert sorted(f"r{n}" for n in range(FEW)) == sorted(row["id"] for row in rows)
    assert 1 <= len(unknown) <= 8
    assert max(sent(slow.home).values()) == 1


@pytest.mark.parametrize(
    ("number", "code"), [pytest.param(signal.SIGINT, 130, id="sigint"), pytest.param(signal.SIGTERM, 143, id="sigterm")]
)
def test_a_signal_finishes_what_is_in_flight(slow: Llmo, number: signal.Signals, code: int) -> None:
    """
    Whole lines, nothing in doubt, the resume command, the signal's exit code.
    """
    process = slow.start(*ARGS)
    _until(lambda: len(whole(slow.home / "out.jsonl")) >= 10)
    process.send_signal(number)
    run = slow.finish(process)
    names = ids(slow.home / "out.jsonl")

    assert run.code == code, run
    assert "go on with: llmo -P slow.toml batch rows.jsonl -o out.jsonl" in run.stderr
    assert set(sent(slow.home)) == set(names)
    assert slow(*ARGS).code == 0
    assert sorted(f"r{n}" for n in range(ROWS)) == sorted(ids(slow.home / "out.jsonl"))
    assert max(sent(slow.home).values()) == 1


def test_a_second_signal_ends_at_once(slow: Llmo) -> None:
    """
    What was in flight is booked, though it has no line.
    """
    slow.home.joinpath("slow.toml").write_text(PROFILE.replace("0.02", "20"))
    process = slow.start(*ARGS)
    _until(lambda: len(sent(slow.home)) >= 8)
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert b"stop" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    run = slow.finish(process)

    assert run.code == 130, run
    assert time.monotonic() - begun < 10
    with contextlib.closing(sqlite3.connect(slow.home / "data" / "ledger.db")) as db:
        assert db.execute("SELECT count(*) FROM calls WHERE outcome = 'cancelled'").fetchone() == (8,)


def test_a_torn_last_line_is_cut_off_and_run_again(slow: Llmo) -> None:
    """
    At every length of the last line: a whole one is kept, any part of it goes.
    """
    args = (*ARGS, "--limit", "3", "-q")
    assert slow(*args).code == 0
    out = slow.home / "out.jsonl"
    data = out.read_bytes()
    begin = data.rfind(b"\n", 0, -1) + 1
    for cut in (begin, begin + 1, begin + 9, (begin + len(data)) // 2, len(data) - 2, len(data) - 1):
        out.write_bytes(data[:cut])
        before = sum(sent(slow.home).values())
        assert slow(*args).code == 0
        assert sorted(ids(out)) == ["r0", "r1", "r2"]
        assert sum(sent(slow.home).values()) - before == (cut != len(data) - 1)


def test_a_second_run_on_the_same_output_is_refused(slow: Llmo) -> None:
    """
    Exit code 2 and nothing sent while the first one runs.
    """
    process = slow.start(*ARGS)
    _until(lambda: len(whole(slow.home / "out.jsonl")) >= 1)
    process.send_signal(signal.SIGSTOP)
    second = slow(*ARGS)
    process.send_signal(signal.SIGCONT)
    first = slow.finish(process)

    assert (2, 0) == (second.code, first.code)
    assert "another run writes to out.jsonl" in second.stderr
    assert max(sent(slow.home).values()) == 1


def _lengthen(slow: Llmo) -> None:
    """Answers that take so long that some are surely under way at any instant; fewer of them."""
    slow.home.joinpath("slow.toml").write_text(PROFILE.replace("0.02", "0.4"))
    rows = slow.home.joinpath("rows.jsonl")
    rows.write_text("".join(rows.read_text().splitlines(keepends=True)[:FEW]))


def _until(true: object, seconds: float = 30) -> None:
    """Wait for another process."""
    end = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)
