"""ChatLlmo in chains: what the standard suites do not ask."""

from __future__ import annotations

import asyncio
import copy
import pickle
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import peers

pytest.importorskip("langchain_core", reason=peers.missing("langchain"))

from langchain_core.caches import InMemoryCache
from langchain_core.messages import AIMessage, ChatMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from pydantic import BaseModel, ValidationError

from llmo.errors import BudgetExceeded, InvalidOutput, Unavailable, UsageError
from llmo.langchain.chat_model import ChatLlmo
from llmo.langchain.convert import ledger_tags
from llmo.ledger.sqlite.ledger import SQLiteLedger
from llmo.types.clock import SystemClock
from tests.servers.raw import RawServer, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

README = Path(__file__).parent.parent.parent / "README.md"
PRICED = 'input_usd = "1"\noutput_usd = "10"\n'
HELLO = "You said: hello\n\nThat is 1 word. No model was asked."


class Count(BaseModel):
    """How many there are."""

    n: int


@pytest.fixture
def made(home: Path) -> Iterator[Callable[..., ChatLlmo]]:
    """Makes models of a profile whose provider `p` behaves like this; closes them."""
    models: list[ChatLlmo] = []

    def make(offline: str = PRICED, more: str = "", **fields: Any) -> ChatLlmo:
        path = home / "p.toml"
        path.write_text(f'[providers.p]\nkind = "offline"\n[providers.p.offline]\n{offline}\n{more}', "utf-8")
        models.append(ChatLlmo(**{"model": "p/echo", "llmo_profile": str(path)} | fields))
        return models[-1]

    yield make
    for model in models:
        model.close()


def booked(home: Path, *by: str) -> dict[tuple[str, ...], int]:
    ledger = SQLiteLedger(home / "data" / "ledger.db", SystemClock())
    try:
        return {group.group: group.calls for group in ledger.spending(by) if group.calls}
    finally:
        ledger.close()


def test_a_message_says_what_it_cost_and_who_answered(made: Callable[..., ChatLlmo]) -> None:
    """
    Cost as a decimal string with its source, usage in LangChain's words.
    """
    message = made().invoke("hello")

    told = message.response_metadata
    assert ("p/echo", "p", "0.000141", "computed", "stop") == tuple(
        told[key] for key in ("model_name", "provider", "cost_usd", "cost_source", "finish_reason")
    )
    assert message.usage_metadata is not None
    assert (HELLO, 1, 14, 15) == (
        message.text,
        *(message.usage_metadata[key] for key in ("input_tokens", "output_tokens", "total_tokens")),
    )


def test_a_stream_is_the_message_in_pieces(made: Callable[..., ChatLlmo]) -> None:
    """
    Summed up, the chunks are what `invoke` gives.
    """
    model = made()
    chunks = list(model.stream("hello"))
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk

    message = model.invoke("hello")
    assert (message.text, message.usage_metadata) == (whole.text, whole.usage_metadata)
    assert message.response_metadata | {"id": ""} == whole.response_metadata | {"id": ""}


RUN: Any = {"tags": ["team=maps", "nightly"], "metadata": {"page": 7, "deep": {"not": "kept"}}}


@pytest.mark.parametrize("way", ["invoke", "stream", "ainvoke", "astream", "chain", "batch", "streaming"])
def test_tags_of_a_run_are_in_the_ledger(made: Callable[..., ChatLlmo], home: Path, way: str) -> None:
    """
    However the model is called, its calls are stored with the run's tags, scalar metadata and the model's own.
    """
    model = made(ledger_tags={"app": "x"}, streaming=way == "streaming", tags=["mine"])

    async def astream() -> None:
        async for _ in model.astream("hello", config=RUN):
            pass

    ways: dict[str, Callable[[], object]] = {
        "invoke": lambda: model.invoke("hello", config=RUN),
        "streaming": lambda: model.invoke("hello", config=RUN),
        "stream": lambda: list(model.stream("hello", config=RUN)),
        "ainvoke": lambda: asyncio.run(model.ainvoke("hello", config=RUN)),
        "astream": lambda: asyncio.run(astream()),
        "chain": lambda: list((ChatPromptTemplate.from_template("hello") | model).stream({}, config=RUN)),
        "batch": lambda: model.batch(["hello"], config=RUN),
    }
    ways[way]()
    model.close()

    keys = ("tag:team", "tag:nightly", "tag:page", "tag:app", "tag:mine", "tag:deep", "tag:seq:step:2")
    assert {("maps", "true", "7", "x", "true", "", ""): 1} == booked(home, *keys)


def test_langchains_own_marks_are_no_ledger_tags() -> None:
    """
    Steps of chains and what tracing adds would only split the sums.
    """
    marks = {"ls_provider": "llmo", "langgraph_node": "a", "lc_versions": "1", "who": "me", "none": None}

    assert {"who": "me", "a": "b=c", "w": "true"} == ledger_tags(["seq:step:1", "map:key:x", "a=b=c", "w"], marks)


