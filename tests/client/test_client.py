"""llmo for programs: `Client` and `AsyncClient` over the offline provider."""

from __future__ import annotations

import asyncio
import gc
import os
import re
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import llmo
from llmo.client.question import question
from llmo.client.runtime import Runtime
from llmo.client.session import Session, Terms
from llmo.errors import BudgetExceeded, Cancelled, ConfigError, Incomplete, InvalidOutput, UsageError
from llmo.ledger.breakers import Breaker, Circuit
from llmo.ledger.sqlite.ledger import SQLiteLedger
from llmo.routing import tokens
from llmo.types.clock import SystemClock
from llmo.types.events import Usage
from llmo.types.messages import Message, Target
from tests import virtual
from tests.patience import LONG

ROOT = Path(__file__).parents[2]
TEXTS = {"README.md": "python offline", ".ci/prose/llmo.1.md": "python"}
"""What shows Python, and how its blocks are marked."""
HELLO = "You said: hello\n\nThat is 1 word. No model was asked."
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
PRICED = 'input_usd = "1"\noutput_usd = "10"\n'
COST = Decimal("0.000141")
"""What "hello" costs at these prices: 1 token in, 14 out."""
LIMIT = 50
WORST = (tokens.bound(question("hello", {"max_tokens": LIMIT}).request, "offline") + 10 * LIMIT) / Decimal(10**6)
"""What is held for it with that output limit."""
YOU = Decimal("0.000012")
"""What "You" is worth after "hello": two tokens in, one out."""


