"""Two hundred kills of `ask` and `batch`: nothing booked is lost, nothing that may be billed is freed, no file breaks."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from llmo.ledger.periods import Period
from llmo.ledger.reports import Spending
from llmo.ledger.sql import counters
from llmo.ledger.sqlite.ledger import SQLiteLedger
from llmo.types.clock import SystemClock
from llmo.types.money import parse_usd
from tests.patience import LONG, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Llmo

KILLS = 200
ROOT = Path(__file__).parents[2]
PROFILE = """
model = "offline/echo"
timezone = "Europe/Berlin"
[providers.offline]
kind = "offline"
[providers.offline.offline]
first_token_delay = 0.01
delay = 0.002
input_usd = "1"
output_usd = "2"
[[budgets]]
name = "day"
limit_usd = "1000"
window = "day"
[[budgets]]
name = "calls"
limit_calls = 1000000
"""


class Wreck:
    """A home after the kills."""

    def __init__(self, home: Path, children: list[dict[str, Any]]) -> None:
        self.home, self.children = home, children
        self.path = home / "data" / "ledger.db"

    def rows(self, what: str) -> list[Any]:
        with contextlib.closing(sqlite3.connect(self.path)) as db:
            return db.execute(what).fetchall()

    @contextlib.contextmanager
    def ledger(self) -> Iterator[SQLiteLedger]:
        book = SQLiteLedger(self.path, SystemClock(), "Europe/Berlin")
        yield book
        book.close()


@pytest.fixture(scope="module")
def wreck(tmp_path_factory: pytest.TempPathFactory) -> Wreck:
    home = tmp_path_factory.mktemp("killed")
    (home / "paid.toml").write_text(PROFILE)
    (home / "rows.jsonl").write_text("".join(f'{{"id": "r{n}", "prompt": "row {n} of many"}}\n' for n in range(60)))
    places = {f"LLMO_{name}_DIR": str(home / name.lower()) for name in ("DATA", "CONFIG", "CACHE")}
    run = subprocess.run(
        [sys.executable, "-m", "tests.killed", str(KILLS), "11"],
        cwd=home,
        env={"PYTHONPATH": str(ROOT), "HOME": str(home), "PATH": "", "PYTHONWARNINGS": "error", **places},
        capture_output=True,
        text=True,
        check=False,
        timeout=4 * LONG,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    children = [json.loads(line) for line in run.stderr.splitlines() if line.startswith("{")]
    assert KILLS <= sum(one["killed"] for one in children)
    return Wreck(home, children)


def test_the_kills_hit_the_work(wreck: Wreck) -> None:
    """
    Many died with a call on its way, many before or after: else the tests below show nothing.
    """
    fates = {kind: [one["killed"] for one in wreck.children if one["kind"] == kind] for kind in ("ask", "batch")}
    held = wreck.rows("SELECT count(DISTINCT owner_pid) FROM calls WHERE state = 'held' OR outcome = 'lost'")

    assert all(sum(killed) >= 40 for killed in fates.values()), fates
    assert held[0][0] >= 40


def test_no_file_breaks_and_every_sum_is_right(wreck: Wreck) -> None:
    """
    SQLite finds no damage; counters and days are what the calls add up to.
    """
    assert [("ok",)] == wreck.rows("PRAGMA integrity_check")
    with wreck.ledger() as book:
        db = book._db()
        stored = db.execute('SELECT run, "end", start, match, spent, held, in_doubt, calls FROM counters').fetchall()
        for run, end, start, match, *sums in stored:
            assert tuple(sums) == counters.added(db, match, Period(start, end), run)
            assert tuple(sums) == counters.total(db, match, Period(start, end), run)
        slow = Spending()
        for row in book.spending(["run"]):
            slow.add(row)
        assert [slow] == book.spending()
    assert len(stored) >= 2


def test_a_call_that_may_be_billed_is_never_free(wreck: Wreck) -> None:
    """
    Whatever reached the provider is held or settled, by the process that sent it.
    """
    booked = dict(wreck.rows("SELECT owner_pid, count(*) FROM calls WHERE state <> 'released' GROUP BY 1"))
    sent = {int(note.name.partition("-")[2]): note.stat().st_size for note in wreck.home.glob("sent-*")}

    assert {} == {pid: (count, booked.get(pid, 0)) for pid, count in sent.items() if count > booked.get(pid, 0)}
    assert len(sent) >= 100
    assert [] == wreck.rows("SELECT id FROM calls WHERE state = 'released' AND outcome <> 'cancelled'")


def test_what_was_told_to_be_paid_is_booked(wreck: Wreck) -> None:
    """
    Every answer that was printed has its cost in the ledger; every line that was written its cost, or a hold of more.
    """
    asked = {
        pid: (state, cost)
        for pid, state, cost in wreck.rows("SELECT owner_pid, state, cost FROM calls WHERE row IS NULL")
    }
    told = 0
    for one in wreck.children:
        out = wreck.home / one["out"]
        text = out.read_text() if out.exists() else ""
        if one["kind"] == "ask" and text.endswith("}\n"):
            told += 1
            assert ("settled", parse_usd(json.loads(text)["cost"]["usd"])) == asked[one["pid"]]
        if one["kind"] == "batch":
            costs = dict(
                wreck.rows(f"SELECT row, cost FROM calls WHERE owner_pid = {one['pid']} AND state = 'settled'")
            )
            held = dict(wreck.rows(f"SELECT row, worst FROM calls WHERE owner_pid = {one['pid']} AND state = 'held'"))
            for line in _lines(wreck.home / f"{one['out']}.jsonl"):
                told += 1
                paid = parse_usd(line["cost_usd"])
                # A row does not wait for its settlement: a kill in between leaves the hold, which counts for more.
                assert costs[line["id"]] == paid if line["id"] in costs else held[line["id"]] >= paid

    assert told >= 300


def test_reconcile_books_the_dead_and_leaves_the_living(wreck: Wreck, llmo: Llmo) -> None:
    """
    All that the dead held is spent then, as estimated; a call on its way keeps its hold.
    """
    (wreck.home / "slow.toml").write_text(PROFILE.replace("first_token_delay = 0.01", "first_token_delay = 86400.0"))
    llmo.home = wreck.home
    living = llmo.start("-P", "slow.toml", "ask", "hello", "--max-tokens", "10")
    mine = f"state = 'held' AND owner_pid = {living.pid}"
    until(lambda: wreck.rows(f"SELECT 1 FROM calls WHERE {mine}"), lambda: living.poll() is None)
    held, worst = wreck.rows("SELECT count(*), sum(worst) FROM calls WHERE state = 'held'")[0]
    own = wreck.rows(f"SELECT worst FROM calls WHERE {mine}")[0][0]
    before = wreck.rows("SELECT sum(cost) FROM calls WHERE state = 'settled'")[0][0]

    run = llmo("-P", "paid.toml", "cost", "--reconcile", "--json")

    assert (0, 1) == (run.code, run.json["total"]["in_flight_calls"])
    assert f"settled {held - 1} calls of crashed processes" in run.stderr
    assert [(own,)] == wreck.rows("SELECT worst FROM calls WHERE state = 'held'")
    assert before + worst - own == parse_usd(run.json["total"]["cost_usd"])
    living.kill()
    living.communicate()
    assert "settled 1 call of crashed processes" in llmo("-P", "paid.toml", "cost", "--reconcile").stderr
    assert [] == wreck.rows("SELECT id FROM calls WHERE state = 'held'")


def test_a_batch_that_was_killed_is_finished_by_the_same_command(wreck: Wreck, llmo: Llmo) -> None:
    """
    No finished row is sent again.
    """
    llmo.home = wreck.home
    out = next(one["out"] for one in wreck.children if one["kind"] == "batch" and one["killed"] and _lines(wreck.home / f"{one['out']}.jsonl"))  # fmt: skip
    done = {line["id"] for line in _lines(wreck.home / f"{out}.jsonl")}
    args = ("-P", "paid.toml", "batch", "rows.jsonl", "-o", f"{out}.jsonl", "--max-tokens", "30", "--progress", "none")
    before = wreck.rows("SELECT count(*) FROM calls")[0][0]

    assert 0 == llmo(*args).code
    assert sorted(f"r{n}" for n in range(60)) == sorted(line["id"] for line in _lines(wreck.home / f"{out}.jsonl"))
    assert 60 - len(done) == wreck.rows("SELECT count(*) FROM calls")[0][0] - before


def _lines(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a file."""
    text = path.read_bytes() if path.exists() else b""
    return [json.loads(line) for line in text[: text.rfind(b"\n") + 1].splitlines()]
