"""Answers of earlier requests in a batch: one rule with `ask`, nothing booked, and only good ones kept."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from llmo.batch.executors.cached import CachedRows
from llmo.batch.executors.executor import Answered
from llmo.batch.resume.feed import Work
from llmo.batch.stats import RunStats
from llmo.config.profile import ProviderConfig
from llmo.engine.answer_cache import AnswerCache
from llmo.errors import ConfigError, Locked, Unavailable
from llmo.storage.answers import AT_ONCE, StoredAnswers
from llmo.storage.history import History
from llmo.types.messages import Image, Message, Params, Request
from tests import virtual
from tests.batch.test_local_executor import RESULT
from tests.fakes import A, B, candidate, plan
from tests.gate import PROFILE
from tests.servers.raw import RawServer, whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from llmo.routing.plan import Plan
    from tests.conftest import Llmo

PAID = """
model = "offline/echo"
[providers.offline]
kind = "offline"
[providers.offline.offline]
input_usd = "1"
output_usd = "2"
"""
HELLO = Request((Message("user", "hello"),))
PROVIDERS = {"a": ProviderConfig(kind="openai", base_url="http://127.0.0.1:1"), "b": ProviderConfig(kind="openai")}


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def answer(text: str = "Hi.", finish: str = "stop") -> bytes:
    """What a server says."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    return whole({"model": "m", "choices": [choice], "usage": {"prompt_tokens": 10, "completion_tokens": 5}})


@dataclass
class Opened:
    """A cache in a file, with a clock that is set by hand."""

    path: Path
    clock: virtual.VirtualClock = field(default_factory=virtual.VirtualClock)

    @contextlib.contextmanager
    def cache(self, age: float = 60.0, patience: float = 0.0) -> Iterator[AnswerCache]:
        history = History(self.path, self.clock)
        history.patience = patience
        cache = AnswerCache(StoredAnswers(history, self.clock), PROVIDERS, age=age, clock=self.clock)
        try:
            yield cache
        finally:
            cache.close()


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    """One that holds nothing yet."""
    return Opened(tmp_path / "history.db")


def test_a_batch_uses_the_answers_of_another_one(llmo: Llmo) -> None:
    """
    Nothing is sent, held or counted against the cap; each line says where its answer is from.
    """
    (llmo.home / "in.txt").write_text("one\ntwo\none\n", "utf-8")
    with RawServer([answer()]) as server:
        (llmo.home / "p.toml").write_text(PROFILE.format(url=server.url), "utf-8")
        args = ("-P", "p.toml", "batch", "in.txt", "--cache", "1h", "--max-tokens", "9", "--report", "report.json")
        first = llmo(*args, "-o", "first.jsonl", env={"GATE_KEY": "sk-gate"})
        again = llmo(*args, "-o", "again.jsonl", "--max-cost", "0.000001", env={"GATE_KEY": "sk-gate"})
        sent = len(server.requests)
    report = json.loads((llmo.home / "report.json").read_text("utf-8"))

    assert (0, 0, 2) == (first.code, again.code, sent), again
    assert [
        (row["text"], row["cost_usd"], row["cost_source"], row["usage"], row["attempts"])
        for row in rows(llmo.home / "again.jsonl")
    ] == [("Hi.", "0", "cached", None, 0)] * 3
    assert "1 duplicates of another row; 2 from the cache, saved $0.00004" in again.stderr
    assert (2, 1, "0.00004", "0", {}) == tuple(
        report[key] for key in ("cached", "copied", "saved_usd", "cost_usd", "models")
    )
    assert 2 == llmo("cost", "--json").json["total"]["calls"]


@pytest.mark.parametrize("first", ["ask", "batch"])
def test_ask_and_batch_share_their_answers(llmo: Llmo, first: str) -> None:
    """
    In both directions: the same prompt, parameters and model are one request.
    """
    (llmo.home / "in.txt").write_text("hello there\n", "utf-8")
    (llmo.home / "p.toml").write_text(PAID, "utf-8")
    common = ("-P", "p.toml", "--cache", "1d", "--max-tokens", "20")
    asks, batch = ("ask", "hello there", "--json", *common), ("batch", "in.txt", *common)
    one, other = (asks, batch) if first == "ask" else (batch, asks)
    llmo(*one)
    run = llmo(*other)
    source = run.json["cost_source"] if first == "ask" else run.json["cost"]["source"]

    assert "cached" == source
    assert "from the cache, saved $0.000" in run.stderr


def test_only_complete_and_good_answers_are_kept(llmo: Llmo) -> None:
    """
    Neither truncated nor refused nor invalid ones nor errors: each is sent again.
    """
    schema = '{"type": "object"}'
    for name, reply, more in (
        ("truncated", answer(finish="length"), ()),
        ("refused", answer(finish="content_filter"), ()),
        ("invalid", answer("no JSON"), ("--schema", schema, "--repair", "0")),
        ("error", whole({"error": {"message": "no"}}, status="400 Bad Request"), ()),
    ):
        (llmo.home / "in.txt").write_text(name, "utf-8")
        with RawServer([reply]) as server:
            (llmo.home / "p.toml").write_text(PROFILE.format(url=server.url), "utf-8")
            args = ("-P", "p.toml", "batch", "in.txt", "--cache", "1h", "--max-tokens", "9", "--retries", "0", *more)
            runs = [llmo(*args, env={"GATE_KEY": "sk-gate"}) for _ in range(2)]
            assert [name] * 2 == [run.json["status"] for run in runs]
            assert 2 == len(server.requests)


def test_what_is_not_meant_is_refused_before_anything_is_opened(llmo: Llmo) -> None:
    """
    An age that is none, and a cache for rows that each want an answer of their own.
    """
    (llmo.home / "in.txt").write_text("a\n", "utf-8")
    args = ("-P", "offline", "batch", "in.txt", "-o", "out.jsonl")
    soon, each = llmo(*args, "--cache", "soon"), llmo(*args, "--cache", "1h", "--no-dedupe")

    assert (2, 2) == (soon.code, each.code)
    assert soon.stderr.startswith("llmo: --cache: not a duration: soon\nhint: use 90s")
    assert each.stderr.startswith("llmo: --cache and --no-dedupe cannot be combined\n")
    assert not (llmo.home / "out.jsonl").exists()


def test_a_history_that_cannot_be_used_is_one_line(llmo: Llmo) -> None:
    """
    Nothing was sent, and the hint says how to go on.
    """
    (llmo.home / "data").mkdir()
    (llmo.home / "data" / "history.db").write_bytes(b"not a database, and long enough to be read as one" * 40)
    run = llmo("-P", "offline", "batch", "--cache", "1h", stdin="a\n")

    assert (4, "") == (run.code, run.stdout)
    assert "llmo: cannot use the history: " in run.stderr
    assert "hint: leave out --cache to run without it" in run.stderr


def test_a_key_is_all_that_a_model_gets_and_where_it_is(opened: Opened) -> None:
    """
    The same name at another address is another model.
    """
    only = plan(candidate(A, 1))
    image = Image("x.png", "image/png", b"1")
    requests = [
        HELLO,
        replace(HELLO, messages=(Message("system", "hello"),)),
        replace(HELLO, messages=(Message("user", "hello", images=(image,)),)),
        replace(HELLO, messages=(Message("user", "hello", images=(replace(image, data=b"2"),)),)),
        replace(HELLO, messages=(Message("user", "hello", verbatim={"name": "x"}),)),
        replace(HELLO, params=Params(max_tokens=1)),
        replace(HELLO, params=Params(temperature=1)),
        replace(HELLO, params=Params(seed=1)),
        replace(HELLO, params=Params(stop=("1",))),
        replace(HELLO, params=Params(extra={"top_p": 1})),
        replace(HELLO, schema={"type": "object"}),
        replace(HELLO, body={"n": 1}),
    ]
    with opened.cache() as cache:
        keys = [cache.key(request, only) for request in requests]
        keys += [cache.key(HELLO, plan(candidate(B, 1))), cache.key(HELLO, plan(candidate(A, 1), candidate(B, 2)))]
        cache._providers = {"a": ProviderConfig(kind="openai", base_url="http://127.0.0.1:2")}
        keys.append(cache.key(HELLO, only))
        cache._providers = PROVIDERS
        same = replace(HELLO, stream=not HELLO.stream)

        assert len(keys) == len(set(keys))
        assert keys[0] == cache.key(same, only)
        assert cache.key(replace(HELLO, params=Params(extra={"a": 1, "b": 2})), only) == cache.key(
            replace(HELLO, params=Params(extra={"b": 2, "a": 1})), only
        )