class Place:
    """A home of its own, with profiles of one offline provider."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.env = {f"LLMO_{kind}_DIR": str(home / kind.lower()) for kind in ("CONFIG", "DATA", "CACHE")}

    def profile(self, offline: str = "", more: str = "") -> str:
        """A profile whose provider `p` behaves like this."""
        path = self.home / "p.toml"
        text = f'model = "p/echo"\n[providers.p]\nkind = "offline"\n[providers.p.offline]\n{offline}\n{more}'
        path.write_text(text, "utf-8")
        return str(path)

    def client(self, offline: str = "", more: str = "", **options: Any) -> llmo.Client:
        return llmo.Client(self.profile(offline, more), env=self.env, **options)

    def aclient(self, offline: str = "", more: str = "", **options: Any) -> llmo.AsyncClient:
        return llmo.AsyncClient(self.profile(offline, more), env=self.env, **options)

    def booked(self, *by: str) -> list[tuple[tuple[str, ...], int]]:
        """What the ledger says after the client has closed: groups and their calls."""
        ledger = SQLiteLedger(self.home / "data" / "ledger.db", SystemClock())
        try:
            return [(group.group, group.calls) for group in ledger.spending(by) if group.calls]
        finally:
            ledger.close()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """An empty home."""
    return Place(tmp_path)


def test_ask_answers_with_all_that_is_known(place: Place) -> None:
    """
    Text, tokens, cost and its source, who answered, and each attempt.
    """
    with place.client(PRICED) as client:
        answer = client.ask("hello")

    assert (HELLO, HELLO, None) == (answer.text, str(answer), answer.data)
    assert (Usage(1, 14), COST, "computed") == (answer.usage, answer.cost, answer.cost_source)
    assert (Target("p", "echo"), "echo", "stop", True) == (
        answer.target,
        answer.served_model,
        answer.finish_reason,
        answer.complete,
    )
    assert [("p", "echo", "ok", None, COST)] == [
        (a.provider, a.model, a.outcome, a.error, a.cost) for a in answer.attempts
    ]


def test_the_async_client_answers_on_any_loop(place: Place) -> None:
    """
    One client serves two loops, one after the other.
    """
    client = place.aclient()

    async def main() -> str:
        return (await client.ask("hello")).text

    texts = [asyncio.run(main()), asyncio.run(main())]
    asyncio.run(client.close())

    assert [HELLO, HELLO] == texts


def test_the_sync_client_works_inside_a_running_loop(place: Place) -> None:
    """
    In a notebook a loop runs already.
    """

    async def cell() -> tuple[str, str]:
        with place.client() as client:
            return client.ask("hello").text, "".join(client.stream("hello"))

    assert (HELLO, HELLO) == asyncio.run(cell())


def test_stream_gives_pieces_and_then_the_result(place: Place) -> None:
    """
    The pieces are the answer, and its facts are there at the end, not before.
    """
    with place.client(PRICED) as client:
        stream = client.stream("hello")
        first = next(stream)
        with pytest.raises(UsageError, match="no answer yet"):
            _ = place.client().stream("hello").result
        rest = list(stream)

        assert ("You", HELLO) == (first, first + "".join(rest))
        assert (HELLO, COST, True) == (stream.result.text, stream.result.cost, stream.result.complete)
        assert [] == list(stream)


def test_async_stream_gives_pieces_and_then_the_result(place: Place) -> None:
    """
    The same for `async for`.
    """

    async def main() -> tuple[str, str]:
        async with place.aclient() as client, client.stream("hello") as stream:
            text = "".join([piece async for piece in stream])
            return text, stream.result.text

    assert (HELLO, HELLO) == asyncio.run(main())


def test_a_stream_closed_early_is_booked_when_the_close_returns(place: Place) -> None:
    """
    No hold is left behind, what came is in the result and spent, the rest of the hold is in doubt.
    """
    budget = '[[budgets]]\nname = "all"\nlimit_usd = "1"'
    with place.client(f"{PRICED}delay = 3600", budget) as client:
        with client.stream("hello", max_tokens=LIMIT) as stream:
            first = next(stream)
            held = client.limits().budgets[0]
        after = client.limits().budgets[0]

    assert ("You", WORST, Decimal(0)) == (first, held.held, held.spent)
    assert (Decimal(0), YOU, WORST - YOU, 1 - WORST) == (after.held, after.spent, after.in_doubt, after.left)
    assert ("You", False, YOU, WORST - YOU, "estimated") == (
        stream.result.text,
        stream.result.complete,
        stream.result.cost,
        stream.result.in_doubt,
        stream.result.cost_source,
    )
    assert [(("cancelled",), 1)] == place.booked("outcome")


def test_an_async_stream_closed_early_is_booked_when_the_close_returns(place: Place) -> None:
    """
    The same for `async with`.
    """
    budget = '[[budgets]]\nname = "all"\nlimit_usd = "1"'

    async def main() -> tuple[Decimal, Decimal, Decimal]:
        async with place.aclient(f"{PRICED}delay = 3600", budget) as client:
            async with client.stream("hello", max_tokens=LIMIT) as stream:
                await anext(stream)
            after = (await client.limits()).budgets[0]
            return after.held, after.spent, after.in_doubt

    assert (Decimal(0), YOU, WORST - YOU) == asyncio.run(main())


def test_a_stream_that_nobody_holds_ends_by_itself(place: Place) -> None:
    """
    `for … break` without a close: the attempt is booked once the stream is gone.
    """
    budget = '[[budgets]]\nname = "all"\nlimit_usd = "1"'
    with place.client(f"{PRICED}delay = 3600", budget) as client:
        for _ in client.stream("hello", max_tokens=LIMIT):
            break
        gc.collect()
        while client.limits().budgets[0].held:
            pass

        (after,) = client.limits().budgets

    assert (YOU, WORST - YOU) == (after.spent, after.in_doubt)


def test_a_client_that_nobody_holds_ends_its_thread(place: Place) -> None:
    """
    A forgotten close leaves no thread behind.
    """
    client = place.client()
    client.ask("hello")
    thread = client._portal._thread
    assert thread is not None
    del client
    gc.collect()
    thread.join(LONG)

    assert not thread.is_alive()


def test_a_budget_refuses_before_anything_is_sent(place: Place) -> None:
    """
    The error says the amounts, and the ledger has no call.
    """
    with (
        place.client(PRICED, '[[budgets]]\nname = "tiny"\nlimit_usd = "0.0001"') as client,
        pytest.raises(BudgetExceeded, match=r"budget tiny does not cover p/echo: limit \$0\.0001, .*left \$0\.0001"),
    ):
        client.ask("hello")

    assert [] == place.booked()


@pytest.mark.parametrize(
    ("cap", "outcomes"),
    [
        pytest.param(WORST, ["incomplete", "budget_exceeded"], id="one-attempt"),
        pytest.param(2 * WORST, ["incomplete", "incomplete", "budget_exceeded"], id="two-attempts"),
        pytest.param(WORST - Decimal("1e-12"), ["budget_exceeded"], id="none"),
    ],
)
def test_max_cost_of_a_call_counts_its_attempts(place: Place, cap: Decimal, outcomes: list[str]) -> None:
    """
    Retries are refused when they would pass the cap of their call, which may be met exactly.
    """
    with (
        place.client(f'{PRICED}fail = "cut"') as client,
        pytest.raises(BudgetExceeded, match="budget --max-cost does not cover") as caught,
    ):
        client.ask("hello", max_tokens=LIMIT, max_cost=cap, retries=9)

    assert outcomes == [attempt.outcome for attempt in caught.value.attempts]


def test_fit_takes_what_the_cap_buys(place: Place) -> None:
    """
    A shorter answer with a warning, instead of a refusal.
    """
    with place.client(PRICED) as client:
        answer = client.ask("hello", max_tokens=5000, max_cost=WORST, fit=True)

    assert (HELLO, True) == (answer.text, f"the budget buys {LIMIT} of the" in answer.warnings[0])


def test_max_cost_of_a_client_counts_all_its_calls(place: Place) -> None:
    """
    Its calls together may meet the cap and not pass it.
    """
    with place.client(PRICED, max_cost=COST + WORST) as client:
        client.ask("hello", max_tokens=LIMIT)
        client.ask("hello", max_tokens=LIMIT)
        with pytest.raises(BudgetExceeded):
            client.ask("hello", max_tokens=LIMIT)
        run = client.run

    assert [((run,), 2)] == place.booked("run")


@pytest.mark.parametrize("concurrency", [pytest.param(None, id="few"), pytest.param(8, id="many")])
def test_a_budget_that_runs_low_is_told_in_the_log(
    place: Place, caplog: pytest.LogCaptureFixture, concurrency: int | None
) -> None:
    """
    Each level once, whoever books; where many may book, one look may find both passed, and tells the higher one.
    """
    budget = '[[budgets]]\nname = "calls"\nlimit_calls = 5'
    with place.client(PRICED, budget, concurrency=concurrency) as client:
        for _ in range(5):
            client.ask("hello")

    levels = ["budget calls is used to 80 %", "budget calls is used to 95 %"]
    told = [record.getMessage().partition(" and more")[0] for record in caplog.records]
    assert {"llmo"} == {record.name for record in caplog.records}
    assert told in ([levels] if concurrency is None else [levels, levels[1:]])


def test_fifty_at_once_with_a_cap_worth_ten_are_exactly_ten(place: Place) -> None:
    """
    Holds wait for own calls to settle lower, and none passes the cap.
    """
    cap = 9 * COST + WORST

    async def main() -> list[object]:
        async with place.aclient(f"{PRICED}delay = 0.001", concurrency=50, max_cost=cap) as client:
            asked = (client.ask("hello", max_tokens=LIMIT) for _ in range(50))
            return list(await asyncio.gather(*asked, return_exceptions=True))

    outcomes = asyncio.run(main())

    assert {llmo.Answer: 10, BudgetExceeded: 40} == {
        kind: sum(isinstance(one, kind) for one in outcomes) for kind in (llmo.Answer, BudgetExceeded)
    }
    assert [(("ok",), 10)] == place.booked("outcome")


def test_fifty_threads_with_a_cap_worth_ten_are_exactly_ten(place: Place) -> None:
    """
    The sync client may be shared by threads.
    """

    def asked(_: int) -> str:
        try:
            return client.ask("hello", max_tokens=LIMIT).text
        except BudgetExceeded:
            return "refused"

    with place.client(PRICED, concurrency=50, max_cost=9 * COST + WORST) as client, ThreadPoolExecutor(50) as pool:
        texts = list(pool.map(asked, range(50)))

    assert (10, 40) == (texts.count(HELLO), texts.count("refused"))


def test_as_many_calls_as_are_wanted_at_once_fit_the_money(place: Place) -> None:
    """
    The cap holds one answer of the full 4,096 tokens; four at once get a part of it each, and `estimate` says the whole.
    """
    with place.client(f"{PRICED}delay = 3600", concurrency=4, max_cost="0.055") as client:
        whole = client.estimate("hello").worst
        streams = [client.stream("hello") for _ in range(4)]
        with ThreadPoolExecutor(4) as pool:
            begun = pool.map(next, streams, timeout=LONG)
            assert ["You"] * 4 == list(begun)
        (status,) = client.limits().budgets
        for stream in streams:
            stream.close()

    assert whole is not None
    assert whole <= Decimal("0.055") < 2 * whole
    assert Decimal("0.04") < status.held <= Decimal("0.044")


def test_an_error_has_the_attempts_and_the_text_before_it(place: Place) -> None:
    """
    What was streamed and what was tried are not lost with the answer.
    """
    with place.client(f'{PRICED}fail = "cut"') as client:
        stream = client.stream("hello", max_tokens=LIMIT)
        pieces: list[str] = []
        with pytest.raises(Incomplete) as caught:
            pieces.extend(stream)
        with pytest.raises(Incomplete):
            _ = stream.result

    assert ["incomplete"] == [attempt.outcome for attempt in caught.value.attempts]
    assert caught.value.text
    (attempt,) = caught.value.attempts
    assert (caught.value.text, WORST) == ("".join(pieces) or caught.value.text, (attempt.cost or 0) + attempt.in_doubt)


def test_fallback_goes_to_the_next_model_unless_told_not_to(place: Place) -> None:
    """
    A chain of models is tried in order; with `fallback=False` the first one only.
    """
    more = '[providers.q]\nkind = "offline"'
    with place.client('fail = "unavailable"', more) as client:
        answer = client.ask("hello", model=["p/echo", "q/echo"], retries=0)
        with pytest.raises(llmo.LlmoError) as caught:
            client.ask("hello", model=["p/echo", "q/echo"], retries=0, fallback=False)

    assert [("p", "unavailable"), ("q", "ok")] == [(a.provider, a.outcome) for a in answer.attempts]
    assert ("unavailable", ["p"]) == (caught.value.kind, [a.provider for a in caught.value.attempts])


def test_a_schema_gives_data(place: Place) -> None:
    """
    The answer is validated, and a stream shows it in one piece when it is.
    """
    with place.client() as client:
        answer = client.ask("How many?", schema=SCHEMA)
        stream = client.stream("How many?", schema=SCHEMA)
        pieces = list(stream)

    assert isinstance(answer.data, dict)
    assert ["n"] == list(answer.data)
    assert ([answer.text], answer.data) == (pieces, stream.result.data)


def test_an_answer_that_never_meets_the_schema_is_an_error_with_its_text(place: Place) -> None:
    """
    One repair, then `InvalidOutput`; the stream has shown nothing of either.
    """
    script = place.home / "replies.txt"
    script.write_text("no json\nstill none\n", "utf-8")
    with place.client(f'reply_file = "{script}"') as client, pytest.raises(InvalidOutput) as caught:
        list(client.stream("How many?", schema=SCHEMA))

    assert ("still none", ["ok", "ok"]) == (caught.value.text, [a.outcome for a in caught.value.attempts])


def test_messages_and_system_make_a_conversation(place: Place) -> None:
    """
    Turns may be mappings or `llmo.Message`; the last user turn is the prompt, `system` replaces system turns.
    """
    turns: list[Any] = [
        {"role": "system", "content": "old"},
        {"role": "user", "content": "first"},
        Message("assistant", "yes"),
    ]
    asked = question([*turns, llmo.Message("user", "hello")], {"system": "new"})

    assert [("system", "new"), ("user", "first"), ("assistant", "yes"), ("user", "hello")] == [
        (m.role, m.text) for m in asked.request.messages
    ]
    with place.client() as client:
        assert HELLO == client.ask([*turns, llmo.Message("user", "hello")], system="new").text


@pytest.mark.parametrize(
    "text", ["[" * 5000, '{"n": 1e999}', "[" * 5000 + "]" * 5000, '{"n": NaN}', '{"n": "\\ud800"}']
)
def test_a_hostile_answer_is_an_error_with_its_text(place: Place, text: str) -> None:
    """
    `InvalidOutput` as any other; the client goes on.
    """
    script = place.home / "replies.txt"
    script.write_text(f'{text}\n{text}\n{{"n": 1}}\n', "utf-8")
    with place.client(f'reply_file = "{script}"') as client:
        with pytest.raises(InvalidOutput) as caught:
            client.ask("How many?", schema=SCHEMA)
        after = client.ask("How many?", schema=SCHEMA)

    assert (text, {"n": 1}) == (caught.value.text, after.data)


def deep(levels: int) -> dict[str, Any]:
    """A schema so deep."""
    schema: dict[str, Any] = {}
    for _ in range(levels):
        schema = {"items": schema}
    return schema


@pytest.mark.parametrize(
    ("prompt", "options", "said"),
    [
        pytest.param("", {}, "the prompt is empty", id="empty"),
        pytest.param([], {}, "the prompt is empty", id="no-message"),
        pytest.param([{"role": "system", "content": "x"}], {}, "the prompt is empty", id="only-system"),
        pytest.param([{"role": "tool", "content": "x"}], {}, "unknown role: tool", id="role"),
        pytest.param([{"role": "user", "content": ["x"]}], {}, "content of a message is not text: list", id="content"),
        pytest.param("x", {"max_tokens": 0}, "max_tokens must be at least 1: 0", id="max-tokens"),
        pytest.param("x", {"max_tokens": "9"}, "max_tokens is not a whole number: 9", id="max-tokens-text"),
        pytest.param("x", {"temperature": -1}, "temperature must be at least 0: -1", id="temperature"),
        pytest.param("x", {"timeout": 0}, "timeout must be above 0: 0", id="timeout"),
        pytest.param("x", {"timeout": float("inf")}, "timeout is not a number: inf", id="endless"),
        pytest.param("x", {"retries": -1}, "retries must be at least 0: -1", id="retries"),
        pytest.param("x", {"max_cost": "much"}, "max_cost: not an amount in dollars: much", id="cost"),
        pytest.param("x", {"max_cost": 0}, "max_cost must be above 0: 0", id="free"),
        pytest.param("x", {"schema": {"type": "intger"}}, "not a JSON Schema", id="schema"),
        pytest.param("x", {"schema": True}, "a JSON Schema must be an object here: True", id="schema-true"),
        pytest.param("x", {"schema": {"multipleOf": float("inf")}}, "the schema is not JSON: NaN and", id="schema-inf"),
        pytest.param(
            "x", {"schema": deep(5000)}, "the schema is not JSON: nested more than 200 levels", id="schema-deep"
        ),
        pytest.param(
            "x", {"schema": {"$ref": "http://x/y"}}, "references something outside of it: http://x/y", id="schema-ref"
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(place: Place, prompt: Any, options: Any, said: str) -> None:
    """
    Nothing is sent, and the error names the option.
    """
    with place.client() as client, pytest.raises(UsageError, match=said):
        client.ask(prompt, **options)

    assert [] == place.booked()


def test_an_unknown_option_is_a_type_error(place: Place) -> None:
    """
    A misspelt option is refused as Python does.
    """
    options: Any = {"modle": "x"}
    with place.client() as client, pytest.raises(TypeError, match="modle"):
        client.ask("hello", **options)


@pytest.mark.parametrize(
    ("profile", "options", "said"),
    [
        pytest.param("nowhere", {}, "profile", id="profile"),
        pytest.param("offline", {"max_cost": "-1"}, "max_cost", id="cost"),
        pytest.param("offline", {"concurrency": 0}, "concurrency must be at least 1: 0", id="concurrency"),
    ],
)
def test_a_client_that_cannot_work_is_refused_when_made(place: Place, profile: str, options: Any, said: str) -> None:
    """
    Not at the first question.
    """
    with pytest.raises((ConfigError, UsageError), match=said):
        llmo.Client(profile, env=place.env, **options)


def test_private_never_leaves_this_machine(place: Place) -> None:
    """
    Asked for, or found in the prompt: only local models are planned, by the rules of the command line.
    """
    profile = place.home / "cloud.toml"
    profile.write_text('model = "openai/gpt-5"\n[providers.openai]\nkind = "openai"\n', "utf-8")
    with llmo.Client(profile, env=place.env | {"OPENAI_API_KEY": "k"}) as client:
        estimate = client.estimate("pay with 4111 1111 1111 1111")
        with pytest.raises(ConfigError, match="no model on this machine"):
            client.ask("hello", private=True)

    assert (True, (), None) == (estimate.private, estimate.ranked, estimate.worst)


def test_estimate_sends_nothing_and_names_the_cost(place: Place) -> None:
    """
    Expected and worst cost of the first candidate; the worst is what a budget would hold.
    """
    with place.client(PRICED) as client:
        estimate = client.estimate("hello", max_tokens=LIMIT)

    assert estimate.expected is not None
    assert (Target("p", "echo"), WORST, True) == (
        estimate.ranked[0].target,
        estimate.worst,
        estimate.expected <= WORST,
    )
    assert [] == place.booked()


def test_limits_say_what_is_left(place: Place) -> None:
    """
    Budgets with their sums, providers with their pace.
    """
    more = '[[budgets]]\nname = "calls"\nlimit_calls = 3\nwindow = "day"\n[providers.q]\nkind = "openai"\nrpm = 60\n'
    with place.client("", more) as client:
        client.ask("hello")
        limits = client.limits()

    budget = limits.budgets[0]
    assert ("calls", None, 3, 1, 2) == (budget.name, budget.limit, budget.limit_calls, budget.calls, budget.left_calls)
    assert (60, "OPENAI_API_KEY is not set") == (limits.providers["q"].rpm, limits.providers["q"].not_ready)
    assert (None, None) == (limits.providers["p"].rpm, limits.providers["p"].not_ready)


def test_tags_and_the_run_are_in_the_ledger(place: Place) -> None:
    """
    `llmo cost --by tag:team` and `--run` find what a program spent.
    """
    with place.client() as client:
        client.ask("hello", tags={"team": "maps"})
        list(client.stream("hello", tags={"team": "maps"}))
        client.ask("hello")

    assert {(("maps",), 2), (("",), 1)} == set(place.booked("tag:team"))
    assert [((client.run,), 3)] == place.booked("run")


def test_an_answer_cut_by_the_token_limit_is_not_complete(place: Place) -> None:
    """
    It is an answer with a warning.
    """
    with place.client() as client:
        answer = client.ask("hello", max_tokens=2)

    assert ("You said", False, "length") == (answer.text, answer.complete, answer.finish_reason)
    assert ("the answer was cut off by the token limit",) == answer.warnings


def test_closing_ends_and_books_what_is_under_way(place: Place) -> None:
    """
    A stream in another thread ends with `Cancelled`, and later calls are refused.
    """
    client = place.client(f"{PRICED}delay = 3600")
    stream = client.stream("hello", max_tokens=LIMIT)
    next(stream)
    client.close()
    client.close()

    with pytest.raises(Cancelled, match="the client was closed"):
        list(stream)
    with pytest.raises(UsageError, match="the client is closed"):
        client.ask("hello")
    assert [(("cancelled",), 1)] == place.booked("outcome")


BUDGET = '[[budgets]]\nname = "all"\nlimit_usd = "1"'


def test_a_cancelled_ask_is_booked_before_the_cancellation_arrives(place: Place) -> None:
    """
    Whoever catches the cancellation finds no hold.
    """

    async def main() -> tuple[Decimal, Decimal, Decimal]:
        async with place.aclient(f'{PRICED}fail = "slow"', BUDGET) as client:
            task = asyncio.create_task(client.ask("hello", max_tokens=LIMIT))
            while not (await client.limits()).budgets[0].held:
                pass
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            after = (await client.limits()).budgets[0]
            return after.held, after.spent, after.in_doubt

    assert (Decimal(0), Decimal(0), WORST) == asyncio.run(main())


def test_ctrl_c_ends_and_books_the_ask(place: Place) -> None:
    """
    The interrupt passes on when the attempt is settled.
    """
    main = threading.main_thread().ident
    assert main is not None

    def interrupt() -> None:
        while not client.limits().budgets[0].held:
            pass
        signal.pthread_kill(main, signal.SIGINT)

    with place.client(f'{PRICED}fail = "slow"', BUDGET) as client:
        thread = threading.Thread(target=interrupt)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            client.ask("hello", max_tokens=LIMIT)
        thread.join()
        after = client.limits().budgets[0]

    assert (Decimal(0), Decimal(0), WORST) == (after.held, after.spent, after.in_doubt)


def test_a_client_of_the_parent_process_says_so(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    After a fork the thread is not there: waiting for it would last forever.
    """
    with place.client() as client:
        with monkeypatch.context() as patched:
            patched.setattr(os, "getpid", lambda: 1)
            with pytest.raises(UsageError, match="belongs to the parent process"):
                client.ask("hello")

        assert HELLO == client.ask("hello").text


