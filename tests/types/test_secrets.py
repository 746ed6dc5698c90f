"""Keys are looked for only where a part of one stands, and found wherever they stand."""

from __future__ import annotations

import random
import re
import string
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmo.types import secrets
from llmo.types.key_shapes import KEYS
from llmo.types.redact import masked

if TYPE_CHECKING:
    from llmo.types.key_shapes import KeyShape


STEM = {one: one.prefix.replace("\\", "") for one in KEYS}


@pytest.mark.parametrize("shape", KEYS, ids=[one.prefix for one in KEYS])
def test_a_key_of_every_shape_is_found_and_masked(shape: KeyShape) -> None:
    """
    In the middle of a text that has nothing to do with it; masked, no more of it is shown than how it begins.
    """
    drawn = random.Random(shape.prefix)
    letters = [letter for letter in string.ascii_letters + string.digits + "_-./+=" if re.match(shape.body, letter)]
    for length in (shape.least, shape.least + 1, shape.least * 2):
        key = f"{STEM[shape]}{'0' if shape.digit else letters[0]}{''.join(drawn.choices(letters, k=length - 1))}"
        shown = masked(f"of {key} and")

        assert secrets.has_key(f"of {key} and"), key
        assert key[len(STEM[shape]) + 8 :] not in shown
        assert not secrets.has_key(f"of {key[: len(STEM[shape]) + shape.least - 1]} and")


@pytest.mark.parametrize("shape", KEYS, ids=[one.prefix for one in KEYS])
def test_the_beginning_of_a_key_alone_is_none(shape: KeyShape) -> None:
    """
    Names, words and addresses begin like keys.
    """
    assert not secrets.has_key(f"of {shape.prefix} and")


@given(st.text())
def test_a_text_without_a_long_run_of_letters_and_digits_has_no_key(text: str) -> None:
    """
    Whatever is in it.
    """
    assert not secrets.has_key(" ".join(text[at : at + 6] for at in range(0, len(text), 6)))
