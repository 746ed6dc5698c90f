"""What a row asks, and its key: equal for what is the same request, and the same as last month."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from llmo.batch.input.identity import answer_key, content_id
from llmo.batch.input.requests import RequestBuilder, RowRequest
from llmo.batch.input.rows import Row
from llmo.errors import UsageError
from llmo.types.messages import Message, Params, Request

if TYPE_CHECKING:
    from llmo.types.jsontext import Json

FORMAT: dict[str, Json] = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
TOOLS: list[Json] = [{"type": "function", "function": {"name": "f"}}]


def image(data: bytes) -> list[Json]:
    url = "data:image/png;base64," + base64.b64encode(data).decode()
    return [
        {
            "role": "user",
            "content": [{"type": "text", "text": "what?"}, {"type": "image_url", "image_url": {"url": url}}],
        }
    ]


def row(fault: UsageError | None = None, **fields: Any) -> Row:
    return Row(0, fields, name="in", number=1, text="broken" if fault else None, fault=fault)


def openai(custom_id: str = "a", **body: Any) -> Row:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **body}
    return row(custom_id=custom_id, method="POST", url="/v1/chat/completions", body=body)


def builder(*compared_targets: str, **more: Any) -> RequestBuilder:
    plain: dict[str, Any] = {
        "template": None,
        "system": None,
        "params": Params(),
        "schema": None,
        "choice": {"model": ["p/m"]},
    }
    return RequestBuilder(compared_targets=compared_targets, **{**plain, **more})


def told(asked: RowRequest) -> tuple[Request, str, str | None, str | None, UsageError | None]:
    return asked.request, asked.key, asked.model, asked.compared_target, asked.fault


DIFFERENT: dict[str, dict[str, Any]] = {
    "plain": {},
    "model": {"model": "n"},
    "words": {"messages": [{"role": "user", "content": "ho"}]},
    "role": {"messages": [{"role": "system", "content": "hi"}]},
    "limit": {"max_tokens": 5},
    "temperature": {"temperature": 0.5},
    "seed": {"seed": 1},
    "stop": {"stop": "x"},
    "option": {"top_p": 0.5},
    "tools": {"tools": TOOLS},
    "format": {"response_format": {"type": "json_object"}},
    "schema": {"response_format": FORMAT},
    "strict schema": {"response_format": FORMAT | {"json_schema": {"strict": True, "schema": {"type": "object"}}}},
    "image": {"messages": image(b"1")},
    "other image": {"messages": image(b"2")},
    "name": {"messages": [{"role": "user", "name": "ann", "content": "hi"}]},
}


def test_lines_that_ask_something_else_have_different_keys() -> None:
    """An answer is never copied from one to the other; the id of a line and what is not sent make no difference."""
    keys = {name: builder()(openai(**body)).key for name, body in DIFFERENT.items()}

    assert len(set(keys.values())) == len(DIFFERENT)
    assert builder()(openai("other", stream=True)).key == keys["plain"]
    assert builder(system="be brief")(openai()).key != keys["plain"]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("plain", "cd37800783ad18ab4ed7d74768e01ba9"),
        ("limit", "ff37ebe994bf2cf43f1a30f24bed3b8b"),
        ("option", "97dacf41af655bcb9185db89bfd26130"),
        ("schema", "2c2200dd18996d9285e1cc98d12e9fcc"),
        ("image", "4d6c0aa29de7c93a68ca99340f778015"),
        ("name", "64d8de1f98ec067a475e1c01ad61ca32"),
    ],
)
def test_keys_of_lines_stay_what_they_were(name: str, key: str) -> None:
    """Another spelling would pay for a whole output again."""
    assert builder()(openai(**DIFFERENT[name])).key == key


def test_a_line_asks_its_model_with_the_words_of_the_system_prompt() -> None:
    """Those of --system come first."""
    asked = builder(system="be brief", params=Params(seed=2))(openai(temperature=0.5))

    assert (asked.model, asked.compared_target, asked.fault) == ("m", None, None)
    assert asked.request == Request(
        (Message("system", "be brief"), Message("user", "hi")),
        Params(temperature=0.5, seed=2),
        stream=False,
        body={"temperature": 0.5, "seed": 2},
    )


def test_a_row_is_asked_once_of_each_rival() -> None:
    """Each answer has a key of its own, from which that of the row can be told."""
    one, two = builder("x/m", "y/m").all(row(prompt="hi"))
    (alone,) = builder().all(row(prompt="hi"))

    assert [(asked.model, asked.compared_target, asked.request) for asked in (one, two)] == [
        ("x/m", "x/m", alone.request),
        ("y/m", "y/m", alone.request),
    ]
    assert [answer_key(one.key, "x/m"), answer_key(two.key, "y/m")] == [alone.key] * 2
    assert (alone.model, alone.compared_target) == (None, None)


def test_what_was_checked_is_not_made_again() -> None:
    """For that very row, once; another one in its place, and one without an id, are their own."""
    one, other, torn = row(prompt="hi"), row(prompt="ho"), UsageError("no id")
    made = builder()
    requests = made.all(one)

    made.keep(one, requests)
    assert made.late(one) is requests
    assert [told(asked) for asked in made.late(one)] == [told(asked) for asked in requests]
    assert made.late(one) is not requests

    made.keep(one, requests)
    assert [asked.key for asked in made.late(other)] == [asked.key for asked in builder().all(other)]

    made.keep(one, requests)
    assert [asked.fault for asked in made.late(one, torn)] == [torn]


def test_a_late_row_that_can_not_be_sent_has_its_fault_and_a_key() -> None:
    """By its content, so that the same command tries it again only when it has changed."""
    torn = UsageError("torn")
    broken, empty = row(torn), row(prompt=" ")
    (first,) = builder().late(broken)
    (given,) = builder().late(row(prompt="hi"), torn)
    (found,) = builder().late(empty)
    nothing = Request((), stream=False)

    assert told(first) == (nothing, content_id(broken), None, None, torn)
    assert told(given) == (nothing, content_id(row(prompt="hi")), None, None, torn)
    assert (found.key, found.request, str(found.fault)) == (content_id(empty), nothing, "empty prompt: in:1")
    assert told(*builder().late(row(prompt="hi"))) == told(*builder().all(row(prompt="hi")))


def test_a_late_row_that_can_not_be_sent_fails_once_for_each_rival() -> None:
    """Each under the key of its answer."""
    torn = UsageError("torn")
    broken = row(torn)
    late = builder("x/m", "y/m").late(broken)

    assert [(asked.compared_target, asked.key, asked.fault) for asked in late] == [
        (compared_target, answer_key(content_id(broken), compared_target), torn) for compared_target in ("x/m", "y/m")
    ]
