"""Suggestions for a wrong name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from llmo.types.nearest import close, distance, nearest, suggestion

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
    ("name", "meant"),
    [
        pytest.param("nope", "", id="three letters that stand elsewhere too"),
        pytest.param("openia", "openai", id="two letters swapped"),
        pytest.param("olama", "ollama", id="a letter missing"),
        pytest.param("anth", "anthropic", id="the beginning of one"),
        pytest.param("o", "", id="the beginning of two"),
        pytest.param("", "", id="empty"),
        pytest.param("o" * 100_000, "", id="a long one"),
    ],
)
def test_a_name_is_close_by_its_typos(name: str, meant: str) -> None:
    """
    One letter in three may be wrong, and the beginning of a single name stands for it.
    """
    assert close(name, ["openai", "ollama", "anthropic"]) == meant


def test_of_two_names_as_close_the_one_with_the_letters_typed_is_meant() -> None:
    """
    A letter forgotten is likelier than another one.
    """
    assert close("taks", ["tags", "tasks"]) == "tasks"


@pytest.mark.parametrize(
    ("one", "other", "typos"),
    [
        pytest.param("sonet", "sonnet", 1, id="a letter too few"),
        pytest.param("dya", "day", 1, id="neighbors swapped"),
        pytest.param("kitten", "sitting", 3, id="replaced and added"),
        pytest.param("", "ab", 2, id="nothing"),
        pytest.param("same", "same", 0, id="equal"),
        pytest.param("abcdefgh", "hgfedcba", 4, id="more than the most"),
    ],
)
def test_typos_are_counted(one: str, other: str, typos: int) -> None:
    """
    Both ways alike, and never further than asked.
    """
    assert (distance(one, other, 3), distance(other, one, 3)) == (typos, typos)


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
