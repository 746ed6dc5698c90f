"""Another program keeps the ledger to itself: temporary, within the command's time, and no answer is lost by it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from llmo.errors import Locked
from llmo.ledger import accounts, grouped
from llmo.ledger.accounts import UNSETTLED
from llmo.ledger.records import Call, Entry, Settlement
from llmo.ledger.sqlite.ledger import SQLiteLedger
from llmo.types.clock import SystemClock
from llmo.types.events import Finish, Text, Usage
from tests import virtual
from tests.fakes import A, Held, Note, Scripted, Stage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.conftest import Llmo

PROFILE = """
model = "slow/echo"
{more}
[providers.slow]
kind = "offline"
[providers.slow.offline]
first_token_delay = {delay}
input_usd = "1"
output_usd = "1"
"""
SAID = "another program locks it"


def by(process: int) -> str:
    """Who it is, where the system tells."""
    return f" (process {process})" if Path("/proc/locks").exists() else ""


@pytest.fixture
def book(llmo: Llmo) -> Path:
    """The ledger of a home that has one call."""
    (llmo.home / "p.toml").write_text(PROFILE.format(delay=0.0, more="timeout = 1.0"))
    assert 0 == llmo("-P", "p.toml", "ask", "hello", "--no-log").code
    return llmo.home / "data" / "ledger.db"


@contextlib.contextmanager
def locked(path: Path, how: str = "BEGIN IMMEDIATE") -> Iterator[None]:
    """Another program that does not let go."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        if how == "locking_mode":
            db.execute("PRAGMA locking_mode = EXCLUSIVE")
            db.execute("DELETE FROM breakers")
        else:
            db.execute(how)
        yield


