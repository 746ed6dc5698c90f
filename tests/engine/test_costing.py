"""What an answer is booked at: service tiers and charges by the use, at their price or as a lower bound."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmo.catalog.catalog import Catalog, Model
from llmo.catalog.prices import Price
from llmo.config.profile import ProviderConfig
from llmo.engine.costing import Bill, bill
from llmo.engine.response import ResponseBuilder
from llmo.engine.results import together, unsent
from llmo.ledger import transfer
from llmo.ledger.records import Call, Settlement
from llmo.ledger.sqlite.ledger import SQLiteLedger
from llmo.providers.http import counts
from llmo.render import spending, summary
from llmo.types.attempts import AttemptRecord
from llmo.types.events import Finish, PaidUse, ReportedCost, ServedBy, Text, Usage
from llmo.types.messages import Target
from tests import virtual
from tests.contract.dialects import ANTHROPIC, HELLO, JSON, OPENAI, OPENROUTER, Row, Scripted, events
from tests.fakes import A, Stage, candidate
from tests.fakes import Scripted as Provider

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from llmo.errors import LlmoError
    from llmo.types.events import Event

IN, OUT = 10**6, 10 * 10**6
USAGE = Usage(10, 2)
STANDARD = 10 * IN + 2 * OUT
SEARCH = 10**10
"""$10 per 1,000."""
OWN = Price(input=IN, output=OUT, uses={"web_search": SEARCH})


def answered(*said: Event) -> ResponseBuilder:
    found = ResponseBuilder()
    found.target = A
    for event in said:
        found.take(event, float)
    return found


def billed(price: Price | None, *said: Event, asked: str | None = None, **facts: Any) -> Bill:
    one = candidate(A, 1, model=Model(id="m", price=price))
    return bill(answered(*said), replace(one, facts=replace(one.facts, **facts)), asked)


PRIORITY = Price(input=2 * IN, output=2 * OUT)
FLEX = Price(input=IN // 2, output=OUT // 2)


@pytest.mark.parametrize(
    ("service", "told", "asked", "expected"),
    [
        pytest.param({}, None, None, (STANDARD, "computed"), id="silent"),
        pytest.param({}, "default", None, (STANDARD, "computed"), id="standard"),
        pytest.param({}, "on_demand", None, (STANDARD, "computed"), id="groqs-standard"),
        pytest.param({"priority": PRIORITY}, "priority", None, (2 * STANDARD, "computed"), id="priced"),
        pytest.param({"priority": PRIORITY}, "SERVICE_TIER_PRIORITY", None, (2 * STANDARD, "computed"), id="spelled"),
        pytest.param({"priority": PRIORITY}, "default", "priority", (STANDARD, "computed"), id="told-wins"),
        pytest.param({"priority": PRIORITY}, None, "priority", (2 * STANDARD, "computed"), id="asked-and-not-told"),
        pytest.param({"flex": FLEX}, "flex", None, (STANDARD // 2, "computed"), id="cheaper-and-told"),
        pytest.param({"flex": FLEX}, None, "flex", (STANDARD, "computed"), id="cheaper-and-only-asked"),
        pytest.param({}, "priority", None, (STANDARD, "unknown"), id="unpriced"),
        pytest.param({"flex": FLEX}, "priority", None, (STANDARD, "unknown"), id="only-cheaper-ones-known"),
        pytest.param({}, None, "priority", (STANDARD, "unknown"), id="unpriced-and-only-asked"),
        pytest.param({"priority": PRIORITY}, "turbo", None, (2 * STANDARD, "estimated"), id="another"),
        pytest.param({}, "flex", None, (STANDARD, "estimated"), id="sold-for-waiting"),
    ],
)
def test_a_tier_without_a_price_is_never_the_standard_one_in_silence(
    service: dict[str, Price], told: str | None, asked: str | None, expected: tuple[int, str]
) -> None:
    """
    The dearest known price, as an estimate, or as a lower bound; and a word about it.
    """
    said: list[Event] = [USAGE, *([] if told is None else [ServedBy(service_tier=told)])]
    found = billed(Price(input=IN, output=OUT, service=service), *said, asked=asked)

    assert found[:2] == expected
    assert bool(found.remarks) is (expected[1] != "computed")


def test_geminis_priority_is_not_booked_as_standard() -> None:
    """
    The table knows what it costs; a model of which it does not know it gets a lower bound.
    """
    config = ProviderConfig(kind="openai", base_url="https://generativelanguage.googleapis.com/v1beta/openai")
    price = (
        Catalog(now=datetime(2026, 11, 24, tzinfo=UTC).timestamp()).find(Target("g", "gemini-2.5-pro"), config).price
    )
    assert price is not None
    dear = billed(price, USAGE, ServedBy(service_tier="priority"))
    unknown = billed(replace(price, service={}), USAGE, ServedBy(service_tier="priority"))

    assert (dear.source, dear.cost is not None and dear.cost > price.cost(USAGE)) == ("computed", True)
    assert (unknown.source, unknown.cost) == ("unknown", price.cost(USAGE))


@pytest.mark.parametrize(
    ("price", "said", "facts", "expected"),
    [
        pytest.param(OWN, [USAGE, PaidUse("web_search", 60)], {}, (STANDARD + 60 * SEARCH, "computed"), id="table"),
        pytest.param(
            Price(input=IN, output=OUT, source="profile"),
            [USAGE, PaidUse("web_search", 60)],
            {"kind": "anthropic"},
            (STANDARD + 60 * SEARCH, "computed"),
            id="published-by-the-vendor",
        ),
        pytest.param(
            Price(input=IN, output=OUT), [USAGE, PaidUse("web_search", 60)], {}, (STANDARD, "unknown"), id="no-price"
        ),
        pytest.param(
            OWN,
            [USAGE, PaidUse("web_search", 1), PaidUse("container", 2)],
            {},
            (STANDARD + SEARCH, "unknown"),
            id="partly",
        ),
        pytest.param(OWN, [USAGE, PaidUse("web_search", None)], {}, (STANDARD, "unknown"), id="no-count"),
        pytest.param(OWN, [USAGE, PaidUse("web_search", 10**30)], {}, (STANDARD, "unknown"), id="no-count-that-can-be"),
        pytest.param(OWN, [USAGE, PaidUse("web_search", -5)], {}, (STANDARD, "unknown"), id="negative"),
        pytest.param(
            OWN,
            [USAGE, PaidUse("web_search", 60), ReportedCost(7)],
            {},
            (7, "reported"),
            id="the-provider-knows-it-all",
        ),
        pytest.param(None, [USAGE, PaidUse("web_search", 60)], {}, (None, "unknown"), id="unpriced-model"),
        pytest.param(OWN, [USAGE], {"searching": True}, (STANDARD + SEARCH, "computed"), id="searches-by-itself"),
        pytest.param(
            Price(input=IN, output=OUT), [USAGE], {"searching": True}, (STANDARD, "unknown"), id="at-no-known-price"
        ),
        pytest.param(
            Price(input=IN, output=OUT, request=5),
            [USAGE],
            {"searching": True},
            (STANDARD + 5, "computed"),
            id="by-request",
        ),
        pytest.param(OWN, [USAGE, PaidUse("web_search", 60)], {"billing": "local"}, (0, "local"), id="own-hardware"),
    ],
)
def test_a_use_has_its_price_or_makes_a_lower_bound(
    price: Price | None, said: list[Event], facts: dict[str, Any], expected: tuple[int | None, str]
) -> None:
    """
    Searches are no tokens: 60 of them cost $0.60 where the price is known, and are never nothing.
    """
    found = billed(price, *said, **facts)

    assert found[:2] == expected
    assert bool(found.remarks) is (expected[1] == "unknown" and price is not None)


def of(kind: type, found: list[Event | LlmoError]) -> list[Any]:
    return [event for event in found if isinstance(event, kind)]


def whole(row: Row, body: dict[str, Any]) -> list[Event | LlmoError]:
    return events(row, Scripted([json.dumps(body).encode()], headers=JSON), replace(HELLO, stream=False))


def claude(**usage: Any) -> dict[str, Any]:
    return {
        "type": "message",
        "content": [{"type": "text", "text": "hi"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 3, "output_tokens": 2, **usage},
    }


def completion(**usage: Any) -> dict[str, Any]:
    choice = {"message": {"content": "hi"}, "finish_reason": "stop"}
    return {"choices": [choice], "usage": {"prompt_tokens": 3, "completion_tokens": 2, **usage}}


@pytest.mark.parametrize(
    ("row", "body", "expected"),
    [
        pytest.param(
            ANTHROPIC,
            claude(server_tool_use={"web_search_requests": 60, "web_fetch_requests": 3}),
            [PaidUse("web_search", 60)],
            id="anthropic",
        ),
        pytest.param(
            ANTHROPIC,
            claude(server_tool_use={"web_search_requests": 0, "code_execution_requests": 2}),
            [PaidUse("code_execution", 2)],
            id="anthropic-code",
        ),
        pytest.param(ANTHROPIC, claude(server_tool_use=None), [], id="anthropic-none"),
        pytest.param(ANTHROPIC, claude(inference_geo="us"), [PaidUse("inference in us", None)], id="anthropic-place"),
        pytest.param(ANTHROPIC, claude(inference_geo="global"), [], id="anthropic-anywhere"),
        pytest.param(
            OPENROUTER,
            completion(server_tool_use={"web_search_requests": 2}, cost=0.5),
            [PaidUse("web_search", 2)],
            id="openrouter",
        ),
        pytest.param(OPENAI, completion(num_search_queries=4), [PaidUse("web_search", 4)], id="perplexity"),
        pytest.param(OPENAI, completion(search_context_size="low", citation_tokens=40), [], id="no-count"),
        pytest.param(OPENAI, completion(num_sources_used=5), [PaidUse("num_sources_used", 5)], id="xai-sources"),
        pytest.param(
            OPENAI,
            completion(server_side_tool_usage={"SERVER_SIDE_TOOL_WEB_SEARCH": 3, "SERVER_SIDE_TOOL_X": 1}),
            [PaidUse("web_search", 3), PaidUse("server_side_tool_x", 1)],
            id="xai-tools",
        ),
        pytest.param(OPENAI, completion(plugins={"search": {"count": 1}}), [PaidUse("web_search", 1)], id="dashscope"),
        pytest.param(OPENAI, completion(tool_use_prompt_tokens=9), [], id="tokens-are-tokens"),
        pytest.param(
            OPENAI,
            completion(server_tool_use={"web_search_requests": 1e30}),
            [PaidUse("web_search", None)],
            id="absurd",
        ),
        pytest.param(
            OPENAI,
            completion(completion_tokens_details={"audio_tokens": 2}, prompt_tokens_details={"audio_tokens": 0}),
            [PaidUse("audio tokens out", 2)],
            id="sound",
        ),
        pytest.param(OPENAI, completion(server_tool_use=[True], search=True, tools="x"), [], id="nonsense"),
    ],
)
def test_what_was_used_is_read_where_it_stands(row: Row, body: dict[str, Any], expected: list[PaidUse]) -> None:
    """
    Each vendor counts in a place of its own.
    """
    assert of(PaidUse, whole(row, body)) == expected


def test_uses_come_out_of_a_stream_once() -> None:
    """
    Counts are cumulative, as those of tokens are.
    """
    usage = {"input_tokens": 3, "output_tokens": 1, "server_tool_use": {"web_search_requests": 0}}
    last = {"output_tokens": 2, "server_tool_use": {"web_search_requests": 60}}
    messages = [
        {"type": "message_start", "message": {"usage": usage}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": last},
        {"type": "message_stop"},
    ]
    data = "".join(f"data: {json.dumps(message)}\n\n" for message in messages)

    assert of(PaidUse, events(ANTHROPIC, Scripted([data.encode()], headers=ANTHROPIC.streamed))) == [
        PaidUse("web_search", 60)
    ]


def test_faster_answers_are_a_tier() -> None:
    """
    Anthropic tells speed beside the tier, and it sets the price.
    """
    (served,) = of(ServedBy, whole(ANTHROPIC, {**claude(speed="fast", service_tier="standard"), "model": "c"}))

    assert served == ServedBy("c", None, "fast")


def test_perplexity_says_what_it_cost() -> None:
    """
    Its own sum has the searches in it.
    """
    found = whole(OPENAI, completion(num_search_queries=4, cost={"total_cost": 0.0123, "request_cost": 0.01}))

    assert of(ReportedCost, found) == [ReportedCost(12_300_000_000)]


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["server_tool_use", "num_search_queries", "tools", "plugins", "source_count", "x"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
            lambda inner: (
                st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4) | st.just("count"), inner, max_size=2)
            ),
            max_leaves=6,
        ),
    )
)
def test_any_counts_of_uses_are_read(fields: dict[str, Any]) -> None:
    """
    Whatever a stranger counts, a use has a name and a number that can be, or none.
    """
    for name, number in counts.uses(fields).items():
        assert isinstance(name, str)
        assert number is None or 0 <= number <= 10**9


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SQLiteLedger]:
    book = SQLiteLedger(tmp_path / "ledger.db", virtual.VirtualClock(), "UTC")
    yield book
    book.close()


def test_the_sum_of_a_lower_bound_is_one(ledger: SQLiteLedger, tmp_path: Path) -> None:
    """
    The known part counts against budgets and in sums, and the sum reads `≥`, also from whole days and after an import.
    """
    call = Call(id="a", run="r", provider="p", model="m")
    ledger.hold(call, 100)
    ledger.settle("a", Settlement(cost=7 * 10**11, source="unknown"))
    ledger.hold(replace(call, id="b"), 100)
    ledger.settle("b", Settlement(cost=3 * 10**11, source="computed"))
    (exact,), (whole_days,) = ledger.spending(run="r"), ledger.spending()
    other = SQLiteLedger(tmp_path / "other.db", virtual.VirtualClock(), "UTC")
    other.import_calls(transfer.read(ledger.export_calls(), "x"))
    (brought,) = other.spending()
    other.close()

    for found in (exact, whole_days, brought):
        assert (found.cost, found.unpriced, spending.cost(found)) == (10**12, 1, "≥ $1.00 (1 call unpriced)")


def test_a_lower_bound_is_told_as_one() -> None:
    """
    In the line of `ask`, over several attempts, and over a repair.
    """
    stage = Stage({A: Provider([Text("hi"), USAGE, ServedBy(service_tier="priority"), Finish("stop")])})
    _, execution = stage.play()
    result = execution.result
    assert result is not None
    good = replace(unsent("x", result.error or _none()), error=None, cost=5, cost_source="computed")

    assert (result.cost, result.cost_source) == (STANDARD, "unknown")
    assert summary.cost(result) == "≥ $0.00003 (partly unpriced)"
    assert together(good, result) == together(result, good) == (STANDARD + 5, "unknown")
    assert stage.log == ["hold a", f"settle a {STANDARD} unknown ok"]
    assert isinstance(result.attempts[0], AttemptRecord)


def _none() -> LlmoError:
    from llmo.errors import LlmoError

    return LlmoError("none")
