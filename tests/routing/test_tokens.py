"""A guess is near, a bound is never passed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmo.routing import images, tokens
from llmo.types.messages import Image, Message, Request


def request(*texts, **extra):
    return Request(messages=tuple(Message("user", text) for text in texts), **extra)


@given(st.lists(st.text(), max_size=4))
def test_a_bound_covers_a_tokenizer_that_makes_one_token_of_every_byte(texts):
    """
    Bytes, one leading space a text, and eight special tokens a message.
    """
    worst = sum(len(text.encode("utf-8", "surrogatepass")) + 1 + 8 for text in texts)

    assert worst <= tokens.bound(request(*texts), "openai")


def test_a_bound_covers_a_tokenizer_that_normalises():
    """
    One ligature of three bytes becomes 18 characters.
    """
    assert tokens.bound(request("\ufdfa" * 100), "openai") > 100 * 33


def test_a_bound_covers_templates_schemas_and_images():
    """
    Everything that is sent beside the texts adds to it.
    """
    plain = tokens.bound(request("hi"), "openai")
    seen = Request((Message("user", "hi", (Image("a.png", "image/png", b""),) * 2),))

    assert 2 * images.UNKNOWN == tokens.bound(seen, "openai") - plain
    assert 2 * 5_000 == tokens.bound(seen, "anthropic") - tokens.bound(request("hi"), "anthropic")
    assert tokens.bound(request("hi", schema={"type": "object"}), "openai") > plain + tokens.PER_SCHEMA


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", 0, id="empty"),
        pytest.param("The quick brown fox jumps over the lazy dog.", 11, id="English"),
        pytest.param("Съешь же ещё этих мягких французских булок", 26, id="Russian"),
        pytest.param("天地玄黄宇宙洪荒", 8, id="Chinese"),
    ],
)
def test_an_estimate_is_near(text, expected):
    """
    Within a third of common tokenizers.
    """
    assert expected == tokens.estimate(text)
