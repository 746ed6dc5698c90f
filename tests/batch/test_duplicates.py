"""Lists that stand in two places for a reason, and must not come to disagree."""

from __future__ import annotations

import re
from typing import get_args

from llmo.errors import ErrorKind
from llmo.ledger import transfer
from llmo.ledger.sqlite import schema
from llmo.types.messages import Billing, CostSource


def test_a_ledger_takes_in_what_a_ledger_writes() -> None:
    """
    `cost --import` knows every state, source and billing that the database does.
    """
    states = schema.CALLS.partition("state TEXT NOT NULL CHECK (")[2].partition(")")[0]

    assert set(transfer.STATES) == set(re.findall(r"state = '(\w+)'", states))
    assert (set(transfer.BILLINGS), set(transfer.SOURCES)) == (set(get_args(Billing)), set(get_args(CostSource)))


def test_every_error_kind_is_in_the_contract() -> None:
    """
    Programs branch on these words.
    """
    contract = (
        "usage, config, credentials, budget_exceeded, rate_limited, quota_exhausted, unavailable, timeout, bad_request, "
        "content_refused, context_too_long, model_not_found, incomplete, invalid_output, cancelled, internal"
    )

    assert set(contract.split(", ")) == set(get_args(ErrorKind))
