"""Search that forgives typos."""

from __future__ import annotations

import pytest

from llmo.types.matching import ranked

NAMES = [
    "openai/gpt-4o-mini",
    "openai/gpt-4o",
    "openrouter/openai/gpt-4o",
    "anthropic/claude-sonnet-5-5\nClaude Sonnet 5.5",
    "x-ai/grok-vision-beta",
    "groq/mixtral",
    "ollama/llama3.1:latest",
    "here/one",
]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        pytest.param("gpt-4o", ["openai/gpt-4o", "openrouter/openai/gpt-4o", "openai/gpt-4o-mini"], id="whole first"),
        pytest.param("GPT mini", ["openai/gpt-4o-mini"], id="every word"),
        pytest.param("sonnet 5.5", [NAMES[3]], id="in the display name"),
        pytest.param("sonet", [NAMES[3]], id="a letter missing"),
        pytest.param("claud-sonet", [NAMES[3]], id="two typos in two tokens"),
        pytest.param("antropic", [NAMES[3]], id="a long word"),
        pytest.param("gpt4o", ["openai/gpt-4o-mini", "openai/gpt-4o", "openrouter/openai/gpt-4o"], id="no separators"),
        pytest.param("grok", ["x-ai/grok-vision-beta"], id="a name with no typo keeps others away"),
        pytest.param("llama3.1", ["ollama/llama3.1:latest"], id="without its tag"),
        pytest.param("llama4", [], id="another number is no typo"),
        pytest.param("snt", [NAMES[3]], id="letters left out"),
        pytest.param("zz", [], id="nothing like it"),
        pytest.param("???", [], id="no letters"),
        pytest.param(" ", NAMES, id="no words"),
        pytest.param("x" * 100_000, [], id="a long word that nothing is like"),
    ],
)
def test_the_best_match_comes_first(query: str, found: list[str]) -> None:
    """
    A whole name, then its beginning, then a part of it; typos only where nothing has the words as they are.
    """
    assert [NAMES[place] for place in ranked(query, NAMES)] == found
