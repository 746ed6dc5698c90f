"""What a new user is told before a key, a server or a profile is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Llmo

NOBODY = {"OLLAMA_HOST": "127.0.0.1:1", "PATH": "/nowhere"}
LOOKED_FOR = (
    "llmo: nothing is configured: no OPENAI_API_KEY, ANTHROPIC_API_KEY, OPENROUTER_API_KEY, LITELLM_PROXY_URL, "
    "cursor-agent on PATH, or Ollama model at http://127.0.0.1:1\n"
    "hint: set a key, start Ollama (ollama pull llama3.2), or try made-up answers: -P offline\n"
)


@pytest.mark.parametrize(
    ("args", "code"),
    [
        pytest.param(("ask", "hi"), 4, id="ask"),
        pytest.param(("ask", "hi", "--json"), 4, id="ask --json"),
        pytest.param(("batch", "rows.txt", "-o", "out.jsonl"), 4, id="batch"),
        pytest.param(("batch", "rows.txt", "--dry-run"), 4, id="batch --dry-run"),
        pytest.param(("route", "hi"), 0, id="route"),
        pytest.param(("route", "--rows", "rows.txt", "--json"), 0, id="route --rows, once"),
    ],
)
def test_a_first_run_says_what_was_looked_for_and_how_to_go_on(llmo: Llmo, args: tuple[str, ...], code: int) -> None:
    """
    The variables, the program and the address; then a key, Ollama, or the offline profile. Nothing is written.
    """
    (llmo.home / "rows.txt").write_text("one\ntwo\n")
    run = llmo(*args, env=NOBODY)

    assert (run.code, run.stderr) == (code, LOOKED_FOR)
    assert not (llmo.home / "out.jsonl").exists()


@pytest.mark.parametrize(
    ("args", "env", "said"),
    [
        pytest.param(("-P", "offline", "ask", "hi"), {}, "", id="offline"),
        pytest.param(("ask", "-m", "offline/echo", "hi"), {}, "", id="offline by name"),
        pytest.param(("ask", "-m", "openai/x", "hi"), {}, "llmo: no model is ready: openai/x: OPENAI_API", id="-m"),
        pytest.param(("ask", "--private", "hi"), {}, "llmo: no model on this machine can answer", id="private"),
        pytest.param(
            ("ask", "hi", "-t", "general"),
            {"LLMO_PROVIDERS__OPENAI__API_KEY_ENV": "MINE"},
            "llmo: no model is ready: openrouter/auto: OPENROUTER_API_KEY is not set; openai/gpt-6-luna: MINE is not",
            id="a provider of one's own",
        ),
    ],
)
def test_whoever_asks_for_something_is_told_about_that(
    llmo: Llmo, args: tuple[str, ...], env: dict[str, str], said: str
) -> None:
    """
    A model, a task or a provider that was named is what the message is about.
    """
    run = llmo(*args, env=NOBODY | env)

    assert run.stderr.startswith(said), run.stderr
    assert "nothing is configured" not in run.stderr
