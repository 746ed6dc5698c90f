"""
Messages that repeat the one before them but for its text: read in less time, and as they would be one by one.

`LLMO_TEST_EXAMPLES=5000` looks at so many of each kind (a few minutes), instead of a hundred.
"""

from __future__ import annotations

import itertools
import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmo.errors import LlmoError, ProviderError
from llmo.providers.http.framing import SseFramer
from llmo.providers.openai.decoder import OpenAIDecoder
from llmo.providers.registry import factory
from llmo.types.events import Event, Reasoning, Text
from tests.contract.dialects import ANTHROPIC, HELLO, LITELLM, OLLAMA, OPENAI, OPENROUTER, Row, Scripted, events, link

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from llmo.providers.http.decoder import Decoder

EXAMPLES = int(os.environ.get("LLMO_TEST_EXAMPLES", "100"))
WHOLE = replace(HELLO, stream=False)
PIECES = (
    *("a", "b c", "", 'say "no"', "back\\slash", "line\nbreak", "\x03"),
    *("ü", "😀", "\ud83d", "\ude00", "\u2028", "data: x"),
)
RAW = (
    *(rb"\u0041", rb"\ud83d", rb"\ude00", rb"\x", b'"', b'","b":"', b'"},"finish_reason":"stop","x":{"y":"', b"\\"),
    *(b"\xff", b"\xe2\x82", b"\xac", b"\t", b"llmo's place for a text", b'":"', b"\n", b"\r", b""),
)


def openai(kind: str = "content", **fields: Any) -> bytes:
    """A chunk with a place for its text."""
    other = fields.pop("delta", {})
    choice = {"index": 0, "delta": {**other, kind: "PLACE"}, "finish_reason": None, **fields.pop("choice", {})}
    return json.dumps({"id": "c", "model": "m", "choices": [choice], **fields}).encode()


def anthropic(kind: str, name: str, index: int = 0) -> bytes:
    return json.dumps(
        {"type": "content_block_delta", "index": index, "delta": {"type": kind, name: "PLACE"}}, separators=(",", ":")
    ).encode()


CALL = {"index": 0, "id": "c1", "function": {"name": "f", "arguments": "PLACE"}}
OPENAI_SHAPES = (
    openai(),
    openai(delta={"role": "assistant", "refusal": None}),
    openai("reasoning_content", delta={"content": None}),
    openai("reasoning", delta={"content": ""}),
    openai("reasoning", delta={"content": "both"}),
    openai("refusal"),
    openai("role", delta={"content": "x"}),
    openai(delta={"tool_calls": [CALL]}),
    openai("x", delta={"tool_calls": [CALL]}),
    openai(service_tier="flex"),
    openai(service_tier="default", usage=None),
    openai(model="n", provider="p"),
    openai(usage={"prompt_tokens": 3, "completion_tokens": 2}),
    openai(usage={"prompt_tokens": 3, "completion_tokens": -2}),
    openai(choice={"index": 1}),
    openai(choice={"finish_reason": "stop"}),
    openai(choice={"finish_reason": "PLACE"}),
    openai(choice={"native_finish_reason": "pause_turn"}),
    openai(choice={"error": {"message": "PLACE"}}),
    openai(error={"message": "PLACE", "code": 500}),
    openai(choice={"message": {"content": "PLACE"}}),
    openai(id="PLACE"),
    b'{"PLACE":1,"choices":[{"delta":{"content":"k"}}]}',
    b'{"choices":[{"delta":{"content":"PLACE","content":"twice"}}]}',
    b'{"choices":[{"delta":{"content":"PLACE"}}]} ',
    b'{"choices":[{"delta":{"content":"PLACE"}}',
    b'{"choices":[{"delta":{"content":"PLACE"}},{"index":1,"delta":{"content":"PLACE"}}]}',
    b'{"choices":"PLACE"}',
    b'["PLACE"]',
    b"[DONE]",
)
ANTHROPIC_SHAPES = (
    anthropic("text_delta", "text"),
    anthropic("text_delta", "text", 1),
    anthropic("thinking_delta", "thinking"),
    anthropic("signature_delta", "signature"),
    anthropic("input_json_delta", "partial_json"),
    b'{"type":"ping"}',
    b'{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}',
    b'{"type":"content_block_delta","index":0,"delta":{"type":"PLACE","text":"text_delta"}}',
    b'{"type":"PLACE","index":0,"delta":{"type":"text_delta","text":"content_block_delta"}}',
    b'{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":3}}',
    b'{"type":"message_stop"}',
    b'{"type":"error","error":{"type":"overloaded_error","message":"PLACE"}}',
)
OLLAMA_SHAPES = (
    b'{"model":"m","message":{"role":"assistant","content":"PLACE"},"done":false}',
    b'{"model":"m","message":{"content":"","thinking":"PLACE"},"done":false}',
    b'{"model":"m","message":{"content":"PLACE"},"done":true,"done_reason":"stop","prompt_eval_count":3}',
)
SHAPES: dict[str, tuple[bytes, ...]] = {
    **dict.fromkeys(("openai", "openrouter", "litellm-proxy"), OPENAI_SHAPES),
    "anthropic": ANTHROPIC_SHAPES,
    "ollama": OLLAMA_SHAPES,
}


