"""What a sieve rules out has none of its patterns."""

from __future__ import annotations

import re
import sys

import pydantic_core
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmo.types import sieve
from llmo.types.sieve import Sieve

WORDS = ("pass", "key", "://", "$2a$", "hasło", "密码", "a.b")
TEXTS = st.text(alphabet="pasyke:/$2hło密码.b \ud800é", max_size=12)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sieve, "PAYS", 0)
    monkeypatch.setattr(sieve, "LOADS", 0)


@given(st.lists(TEXTS, max_size=4), st.integers(0, len(WORDS) - 1))
def test_it_passes_what_has_one_of_its_words(parts: list[str], which: int) -> None:
    """
    And of all that UTF-8 can spell nothing else; half of a surrogate pair always passes.
    """
    one = Sieve(*map(re.escape, WORDS))
    text = WORDS[which].join(parts)

    assert (any(word in text for word in WORDS) or "\ud800" in text) == one.passes(text)


@pytest.mark.parametrize(("text", "passes"), [("", False), ("\0", False), ("a\0key", True), ("ke\ud800y", True)])
def test_texts_that_are_hardly_any(text: str, passes: bool) -> None:
    """
    Empty ones, with NUL, and what is no text for Rust.
    """
    assert passes == Sieve("key").passes(text)


def test_it_is_compiled_after_the_texts_that_would_not_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Until then everything passes; loading pydantic for it pays later.
    """
    monkeypatch.setattr(sieve, "PAYS", 10)
    monkeypatch.setattr(sieve, "LOADS", 20)
    texts = ("12345", "1234", "1", "123456789", "1", "key")

    def passed() -> list[bool]:
        one = Sieve("key")
        return [one.passes(text) for text in texts]

    monkeypatch.setitem(sys.modules, "pydantic_core", pydantic_core)
    loaded = passed()
    monkeypatch.delitem(sys.modules, "pydantic_core")

    assert [True, True, False, False, False, True] == loaded
    assert [True, True, True, True, False, True] == passed()
