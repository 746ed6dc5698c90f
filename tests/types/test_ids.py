"""Identifiers that sort by time."""

from __future__ import annotations

from llmo.types.ids import ulid


def test_an_identifier_begins_with_its_time_as_others_write_it() -> None:
    """
    The first ten characters are milliseconds, as in the example of the ULID specification.
    """
    assert ulid(1469918176.385)[:10] == "01ARYZ6S41"
    assert ulid(0.0)[:10] == "0000000000"


def test_identifiers_sort_by_time_across_every_carry() -> None:
    """
    A millisecond more sorts later, also where a kept part of the time is over.
    """
    moments = sorted({1023, 1024, 2**20 - 1, 2**20, 2**30 - 1, 2**30, 2**40 - 1, 2**40, 2**48 - 1})
    made = [ulid((moment + 0.5) / 1000) for moment in moments]

    assert made == sorted(made)
    assert len({one[:10] for one in made}) == len(moments)


def test_no_two_identifiers_are_equal_and_each_character_is_as_likely() -> None:
    """
    Sixteen of 32 characters are drawn at random for each of one moment.
    """
    made = {ulid(1.0) for _ in range(2000)}
    counts = [
        sum(one.count(char) for one in {name[10:] for name in made}) for char in "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    ]

    assert {len(name) for name in made} == {26}
    assert len(made) == 2000
    assert sum(counts) == 2000 * 16
    # Six standard deviations of a count whose mean is 1,000.
    assert all(abs(count - 1000) < 190 for count in counts)