def pieces() -> st.SearchStrategy[bytes]:
    spelled = st.sampled_from(PIECES).flatmap(
        lambda piece: st.booleans().map(
            lambda plain: json.dumps(piece, ensure_ascii=not plain)[1:-1].encode("utf-8", "replace")
        )
    )
    return spelled | st.sampled_from(RAW)


def messages(shapes: Sequence[bytes]) -> st.SearchStrategy[list[bytes]]:
    """Runs of messages of one shape."""
    run = st.tuples(st.sampled_from(shapes), st.lists(pieces(), min_size=1, max_size=5))
    runs = st.lists(run, min_size=1, max_size=4)
    return runs.map(lambda runs: [shape.replace(b"PLACE", piece) for shape, texts in runs for piece in texts])


def said(shape: bytes, *texts: bytes) -> list[bytes]:
    return [shape.replace(b"PLACE", text) for text in texts]


ODD = {
    "one quote for two": [*said(OPENAI_SHAPES[0], b"a", b"b"), OPENAI_SHAPES[0].replace(b'"PLACE"', b'"')],
    "halves": said(OPENAI_SHAPES[0], b"a", b"b", rb"\ud83d", rb"\ude00", b"c", rb"\ude00"),
    "halves of thoughts": said(OPENAI_SHAPES[2], b"a", b"b", rb"\ud83d", rb"\ude00", "ü".encode()),
    "halves of a character": said(OPENAI_SHAPES[0], b"a", b"b", b"\xe2\x82", b"\xac"),
    "the mark": said(
        b'{"id":"PLACE","choices":[{"delta":{"content":"\\u006clmo\'s place for a text"}}]}', b"llmo's place for a text", b"b"
    ),
    "an earlier tier": [*said(OPENAI_SHAPES[9], b"a", b"b"), *said(OPENAI_SHAPES[10], b"c", b"d"), *said(OPENAI_SHAPES[9], b"e")],
}  # fmt: skip


@pytest.mark.parametrize("found", [pytest.param(found, id=name) for name, found in ODD.items()])
@pytest.mark.parametrize("joins", [False, True])
def test_odd_repeats_come_to_what_each_message_says(found: list[bytes], joins: bool) -> None:
    """
    Texts that could be taken for others, or for more than text.
    """
    made = decoder(OPENAI)
    made.joins = joins

    assert joined(together(made, found)) == joined(one_by_one(decoder(OPENAI), found))


def one_by_one(decoder: Decoder, found: Iterable[bytes]) -> list[Any]:
    """What comes when each message is read for itself."""
    events: list[Any] = []
    try:
        for message in found:
            if not decoder.done:
                decoder.feed(message, events.append)
    except LlmoError as exc:
        events.append(str(exc))
    return [*events, vars(decoder)["finish"], decoder.calls.events(), decoder.owed()]


def together(decoder: Decoder, found: Sequence[bytes]) -> list[Any]:
    """What comes when repeats are looked for."""
    events: list[Any] = []
    at = 0
    try:
        while at < len(found) and not decoder.done:
            repeated = decoder.again(found, at, events.append)
            if not repeated:
                decoder.feed(found[at], events.append)
            at += repeated or 1
    except LlmoError as exc:
        events.append(str(exc))
    return [*events, vars(decoder)["finish"], decoder.calls.events(), decoder.owed()]


def decoder(row: Row) -> Decoder:
    made: Decoder = factory(row.kind)(link(row, Scripted([]))).ask(HELLO, "m")[1]  # type: ignore[attr-defined]
    return made


def joined(found: Iterable[Any]) -> list[Any]:
    """The events with neighbors of one text put together."""
    kept: list[Any] = []
    for event in found:
        if kept and isinstance(event, Text | Reasoning) and type(event) is type(kept[-1]):
            kept[-1] = type(event)(kept[-1].text + event.text)
        else:
            kept.append(event)
    return kept


