"""What is in doubt, as its user meets it: shown apart, counted against caps, and settled when somebody knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from llmo.ledger import processes
from llmo.ledger.processes import Owner
from llmo.ledger.records import Call, Settlement
from llmo.ledger.sqlite.ledger import SQLiteLedger
from llmo.types.clock import SystemClock
from llmo.types.money import DOLLAR, parse_usd

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Llmo, Run

PROFILE = """
model = "paid/echo"
retries = 0
timezone = "UTC"
[providers.paid]
kind = "offline"
[providers.paid.offline]
input_usd = "1"
output_usd = "1000"
fail = "{fail}"
[[budgets]]
name = "daily"
limit_usd = "{limit}"
window = "day"
"""


class Home:
    """A program whose provider breaks off in the middle of an answer."""

    def __init__(self, llmo: Llmo) -> None:
        self.llmo = llmo
        self.profile()

    def profile(self, fail: str = "cut", limit: str = "1") -> None:
        (self.llmo.home / "p.toml").write_text(PROFILE.format(fail=fail, limit=limit))

    def __call__(self, *args: str | Path, **how: Any) -> Run:
        return self.llmo("-P", "p.toml", *args, **how)


@pytest.fixture
def home(llmo: Llmo) -> Home:
    return Home(llmo)


@pytest.fixture
def book(home: Home) -> Iterator[SQLiteLedger]:
    ledger = SQLiteLedger(home.llmo.home / "data" / "ledger.db", SystemClock(), "UTC")
    yield ledger
    ledger.close()


def test_what_came_is_spent_and_the_rest_is_in_doubt(home: Home) -> None:
    """
    The two are the hold; ask, cost and its budgets show them apart.
    """
    run = home("ask", "one two three four", "--max-tokens", "50", "--json")
    cost, report = run.json["cost"], home("cost", "--json").json
    spent, in_doubt, held = (parse_usd(cost[f"{name}usd"]) for name in ("", "in_doubt_", "reserved_"))
    (budget,) = report["budgets"]

    assert (6, "estimated", True) == (run.code, cost["source"], 0 < spent < in_doubt)
    assert held == spent + in_doubt
    assert (1, cost["usd"], cost["in_doubt_usd"], 1) == tuple(
        report["total"][key] for key in ("calls", "cost_usd", "in_doubt_usd", "in_doubt_calls")
    )
    assert (cost["usd"], "0", cost["in_doubt_usd"]) == tuple(
        budget[key] for key in ("spent_usd", "held_usd", "in_doubt_usd")
    )
    assert DOLLAR - held == parse_usd(budget["left_usd"])
    assert run.stderr.splitlines()[-1].startswith("hint: settle with llmo cost --reconcile: up to $0.0")
    assert "in doubt up to $0.0" in home("cost").stdout
    assert home("cost").stderr.endswith("; settle them with: llmo cost --reconcile\n")
    assert "in doubt" in home("cost", "--budgets").stdout
    assert "spent, $0 held, in doubt up to $0.0" in home("route", "hello").stdout


def test_what_is_in_doubt_counts_against_a_cap_until_it_is_settled(home: Home) -> None:
    """
    The refusal names it, and the command that settles it; `--billed received` gives the rest back.
    """
    home.profile(limit="0.06")
    home("ask", "hello", "--max-tokens", "50")
    refused, route = home("ask", "hello", "--max-tokens", "50"), home("route", "hello", "--max-tokens", "50", "--json")
    checked = home("cost", "--check", "--max", "0.05")
    settled = home("cost", "--reconcile", "--billed", "received", "--json")
    home.profile(fail="none", limit="0.06")
    answered = home("ask", "hello", "--max-tokens", "50")

    assert (3, True, True) == (
        refused.code,
        "in doubt up to $0.0" in refused.stderr,
        "llmo cost --reconcile" in refused.stderr,
    )
    assert (False, None, True) == (
        route.json["candidates"][0]["ready"],
        route.json["candidates"][0]["rank"],
        route.json["candidates"][0]["why"].startswith("budget daily: needs up to $0.05"),
    )
    assert (3, True) == (checked.code, "more than --max $0.05 was spent" in checked.stderr)
    assert ("0", 0, 1) == tuple(settled.json["total"][key] for key in ("in_doubt_usd", "in_doubt_calls", "calls"))
    assert settled.stderr.startswith("settled 1 call in doubt, $0.0")
    assert 0 == answered.code


def test_reconcile_takes_it_as_billed_where_nobody_can_be_asked(home: Home) -> None:
    """
    All of the hold, marked estimated; once.
    """
    run = home("ask", "hello", "--max-tokens", "50", "--json")
    settled, again = home("cost", "--reconcile", "--json"), home("cost", "--reconcile", "--json")

    assert (run.json["cost"]["reserved_usd"], "0", 1) == tuple(
        settled.json["total"][key] for key in ("cost_usd", "in_doubt_usd", "estimated_calls")
    )
    assert settled.json["total"] == again.json["total"]
    assert "settled 0 calls of crashed processes, $0 as estimated\n" == again.stderr


def test_a_run_is_settled_alone(home: Home, book: SQLiteLedger) -> None:
    """
    `--run` picks what is settled.
    """
    for run in ("r1", "r2"):
        book.hold(Call(id=run, run=run, provider="gone", model="m"), DOLLAR)
        book.settle(run, Settlement(cost=1, in_doubt=DOLLAR - 1, source="estimated", request_id="x"))
    home("cost", "--reconcile", "--run", "r2")

    assert ["r1"] == [one.run for one in book.doubts()]


def test_the_dead_and_the_doubtful_are_settled_together(
    home: Home, book: SQLiteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Each is said.
    """
    book.hold(Call(id="a", run="r", provider="paid", model="m"), DOLLAR)
    book.settle("a", Settlement(cost=1, in_doubt=DOLLAR - 1, source="estimated"))
    monkeypatch.setattr(processes, "me", lambda: Owner(2**22 + 1, "1", processes._boot()))
    book.hold(Call(id="b", run="r", provider="paid", model="m"), 2 * DOLLAR)

    assert [
        "settled 1 call of crashed processes, $2.00 as estimated",
        "settled 1 call in doubt, $1.00 as estimated",
    ] == home("cost", "--reconcile").stderr.splitlines()


def test_billed_without_reconcile_is_refused(home: Home) -> None:
    """
    It would do nothing.
    """
    run = home("cost", "--billed", "received")

    assert (2, "llmo: --billed requires --reconcile\n") == (run.code, run.stderr)


def test_a_batch_counts_what_is_in_doubt(home: Home) -> None:
    """
    In its summary and its report; the row has what is spent.
    """
    (home.llmo.home / "rows.txt").write_text("one two three\nfour five six\n")
    run = home("batch", "rows.txt", "-o", "out.jsonl", "--max-tokens", "50", "--report", "rep.json", "--retries", "0")
    report = written(home, "rep.json")
    spent, in_doubt = parse_usd(report["cost_usd"]), parse_usd(report["in_doubt_usd"])

    assert (7, {"error": 2}) == (run.code, report["by_status"])
    assert 0 < spent < in_doubt
    assert ", in doubt up to $0.0" in run.stderr
    assert (report["cost_usd"], report["in_doubt_usd"]) == tuple(
        home("cost", "--json").json["total"][key] for key in ("cost_usd", "in_doubt_usd")
    )


def written(home: Home, name: str) -> Any:
    import json

    return json.loads((home.llmo.home / name).read_text())
