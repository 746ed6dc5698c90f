"""Keys are looked for only where a part of one stands, and found as if they were looked for everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmo.routing import privacy
from llmo.types.secrets import API_KEY, PASSWORD, PRIVATE_KEY, SecretPattern

if TYPE_CHECKING:
    import re

SHAPES = [
    pytest.param(PRIVATE_KEY, id="private key"),
    pytest.param(API_KEY, id="API key"),
    pytest.param(PASSWORD, id="password"),
]


@pytest.mark.parametrize("shape", SHAPES)
@given(data=st.data())
def test_a_shape_finds_all_that_its_pattern_matches(shape: SecretPattern, data: st.DataObject) -> None:
    """
    Whatever stands around it, and whatever its case.
    """
    text = data.draw(st.from_regex(shape.pattern))

    assert shape.search(text) is not None


@pytest.mark.parametrize("shape", SHAPES)
@given(text=st.text())
def test_a_shape_finds_nothing_else(shape: SecretPattern, text: str) -> None:
    """
    It asks its pattern in the end.
    """
    found, expected = shape.search(text), shape.pattern.search(text)

    assert (found and found.span()) == (expected and expected.span())


@pytest.mark.parametrize("pattern", [privacy._CARD, privacy._SSN], ids=["card", "social security number"])
@given(data=st.data())
def test_numbers_are_looked_for_wherever_there_are_enough_digits(pattern: re.Pattern[str], data: st.DataObject) -> None:
    """
    In any script: a pattern takes all digits for digits.
    """
    assert privacy._DIGITS.search(data.draw(st.from_regex(pattern))) is not None


@given(text=st.from_regex(privacy._IBAN))
def test_account_numbers_are_looked_for_wherever_letters_and_digits_stand_together(text: str) -> None:
    """
    With which all of them begin.
    """
    assert privacy._LETTERS_AND_DIGITS.search(text) is not None