@pytest.mark.parametrize("row", [pytest.param(r, id=r.kind) for r in (OPENAI, ANTHROPIC, OPENROUTER, LITELLM, OLLAMA)])
def test_repeats_come_to_what_each_message_says(row: Row) -> None:
    """
    Whatever else stands in the messages, however they are spelled, broken or cut.
    """

    @settings(max_examples=EXAMPLES, deadline=None)
    @given(messages(SHAPES[row.kind]))
    def check(found: list[bytes]) -> None:
        expected = one_by_one(decoder(row), found)
        assert together(decoder(row), found) == expected
        joins = decoder(row)
        joins.joins = True
        assert joined(together(joins, found)) == joined(expected)

    check()


def failed(said: Any) -> ProviderError:
    return ProviderError(str(said))


class Counting(OpenAIDecoder):
    """Counts the messages that it reads."""

    reads = 0

    def read(self, message: dict[str, Any]) -> list[Event]:
        self.reads += 1
        return super().read(message)


@pytest.mark.parametrize("kind", ["content", "reasoning_content"])
def test_a_message_that_repeats_another_is_not_read(kind: str) -> None:
    """
    One of forty is, and its text comes piece by piece.
    """
    counting = Counting(link(OPENAI, Scripted([])), failed)
    found = together(counting, [openai(kind).replace(b"PLACE", b"word %d" % n) for n in range(40)])
    made = Text if kind == "content" else Reasoning

    assert found[1:-3] == [made(f"word {n}") for n in range(40)]
    assert counting.reads == 1


def test_a_stream_that_never_repeats_is_soon_taken_as_it_is() -> None:
    """
    Of a server that writes the time into each message no repeat is looked for after the first few.
    """
    looked: list[dict[str, Any]] = []

    class Looking(OpenAIDecoder):
        def alone(self, message: dict[str, Any]) -> Text | Reasoning | None:
            looked.append(message)
            return super().alone(message)

    looking = Looking(link(OPENAI, Scripted([])), failed)
    together(looking, [openai(created=n).replace(b"PLACE", b"word") for n in range(1000)])

    assert len(looked) < 10


@pytest.mark.parametrize(("request_", "pieces"), [(HELLO, 40), (WHOLE, 2)], ids=["watched", "not-watched"])
def test_pieces_that_came_together_are_one_where_nobody_watches(request_: Any, pieces: int) -> None:
    """
    Who asked for a stream gets every piece; a row of a batch its text.
    """
    said = [openai().replace(b"PLACE", b"word %d " % n) for n in range(40)]
    said.append(openai(choice={"finish_reason": "stop"}).replace(b"PLACE", b""))
    data = b"".join(b"data: %b\n\n" % message for message in said) + b"data: [DONE]\n\n"
    texts = [
        event.text
        for event in events(OPENAI, Scripted([data], headers=OPENAI.streamed), request_)
        if isinstance(event, Text)
    ]

    assert len(texts) == pieces
    assert "".join(texts) == "".join(f"word {n} " for n in range(40))


EVENTS = (
    *(b"data: a\n\n", b"data: a\ndata: b\n\n", b"data\n\n", b"data: \n\n", b"data:a\n\n", b"data: \xef\xbb\xbf\n\n"),
    *(b"event: x\ndata: a\n\n", b"event: \ndata: a\n\n", b"event: x\n\n", b"data: event: x\n\n", b"event: data: a\n\n"),
    *(b": c\n\n", b"\n", b"id: 1\ndata: a\n\n", b"data: a\r\n\r\n", b"data: a\r\r", b"\xef\xbb\xbfdata: a\n\n"),
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(st.sampled_from(EVENTS), max_size=6).map(b"".join), st.lists(st.integers(0, 60), max_size=3))
def test_events_are_the_same_wherever_the_network_cuts(data: bytes, cuts: list[int]) -> None:
    """
    In pieces of any size, and byte by byte.
    """
    whole, split, single = SseFramer(), SseFramer(), SseFramer()
    places = sorted({0, *cuts, len(data)})
    expected = [one for n in range(len(data)) for one in single.feed(data[n : n + 1])] + single.end()
    ranges = itertools.pairwise(places)

    assert whole.feed(data) + whole.end() == expected
    assert [one for a, b in ranges for one in split.feed(data[a:b])] + split.end() == expected
