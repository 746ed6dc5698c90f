"""Budgets as their user meets them: shorter answers, warnings, who steps in, calls, changes of the clock."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from llmo.ledger.records import Call, Limit, Settlement
from llmo.ledger.refusals import OverBudget
from llmo.ledger.sqlite.ledger import SQLiteLedger
from llmo.types.money import parse_usd, usd

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Llmo

PROFILE = """
{head}
[providers.paid]
kind = "offline"
[providers.paid.offline]
input_usd = "1"
output_usd = "1000"
[providers.own]
kind = "offline"
[tasks.general]
primary = ["paid/big"]
secondary = ["own/small"]
[[budgets]]
name = "daily"
limit_usd = "{dollars}"
window = "day"
[[budgets]]
name = "calls of paid"
limit_calls = {calls}
match = {{ provider = "paid" }}
"""


def profile(llmo: Llmo, head: str = "", dollars: str = "1", calls: int = 1000) -> tuple[str, ...]:
    (llmo.home / "p.toml").write_text(PROFILE.format(head=head, dollars=dollars, calls=calls))
    return ("-P", "p.toml", "ask", "hello", "-t", "general")


def test_fit_shortens_and_says_so(llmo: Llmo) -> None:
    """
    Refused with the number that would fit; with --fit that number is what is asked for.
    """
    ask = profile(llmo, dollars="0.05")
    refused, fitted = llmo(*ask, "--max-tokens", "100"), llmo(*ask, "--max-tokens", "100", "--fit", "--json")

    assert (3, "lower --max-tokens (49 would fit; --fit does so automatically)") == (
        refused.code,
        refused.stderr.splitlines()[1].removeprefix("hint: ").partition(", or")[0],
    )
    assert (0, ["the budget buys 49 of the 100 requested output tokens (--fit)"]) == (
        fitted.code,
        fitted.json["warnings"],
    )
    assert fitted.json["cost"]["reserved_usd"].startswith("0.049")


@pytest.mark.parametrize(("flags", "code"), [((), 0), (("--strict",), 6)], ids=["said", "strict"])
def test_an_answer_that_the_budget_cut_says_what_the_whole_one_needed(
    llmo: Llmo, flags: tuple[str, ...], code: int
) -> None:
    """
    Two dollars buy less than the 4,096 tokens that a budget takes of an unknown model; `route` promises the same.
    """
    ask = (*profile(llmo, dollars="2"), "--json")
    text = (llmo.home / "p.toml").read_text()
    (llmo.home / "p.toml").write_text(text.replace('"1000"', '"1000"\nreply_file = "reply.txt"'))
    (llmo.home / "reply.txt").write_text("word " * 3000)
    route, run = llmo(*ask[:2], "route", *ask[3:]), llmo(*ask, *flags)
    limit = route.json["tokens"]["max_output"]
    (warning,) = run.json["warnings"]

    assert 1990 < limit < 2000
    assert (code, code == 0, "length", False, limit) == (
        run.code,
        run.json["ok"],
        run.json["finish_reason"],
        run.json["complete"],
        run.json["usage"]["output_tokens"],
    )
    assert (
        f"the answer was cut off at {limit:,} output tokens, as many as the budget left room for: "
        "4,096 would have needed up to $4.10"
    ) == warning


def test_asks_at_once_use_up_the_money(llmo: Llmo) -> None:
    """
    Each holds twice what it costs: whoever does not fit waits for the others, and only then is refused.
    """
    # Ten words are ten tokens out of the twenty that are held, at a tenth of a cent each.
    ask = (*profile(llmo, dollars="0.0901")[:2], "ask", "a b c", "-m", "paid/big", "--max-tokens", "20", "--json")
    alone = llmo(*ask)
    cost, held = (parse_usd(alone.json["cost"][key]) for key in ("usd", "reserved_usd"))
    started = [llmo.start(*ask) for _ in range(9)]
    runs = [llmo.finish(process) for process in started]
    (budget, _) = llmo("-P", "p.toml", "cost", "--json").json["budgets"]
    most = (parse_usd("0.0901") - held) // cost + 1

    assert 2 < most < 10
    assert {0: most - 1, 3: 10 - most} == Counter(run.code for run in runs)
    assert (usd(most * cost), "0") == (budget["spent_usd"], budget["held_usd"])


def test_fit_uses_up_what_a_batch_has_left(llmo: Llmo) -> None:
    """
    The last rows are shorter; the cap is not passed.
    """
    profile(llmo, dollars="100")
    (llmo.home / "rows.txt").write_text("".join(f"row {n}\n" for n in range(40)))
    args = ("-P", "p.toml", "batch", "rows.txt", "-m", "paid/big", "--max-tokens", "60", "--max-cost", "0.2")
    plain = llmo(*args, "-o", "plain.jsonl", "--run", "plain")
    fitted = llmo(*args, "-o", "fitted.jsonl", "--run", "fitted", "--fit")
    costs = [
        float(llmo("-P", "p.toml", "cost", "--run", run, "--json").json["total"]["cost_usd"])
        for run in ("plain", "fitted")
    ]

    assert (3, 3) == (plain.code, fitted.code)
    assert "the budget buys" in fitted.stderr
    assert costs[0] < costs[1] <= 0.2


def test_a_budget_that_runs_low_is_told_once(llmo: Llmo) -> None:
    """
    On stderr, by the command that gets there, never by the next one.
    """
    ask = profile(llmo, calls=5)
    said = [llmo(*ask, "--max-tokens", "30", "-q").stderr for _ in range(6)]

    assert [False, False, False, True, True, False] == ["warning: budget calls of paid" in text for text in said]
    assert "is used to 80 % and more: 4 of 5 calls" in said[3]
    assert "is used to 95 % and more: 5 of 5 calls" in said[4]
    assert "budget calls of paid is used up: 5 of 5 calls" in said[5]


@pytest.mark.parametrize(
    ("head", "code", "provider"),
    [
        pytest.param("", 3, None, id="refused"),
        pytest.param('when_budget_ends = "local"', 0, "own", id="local"),
        pytest.param('when_budget_ends = "refuse"', 3, None, id="said so"),
    ],
)
def test_who_answers_when_the_budget_ends(llmo: Llmo, head: str, code: int, provider: str | None) -> None:
    """
    Nobody, or a model of this machine; the refusal is told either way.
    """
    run = llmo(*profile(llmo, head, dollars="0.000001"), "--json")

    assert (code, provider if code == 0 else "paid") == (run.code, run.json["provider"])
    assert "budget_exceeded" == run.json["attempts"][0]["outcome"]
    assert "budget daily does not cover paid/big" in str(run.json["attempts"][0]["error"])


def test_an_end_that_is_no_word_is_a_clear_error(llmo: Llmo) -> None:
    """
    Exit 4 and the words that there are.
    """
    run = llmo(*profile(llmo, 'when_budget_ends = "stop"'))

    assert 4 == run.code
    assert "when_budget_ends" in run.stderr


BERLIN = ZoneInfo("Europe/Berlin")


class Clock:
    at = 0.0

    def now(self) -> float:
        return self.at


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        pytest.param("2026-03-29", 23, id="the clock goes forward"),
        pytest.param("2026-10-25", 25, id="the clock goes back"),
        pytest.param("2026-06-01", 24, id="an ordinary day"),
    ],
)
def test_a_daily_budget_lasts_from_midnight_to_midnight(tmp_path: Path, day: str, hours: int) -> None:
    """
    Refused until the last instant of a day of 23, 24 or 25 hours, and told when that is.
    """
    clock, limit = Clock(), Limit(name="daily", usd=10, window="day")
    book = SQLiteLedger(tmp_path / "ledger.db", clock, "Europe/Berlin")
    midnight = datetime.fromisoformat(day).replace(tzinfo=BERLIN)
    clock.at = midnight.timestamp()
    book.hold(Call(id="first", run="r", provider="p", model="m"), 10, [limit])
    book.settle("first", Settlement(cost=10, source="computed"))
    for at in (1, 3 * 3600, hours * 3600 - 1):
        clock.at = midnight.timestamp() + at
        with pytest.raises(OverBudget) as refusal:
            book.hold(Call(id=str(at), run="r", provider="p", model="m"), 1, [limit])
    clock.at = midnight.timestamp() + hours * 3600
    book.hold(Call(id="next", run="r", provider="p", model="m"), 10, [limit])
    book.close()

    following = (datetime.fromisoformat(day) + timedelta(days=1)).replace(tzinfo=BERLIN)
    assert f"resets {following.isoformat()}" in refusal.value.message
