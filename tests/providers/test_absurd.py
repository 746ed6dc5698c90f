"""Figures and names that can't be true: they cost no answer, are booked as no usage, and harm no other call."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmo.engine.engine import Engine
from llmo.engine.job import Job
from llmo.ledger.accounts import UNSETTLED, DirectAccount
from llmo.ledger.grouped import GroupedAccount
from llmo.ledger.records import Call, Held, Limit, Settled, Settlement
from llmo.ledger.sqlite.ledger import SQLiteLedger
from llmo.providers.http import rate_headers
from llmo.types.events import MOST_COUNTED, Finish, Notice, ReportedCost, ServedBy, Text, Usage
from llmo.types.money import DEAREST
from tests import virtual
from tests.contract.dialects import ANTHROPIC, DIALECTS, JSON, OPENAI, OPENROUTER, Row, Scripted, events
from tests.fakes import HELLO, A, Open, candidate, plan
from tests.fakes import Scripted as Provider

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from llmo.engine.results import Result
    from llmo.errors import LlmoError
    from llmo.types.events import Event

FIELDS = {
    "openai": ('"prompt_tokens":', '"completion_tokens":', '"cached_tokens":', '"reasoning_tokens":'),
    "openrouter": ('"prompt_tokens":', '"completion_tokens":', '"cached_tokens":', '"reasoning_tokens":'),
    "litellm-proxy": ('"prompt_tokens":', '"completion_tokens":'),
    "anthropic": ('"input_tokens":', '"output_tokens":', '"cache_read_input_tokens":', '"thinking_tokens":'),
    "ollama": ('"prompt_eval_count":', '"eval_count":'),
}
ABSURD = {
    "negative": "-1",
    "fraction": "2.5",
    "bool": "true",
    "text": '"12"',
    "list": "[]",
    "9e17": "9e17",
    "digits": "900000000000000000",
    "1e30": "1e30",
    "endless": "9" * 5000,
    "nan": "NaN",
    "infinity": "Infinity",
    "above-most": str(MOST_COUNTED + 1),
}
TEXT = "Grüße 😀 a\u2028b\u0085c!"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SQLiteLedger]:
    book = SQLiteLedger(tmp_path / "ledger.db", virtual.VirtualClock(), "UTC")
    yield book
    book.close()


def of(kind: type, found: list[Event | LlmoError]) -> list[Any]:
    return [event for event in found if isinstance(event, kind)]


def swapped(data: str, field: str, value: str) -> str:
    """The wire with another value wherever a field stands."""
    head, *rest = data.split(field)
    return head + "".join(f"{field}{value}{piece[len(piece) - len(piece.lstrip(' 0123456789')) :]}" for piece in rest)


@pytest.mark.parametrize("value", [pytest.param(value, id=name) for name, value in ABSURD.items()])
@pytest.mark.parametrize("row", [pytest.param(row, id=row.kind) for row in DIALECTS])
def test_a_count_that_cannot_be_is_no_usage(row: Row, value: str) -> None:
    """
    The answer is whole, there is no usage rather than a wrong one, and a warning names the field.
    """
    for name, headers in (("plain", row.streamed), ("whole.json", JSON)):
        wire = row.wire(name).decode()
        for field in FIELDS[row.kind]:
            data = swapped(wire, field, value)
            assert data != wire, field
            found = events(row, Scripted([data.encode()], headers=headers))
            said = [event.message for event in of(Notice, found)]
            assert ("".join(event.text for event in of(Text, found)), found[-1]) == (TEXT, Finish("stop"))
            assert (of(Usage, found), len(said)) == ([], 1)
            assert said[0].startswith(f"{row.kind} reported token counts that cannot be true; ignored: ")
            assert len(said[0]) < 200


@pytest.mark.parametrize(
    ("row", "field", "value"),
    [
        pytest.param(OPENAI, '"cached_tokens":', "31", id="more-cached-than-sent"),
        pytest.param(OPENAI, '"cache_write_tokens":', "21", id="more-read-and-written-than-sent"),
        pytest.param(OPENAI, '"reasoning_tokens":', "26", id="more-thought-than-said"),
        pytest.param(ANTHROPIC, '"thinking_tokens":', "26", id="anthropic-more-thought-than-said"),
    ],
)
def test_a_part_is_no_more_than_its_whole(row: Row, field: str, value: str) -> None:
    """
    One of the two is wrong, and nobody knows which.
    """
    found = events(row, Scripted([swapped(row.wire("plain").decode(), field, value).encode()], headers=row.streamed))

    assert (of(Usage, found), [value in event.message for event in of(Notice, found)]) == ([], [True])


def test_a_good_count_takes_the_place_of_a_bad_one() -> None:
    """
    Servers that count while they speak begin with anything; the last word stands.
    """

    def counted(prompt: int, completion: int) -> str:
        usage = {"prompt_tokens": prompt, "completion_tokens": completion}
        return "data: " + json.dumps({"choices": [{"delta": {"content": "x"}}], "usage": usage}) + "\n\n"

    stop = 'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
    better = events(OPENAI, Scripted([f"{counted(-1, 0)}{counted(3, 1)}{stop}".encode()], headers=OPENAI.streamed))
    worse = events(OPENAI, Scripted([f"{counted(3, 1)}{counted(-1, 1)}{stop}".encode()], headers=OPENAI.streamed))

    assert (of(Usage, better), of(Notice, better)) == ([Usage(3, 1)], [])
    assert (of(Usage, worse), len(of(Notice, worse))) == ([], 1)


def test_xai_counts_reasoning_beside_the_answer() -> None:
    """
    Its total says so: that is no contradiction, and all of it is billed as output.
    """
    usage = {
        "prompt_tokens": 32,
        "completion_tokens": 9,
        "total_tokens": 135,
        "completion_tokens_details": {"reasoning_tokens": 94},
    }
    body = {"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}], "usage": usage}

    assert of(Usage, events(OPENAI, Scripted([json.dumps(body).encode()], headers=JSON))) == [
        Usage(32, 103, reasoning_tokens=94)
    ]


@pytest.mark.parametrize("cost", ["-1", '"x"', "true", "1e12", "1e30", "NaN", "Infinity", "10000.01", "{}"])
def test_a_cost_that_cannot_be_is_said_and_not_booked(cost: str) -> None:
    """
    Only an amount that a call can cost is one.
    """
    data = OPENROUTER.wire("plain").replace(b'"cost":0.00014', f'"cost":{cost}'.encode())
    found = events(OPENROUTER, Scripted([data], headers=OPENROUTER.streamed))

    assert of(ReportedCost, found) == []
    assert [
        event.message.startswith("openrouter reported a cost that cannot be true") for event in of(Notice, found)
    ] == [True]


def play(ledger: SQLiteLedger, *script: Event) -> Result:
    """One answer of a provider that checks nothing, booked in a real ledger."""

    async def main() -> Result:
        engine = Engine(
            providers={"a": Provider(script)}.__getitem__,
            account=DirectAccount(ledger),
            rate_limits=Open(),  # type: ignore[arg-type]
            clock=virtual.VirtualClock(),
        )
        return await engine.run(Job(request=HELLO, plan=plan(candidate(A, 1)), run="r"))

    return virtual.run(main())


@pytest.mark.parametrize(
    "usage",
    [
        pytest.param(Usage(-5, 2), id="negative"),
        pytest.param(Usage(10**30, 2), id="huge"),
        pytest.param(Usage(5, 10**5000), id="endless"),
        pytest.param(Usage(5, 2.5), id="fraction"),  # type: ignore[arg-type]
        pytest.param(Usage(5, 2, cached_input_tokens=6), id="cached"),
        pytest.param(Usage(5, 2, reasoning_tokens=3), id="reasoning"),
    ],
)
def test_usage_of_any_provider_is_checked_before_it_is_booked(ledger: SQLiteLedger, usage: Usage) -> None:
    """
    Whoever made the event: the answer is kept, and what was held is booked as an estimate.
    """
    result = play(ledger, Text("hi"), usage, Finish("stop"))
    (booked,) = ledger.spending()

    assert (result.ok, result.text, result.usage) == (True, "hi", None)
    assert (result.cost, result.cost_source) == (candidate(A, 1).worst, "estimated")
    assert (booked.cost, booked.estimated, booked.input_tokens, booked.held) == (result.cost, 1, 0, 0)
    assert ["cannot be true" in warning for warning in result.warnings] == [True]


@pytest.mark.parametrize("cost", [-1, DEAREST + 1, 10**30])
def test_a_reported_cost_of_any_provider_is_checked_too(ledger: SQLiteLedger, cost: int) -> None:
    """
    The price times the tokens takes its place.
    """
    result = play(ledger, Text("hi"), Usage(10, 2), ReportedCost(cost), Finish("stop"))

    assert (result.ok, result.cost, result.cost_source) == (True, 30 * 10**6, "computed")
    assert result.warnings == ("a/m reported a cost that cannot be true; ignored",)


def test_names_are_stored_as_one_short_line(ledger: SQLiteLedger) -> None:
    """
    A NUL, half a character, a terminal's escape or a megabyte in a name fails no booking.
    """
    bad = "m\x00\ud800\x1b[2J\u202e" + "x" * 10**6
    result = play(ledger, ServedBy(bad, bad, bad, bad), Text("hi"), Usage(1, 1), Finish("stop"))
    exported = json.loads(next(iter(ledger.export_calls())))

    assert result.served.model == result.served.upstream == "m[2J" + "x" * 192
    assert [exported[name] for name in ("served_model", "request_id", "service_tier")] == ["m[2J" + "x" * 192] * 3


def call(identifier: str) -> Call:
    return Call(id=identifier, run="r", provider="p", model="m")


BAD = Settlement(cost=10**30, source="computed")
GOOD = Settlement(cost=7, source="computed")


def test_one_bad_entry_harms_no_neighbour(ledger: SQLiteLedger) -> None:
    """
    It fails alone: what stands in the same transaction is booked.
    """
    ledger.apply([Held(call(name), 10) for name in "abc"])
    results = ledger.apply([Settled("a", GOOD), Settled("b", BAD), Settled("c", GOOD), Held(call("d"), 10)])
    (booked,) = ledger.spending()

    assert [type(result) for result in results] == [type(None), OverflowError, type(None), type(None)]
    assert (booked.cost, booked.in_flight, booked.held) == (14, 2, 20)


def test_one_bad_entry_leaves_only_its_own_call_unsettled(ledger: SQLiteLedger) -> None:
    """
    In a batch that is told, the others go on, and nobody waits for it for ever.
    """
    limit, told = Limit(name="cap", usd=30, window="run"), list[str]()

    async def main() -> int:
        account = GroupedAccount(ledger, [limit], warn=told.append)
        holds = [await account.hold(call(name), 10) for name in "abc"]
        for hold, one in zip(holds, (GOOD, BAD, GOOD), strict=True):
            await hold.settle(one)
        await account.close()
        return account.outstanding

    outstanding = asyncio.run(main())

    assert (outstanding, [line.endswith(UNSETTLED) for line in told]) == (0, [True])
    assert [(one.spent, one.held) for one in ledger.status([limit], "r")] == [(14, 10)]


NUMBERS = (
    st.integers()
    | st.floats()
    | st.booleans()
    | st.none()
    | st.text(max_size=3)
    | st.sampled_from([10**9, 10**9 + 1, 2**63, 10**30, -1, 9e17])
)
COUNTS = st.fixed_dictionaries(
    {},
    optional={
        "prompt_tokens": NUMBERS,
        "completion_tokens": NUMBERS,
        "total_tokens": NUMBERS,
        "cost": NUMBERS,
        "is_byok": st.booleans(),
        "prompt_tokens_details": st.fixed_dictionaries(
            {}, optional={"cached_tokens": NUMBERS, "cache_write_tokens": NUMBERS}
        ),
        "completion_tokens_details": st.fixed_dictionaries({}, optional={"reasoning_tokens": NUMBERS}),
        "cost_details": st.fixed_dictionaries({}, optional={"upstream_inference_cost": NUMBERS}),
    },
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(usage=COUNTS)
def test_whatever_is_counted_can_be_booked(ledger: SQLiteLedger, usage: dict[str, Any]) -> None:
    """
    Any JSON as usage leaves an answer, and a booking that the ledger takes.
    """
    body = {"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}], "usage": usage}
    whole = replace(HELLO, stream=False)
    found = events(OPENROUTER, Scripted([json.dumps(body).encode()], headers=JSON), whole)
    before = sum(group.cost for group in ledger.spending())
    result = play(ledger, *found)  # type: ignore[arg-type]  # no error is among them

    assert (result.ok, result.text) == (True, "hi")
    assert result.cost is not None
    assert 0 <= result.cost <= DEAREST
    assert sum(group.cost for group in ledger.spending()) - before == result.cost


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param({"retry-after": "1795348800"}, None, id="a-time-of-the-epoch"),
        pytest.param({"retry-after": "1e300"}, None, id="huge"),
        pytest.param({"retry-after-ms": "1e30"}, None, id="huge-ms"),
        pytest.param({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, None, id="year-9999"),
        pytest.param({"retry-after": "604800"}, 604_800.0, id="a-week"),
    ],
)
def test_a_wait_of_years_is_none(headers: dict[str, str], expected: float | None) -> None:
    """
    No limit is longer than a month; llmo's own delays take its place.
    """
    assert rate_headers.retry_after(headers, virtual.VirtualClock()) == expected


def test_limits_of_any_size_are_read() -> None:
    """
    What can't be is not known.
    """
    names = ("limit-requests", "remaining-requests", "reset-requests", "limit-tokens", "remaining-tokens")
    told = rate_headers.openai({f"x-ratelimit-{name}": "1e30" for name in names})

    assert told is not None
    assert {getattr(told, name) for name in told.__slots__} == {None}
