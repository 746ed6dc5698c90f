"""Suggestions for a wrong name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from llmo.types.nearest import nearest, suggestion

if TYPE_CHECKING:
    from tests.conftest import Llmo


def test_a_close_name_is_suggested_whatever_its_case() -> None:
    """
    As it is written in the list.
    """
    assert nearest("openAi", ["OpenAI", "ollama"]) == "; did you mean OpenAI?"
    assert suggestion("openAi", ["OpenAI", "ollama"], "providers") == "did you mean OpenAI?"


def test_without_a_close_name_all_are_listed() -> None:
    """
    In a hint; a message stays as it is.
    """
    assert nearest("xyz", ["openai", "ollama"]) == ""
    assert suggestion("xyz", ["openai", "ollama"], "providers") == "providers: openai, ollama"
    assert suggestion("xyz", [], "providers") == "providers: none"


@pytest.mark.parametrize(
    ("args", "near"),
    [
        pytest.param(("akk", "hi"), "ask", id="command"),
        pytest.param(("ask", "--strategy", "cheepest", "hi"), "cheapest", id="choice"),
        pytest.param(("ask", "--privat", "hi"), "--private", id="option"),
        pytest.param(("ask", "-t", "simpel", "hi"), "simple", id="task"),
        pytest.param(("ask", "-m", "offlin/echo", "hi"), "offline", id="provider-of-a-model"),
        pytest.param(("models", "--provider", "ofline"), "offline", id="provider"),
        pytest.param(("models", "--supports", "vison"), "vision", id="ability"),
        pytest.param(("cost", "--as-if", "offlin/echo"), "offline", id="as-if"),
        pytest.param(("batch", "in.jsonl", "-o", "out.jsonl", "--retry-errors=truncatd"), "truncated", id="error-kind"),
    ],
)
def test_every_closed_set_suggests_the_nearest_name(llmo: Llmo, args: tuple[str, ...], near: str) -> None:
    """
    A typo is answered with the word that was meant.
    """
    run = llmo("-P", "offline", *args)

    assert run.code in (2, 4)
    assert "did you mean" in run.stderr.lower(), run.stderr
    assert near in run.stderr.lower().partition("did you mean")[2]
