"""A question is checked once, whoever asks it; a message names an option as its user knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from llmo.cli.options import SelectionFlags, choice, given
from llmo.client.question import question, selection
from llmo.errors import UsageError

if TYPE_CHECKING:
    from llmo.client.question import Options


@pytest.mark.parametrize(
    ("options", "flags", "message"),
    [
        pytest.param({"max_cost": "0"}, {"max_cost": "0"}, "{max_cost} must be above 0: 0", id="max-cost"),
        pytest.param({"timeout": 0}, {"timeout": "0"}, "{timeout} must be above 0: 0", id="timeout"),
        pytest.param({"retries": -1}, {"retries": -1}, "{retries} must be at least 0: -1", id="retries"),
        pytest.param(
            {"temperature": -1}, {"temperature": -1}, "{temperature} must be at least 0: -1", id="temperature"
        ),
        pytest.param(
            {"private": True, "allow_private_to": "p"},
            {"private": True, "allow_private_to": ["p"]},
            "{private} and {allow_private_to} cannot be combined",
            id="private",
        ),
    ],
)
def test_flags_and_keywords_are_refused_alike(options: Options, flags: dict[str, object], message: str) -> None:
    """
    The same words, with the name that was used: `max_cost` of a program is `--max-cost` of the command line.
    """
    names = ("max_cost", "timeout", "retries", "temperature", "private", "allow_private_to")
    said = message.format(**{name: name for name in names})
    flagged = message.format(**{name: f"--{name.replace('_', '-')}" for name in names})

    with pytest.raises(UsageError) as program:
        question("hello", options)
    with pytest.raises(UsageError) as line:
        SelectionFlags(**flags)  # type: ignore[arg-type]

    assert (said, flagged) == (program.value.message.removesuffix(".0"), line.value.message.removesuffix(".0"))


def test_flags_say_the_same_as_keywords() -> None:
    """
    What the planner is told by either differs in nothing but who wants it private.
    """
    options: Options = {
        "model": ["a/x", "b/y"],
        "task": "simple",
        "strategy": "fastest",
        "private": True,
        "fallback": False,
        "fit": True,
        "lenient": True,
        "max_cost": "1",
        "tags": {"team": "maps"},
    }
    flags = SelectionFlags(
        model=["a/x", "b/y"], task="simple", strategy="fastest", private=True, no_fallback=True, fit=True, lenient=True,
        max_cost="1", tag=["team=maps"],
    )  # fmt: skip
    told, line = selection(options), choice(flags)

    assert ("private=True", "--private") == (told.because, line.because)
    assert selection(given(flags)) == told
