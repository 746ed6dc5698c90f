"""Card numbers and IBANs in texts."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from llmo.routing.account_numbers import has_card

BODIES = (
    "411111111111111",
    "37828224631000",
    "3056930902590",
    "510510510510510",
    "601111111111111",
    "400000000000000000",
)


def card(body: str) -> str:
    """The number with its check digit."""
    return next(f"{body}{digit}" for digit in range(10) if checks(f"{body}{digit}"))


def checks(number: str) -> bool:
    doubled = "".join(str(2 * int(digit)) for digit in number[-2::-2])
    return sum(map(int, number[::-2] + doubled)) % 10 == 0


def is_card(number: str) -> bool:
    """Whether a number of one group is one."""
    return 13 <= len(number) <= 19 and checks(number) and has_card(number, inside=(False, False))


def plainly(run: str, inside: tuple[bool, bool]) -> bool:
    """Whether any groups beside each other are a card, each few of them looked at."""
    groups, signs = re.findall(r"\d+", run)[inside[0] :], re.findall(r"\D+", run)[inside[0] :]
    groups = groups[: len(groups) - inside[1]]
    return any(
        min(map(len, groups[first:last])) >= 2
        and len(set(signs[first : last - 1])) <= 1
        and is_card("".join(groups[first:last]))
        for first in range(len(groups))
        for last in range(first + 1, min(first + 8, len(groups)) + 1)
    )


@st.composite
def runs(draw: st.DrawFn) -> str:
    """Digits of cards and others, in groups."""
    numbers = st.sampled_from([card(body) for body in BODIES]) | st.text("0123456789", min_size=1, max_size=20)
    digits = "".join(draw(st.lists(numbers, min_size=1, max_size=3)))
    signs = st.just("-") if draw(st.booleans()) else st.sampled_from(["-", " ", ". "])
    size = draw(st.sampled_from([2, 4, 19]))
    while digits[size:]:
        given = draw(st.sampled_from([1, 2, 3, 4, 6, size, size]))
        digits, size = digits[:size] + draw(signs) + digits[size:], size + given + 1
    return digits


@settings(max_examples=400)
@given(runs(), st.tuples(st.booleans(), st.booleans()))
def test_a_card_is_found_at_once_where_looking_at_all_groups_finds_it(run: str, inside: tuple[bool, bool]) -> None:
    """
    Of two to eight groups of two digits or more with the same sign between them.
    """
    assert plainly(run, inside) == has_card(run, inside=inside)


def test_texts_of_thousands_of_groups_have_a_card_in_the_last_ones() -> None:
    """
    Whatever stands before it, and whatever repeats.
    """
    for before in ("41 ", "4111 1111 ", "5 ", "37-"):
        assert not has_card((before * 2000)[:-1], inside=(False, False))
        assert has_card(before * 2000 + "3782 822463 10005", inside=(False, False))


def test_a_card_has_at_most_eight_groups() -> None:
    """
    Also one of nineteen digits.
    """
    sizes = {8: (2, 2, 2, 2, 2, 3, 3, 3), 9: (2, 2, 2, 2, 2, 2, 2, 2, 3)}
    whole = card(BODIES[-1])
    written = {
        count: " ".join(whole[sum(given[:n]) : sum(given[: n + 1])] for n in range(count))
        for count, given in sizes.items()
    }

    assert {count: has_card(run, inside=(False, False)) for count, run in written.items()} == {8: True, 9: False}
