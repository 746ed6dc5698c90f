"""Lines of OpenAI's batch files: what is read of them, and what flags say instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from llmo.batch.input import openai_rows
from llmo.batch.input.rows import Row
from llmo.errors import UsageError
from llmo.types.messages import Message, Params, Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.types.jsontext import Json

SCHEMA: dict[str, Json] = {"type": "object"}
FORMAT: dict[str, Json] = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}
MESSAGES: list[Json] = [{"role": "user", "content": "hi"}]


def row(body: Any, url: Any = "/v1/chat/completions") -> Row:
    fields = {"custom_id": "a", "method": "POST", "url": url, "body": body}
    return Row(0, fields, name="in", number=7, text=None)


def read(**body: Any) -> Request:
    return openai_rows.request(row({"messages": MESSAGES, **body}))[0]


def test_a_line_is_read_whole() -> None:
    """What llmo sets itself is no field any more; everything else is sent as it stands."""
    body: dict[str, Json] = {
        "model": "m",
        "messages": MESSAGES,
        "max_tokens": 5,
        "stream": True,
        "stream_options": {},
        "temperature": 0.5,
        "seed": 3,
        "stop": ["x", "y"],
        "top_p": 0.9,
        "response_format": FORMAT,
    }
    kept = {name: body[name] for name in ("temperature", "seed", "stop", "top_p", "response_format")}

    assert openai_rows.request(row(body)) == (
        Request(
            (Message("user", "hi"),),
            Params(max_tokens=5, temperature=0.5, seed=3, stop=("x", "y")),
            SCHEMA,
            stream=False,
            body=kept,
        ),
        "m",
    )
    assert openai_rows.request(row({"messages": MESSAGES, "model": 5}))[1] is None
    assert openai_rows.recognised({"custom_id": "a", "method": "POST", "url": "u", "body": {}, "more": 1})
    assert not openai_rows.recognised({"custom_id": "a", "url": "u", "body": {}})


@pytest.mark.parametrize(
    ("body", "limit"),
    [
        ({"max_tokens": 5}, 5),
        ({"max_completion_tokens": 7}, 7),
        ({"max_tokens": 5, "max_completion_tokens": 7}, 7),
        ({"max_tokens": 5, "max_completion_tokens": None}, 5),
        ({}, None),
    ],
)
def test_the_output_limit_has_two_names(body: dict[str, Json], limit: int | None) -> None:
    """The later one counts where it is given: money is held for it."""
    found = read(**body)

    assert (found.params, found.body) == (Params(max_tokens=limit), {})


@pytest.mark.parametrize(("stop", "found"), [("x", ("x",)), ([], ()), (None, ()), ("", ())])
def test_one_stop_may_stand_alone(stop: Json, found: tuple[str, ...]) -> None:
    """An empty one is none."""
    assert read(stop=stop).params.stop == found


@pytest.mark.parametrize(
    "wanted",
    [
        None,
        {"type": "json_object"},
        {"json_schema": "x"},
        {"json_schema": {}},
        {"type": "json_schema", "json_schema": {}},
    ],
)
def test_a_format_without_a_schema_is_sent_as_it_stands(wanted: Json) -> None:
    """There is nothing to validate the answer against."""
    found = read(response_format=wanted)

    assert (found.schema, found.body) == (None, {"response_format": wanted})


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (row([]), "body is not an object"),
        (row({}, url="/v1/embeddings"), "url /v1/embeddings is not /chat/completions"),
        (row({}, url=None), "url None is not /chat/completions"),
        (row({}), "no messages"),
        (row({"messages": []}), "no messages"),
        (row({"messages": "hi"}), "no messages"),
        (row({"messages": MESSAGES, "response_format": "json"}), "response_format is not an object"),
        (
            row({"messages": MESSAGES, "response_format": {"type": "json_schema"}}),
            "response_format.json_schema is not an object",
        ),
        (row({"messages": [*MESSAGES, "hi"]}), "messages[1] is not an object"),
        (row({"messages": [{"role": "user", "content": 5}]}), "content is not text or a list of parts"),
        (
            row({"messages": [{"role": "boss", "content": "hi"}]}),
            "role boss is not one of system, developer, user, assistant, tool, function",
        ),
    ],
)
def test_a_line_that_is_no_request_says_why(given: Row, why: str) -> None:
    """And where it stands."""
    with pytest.raises(UsageError) as caught:
        openai_rows.request(given)

    assert caught.value.message == f"not a request: in:7: {why}"


OWN = {"max_tokens": 5, "temperature": 0.5, "seed": 3, "stop": ["x"], "top_p": 0.9, "response_format": FORMAT}


def test_without_flags_a_line_stays_as_it_is() -> None:
    """Whatever else it holds."""
    own = read(**OWN)

    assert openai_rows.overlaid(own, Request((), stream=False)) == own


@pytest.mark.parametrize(
    ("flags", "params", "body"),
    [
        pytest.param({"max_tokens": 0}, {"max_tokens": 0}, {}, id="limit"),
        pytest.param({"temperature": 0.0}, {"temperature": 0.0}, {"temperature": 0.0}, id="temperature"),
        pytest.param({"seed": 0}, {"seed": 0}, {"seed": 0}, id="seed"),
        pytest.param({"stop": ("z",)}, {"stop": ("z",)}, {"stop": ["z"]}, id="stop"),
        pytest.param({"extra": {"top_k": 4}}, {"extra": {"top_k": 4}}, {}, id="option"),
    ],
)
def test_a_flag_says_it_for_all_lines(flags: Any, params: Mapping[str, Any], body: dict[str, Json]) -> None:
    """In the parameters and in what is sent as it stands; the rest is the line's own."""
    own = read(**OWN)
    found = openai_rows.overlaid(own, Request((), Params(**flags), stream=False))
    before = {"max_tokens": 5, "temperature": 0.5, "seed": 3, "stop": ("x",)}

    assert found.params == Params(**{**before, **params})
    assert found.body == {**(own.body or {}), **body}
    assert (found.messages, found.schema, found.stream) == (own.messages, SCHEMA, False)


def test_the_schema_of_a_flag_takes_the_place_of_the_lines() -> None:
    """Two of them would contradict each other."""
    other: dict[str, Json] = {"type": "array"}
    own, _ = openai_rows.request(row({"messages": MESSAGES, **OWN}), schema=other)
    found = openai_rows.overlaid(own, Request((), schema=other, stream=False))

    assert (found.schema, "response_format" in (found.body or {})) == (other, False)
    assert openai_rows.overlaid(read(), Request((), schema=other, stream=False)).body == {}


def test_what_stands_beside_is_part_of_the_key() -> None:
    """Not what is in it already: parameters, messages, and a format that is a schema."""
    plain: dict[str, Json] = {"type": "json_object"}
    own = openai_rows.overlaid(read(**OWN), Request((), Params(extra={"top_k": 4}), stream=False))

    assert openai_rows.beside(own) == {"top_p": 0.9, "top_k": 4}
    assert openai_rows.beside(read(response_format=plain, top_p=1)) == {"response_format": plain, "top_p": 1}
    assert openai_rows.beside(Request((), stream=False, body={"response_format": "json"})) == {}
    assert openai_rows.beside(Request((), stream=False)) == {}