def test_a_chain_answers(made: Callable[..., ChatLlmo]) -> None:
    """
    Prompt, model and parser, with a conversation in the prompt.
    """
    prompt = ChatPromptTemplate.from_messages([("system", "Be brief."), ("ai", "Yes?"), ("human", "{what}")])

    assert HELLO == (prompt | made() | StrOutputParser()).invoke({"what": "hello"})


def test_a_batch_keeps_the_cap_of_its_model(made: Callable[..., ChatLlmo], home: Path) -> None:
    """
    Twenty at once under a cap: some answer, the others are refused, and the ledger agrees.
    """
    model = made(max_cost="0.0020", max_tokens=20, concurrency=20)
    outcomes = model.batch(["hello"] * 20, return_exceptions=True)
    model.close()

    good = [one for one in outcomes if isinstance(one, AIMessage)]
    assert all(isinstance(one, BudgetExceeded) for one in outcomes if one not in good)
    assert 0 < len(good) < 20
    assert {("ok",): len(good)} == booked(home, "outcome")


def test_structured_output_is_validated(made: Callable[..., ChatLlmo], home: Path) -> None:
    """
    An answer that does not fit is repaired once, then an error; the right one is the class's.
    """
    (home / "replies.txt").write_text('{"n": "two"}\n{"n": 2}\n{"n": null}\n[]\n', "utf-8")
    counting = made(f'reply_file = "{home / "replies.txt"}"').with_structured_output(Count)

    assert Count(n=2) == counting.invoke("How many?")
    with pytest.raises(InvalidOutput, match="does not match the schema"):
        counting.invoke("How many?")


@pytest.mark.parametrize("asynchronous", [False, True])
def test_with_the_raw_message_an_unfit_answer_is_no_exception(
    made: Callable[..., ChatLlmo], home: Path, asynchronous: bool
) -> None:
    """
    `include_raw` gives the text and the error side by side.
    """
    (home / "replies.txt").write_text('{"n": 1}\nnot json\nstill not\n', "utf-8")
    counting = made(f'reply_file = "{home / "replies.txt"}"').with_structured_output(Count, include_raw=True)

    def ask() -> Any:
        return asyncio.run(counting.ainvoke("How many?")) if asynchronous else counting.invoke("How many?")

    good, bad = ask(), ask()
    assert (Count(n=1), None, '{"n": 1}') == (good["parsed"], good["parsing_error"], good["raw"].text)
    assert (None, "still not") == (bad["parsed"], bad["raw"].text)
    assert isinstance(bad["parsing_error"], InvalidOutput)


@pytest.mark.parametrize(
    ("messages", "given", "said"),
    [
        pytest.param("x", {"tools": []}, "llmo does not support bind_tools: tools", id="tools"),
        pytest.param("x", {"logprobs": True}, "unknown parameter: logprobs", id="parameter"),
        pytest.param(
            [HumanMessage("x"), ToolMessage("y", tool_call_id="1")], {}, "no such message: tool", id="message"
        ),
        pytest.param([ChatMessage(content="x", role="critic")], {}, "no such message: role critic", id="role"),
        pytest.param(
            [HumanMessage([{"type": "image", "url": "https://example.com/a.png"}])], {}, "fetches no images", id="url"
        ),
        pytest.param(
            [HumanMessage([{"type": "audio", "base64": "AA==", "mime_type": "audio/wav"}])],
            {},
            "cannot send this part of a human message: audio",
            id="audio",
        ),
        pytest.param(
            [HumanMessage([{"type": "image", "base64": "?", "mime_type": "image/png"}])], {}, "not base64", id="base64"
        ),
        pytest.param(
            [HumanMessage([{"type": "image", "base64": "\u00e9", "mime_type": "image/png"}])],
            {},
            "image 1 is not base64",
            id="no letters of base64",
        ),
        pytest.param(
            [HumanMessage([{"type": "image", "base64": "AA==", "mime_type": "application/pdf"}])],
            {},
            "image 1 is no image: application/pdf",
            id="document",
        ),
    ],
)
def test_what_llmo_cannot_send_is_refused_by_name(
    made: Callable[..., ChatLlmo], home: Path, messages: Any, given: Any, said: str
) -> None:
    """
    Never dropped, and nothing is spent.
    """
    model = made()
    with pytest.raises(UsageError, match=said):
        model.invoke(messages, **given)

    assert {} == booked(home)


def test_bind_tools_is_not_there(made: Callable[..., ChatLlmo]) -> None:
    """
    LangChain's own way to say so.
    """
    with pytest.raises(NotImplementedError):
        made().bind_tools([])


