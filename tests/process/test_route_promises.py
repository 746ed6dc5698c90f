"""What `route` says of a request is what `ask` then does with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.servers.raw import RawServer, whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Llmo

SAID = {
    "id": "c-1",
    "model": "m",
    "choices": [{"index": 0, "message": {"content": '{"n": 1}'}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 5},
}
PROFILE = """
retries = 0
{more}
[providers.openai]
kind = "openai"
base_url = "{url}/v1"
api_key_env = "GOOD"
local = false
[providers.keyless]
kind = "openai"
base_url = "{url}/v1"
api_key_env = "MISSING"
local = false
[providers.dead]
kind = "openai"
base_url = "http://127.0.0.1:9/v1"
api_key_env = "GOOD"
local = false
[providers.here]
kind = "openai"
base_url = "{url}/v1"
api_key_env = "GOOD"
local = true
[providers.words]
kind = "cursor"
command = ["{true}"]
[tasks.general]
primary = ["openai/gpt-4"]
secondary = ["openai/gpt-4.1"]
[tasks.keyless]
primary = ["keyless/gpt-4.1"]
secondary = ["openai/gpt-4.1"]
[tasks.dead]
primary = ["dead/gpt-4.1"]
secondary = ["openai/gpt-4.1"]
[tasks.alone]
primary = ["dead/gpt-4.1"]
[tasks.home]
primary = ["openai/gpt-4.1"]
secondary = ["here/own"]
[tasks.unknown]
primary = ["openai/nobody-knows-it"]
secondary = ["openai/gpt-4.1"]
{tables}
"""
SPENT = '[[budgets]]\nname = "b"\nlimit_usd = "0.000001"\nwindow = "day"\n'
NO_CALLS = '[[budgets]]\nname = "b"\nlimit_calls = 0\nwindow = "day"\nmatch = { model = "gpt-4.1" }\n'
LOCAL = 'when_budget_ends = "local"\n'
CARD = "my card is 4111 1111 1111 1111"
LONG = "word " * 20_000
KINDS: dict[str, tuple[list[str], dict[str, str], list[str]]] = {
    # The arguments, what the profile has beside, and who is asked.
    "all is well": (["hello"], {}, ["gpt-4"]),
    "no key": (["-t", "keyless", "hello"], {}, ["gpt-4.1"]),
    "no key, named": (["-m", "keyless/gpt-4.1", "hello"], {}, []),
    "no key, no fallback": (["-t", "keyless", "--no-fallback", "hello"], {}, ["gpt-4.1"]),
    "budget spent": (["hello"], {"tables": SPENT}, []),
    "budget spent, local may step in": (["-t", "home", "hello"], {"tables": SPENT, "more": LOCAL}, ["own"]),
    "budget of calls spent": (["-m", "openai/gpt-4.1", "hello"], {"tables": NO_CALLS}, []),
    "second's budget spent": (["hello"], {"tables": NO_CALLS}, ["gpt-4"]),
    "window too small": ([LONG], {}, ["gpt-4.1"]),
    "window too small, named": (["-m", "openai/gpt-4", LONG], {}, []),
    "private": ([CARD], {}, []),
    "private, one is here": (["-t", "home", CARD], {}, ["own"]),
    "private by flag": (["--private", "hello"], {}, []),
    "private, allowed": (["--allow-private-to", "openai", CARD], {}, ["gpt-4"]),
    "image for the blind": (["-f", "one.png", "-m", "openai/gpt-4", "hello"], {}, []),
    "image, another sees": (["-f", "one.png", "hello"], {}, ["gpt-4.1"]),
    "schema for a program": (["--schema", "s.json", "--seed", "3", "-m", "words/x", "hello"], {}, []),
    "schema": (["--schema", "s.json", "hello"], {}, ["gpt-4"]),
    "unknown price under a cap": (["-m", "openai/nobody-knows-it", "--max-cost", "1", "hello"], {}, []),
    "unknown price under a cap, first of a chain": (["-t", "unknown", "--max-cost", "1", "hello"], {}, []),
    "unknown price without a cap": (["-m", "openai/nobody-knows-it", "hello"], {}, ["nobody-knows-it"]),
    "cap too small": (["--max-cost", "0.0000001", "hello"], {}, []),
    "cap too small for the limit": (["--max-cost", "0.001", "--max-tokens", "4000", "hello"], {}, []),
    "cap too small for the limit, fit": (
        ["--max-cost", "0.05", "--max-tokens", "4000", "--fit", "hello"],
        {},
        ["gpt-4"],
    ),
    "what has no price under a cap": (
        [
            "--max-cost",
            "1",
            "--option",
            'web_search_options={"search_context_size": "low"}',
            "-m",
            "openai/gpt-4.1",
            "hello",
        ],
        {},
        [],
    ),
    "unknown task": (["-t", "nothing", "hello"], {}, []),
}
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360f8cf500f0003860180"
    "5a347d6b0000000049454e44ae426082"
)


class Home:
    """llmo with a profile whose providers all answer."""

    def __init__(self, llmo: Llmo, server: RawServer) -> None:
        self.llmo, self.server = llmo, server
        (llmo.home / "one.png").write_bytes(PNG)
        (llmo.home / "s.json").write_text('{"type": "object", "properties": {"n": {"type": "integer"}}}')

    def profile(self, more: str = "", tables: str = "") -> None:
        """Write it."""
        text = PROFILE.format(url=self.server.url, more=more, tables=tables, true="/bin/true")
        (self.llmo.home / "p.toml").write_text(text)

    def compare(self, args: list[str]) -> tuple[dict[str, Any], list[str], int]:
        """The plan, who was asked and the exit code, after checking that they agree."""
        env, before = {"GOOD": "key-1"}, len(self.server.requests)
        plan = self.llmo("-P", "p.toml", "route", "--json", *args, env=env)
        run = self.llmo("-P", "p.toml", "ask", "--json", *args, env=env)
        assert "internal error" not in f"{plan.stderr}{run.stderr}"
        said = {"candidates": [], **json.loads(plan.stdout)}
        ready = [one["model"] for one in said["candidates"] if one["ready"]]
        tried = json.loads(run.stdout).get("attempts", [])
        asked = [one["model"] for one in tried if one["outcome"] != "budget_exceeded"]

        assert all(one["ready"] is (one["rank"] is not None) for one in said["candidates"])
        assert ready[: len(asked)] == asked
        if not ready:
            assert (asked, len(self.server.requests) - before) == ([], 0)
            assert run.code != 0
        else:
            assert asked
            assert run.code == 0
        return said, asked, run.code


@pytest.fixture
def home(llmo: Llmo) -> Iterator[Home]:
    with RawServer([whole(SAID)]) as server:
        yield Home(llmo, server)


@pytest.mark.parametrize("name", KINDS)
def test_who_is_ready_by_route_is_asked_and_nobody_else(home: Home, name: str) -> None:
    """
    In every situation that keeps a model from answering; who is out says why.
    """
    args, profile, expected = KINDS[name]
    home.profile(**profile)
    said, asked, _ = home.compare(args)

    assert asked == expected
    assert all(one["why"] for one in said["candidates"])


def test_whoever_failed_is_last_in_both(home: Home) -> None:
    """
    The first ask finds out; then route and ask agree again.
    """
    home.profile()
    env = {"GOOD": "key-1"}
    assert home.llmo("-P", "p.toml", "ask", "-t", "dead", "hello", env=env).code == 0

    said, asked, _ = home.compare(["-t", "dead", "hello"])

    assert ([one["provider"] for one in said["candidates"]], asked) == (["openai", "dead"], ["gpt-4.1"])
    assert said["candidates"][1]["breaker"]["state"] == "open"
