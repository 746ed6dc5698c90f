"""What is printed and stored."""

from __future__ import annotations

import pytest

from llmo.redact import masked, visible


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        pytest.param("\x1b]0;title\x07", "␛]0;title␇", id="title"),
        pytest.param("\x1b]52;c;aGk=\x1b\\", "␛]52;c;aGk=␛\\", id="clipboard"),
        pytest.param("\x9b2J", "\ufffd2J", id="C1"),
        pytest.param("safe\roverwritten", "safeoverwritten", id="carriage return"),
        pytest.param("a\u202eb", "a\ufffdb", id="bidirectional override"),
        pytest.param("tab\tline\nemoji 🎉 עברית", "tab\tline\nemoji 🎉 עברית", id="text stays"),
    ],
)
def test_a_terminal_prints_and_does_not_obey(given: str, shown: str) -> None:
    """
    A model can't move the cursor, set the title or write the clipboard.
    """
    assert visible(given) == shown


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("key sk-abcdefgh12345678 is wrong", "key sk-**** is wrong"),
        ("Authorization: Bearer abcdefgh1234", "Authorization: Bearer****"),
        ("my own s3cr3tvalue here", "my own **** here"),
        ("a short sk-1 and words", "a short sk-1 and words"),
    ],
)
def test_keys_are_masked(given: str, shown: str) -> None:
    """
    By their shape, and by their value where it is known.
    """
    assert masked(given, "s3cr3tvalue", None) == shown
