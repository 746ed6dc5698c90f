"""What one process learns of a failing provider, the next one knows."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tests.servers.raw import RawServer, whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Llmo, Run

SAID = {"id": "c-1", "model": "m", "choices": [{"index": 0, "message": {"content": "Hi."}, "finish_reason": "stop"}]}
FAILED = whole({"error": {"message": "no"}}, status="500 x")
PROFILE = """
retries = 0
[providers.first]
kind = "openai"
base_url = "{0}/v1"
api_key_env = "FIRST_KEY"
[providers.second]
kind = "openai"
base_url = "{1}/v1"
api_key_env = "SECOND_KEY"
[tasks.general]
primary = ["first/m"]
secondary = ["second/m"]
"""


class Pair:
    """llmo with two providers."""

    def __init__(self, llmo: Llmo, first: str, second: RawServer) -> None:
        self.llmo, self.second = llmo, second
        self.path = llmo.home / "p.toml"
        self.path.write_text(PROFILE.format(first, second.url))

    def __call__(self, *args: str, key: str = "key-1", **how: Any) -> Run:
        env = {"FIRST_KEY": key, "SECOND_KEY": "key-2"}
        return self.llmo("-P", self.path, *args, env=env, **how)

    def ask(self, key: str = "key-1") -> list[str]:
        """Who is asked for a prompt, and how each attempt ends."""
        run = self("ask", "-t", "general", "hello", "--json", key=key)
        assert run.code == 0, run
        return [f"{one['provider']} {one['outcome']}" for one in json.loads(run.stdout)["attempts"]]

    def route(self) -> list[tuple[str, Any]]:
        """The candidates of a plan, and what their breakers say."""
        run = self("route", "-t", "general", "hello", "--json")
        return [(one["provider"], one["breaker"]) for one in json.loads(run.stdout)["candidates"]]

    def later(self, seconds: float) -> None:
        """Let so much time pass for breakers."""
        with closing(sqlite3.connect(self.llmo.home / "data" / "ledger.db")) as db, db:
            db.execute("UPDATE breakers SET until = until - ?, opened_at = opened_at - ?, at = at - ?", (seconds,) * 3)


@pytest.fixture
def second() -> Iterator[RawServer]:
    with RawServer([whole(SAID)]) as server:
        yield server


def test_a_dead_provider_is_paid_for_once(llmo: Llmo, second: RawServer) -> None:
    """
    The next process asks the others first, and says so; after a while one tries again.
    """
    pair = Pair(llmo, "http://127.0.0.1:9", second)
    assert pair.ask() == ["first unavailable", "second ok"]

    assert pair.ask() == ["second ok"]
    (_, closed), (name, opened) = pair.route()
    assert (name, closed, opened["state"], opened["reason"]) == ("first", {"state": "closed"}, "open", "unavailable")
    assert 20 < opened["open_s"] <= 30
    assert "last: failed, " in pair("route", "-t", "general", "hello").stdout
    told = pair("ask", "-t", "general", "hello", tty=True)
    assert "first/m was not asked: " in told.stdout, told
    pair.later(31)
    assert pair.route()[0] == ("first", {"state": "half-open", "reason": "unavailable", "open_s": 0.0})
    assert pair.ask() == ["first unavailable", "second ok"]
    assert pair.ask() == ["second ok"]
    with RawServer([whole(SAID)]) as first:
        pair = Pair(llmo, first.url, second)
        assert pair.ask() == ["first ok"], "another address is another provider"


def test_a_provider_that_comes_back_is_used_again(llmo: Llmo, second: RawServer) -> None:
    """
    After one good answer as if nothing had been.
    """
    with RawServer(*[[FAILED]] * 3, [whole(SAID)]) as first:
        pair = Pair(llmo, first.url, second)
        assert [pair.ask()[0] for _ in range(4)] == ["first unavailable"] * 3 + ["second ok"]
        pair.later(31)

        assert [pair.ask() for _ in range(2)] == [["first ok"]] * 2
        assert [breaker for _, breaker in pair.route()] == [{"state": "closed"}] * 2


def test_between_two_processes_one_tries(llmo: Llmo, second: RawServer) -> None:
    """
    While it waits for its answer, the other one goes elsewhere.
    """
    import threading

    go = threading.Event()
    with RawServer(*[[FAILED]] * 3, [go, whole(SAID)]) as first:
        pair = Pair(llmo, first.url, second)
        for _ in range(3):
            pair.ask()
        pair.later(31)
        env = {"FIRST_KEY": "key-1", "SECOND_KEY": "key-2"}
        trying = llmo.start("-P", pair.path, "ask", "-t", "general", "hello", env=env)
        _until(lambda: len(first.requests) == 4)

        others = [pair.ask() for _ in range(2)]
        assert pair.route()[1][1]["state"] == "half-open"
        go.set()
        assert trying.communicate()[0] == b"Hi."
        assert (others, len(first.requests)) == ([["second ok"]] * 2, 4)
        assert pair.ask() == ["first ok"]


def test_keys_and_credit(llmo: Llmo, second: RawServer) -> None:
    """
    A wrong key is no memory; an account without credit is one, of that key.
    """
    wrong, empty = (
        whole({"error": {"message": "no"}}, status="401 x"),
        whole({"error": {"message": "no"}}, status="402 x"),
    )
    with RawServer([wrong], [wrong], [empty], [whole(SAID)]) as first:
        pair = Pair(llmo, first.url, second)

        assert [pair.ask() for _ in range(2)] == [["first credentials", "second ok"]] * 2
        assert [pair.ask() for _ in range(2)] == [["first quota_exhausted", "second ok"], ["second ok"]]
        assert 590 < pair.route()[1][1]["open_s"] <= 600
        assert pair.ask(key="another") == ["first ok"]


def _until(true: Any) -> None:
    for _ in range(2000):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError
