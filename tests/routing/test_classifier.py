"""The plain rule of -t auto."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmo.routing.classifier import COMPLEX, SIMPLE, Phrases, classify
from llmo.types.secrets import FOLDED


@pytest.mark.parametrize(
    ("prompt", "task"),
    [
        ("Fix the grammar: me go home", "simple"),
        ("Translate to French: good morning", "simple"),
        ("Prove that the square root of 2 is irrational", "complex"),
        ("```python\nprint(1)\n```\nWhy does this fail?", "complex"),
        ("What is the capital of Peru?", "general"),
        ("x " * 5000, "complex"),
    ],
)
def test_the_task_of_a_prompt(prompt: str, task: str) -> None:
    """
    Mechanical and short is simple, reasoning and code are complex, no evidence is general.
    """
    found = classify(prompt)

    assert found.task == task
    assert sum(found.scores.values()) == pytest.approx(1)
    assert max(found.scores, key=lambda name: found.scores[name]) == task


PIECES = st.one_of(
    st.sampled_from(
        [*SIMPLE.stems, *COMPLEX.stems, "fix the typos", "clean up", "trade-offs", "ANALYZE", "architects"]
    ),
    st.sampled_from([" ", "-", "_", "`", "s", "ed", "the ", "e", "d", "\u212a", "\u03a3", *FOLDED]),
    st.text(max_size=4),
)


@given(st.sampled_from([SIMPLE, COMPLEX]), st.lists(PIECES, max_size=12).map("".join), st.booleans())
def test_phrases_are_found_where_their_pattern_finds_them(phrases: Phrases, text: str, loud: bool) -> None:
    """
    Though it is tried only where a phrase begins.
    """
    text = text.upper() if loud else text

    assert [found.span() for found in phrases.pattern.finditer(text)] == [found.span() for found in phrases.find(text)]
