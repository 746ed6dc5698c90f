"""Bodies that are put together from what is the same in all of them, beside those that are written whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmo.config.profile import ProviderConfig
from llmo.errors import Rejected
from llmo.providers.http.bodies import KEPT, Bodies
from llmo.providers.openai.provider import encode
from llmo.providers.provider import ProviderContext
from llmo.types.messages import Image, Message, Params, Request
from tests.contract.dialects import Scripted

if TYPE_CHECKING:
    from collections.abc import Callable

CONTEXT = ProviderContext("o", "https://api.test/v1", "sk-key", ProviderConfig(kind="openai"), Scripted([]))
TEXT = st.one_of(st.text(st.characters()), st.sampled_from(["\ud800", '"\\\x00\x7f\u2028é', "llmo-", "\U0001f600"]))
SYSTEM, TALK = Message("system", 'Be "brief".'), (Message("user", "a"), Message("assistant", "b"))
PARAMS = (Params(), Params(max_tokens=7, temperature=0.5, stop=("é",), extra={"top_p": 1, "user": "x"}))
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}


def told(write: Callable[[Request, str], bytes], request: Request, model: str) -> bytes | str:
    try:
        return write(request, model)
    except Rejected as exc:
        return exc.message


def whole(request: Request, model: str) -> bytes:
    return encode(request, model, CONTEXT)


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([(), (SYSTEM,), (SYSTEM, *TALK)]),
            TEXT,
            st.sampled_from(PARAMS),
            st.sampled_from([None, SCHEMA]),
            st.booleans(),
            st.sampled_from(["m", "n"]),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_a_body_that_is_put_together_is_the_one_that_would_be_written(asked) -> None:
    """Whatever came before it: texts, parameters, schemas, models, streams, and the turns before the prompt."""
    bodies = Bodies(whole)
    requests = [
        (Request((*before, Message("user", text)), params, schema, stream=stream), model)
        for before, text, params, schema, stream, model in asked * 2
    ]

    assert [told(bodies, *one) for one in requests] == [told(whole, *one) for one in requests]


def test_what_is_more_than_a_text_is_written_whole() -> None:
    """A picture, a message as it stands, an answer at the end, no message."""
    odd = [
        Request((Message("user", "x", (Image("a.png", "image/png", b"x"),)),)),
        Request((Message("user", "x", verbatim={"role": "user", "content": "x", "name": "n"}),)),
        Request((Message("user", "x"), Message("assistant", "y"))),
        Request((Message("user", "x"),), body={"top_p": 0.5}),
        Request(()),
    ]
    written: list[Request] = []
    bodies = Bodies(lambda request, model: written.append(request) or whole(request, model))  # type: ignore[func-returns-value]
    for request in odd * 3:
        bodies(request, "m")

    assert written == odd * 3


@pytest.mark.parametrize("kinds", [1, 2, KEPT + 5])
def test_a_body_is_written_whole_once_or_twice_for_each_kind(kinds: int) -> None:
    """Of the first request, and of the second to see what is around its text; more kinds than are kept are still right."""
    params = [Params(seed=seed) for seed in range(kinds)]
    written: list[Request] = []
    bodies = Bodies(lambda request, model: written.append(request) or whole(request, model))  # type: ignore[func-returns-value]
    for number in range(5):
        for one in params:
            request = Request((Message("user", f"prompt {number}"),), one)
            assert bodies(request, "m") == whole(request, "m")

    assert kinds > KEPT or len(written) == 2 * kinds
