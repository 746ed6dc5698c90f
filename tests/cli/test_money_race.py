"""Six hundred calls and money for ten: however many at once, in one process or in twenty, no cent too many."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest

from llmo.ledger.records import Call, Settlement
from llmo.ledger.sqlite.ledger import SQLiteLedger
from llmo.types.clock import SystemClock
from tests.crowd import BROKEN, CAP, HELD, LIMITS, crowd
from tests.patience import LONG

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
CALLS = 600
FIXED = [HELD]
VARYING = random.Random(4).choices(range(HELD + 1), k=50)
BREAKING = [BROKEN if number % 3 == 0 else cost for number, cost in enumerate(VARYING)]
"""Every third answer breaks off: the rest of its hold stays in doubt."""
AUDIT = f"""
CREATE TABLE passed (total INTEGER);
CREATE TABLE seen (statements INTEGER);
INSERT INTO seen VALUES (0);
CREATE TRIGGER audit_insert AFTER INSERT ON calls BEGIN
  UPDATE seen SET statements = statements + 1;
  INSERT INTO passed SELECT total FROM (
    SELECT sum(iif(state = 'held', worst, coalesce(cost, 0) + in_doubt)) AS total FROM calls) WHERE total > {CAP};
END;
CREATE TRIGGER audit_update AFTER UPDATE ON calls BEGIN
  UPDATE seen SET statements = statements + 1;
  INSERT INTO passed SELECT total FROM (
    SELECT sum(iif(state = 'held', worst, coalesce(cost, 0) + in_doubt)) AS total FROM calls) WHERE total > {CAP};
END;
"""
TOTAL = "SELECT coalesce(sum(iif(state = 'held', worst, coalesce(cost, 0) + in_doubt)), 0) FROM calls"


class Reader:
    """Looks at every commit that it can see, from beside."""

    def __init__(self, path: Path) -> None:
        self.totals: list[int] = []
        self._path, self._end = path, threading.Event()
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _read(self) -> None:
        with contextlib.closing(sqlite3.connect(self._path, isolation_level=None)) as db:
            version = None
            while not self._end.is_set():
                if version != (version := db.execute("PRAGMA data_version").fetchone()):
                    self.totals.append(db.execute(TOTAL).fetchone()[0])


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """A ledger that notes in every statement whether more is spent and held than the cap."""
    path = tmp_path / "ledger.db"
    ledger = SQLiteLedger(path, SystemClock(), "UTC")
    ledger.hold(Call(id="first", run="r", provider="other", model="m"), 0)
    ledger.settle("first", _free())
    ledger._db().executescript(AUDIT)
    ledger.close()
    yield path
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert [] == db.execute("SELECT total FROM passed").fetchall()
        assert db.execute("SELECT statements FROM seen").fetchone()[0] >= 20
        assert ("ok",) == db.execute("PRAGMA integrity_check").fetchone()


def _free() -> Settlement:
    return Settlement(cost=0, source="local")


def spent(path: Path) -> tuple[int, int]:
    ledger = SQLiteLedger(path, SystemClock(), "UTC")
    (status, day) = ledger.status(LIMITS)
    ledger.close()
    assert (status.spent, status.held, status.in_doubt) == (day.spent, day.held, day.in_doubt)
    return status.spent + status.in_doubt, status.held


@pytest.mark.parametrize("width", [20, 100])
def test_exactly_ten_pass_in_one_process(path: Path, width: int) -> None:
    """
    Fixed costs: ten, neither nine nor eleven; the rest is refused.
    """
    with Reader(path) as reader:
        passed, refused, billed = asyncio.run(crowd(path, "one", CALLS, width, FIXED))

    assert (10, CALLS - 10, CAP) == (passed, refused, billed)
    assert (CAP, 0) == spent(path)
    assert max(reader.totals) <= CAP


@pytest.mark.parametrize("costs", [VARYING, BREAKING], ids=["varying", "breaking"])
@pytest.mark.parametrize("width", [20, 100])
def test_varying_costs_never_pass_the_cap_in_one_process(path: Path, width: int, costs: list[int]) -> None:
    """
    Cheap answers leave room for more calls, what is in doubt does not; when it ends, another worst case would not fit.
    """
    with Reader(path) as reader:
        passed, refused, billed = asyncio.run(crowd(path, "one", CALLS, width, costs))

    assert (CALLS, billed) == (passed + refused, spent(path)[0])
    assert passed > 10
    assert CAP - HELD < billed <= CAP
    assert max(reader.totals) <= CAP


@pytest.mark.parametrize(
    ("width", "costs"),
    [
        pytest.param(1, FIXED, id="20 in flight"),
        pytest.param(5, FIXED, id="100 in flight"),
        pytest.param(5, VARYING, id="100 in flight, varying"),
        pytest.param(5, BREAKING, id="100 in flight, breaking"),
    ],
)
def test_twenty_processes_share_the_cap(path: Path, width: int, costs: list[int]) -> None:
    """
    Thirty calls each: ten pass in all, and never a picodollar more when costs vary.
    """
    args = [str(CALLS // 20), str(width), *map(str, costs)]
    crew = [_start(path, f"p{number}", *args) for number in range(20)]
    with Reader(path) as reader:
        for process in crew:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        results = [process.communicate(timeout=LONG) for process in crew]

    assert [""] * 20 == [errors for _, errors in results]
    passed, refused, billed = (
        sum(column) for column in zip(*(map(int, out.split()) for out, _ in results), strict=True)
    )
    assert CALLS == passed + refused
    assert (billed, 0) == spent(path)
    assert max(reader.totals) <= CAP
    assert billed <= CAP
    if costs is FIXED:
        assert 10 == passed


def _start(path: Path, *args: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.crowd", str(path), *args],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
