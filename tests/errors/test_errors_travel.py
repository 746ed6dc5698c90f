"""Errors in another process."""

from __future__ import annotations

import pickle

import pytest

from llmo.errors import LlmoError, RateLimited, Unbounded, UsageError
from llmo.ledger.records import BudgetStatus, Call
from llmo.ledger.refusals import OverBudget

STATUS = BudgetStatus(
    name="day", window="day", limit_usd=1, spent=0, held=0, limit_calls=None, calls=0, resets_at="tomorrow"
)


@pytest.mark.parametrize(
    "error",
    [
        UsageError("a", hint="b"),
        RateLimited("slow", retry_after=3.0),
        Unbounded(["search"], "p/m"),
        OverBudget(STATUS, Call(id="1", run="r", provider="p", model="m"), 5),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_is_the_same_in_another_process(error: LlmoError) -> None:
    """
    Whatever its class takes to be made.
    """
    travelled = pickle.loads(pickle.dumps(error))

    assert (type(error), error.args, vars(error)) == (type(travelled), travelled.args, vars(travelled))