@pytest.mark.parametrize("how", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE", "locking_mode"])
def test_a_locked_ledger_is_temporary(llmo: Llmo, book: Path, how: str) -> None:
    """
    Exit 5 and `unavailable`, nothing sent; then it works again. How long is waited is shown in virtual time below.
    """
    (llmo.home / "rows.txt").write_text("a\nb\n")
    with locked(book, how):
        runs = [
            llmo("-P", "p.toml", "ask", "hello", "--no-log", "--timeout", "0.5", "--json"),
            llmo("-P", "p.toml", "batch", "rows.txt", "-o", "out.jsonl", "--timeout", "0.5"),
            llmo("-P", "p.toml", "cost", "--reconcile"),
        ]

    assert [5] * 3 == [run.code for run in runs], runs
    assert all(SAID in run.stderr for run in runs), runs
    assert "unavailable" == runs[0].json["error"]["kind"]
    assert 0 == llmo("-P", "p.toml", "ask", "hello", "--no-log").code
    assert 2 == llmo("-P", "p.toml", "cost", "--json").json["total"]["calls"]


def test_reading_goes_on(llmo: Llmo, book: Path) -> None:
    """
    A writer that does not end is no reason to hide what was spent.
    """
    with locked(book):
        cost, route = llmo("-P", "p.toml", "cost", "--json"), llmo("-P", "p.toml", "route", "hello", "--json")

    assert (0, 1) == (cost.code, cost.json["total"]["calls"])
    assert 0 == route.code


def test_an_answer_survives_a_ledger_that_is_locked_when_it_is_to_be_booked(llmo: Llmo, book: Path) -> None:
    """
    It is printed with a warning, its hold stays counted, and `cost` names the command that settles it.
    """
    (llmo.home / "p.toml").write_text(PROFILE.format(delay=1.0, more=""))
    process = llmo.start("-P", "p.toml", "ask", "hello", "--no-log", "--json", "--max-tokens", "50")
    with contextlib.closing(sqlite3.connect(book, isolation_level=None)) as db:
        while not db.execute("SELECT count(*) FROM calls WHERE state = 'held'").fetchone()[0]:
            assert process.poll() is None
        db.execute("BEGIN IMMEDIATE")
        run = llmo.finish(process)
    before = llmo("-P", "p.toml", "cost", "--json")
    told = llmo("-P", "p.toml", "cost").stderr
    again = llmo("-P", "p.toml", "cost", "--reconcile", "--json")

    assert (0, True) == (run.code, run.json["text"].startswith("You said: hello")), run
    assert [f"cannot use the ledger now: {book}: {SAID}{by(os.getpid())}; {UNSETTLED}"] == run.json["warnings"]
    held = before.json["stranded"]["held_usd"]
    assert (1, 1, held) == (
        before.json["stranded"]["calls"],
        before.json["total"]["in_flight_calls"],
        before.json["total"]["held_usd"],
    )
    assert "llmo: 1 call of crashed processes still hold" in told
    assert told.endswith("; settle them with: llmo cost --reconcile\n")
    assert ({"calls": 0, "held_usd": "0"}, 1) == (again.json["stranded"], again.json["total"]["estimated_calls"])


def test_no_failure_of_the_ledger_takes_an_answer_away() -> None:
    """
    Whatever happens when it is booked: it is paid for.
    """

    class Refusing(Held):
        async def settle(self, settlement: Settlement) -> None:
            await super().settle(settlement)
            raise Locked("the ledger is locked")

    class BrokenAccount(Note):
        async def hold(self, *args: Any, **how: Any) -> Held:
            return Refusing(self.log, (await super().hold(*args, **how)).call)

    stage = Stage({A: Scripted((Text("hi"), Usage(1, 2), Finish("stop")))}, account=BrokenAccount([]))
    _, execution = stage.play()

    assert execution.result is not None
    assert (True, "hi", (f"the ledger is locked; {UNSETTLED}",)) == (
        execution.result.ok,
        execution.result.text,
        execution.result.warnings,
    )


class Busy(SQLiteLedger):
    """A ledger that another program lets go of after so many tries."""

    tries = 0

    def apply(self, entries: Sequence[Entry], *, patience: float | None = None) -> list[Exception | None]:
        self.tries -= 1
        if self.tries >= 0:
            raise Locked("busy")
        return super().apply(entries, patience=patience)


def taken(path: Path, tries: int, patience: float) -> tuple[Exception | None, float, list[str]]:
    """A hold of an account whose ledger is busy for so many tries: what it ended with, when, and what was told."""
    said: list[str] = []

    async def main() -> tuple[Exception | None, float]:
        ledger = Busy(path, SystemClock(), "UTC")
        ledger.tries = tries
        account = accounts.DirectAccount(ledger)
        account.rand, account.tell = (lambda: 1.0), said.append
        try:
            await account.hold(Call(id="a", run="r", provider="p", model="m"), 1, patience=patience)
        except Locked as exc:
            return exc, asyncio.get_running_loop().time()
        finally:
            await account.close()
        return None, asyncio.get_running_loop().time()

    return (*virtual.run(main()), said)


def test_a_hold_waits_as_long_as_its_command(tmp_path: Path) -> None:
    """
    Until it passes, or the command's clock is over, and for a second at least; a line says so once.
    """
    passed, took, told = taken(tmp_path / "a.db", 20, 3.0)
    failed, at, _ = taken(tmp_path / "b.db", 10_000, 3.0)
    late, least, _ = taken(tmp_path / "c.db", 10_000, 0.0)

    assert (None, True) == (passed, abs(took - 20 * accounts.POLL_S) < 1e-6)
    assert ["waiting up to 3.0 s for another program that locks the ledger"] == told
    assert (Locked, True) == (type(failed), abs(at - 3.0) <= accounts.POLL_S)
    assert (Locked, True) == (type(late), abs(least - 1.0) <= accounts.POLL_S)


def test_settling_goes_on_when_the_command_is_cancelled(tmp_path: Path) -> None:
    """
    A signal does not undo what is paid for: closing waits until it is booked.
    """
    ledger = Busy(tmp_path / "ledger.db", SystemClock(), "UTC")

    async def main() -> None:
        account = accounts.DirectAccount(ledger)
        stage = Stage({A: Scripted((1.0, Text("hi"), Usage(1, 2), Finish("stop")))}, account=account)  # type: ignore[arg-type]  # the real one
        asking = asyncio.create_task(stage.engine().run(stage.job()))
        await asyncio.sleep(0.5)
        ledger.tries = 50
        await asyncio.sleep(1.0)
        asking.cancel()
        await asyncio.wait([asking])
        assert asking.cancelled()
        assert ledger.tries > 0
        await account.close()

    virtual.run(main())

    assert ["settled"] == [json.loads(call)["state"] for call in ledger.export_calls()]


def test_of_many_calls_those_that_are_paid_for_wait_longer(tmp_path: Path) -> None:
    """
    A hold ends with its command's time, a settlement in the same group is booked once the ledger is free.
    """
    ledger = SQLiteLedger(tmp_path / "ledger.db", SystemClock(), "UTC")
    ledger.patience = 0.01

    async def main() -> Locked:
        account = grouped.GroupedAccount(ledger)
        hold = await account.hold(Call(id="a", run="r", provider="p", model="m"), 5)
        with locked(ledger.path):
            settling = asyncio.create_task(hold.settle(Settlement(cost=1, source="computed")))
            await asyncio.sleep(0)
            with pytest.raises(Locked) as refused:
                await account.hold(Call(id="b", run="r", provider="p", model="m"), 5)
        await settling
        await account.close()
        return refused.value

    refused = asyncio.run(main())

    assert SAID in refused.message
    assert ["settled"] == [json.loads(line)["state"] for line in ledger.export_calls()]


def test_an_answer_that_cannot_be_kept_in_the_history_is_shown(llmo: Llmo, book: Path) -> None:
    """
    It is paid for: a history that is locked, or no file, costs a warning; only what must read it fails.
    """
    path = book.with_name("history.db")
    assert 0 == llmo("-P", "p.toml", "ask", "hello").code
    with locked(path):
        busy = llmo("-P", "p.toml", "ask", "again", "--json", "--timeout", "1")
        goes_on = llmo("-P", "p.toml", "ask", "again", "-c", "--timeout", "1")
    path.unlink()
    path.mkdir()
    odd = llmo("-P", "p.toml", "ask", "again", "--json")

    assert [0, 5, 0] == [busy.code, goes_on.code, odd.code], (busy, goes_on, odd)
    assert [f"the answer was not saved: the history is busy: {path}: {SAID}"] == busy.json["warnings"]
    assert "the answer was not saved: cannot use the history: " in odd.json["warnings"][0]


def test_a_signal_is_heard_while_the_ledger_is_locked(llmo: Llmo, book: Path) -> None:
    """
    Waiting blocks nothing: Ctrl-C ends it at once, with nothing held.
    """
    with locked(book):
        process = llmo.start("-P", "p.toml", "ask", "hello", "--no-log", "--timeout", "86400")
        assert process.stderr is not None
        assert b"llmo: waiting up to " in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        run = llmo.finish(process)

    assert (130, "llmo: interrupted\n") == (run.code, run.stderr)
    assert 1 == llmo("-P", "p.toml", "cost", "--json").json["total"]["calls"]
