"""Amounts: exact both ways."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmo.types.money import DOLLAR, MOST, parse_usd, pico, usd


@given(st.integers(0, MOST * DOLLAR))
def test_text_and_integer_are_the_same_amount(amount: int) -> None:
    """
    Nothing is lost on the way out and back, and no exponent is written.
    """
    assert parse_usd(usd(amount)) == amount
    assert set(usd(amount)) <= set("0123456789.")


@pytest.mark.parametrize(
    ("text", "amount"),
    [("2", 2 * DOLLAR), (" $2.50 ", 25 * DOLLAR // 10), ("0.000000000001", 1), ("1e-6", 10**6), ("0", 0)],
)
def test_what_people_write_is_read(text: str, amount: int) -> None:
    """
    With or without a dollar sign.
    """
    assert parse_usd(text) == amount


@pytest.mark.parametrize(
    "text", ["", "x", "-1", "nan", "inf", "-inf", "1e40", "1e-13", "0.0000000000001", "1,5", "1000000.01", "$"]
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    """
    Also what is finer than the ledger counts, or larger than it can hold.
    """
    with pytest.raises(ValueError, match="dollars"):
        parse_usd(text)


def test_a_fraction_is_rounded_up() -> None:
    """
    Nothing becomes free by rounding.
    """
    assert pico(Decimal("0.0000000000001")) == 1