def test_images_are_sent(made: Callable[..., ChatLlmo]) -> None:
    """
    Two pictures in one message, in both spellings.
    """
    parts: list[str | dict[str, Any]] = [
        {"type": "text", "text": "look"},
        {"type": "image", "base64": "AAAA", "mime_type": "image/png"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    ]

    assert "It came with 2 images." in made().invoke([SystemMessage("s"), HumanMessage(parts)]).text


def test_errors_are_those_of_llmo(made: Callable[..., ChatLlmo]) -> None:
    """
    With the attempts that were made.
    """
    model = made('fail = "unavailable"', max_retries=0)
    with pytest.raises(Unavailable) as caught:
        model.invoke("hello")

    assert ["unavailable"] == [attempt.outcome for attempt in caught.value.attempts]


def test_options_of_a_call_win_over_those_of_the_model(made: Callable[..., ChatLlmo]) -> None:
    """
    As with every chat model; `bind` keeps them.
    """
    model = made(max_tokens=1)

    assert ("You said", "You", "You said: hello") == (
        model.invoke("hello", max_tokens=2).text,
        model.bind(model="p/other").invoke("hello").text,
        model.invoke("hello", max_tokens=99, stop=["\n"]).text,
    )


def test_an_async_stream_left_early_is_booked(made: Callable[..., ChatLlmo], home: Path) -> None:
    """
    Closing LangChain's generator settles the attempt.
    """
    model = made(f"{PRICED}delay = 3600")

    async def main() -> None:
        stream = model.astream("hello")
        await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]

    asyncio.run(main())
    model.close()

    assert {("cancelled",): 1} == booked(home, "outcome")


def test_copies_work_on_their_own(made: Callable[..., ChatLlmo]) -> None:
    """
    A model that has been used can be copied and pickled; its connections stay behind.
    """
    model = made()
    model.invoke("hello")
    copies = [copy.deepcopy(model), pickle.loads(pickle.dumps(model))]

    assert [HELLO, HELLO] == [one.invoke("hello").text for one in copies]
    for one in copies:
        one.close()


def test_langchains_cache_keeps_models_apart_and_not_tags(made: Callable[..., ChatLlmo], home: Path) -> None:
    """
    Another model or parameter is another answer; who pays makes none.
    """
    model = made(cache=InMemoryCache())
    for given in ({}, {"config": RUN}, {"model": "p/other"}, {"max_tokens": 3}):
        model.invoke("hello", **given)
    model.close()

    assert {("echo",): 2, ("other",): 1} == booked(home, "model")


def test_the_langchain_of_readme_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """
    As it stands, without a key.
    """
    monkeypatch.setenv("LLMO_PROFILE", "offline")
    (block,) = re.findall(r"^```python langchain\n(.*?)^```", README.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    scope: dict[str, Any] = {}
    exec(block, scope)
    scope["model"].close()

    assert "You said: Name three rivers." in capsys.readouterr().out


def test_a_misspelt_field_is_refused() -> None:
    """
    Not dropped.
    """
    with pytest.raises(ValidationError, match="modle"):
        ChatLlmo(modle="x")  # type: ignore[call-arg]


def test_calls_of_tools_that_went_along_come_back(home: Path) -> None:
    """
    In LangChain's own words, from `invoke` and at the end of a stream; text that is no object is an invalid call.
    """

    def call(identifier: str, arguments: str) -> dict[str, Any]:
        return {"id": identifier, "type": "function", "function": {"name": "weather", "arguments": arguments}}

    message = {"role": "assistant", "content": None, "tool_calls": [call("c1", '{"city": "Paris"}'), call("c2", "?")]}
    body = {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}
    path = home / "peer.toml"
    with RawServer([whole(body)]) as server:
        path.write_text(
            f'[providers.p]\nkind = "openai"\nbase_url = "{server.url}/v1"\napi_key_env = "HOME"\n', "utf-8"
        )
        model = ChatLlmo(model="p/m", llmo_profile=str(path))
        tools = {"tools": [{"type": "function", "function": {"name": "weather"}}]}
        answer = model.invoke("hello", extra=tools)
        (*_, last) = model.stream("hello", extra=tools)
        model.close()

    for got in (answer, last):
        assert isinstance(got, AIMessage)
        assert [(one["name"], one["args"], one["id"]) for one in got.tool_calls] == [
            ("weather", {"city": "Paris"}, "c1")
        ]
        assert [(one["args"], one["id"]) for one in got.invalid_tool_calls] == [("?", "c2")]
        assert got.response_metadata["finish_reason"] == "tool_calls"


@pytest.mark.parametrize(
    ("fields", "options", "said"),
    [
        pytest.param({"max_tokens": -5}, {}, "max_tokens must be at least 1: -5", id="field"),
        pytest.param({}, {"max_tokens": 1.5}, r"max_tokens is not a whole number: 1\.5", id="option"),
        pytest.param({}, {"temperature": float("nan")}, "temperature is not a number: nan", id="nan"),
        pytest.param({"max_retries": 10**6}, {}, "retries must be at most 100: 1000000", id="retries"),
        pytest.param({}, {"stop": [""]}, "stop is an empty text", id="stop"),
        pytest.param({"concurrency": -1}, {}, "concurrency must be at least 1: -1", id="concurrency"),
        pytest.param({"max_cost": "-1"}, {}, "max_cost: not an amount in dollars: -1", id="cost"),
    ],
)
def test_numbers_that_can_not_be_meant_are_refused(
    made: Callable[..., ChatLlmo], fields: dict[str, Any], options: dict[str, Any], said: str
) -> None:
    """
    By the rules of the command line, in a field and per call.
    """
    with pytest.raises(UsageError, match=f"^{said}$"):
        made(**fields).invoke("hello", **options)