def test_an_answer_is_found_until_it_is_too_old(opened: Opened) -> None:
    """
    Also before it is written, and by another process after that.
    """
    with opened.cache() as cache:
        cache.keep("k", RESULT)
        found = cache.find("k")
        assert found is not None
        assert (RESULT.text, 0, "cached", 10**9) == (
            found.result.text,
            found.result.cost,
            found.result.cost_source,
            found.saved,
        )
    opened.clock.elapsed += 60
    with opened.cache() as cache:
        assert cache.find("k") is not None
        opened.clock.elapsed += 1
        assert (None, None) == (cache.find("k"), cache.find("other"))
    with opened.cache(age=61) as cache:
        assert cache.find("k") is not None


@pytest.mark.parametrize("body", ['{"text": "x"}', "[]", '"x"', '{"text": "x", "target": 3}'])
def test_an_entry_that_nobody_understands_is_none(opened: Opened, body: str) -> None:
    """
    Of a later version, say.
    """
    with opened.cache() as cache:
        cache.keep("other", RESULT)
    with contextlib.closing(sqlite3.connect(opened.path)) as db:
        db.execute("UPDATE answers SET key = 'k', body = ?", (body,))
        db.commit()
    with opened.cache() as cache:
        assert cache.find("k") is None


def test_answers_are_written_together(opened: Opened) -> None:
    """
    A hundred at once, fewer after a second; while another program locks the file they wait.
    """

    def written() -> int:
        with contextlib.closing(sqlite3.connect(opened.path)) as db:
            return int(db.execute("SELECT count(*) FROM answers").fetchone()[0])

    with opened.cache() as cache:
        for number in range(AT_ONCE + 1):
            cache.keep(str(number), RESULT)
        assert written() == AT_ONCE
        opened.clock.elapsed += 1
        cache.keep("late", RESULT)
        assert written() == AT_ONCE + 2
        with contextlib.closing(sqlite3.connect(opened.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            opened.clock.elapsed += 1
            cache.keep("waiting", RESULT)
            other.execute("ROLLBACK")
        assert cache.find("waiting") is not None
    assert written() == AT_ONCE + 3


def test_a_locked_history_fails_the_last_write_alone(opened: Opened) -> None:
    """
    The answers themselves are in the output.
    """
    history = History(opened.path, opened.clock)
    history.patience = 0
    stored = StoredAnswers(history, opened.clock)
    stored.keep("k", {})
    with contextlib.closing(sqlite3.connect(opened.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Locked):
            stored.close()
        other.execute("ROLLBACK")
    with opened.cache() as cache:
        assert cache.find("k") is None


def test_a_cache_that_fails_ends_with_one_warning(opened: Opened) -> None:
    """
    The rows go on: they are what is paid for. A row that is sent has been planned once.
    """
    sent: list[tuple[str, bool]] = []
    made = plan(candidate(A, 1))

    async def send(work: Work, known: Plan | None) -> Answered:
        sent.append((work.name, known is made))
        return Answered(RESULT if work.name != "r1" else replace(RESULT, error=Unavailable("no")))

    async def main() -> RunStats:
        stats = RunStats()
        with opened.cache() as cache:
            rows = CachedRows(send, cache, lambda _: made, stats=stats)
            works = [
                Work(name=f"r{n}", index=n, seq=n, key="0" * 32, request=HELLO, model=None, fields={}) for n in range(5)
            ]
            assert (await rows(works[1])).result.error is not None
            assert (await rows(works[0])).result.cost == 10**9
            found = await rows(works[2])
            assert (0, None, ()) == (found.result.cost, found.result.usage, found.result.attempts)
            cache._stored._db.execute("DROP TABLE answers")
            cache._stored._waiting.clear()
            for work in works[3:]:
                await rows(work)
            rows.close()
        return stats

    stats = asyncio.run(main())

    assert [("r1", True), ("r0", True), ("r3", True), ("r4", False)] == sent
    assert (1, 10**9) == (stats.cached, stats.saved)
    (warning,) = stats.warnings
    assert warning.startswith("the cache is not used any more: cannot use the history: ")


def test_a_history_of_a_newer_version_is_refused(opened: Opened) -> None:
    """
    With the hint of whoever opened it.
    """
    with contextlib.closing(sqlite3.connect(opened.path)) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(ConfigError) as caught, opened.cache():
        pass

    assert caught.value.hint == "leave out --cache to run without it"
