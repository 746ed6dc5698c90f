"""What a refusal says: which limit, the amounts, and what would help."""

from __future__ import annotations

from typing import Any

import pytest

from llmo.errors import ConfigError
from llmo.ledger.records import MAX_COST, MOST, BudgetStatus, Call, Held, Limit, counts, passes, spelled
from llmo.ledger.refusals import OverBudget
from llmo.ledger.sql.counters import CounterSums
from llmo.types.money import DOLLAR

CALL = Call(id="a", run="r", provider="p", model="m")
CENT = DOLLAR // 100


def refused(needed: int | None = 3 * CENT, **facts: Any) -> OverBudget:
    """Of a limit of a dime, of which five cents are spent and three held by processes that live."""
    words = ("output", "fits", "given", "fit", "prompt")
    said = {name: facts.pop(name) for name in words if name in facts}
    status: dict[str, Any] = {
        "name": "day", "window": "day", "limit_usd": 10 * CENT, "spent": 5 * CENT, "held": 3 * CENT, "live": None,
        "limit_calls": None, "calls": 7, "resets_at": None,
    }  # fmt: skip
    return OverBudget(BudgetStatus(**{**status, **facts}), CALL, needed, **said)


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        pytest.param(
            {}, "budget day does not cover p/m: limit $0.10, spent $0.05, held $0.03, left $0.02, needed up to $0.03",
            id="amounts",
        ),
        pytest.param(
            {"in_doubt": CENT, "resets_at": "tomorrow", "output": 1024},
            "budget day does not cover p/m: limit $0.10, spent $0.05, held $0.03, in doubt up to $0.01, left $0.01, "
            "needed up to $0.03 for 1,024 output tokens, resets tomorrow",
            id="doubt, tokens and window",
        ),
        pytest.param(
            {"spent": 50 * CENT},
            "budget day does not cover p/m: limit $0.10, spent $0.50, held $0.03, left $0, needed up to $0.03",
            id="more is spent than it allows",
        ),
        pytest.param(
            {"needed": None}, "the price of p/m is unknown, and budget day limits dollars", id="unknown price"
        ),
        pytest.param(
            {"limit_calls": 7, "resets_at": "tomorrow"}, "budget day is used up: 7 of 7 calls, resets tomorrow",
            id="calls",
        ),
        pytest.param({"limit_calls": 7, "needed": None}, "budget day is used up: 7 of 7 calls", id="calls first"),
    ],
)  # fmt: skip
def test_a_refusal_names_every_amount(facts: dict[str, Any], message: str) -> None:
    """
    And when it ends.
    """
    assert refused(**facts).message == message


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        pytest.param({}, "budget day: needs up to $0.03, $0.02 left of $0.10", id="amounts"),
        pytest.param(
            {"output": 2048, "spent": DOLLAR},
            "budget day: needs up to $0.03 for 2,048 output tokens, $0 left of $0.10",
            id="nothing left",
        ),
        pytest.param({"needed": None}, "budget day: its price is unknown", id="unknown price"),
        pytest.param({"limit_calls": 7}, "budget day: 7 of 7 calls are used", id="calls"),
        pytest.param({"limit_calls": 8}, "budget day: needs up to $0.03, $0.02 left of $0.10", id="a call is left"),
    ],
)
def test_a_plan_says_it_in_a_few_words(facts: dict[str, Any], why: str) -> None:
    """
    What was needed, what is left, of what.
    """
    assert refused(**facts).why == why


@pytest.mark.parametrize(
    ("facts", "hint"),
    [
        pytest.param({"held": 0}, "raise the budget in the profile", id="nothing else"),
        pytest.param({"held": 0, "name": MAX_COST}, "raise --max-cost", id="the flag's limit"),
        pytest.param({}, "raise the budget in the profile, or wait for calls in flight", id="calls in flight"),
        pytest.param(
            {"live": CENT},
            "raise the budget in the profile, or wait for calls in flight, or settle reservations of crashed processes "
            "(llmo cost --reconcile)",
            id="a part is held by nobody",
        ),
        pytest.param(
            {"live": 0, "in_doubt": 1},
            "raise the budget in the profile, or settle reservations of crashed processes and amounts in doubt "
            "(llmo cost --reconcile)",
            id="nobody lives, and something is in doubt",
        ),
        pytest.param(
            {"held": 0, "in_doubt": 1},
            "raise the budget in the profile, or settle amounts in doubt (llmo cost --reconcile)",
            id="in doubt",
        ),
        pytest.param(
            {"held": 0, "fits": 40},
            "lower --max-tokens (40 would fit), or raise the budget in the profile",
            id="the user's limit",
        ),
        pytest.param(
            {"held": 0, "fits": 40, "fit": True},
            "lower --max-tokens (40 would fit; --fit does so automatically), or raise the budget in the profile",
            id="which --fit would lower",
        ),
        pytest.param(
            {"held": 0, "fits": 40, "given": False, "fit": True, "prompt": CENT},
            "limit the answer (--max-tokens 40 would fit), or raise the budget in the profile",
            id="llmo's own limit",
        ),
        pytest.param(
            {"held": 0, "prompt": 2 * CENT},
            "shorten the prompt (it alone may cost $0.02), or raise the budget in the profile",
            id="the prompt",
        ),
        pytest.param(
            {"needed": None, "fits": 40},
            "use --allow-unpriced, or add its price as a [[prices]] entry in the profile",
            id="unknown price",
        ),
        pytest.param(
            {"limit_calls": 7, "name": MAX_COST}, "raise --max-cost, or use another provider", id="calls"
        ),
    ],
)  # fmt: skip
def test_a_hint_names_what_would_help(facts: dict[str, Any], hint: str) -> None:
    """
    The least first, and only what would.
    """
    assert refused(**facts).hint == hint


