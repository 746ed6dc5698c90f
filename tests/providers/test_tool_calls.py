"""Calls of tools: put together from each dialect's pieces, and given to whoever can run them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmo.batch.output.export import flat, shaper
from llmo.batch.output.records import line
from llmo.engine.structured import Structured
from llmo.errors import LlmoError
from llmo.providers.http.tool_calls import Calls
from llmo.requests.validator import Validator
from llmo.types import jsontext
from llmo.types.events import Finish, Notice, Text, ToolCall, Usage
from llmo.types.messages import Params
from tests import virtual
from tests.contract.dialects import ANTHROPIC, DIALECTS, HELLO, JSON, OLLAMA, OPENAI, Row, Scripted, events
from tests.fakes import A, Stage
from tests.fakes import Scripted as Provider

if TYPE_CHECKING:
    from llmo.types.events import Event
    from llmo.types.messages import Request

PARIS: Any = {"city": "Paris", "days": 2}
ROME: Any = {"city": "Rome"}
CALLS = [ToolCall("c1", "weather", PARIS), ToolCall("c2", "weather", ROME)]
END = Finish("tool_calls")
COUNTED = {"prompt_tokens": 3, "completion_tokens": 2}


def told(found: list[Event | LlmoError]) -> list[Event | LlmoError]:
    return [event for event in found if isinstance(event, Text | ToolCall | Usage | Finish | Notice | LlmoError)]


def streamed(row: Row, *messages: dict[str, Any]) -> list[Event | LlmoError]:
    lines = [json.dumps(message) for message in messages]
    data = "".join(f"data: {one}\n\n" if row.stream == "sse" else f"{one}\n" for one in lines)
    return told(events(row, Scripted([data.encode()], headers=row.streamed)))


def whole(row: Row, body: dict[str, Any]) -> list[Event | LlmoError]:
    return told(events(row, Scripted([json.dumps(body).encode()], headers=JSON), replace(HELLO, stream=False)))


def delta(reason: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": reason}]}


def piece(index: int | None, arguments: str | None = None, **fields: Any) -> dict[str, Any]:
    function = {name: fields.pop(name) for name in ("name",) if name in fields}
    function |= {} if arguments is None else {"arguments": arguments}
    return ({} if index is None else {"index": index}) | fields | {"function": function}


OWN = [row for row in DIALECTS if row.kind in ("openai", "openrouter", "litellm-proxy")]


@pytest.mark.parametrize("row", [pytest.param(row, id=row.kind) for row in OWN])
def test_pieces_are_put_together_by_their_index(row: Row) -> None:
    """
    Two calls may come mixed, each in many pieces, as OpenAI sends them.
    """
    first, second = json.dumps(PARIS), json.dumps(ROME)
    found = streamed(
        row,
        delta(role="assistant", content=None, tool_calls=[piece(0, "", id="c1", type="function", name="weather")]),
        delta(tool_calls=[piece(0, first[:7])]),
        delta(tool_calls=[piece(1, "", id="c2", type="function", name="weather"), piece(0, first[7:])]),
        delta(tool_calls=[piece(1, second)]),
        delta("tool_calls"),
        {"choices": [], "usage": COUNTED},
    )

    assert found == [*CALLS, Usage(3, 2), END]


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        pytest.param(
            [[piece(0, '{"a":1}', id="c1", name="f")], [piece(0, '{"a":2}', id="c2", name="g")]],
            [ToolCall("c1", "f", {"a": 1}), ToolCall("c2", "g", {"a": 2})],
            id="one-index-for-all",
        ),
        pytest.param(
            [[piece(None, '{"a":', id="c1", name="f")], [piece(None, "1}")], [piece(None, "{}", id="c2", name="g")]],
            [ToolCall("c1", "f", {"a": 1}), ToolCall("c2", "g", {})],
            id="no-index",
        ),
        pytest.param(
            [[piece(None, '{"a":1}', name="f")], [piece(None, '{"a":2}', name="g")]],
            [ToolCall(None, "f", {"a": 1}), ToolCall(None, "g", {"a": 2})],
            id="neither-index-nor-id",
        ),
        pytest.param(
            [[piece(0, '{"a":')], [piece(0, "1}", id="c1", name="f")]],
            [ToolCall("c1", "f", {"a": 1})],
            id="id-and-name-at-last",
        ),
        pytest.param(
            [[{**piece(0, '{"a":1}', id="c1", name="f"), "index": [0]}]],
            [ToolCall("c1", "f", {"a": 1})],
            id="index-of-another-shape",
        ),
        pytest.param(
            [[piece(0, '{"a"', id="c1", name="f")], [piece(0, ":1}", id="c1", name="f")]],
            [ToolCall("c1", "f", {"a": 1})],
            id="id-and-name-in-each",
        ),
        pytest.param(
            [[{"index": 0, "id": "c1", "function": {"name": "f", "arguments": {"a": 1}}}]],
            [ToolCall("c1", "f", {"a": 1})],
            id="arguments-as-object",
        ),
        pytest.param(
            [[{"index": 0, "id": "c1", "type": "custom", "custom": {"name": "f", "input": "ls -l"}}]],
            [ToolCall("c1", "f", "ls -l")],
            id="custom-tool",
        ),
        pytest.param(["x", [None, 7, {}]], [ToolCall(None, "", {})] * 2, id="nonsense"),
    ],
)
def test_copies_of_the_dialect_are_read_too(pieces: list[Any], expected: list[ToolCall]) -> None:
    """
    Servers leave out, repeat and spell otherwise; no call is lost and none is made of two.
    """
    found = streamed(OPENAI, *(delta(tool_calls=one) for one in pieces), delta("tool_calls"))

    if pieces[0] == "x":
        assert found[-1] == END
        assert all(call.name == "" for call in found if isinstance(call, ToolCall))
    else:
        assert found == [*expected, END]


@pytest.mark.parametrize("reason", ["tool_calls", "stop", "function_call"])
def test_a_whole_answer_has_its_calls(reason: str) -> None:
    """
    Also where the server says that it just stopped, and beside words.
    """
    calls = [
        {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": json.dumps(PARIS)}},
        {"id": "c2", "type": "function", "function": {"name": "weather", "arguments": json.dumps(ROME)}},
    ]
    message = {"role": "assistant", "content": "One moment.", "tool_calls": calls}
    body = {"choices": [{"index": 0, "message": message, "finish_reason": reason}], "usage": COUNTED}

    assert whole(OPENAI, body) == [Text("One moment."), *CALLS, Usage(3, 2), END]


def test_whole_calls_are_told_apart_by_their_order() -> None:
    """
    Copies give each of them the same index and no id: none is a piece of another.
    """
    calls = [{"index": 0, "function": {"name": "f", "arguments": json.dumps({"a": n})}} for n in (1, 2)]
    message = {"content": None, "tool_calls": calls}
    body = {"choices": [{"message": message, "finish_reason": "tool_calls"}]}

    assert whole(OPENAI, body) == [ToolCall(None, "f", {"a": 1}), ToolCall(None, "f", {"a": 2}), END]


def test_calls_alone_are_an_answer() -> None:
    """
    Without words and without a reason they are kept, and are not called empty.
    """
    calls = [{"id": "c1", "function": {"name": "weather", "arguments": json.dumps(PARIS)}}]
    body = {"choices": [{"message": {"content": None, "tool_calls": calls}}], "usage": COUNTED}
    taken = Notice("openai sent the answer without a finish_reason; treating it as complete")

    assert whole(OPENAI, body) == [taken, CALLS[0], Usage(3, 2), END]


def test_the_old_way_of_calling_is_read() -> None:
    """
    `function_call`, in a stream and whole, has no id.
    """
    call = {"name": "weather", "arguments": json.dumps(ROME)}
    expected = [ToolCall(None, "weather", ROME), END]
    body = {"choices": [{"message": {"content": None, "function_call": call}, "finish_reason": "function_call"}]}

    assert whole(OPENAI, body) == expected
    assert (
        streamed(
            OPENAI,
            delta(function_call={"name": "weather", "arguments": ""}),
            delta(function_call={"arguments": call["arguments"][:5]}),
            delta(function_call={"arguments": call["arguments"][5:]}),
            delta("function_call"),
        )
        == expected
    )


def test_anthropics_blocks_are_calls() -> None:
    """
    `tool_use` with its input in pieces, or whole; tools that the server runs itself are none of ours.
    """
    usage = {"input_tokens": 3, "output_tokens": 2}
    mine = {"type": "tool_use", "id": "c1", "name": "weather"}
    theirs = {"type": "server_tool_use", "id": "s1", "name": "web_search"}

    def start(index: int, block: dict[str, Any]) -> dict[str, Any]:
        return {"type": "content_block_start", "index": index, "content_block": {**block, "input": {}}}

    def more(index: int, text: str) -> dict[str, Any]:
        inner = {"type": "input_json_delta", "partial_json": text}
        return {"type": "content_block_delta", "index": index, "delta": inner}

    text = json.dumps(PARIS)
    found = streamed(
        ANTHROPIC,
        {"type": "message_start", "message": {"usage": usage}},
        start(0, theirs),
        more(0, '{"query": "x"}'),
        start(1, mine),
        more(1, ""),
        more(1, text[:9]),
        more(1, text[9:]),
        start(2, {**mine, "id": "c2"}),
        more(2, json.dumps(ROME)),
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": usage},
        {"type": "message_stop"},
    )
    blocks = [{**theirs, "input": {}}, {**mine, "input": PARIS}, {**mine, "id": "c2", "input": ROME}]
    body = {"type": "message", "content": blocks, "stop_reason": "tool_use", "usage": usage}

    assert found == [*CALLS, Usage(3, 2), END]
    assert whole(ANTHROPIC, body) == found


def test_ollamas_arguments_are_objects() -> None:
    """
    It has no reason of its own for calls, and ids only lately.
    """
    calls = [
        {"function": {"index": 0, "name": "weather", "arguments": PARIS}},
        {"id": "c2", "function": {"name": "weather", "arguments": ROME}},
    ]
    expected = [ToolCall(None, "weather", PARIS), CALLS[1], Usage(3, 2), END]
    last = {"done": True, "done_reason": "stop", "prompt_eval_count": 3, "eval_count": 2}

    assert streamed(OLLAMA, {"message": {"tool_calls": calls}, "done": False}, {"message": {}, **last}) == expected
    assert whole(OLLAMA, {"message": {"content": "", "tool_calls": calls}, **last}) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", {}, id="empty"),
        pytest.param('{"a": 1.5, "b": [null]}', {"a": 1.5, "b": [None]}, id="object"),
        pytest.param('{"a": 1', '{"a": 1', id="cut"),
        pytest.param("[1]", "[1]", id="array"),
        pytest.param('{"a": NaN}', '{"a": NaN}', id="nan"),
        pytest.param('{"a": 1e999}', '{"a": 1e999}', id="infinity"),
        pytest.param('{"a": "\\ud800"}', {"a": "\ud800"}, id="half-a-character"),
        pytest.param('{"a":' * 5000 + "1" + "}" * 5000, '{"a":' * 5000 + "1" + "}" * 5000, id="deep"),
        pytest.param('{"a":' + "9" * 5000 + "}", '{"a":' + "9" * 5000 + "}", id="endless"),
        pytest.param('{"a":' + "[" * 200 + "]" * 200 + "}", '{"a":' + "[" * 200 + "]" * 200 + "}", id="levels"),
    ],
)
def test_arguments_are_an_object_or_their_text(text: str, expected: Any) -> None:
    """
    What can't be read, or written again as it was read, is handed over as the model wrote it.
    """
    calls = Calls()
    calls.start(name="f", arguments=text)

    assert calls.events() == [ToolCall(None, "f", expected)]


def test_half_a_letter_in_a_call_is_replaced() -> None:
    """
    A call can be written as UTF-8, whatever the server cut.
    """
    calls = Calls()
    calls.start(id="c\ud83d", name="f\ud83d", arguments='{"a": "\ud83d')
    calls.more(None, arguments='\ude00\ud800"}')

    assert calls.events() == [ToolCall("c\ufffd", "f\ufffd", {"a": "\U0001f600\ufffd"})]


def test_arguments_without_end_are_none() -> None:
    """
    The call is kept.
    """
    deep: Any = {}
    for _ in range(100_000):
        deep = {"a": deep}
    calls = Calls()
    calls.start(id="c1", name="f", arguments=deep)

    assert calls.events() == [ToolCall("c1", "f", {})]


JSONISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["function", "name", "arguments", "id", "index", "custom", "input", "type"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@settings(max_examples=80, deadline=None)
@given(calls=JSONISH)
def test_any_calls_can_be_read_and_written(calls: Any) -> None:
    """
    Whatever a stranger calls a call, the answer ends, and its row is JSON.
    """
    body = {"choices": [{"message": {"content": "hi", "tool_calls": calls}, "finish_reason": "stop"}]}
    found = whole(OPENAI, body) + streamed(OPENAI, delta("stop", content="hi", tool_calls=calls))

    assert all(isinstance(event, Text | ToolCall | Finish) for event in found)
    for event in found:
        if isinstance(event, ToolCall):
            jsontext.write([event.id, event.name, event.arguments]).encode()


def test_a_row_has_its_calls_in_every_shape() -> None:
    """
    JSON lines as they are, a table as JSON in a cell, OpenAI's lines as OpenAI writes them.
    """
    _, execution = Stage({A: Provider([*CALLS[:1], Usage(3, 2), END])}).play()
    assert execution.result is not None
    row: dict[str, Any] = json.loads(json.dumps(line(("r", 0, "k"), execution.result)))
    (openai,) = (json.loads(shaper("openai-batch", [])(row)),)

    assert (row["status"], row["text"], row["finish_reason"]) == ("ok", "", "tool_calls")
    assert row["tool_calls"] == [{"id": "c1", "name": "weather", "arguments": PARIS}]
    assert json.dumps(row["tool_calls"]) in flat(row, [])
    assert openai["response"]["body"]["choices"][0]["message"] == {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": json.dumps(PARIS)}}
        ],
    }


def test_rows_of_before_have_none() -> None:
    """
    An output that an earlier llmo wrote can be exported.
    """
    _, execution = Stage({A: Provider([Text("hi"), Finish("stop")])}).play()
    assert execution.result is not None
    row: dict[str, Any] = json.loads(json.dumps(line(("r", 0, "k"), execution.result)))
    del row["tool_calls"]
    message = json.loads(shaper("openai-batch", [])(row))["response"]["body"]["choices"][0]["message"]

    assert message == {"role": "assistant", "content": "hi", "refusal": None}
    assert len(flat(row, [])) == len(shaper("csv", [])(None).split(b","))


NUMBER: Any = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


@pytest.mark.parametrize(
    ("request_", "asked", "outcome"),
    [
        pytest.param(replace(HELLO, params=Params(extra={"tools": []})), 1, "ok", id="described"),
        pytest.param(replace(HELLO, body={"functions": []}), 1, "ok", id="described-in-a-row"),
        pytest.param(HELLO, 2, "invalid_output", id="made-up"),
    ],
)
def test_a_call_before_structured_output_is_not_repaired(request_: Request, asked: int, outcome: str) -> None:
    """
    A tool of the request may be wanted first; one that nobody described is no answer, and is asked for again.
    """
    provider = Provider([CALLS[0], END])
    stage = Stage({A: provider})
    job = replace(stage.job(), request=replace(request_, schema=NUMBER))

    async def main() -> Structured:
        running = Structured(stage.engine(), job, Validator(NUMBER))
        await running.run()
        return running

    running = virtual.run(main(), stage.clock)

    assert running.result is not None
    assert (running.result.data, running.result.tool_calls, len(provider.requests)) == (None, (CALLS[0],), asked)
    assert (running.result.error.kind if running.result.error else "ok") == outcome