def test_a_long_life_learns_who_cools_down(place: Place) -> None:
    """
    What a planner remembers of targets is asked anew after some seconds.
    """
    clock = virtual.VirtualClock()
    runtime = Runtime(env=place.env, clock=clock, profile_name=place.profile())
    asked = question("hello", {})

    async def main() -> list[str]:
        session = Session(runtime, Terms(run="r"))
        why = [session.plan(asked).candidates[0].why]
        facts = session.plan(asked).candidates[0].facts
        busy = Breaker(at=clock.now(), reason="rate_limited", until=clock.now() + 60)
        runtime.ledger.change_breaker(Circuit("p", "echo", facts.key), lambda _: busy)
        for _ in range(2):
            why.append(session.plan(asked).candidates[0].why)
            await asyncio.sleep(30)
        await session.close()
        return [text.partition(", ")[2] for text in why]

    assert ["", "", "last: rate limited, 30 s left"] == virtual.run(main(), clock)


@pytest.mark.parametrize(("text", "info"), TEXTS.items())
def test_the_python_of_readme_and_manual_runs(place: Place, text: str, info: str) -> None:
    """
    As it stands, without a key.
    """
    source = (ROOT / text).read_text("utf-8")
    (code,) = re.findall(rf"^```{info}\n(.*?)^```", source, re.DOTALL | re.MULTILINE)
    env = os.environ | place.env | {"LLMO_PROFILE": "offline"}
    run = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)

    assert (0, "") == (run.returncode, run.stderr)
    assert "You said: Name three rivers of Europe." in run.stdout


def test_importing_llmo_loads_nothing_else() -> None:
    """
    A program pays for the client when it makes one.
    """
    code = "import sys; before = set(sys.modules); import llmo; print(*sorted(set(sys.modules) - before))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ["llmo", "llmo.types", "llmo.types.version"] == run.stdout.split()


def test_llmo_has_what_it_says() -> None:
    """
    Every public name is there, and no other is made up.
    """
    assert [] == [name for name in llmo.__all__ if not hasattr(llmo, name)]
    assert not hasattr(llmo, "Cleint")