@pytest.mark.parametrize(
    ("facts", "shortens"),
    [
        pytest.param({}, True, id="dollars"),
        pytest.param({"spent": DOLLAR}, True, id="none are left"),
        pytest.param({"limit_calls": 8}, True, id="a call is left"),
        pytest.param({"limit_calls": 7}, False, id="no call is left"),
        pytest.param({"needed": None}, False, id="unknown price"),
        pytest.param({"limit_usd": None, "limit_calls": 7}, False, id="no dollars in question"),
    ],
)
def test_a_shorter_answer_is_tried_only_where_dollars_refuse(facts: dict[str, Any], shortens: bool) -> None:
    """
    It passes with exactly what is left.
    """
    refusal = refused(**facts)
    left = refusal.status.left or 0

    assert refusal.shortens == shortens
    assert (refusal.leaves(left), refusal.leaves(left + 1), refusal.leaves(None)) == (shortens, False, False)


HOLD = Held(CALL, 30)


@pytest.mark.parametrize(
    ("limit", "sums", "held", "fits"),
    [
        pytest.param(Limit(name="x", usd=100), (40, 20, 10, 9), HOLD, True, id="exactly all"),
        pytest.param(Limit(name="x", usd=99), (40, 20, 10, 9), HOLD, False, id="a picodollar too much"),
        pytest.param(Limit(name="x", usd=100), (41, 20, 10, 9), HOLD, False, id="what is spent counts"),
        pytest.param(Limit(name="x", usd=100), (40, 21, 10, 9), HOLD, False, id="what is held counts"),
        pytest.param(Limit(name="x", usd=100), (40, 20, 11, 9), HOLD, False, id="what is in doubt counts"),
        pytest.param(Limit(name="x", calls=10), (0, 0, 0, 9), HOLD, True, id="the last call"),
        pytest.param(Limit(name="x", calls=9), (0, 0, 0, 9), HOLD, False, id="one call too many"),
        pytest.param(Limit(name="x", usd=100, calls=9), (0, 0, 0, 9), HOLD, False, id="both must do"),
        pytest.param(Limit(name="x"), (10**30, 0, 0, 9), HOLD, True, id="no limit"),
        pytest.param(Limit(name="x", usd=2 * MOST), (0, 0, 0, 0), Held(CALL, MOST), False, id="more than can be added"),
        pytest.param(Limit(name="x", usd=MOST), (0, 0, 0, 0), Held(CALL, MOST - 1), True, id="as much as can be"),
        pytest.param(Limit(name="x", usd=1), (0, 0, 0, 0), Held(CALL, None), False, id="unknown"),
        pytest.param(Limit(name="x", usd=1), (9, 0, 0, 0), Held(CALL, None, (), True), True, id="unknown, allowed"),
    ],
)
def test_what_fits_a_limit(limit: Limit, sums: tuple[int, int, int, int], held: Held, fits: bool) -> None:
    """
    Limits are inclusive.
    """
    assert passes(limit, CounterSums(*sums), held) == fits


@pytest.mark.parametrize(
    ("match", "counted"),
    [
        pytest.param({}, True, id="everything"),
        pytest.param({"provider": "p"}, True, id="provider"),
        pytest.param({"provider": "m"}, False, id="another provider"),
        pytest.param({"model": "m"}, True, id="model"),
        pytest.param({"model": "p/m"}, True, id="model in full"),
        pytest.param({"model": "q/m"}, False, id="model of another provider"),
        pytest.param({"task": "code"}, True, id="task"),
        pytest.param({"task": "math"}, False, id="another task"),
        pytest.param({"tag.team": "x*"}, True, id="tag"),
        pytest.param({"tag.team": "y"}, False, id="another value"),
        pytest.param({"tag.other": "*"}, False, id="no such tag"),
        pytest.param({"provider": "p", "task": "math"}, False, id="the second does not"),
        pytest.param({"task": "math", "tag.team": "xy", "provider": "p"}, False, id="the first does not"),
        pytest.param({"provider": "p", "task": "code", "tag.team": "xy", "model": "m"}, True, id="all do"),
    ],
)
def test_a_call_counts_where_all_of_the_match_does(match: dict[str, str], counted: bool) -> None:
    """
    However the match is spelled.
    """
    tags = {"team": "xy", "b": "é"}
    limit = Limit(name="x", match=match)
    call = Call(id="a", run="r", provider="p", model="m", task="code", tags=tags)

    assert limit.counts(call) == counted
    assert counts(limit.key, "p", "m", "code", spelled(dict(reversed(tags.items())))) == counted
    assert limit.key == Limit(name="y", match=dict(reversed(match.items()))).key


@pytest.mark.parametrize(
    ("match", "said"),
    [
        pytest.param({"modle": "x"}, "unknown key in match: modle", id="key"),
        pytest.param({"tags.team": "x"}, "unknown key in match: tags.team", id="no tag"),
        pytest.param({"provider": ""}, "match.provider: ", id="empty"),
        pytest.param({"task": "code", "model": ""}, "match.model: ", id="the second one"),
    ],
)
def test_a_limit_that_could_never_count_is_refused(match: dict[str, str], said: str) -> None:
    """
    By its name, with the keys that there are.
    """
    with pytest.raises(ConfigError) as caught:
        Limit(name="mine", match=match)

    assert caught.value.message.startswith(f"budget mine: {said}")
    assert (caught.value.hint is not None) == ("unknown" in said)
