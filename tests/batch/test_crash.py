"""Batches that are killed, torn and interrupted: no finished row is sent twice, none is lost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import sqlite3
import time
from collections import Counter
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from llmo.cli import signals as running
from llmo.cli.commands.batch.ending import GRACE_S, listen
from llmo.cli.signals import FORCE_S
from llmo.errors import Exit
from tests import virtual
from tests.gate import Gate
from tests.patience import until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Llmo

ROWS = 240
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
        wanted = len(finished) + rand.randint(0, 2 * ROWS // KILLS)
        while len(whole(out)) < wanted and process.poll() is None:
            time.sleep(0.005)
        time.sleep(rand.uniform(0, 0.02))
        process.kill()
        process.communicate()
        calls = sent(slow.home)
        assert {name: calls[name] for name in finished} == finished
        finished = {name: calls[name] for name in whole(out)}
    last = slow(*ARGS)

    assert last.code == 0, last
    assert sorted(f"r{n}" for n in range(ROWS)) == sorted(ids(out))
    assert {name: sent(slow.home)[name] for name in finished} == finished
    assert max(sent(slow.home).values()) <= KILLS + 1


def halted(slow: Llmo, gate: Gate, *more: str, free: int) -> subprocess.Popen[bytes]:
    """A run whose first rows have their lines, and whose next eight wait for their answers."""
    slow.home.joinpath("slow.toml").write_text(gate.profile)
    process = slow.start(*ARGS, *more, env=gate.env)
    gate.wait(free + 8, process)
    until(lambda: len(whole(slow.home / "out.jsonl")) >= free, lambda: process.poll() is None)
    return process


def test_resume_says_what_was_in_flight_and_keeps_it_booked(slow: Llmo) -> None:
    """
    The first sending of rows in flight at the kill stays in the ledger as estimated.
    """
    with Gate(free=8) as gate:
        process = halted(slow, gate, free=8)
        process.kill()
        process.communicate()
        gate.open()
        again = slow(*ARGS, env=gate.env)

    assert again.code == 0, again
    assert "8 requests were in flight when the last run ended: they are sent again" in again.stderr
    with contextlib.closing(sqlite3.connect(slow.home / "data" / "ledger.db")) as db:
        assert db.execute("SELECT count(*) FROM calls WHERE outcome = 'lost'").fetchone() == (8,)
        assert db.execute("SELECT count(*) - count(DISTINCT row) FROM calls").fetchone() == (8,)


def test_at_most_once_marks_rows_in_flight_unknown(slow: Llmo) -> None:
    """
    They are not sent again, get a line that says so, and the run ends with failed rows.
    """
    with Gate(free=8) as gate:
        process = halted(slow, gate, "--at-most-once", free=8)
        process.kill()
        process.communicate()
        gate.open()
        again = slow(*ARGS, "--at-most-once", env=gate.env)
    rows = [json.loads(line) for line in (slow.home / "out.jsonl").read_bytes().splitlines()]

    assert again.code == 7, again
    assert sorted(f"r{n}" for n in range(ROWS)) == sorted(row["id"] for row in rows)
    assert 8 == sum(row["status"] == "unknown" for row in rows)
    assert max(sent(slow.home).values()) == 1


@pytest.mark.parametrize(
    ("number", "code"), [pytest.param(signal.SIGINT, 130, id="sigint"), pytest.param(signal.SIGTERM, 143, id="sigterm")]
)
def test_a_signal_finishes_what_is_in_flight(slow: Llmo, number: signal.Signals, code: int) -> None:
    """
    Whole lines, nothing in doubt, the resume command, the signal's exit code.
    """
    with Gate(free=10) as gate:
        process = halted(slow, gate, free=10)
        process.send_signal(number)
        assert process.stderr is not None
        said = process.stderr.readline()
        gate.open()
        run = slow.finish(process)
        names = ids(slow.home / "out.jsonl")
        rest = slow(*ARGS, env=gate.env)

    assert (code, b"8 rows in flight" in said) == (run.code, True), (said, run)
    assert "resume with: llmo -P slow.toml batch rows.jsonl -o out.jsonl" in run.stderr
    assert (18, set(names)) == (len(names), set(names) & set(sent(slow.home)))
    assert rest.code == 0, rest
    assert sorted(f"r{n}" for n in range(ROWS)) == sorted(ids(slow.home / "out.jsonl"))
    assert max(sent(slow.home).values()) == 1


def test_a_second_signal_ends_what_is_in_flight(slow: Llmo) -> None:
    """
    What was in flight is booked, though it has no line.
    """
    with Gate(free=0) as gate:
        process = halted(slow, gate, free=0)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert b"stop" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        run = slow.finish(process)

    assert run.code == 130, run
    with contextlib.closing(sqlite3.connect(slow.home / "data" / "ledger.db")) as db:
        assert db.execute("SELECT count(*) FROM calls WHERE outcome = 'cancelled'").fetchone() == (8,)


class Flying:
    """A run of which it is written down what is done to it, and when."""

    job = SimpleNamespace(stats=SimpleNamespace(in_flight=3), unit="rows")

    def __init__(self, clock: virtual.VirtualClock) -> None:
        self.clock = clock
        self.log: list[tuple[str, float]] = []

    def stop(self) -> None:
        self.log.append(("stop", self.clock.elapsed))

    def cancel(self) -> None:
        self.log.append(("cancel", self.clock.elapsed))


@pytest.mark.parametrize(
    ("signals", "log"),
    [
        pytest.param(1, [("stop", 0.0), ("cancel", GRACE_S)], id="once"),
        pytest.param(2, [("stop", 0.0), ("cancel", 0.0), ("exit 130", FORCE_S), ("cancel", GRACE_S)], id="twice"),
    ],
)  # fmt: skip
def test_a_second_signal_waits_for_nothing(
    monkeypatch: pytest.MonkeyPatch, signals: int, log: list[tuple[str, float]]
) -> None:
    """
    Rows in flight have thirty seconds after the first one, and none after the second.
    """
    clock = virtual.VirtualClock()
    run = Flying(clock)
    heard: list[Callable[[Exit], None]] = []
    monkeypatch.setattr(running, "listen", heard.append)
    monkeypatch.setattr(os, "_exit", lambda code: run.log.append((f"exit {code}", clock.elapsed)))
    context: Any = SimpleNamespace(bar=None, note=lambda _: None)

    async def main() -> None:
        listen(context, run, [])  # type: ignore[arg-type]  # what is asked of it
        for _ in range(signals):
            heard[0](Exit.SIGINT)
        await asyncio.sleep(100)

    virtual.run(main(), clock)

    assert log == run.log


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
    with Gate(free=1) as gate:
        process = halted(slow, gate, free=1)
        second = slow(*ARGS, env=gate.env)
        gate.open()
        first = slow.finish(process)

    assert (2, 0) == (second.code, first.code)
    assert "another run is writing to out.jsonl" in second.stderr
    assert max(sent(slow.home).values()) == 1
