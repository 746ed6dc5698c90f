"""Parameters and schemas: what a target takes, what it is asked without, and who says so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from llmo.catalog.catalog import Model
from llmo.config.kinds import ALL, KINDS, taking
from llmo.engine import request_adapter
from llmo.errors import LlmoError, Rejected, Unavailable
from llmo.routing.chains import ChainStep
from llmo.routing.plan import Plan, TargetFacts, Task, plan
from llmo.routing.refusals import require_candidates
from llmo.routing.requirements import Requirements
from llmo.types.events import Finish, Text, Usage
from llmo.types.messages import Message, Params, Request, Target
from tests.fakes import HELLO, A, B, Note, Scripted, Stage, candidate, price
from tests.fakes import plan as plan_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from llmo.types.events import Event
    from llmo.types.jsontext import Json
    from llmo.types.messages import Parameter

SCHEMA: Mapping[str, Json] = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
SEEDED = Request(HELLO.messages, Params(seed=7, temperature=0.5))
ASKED = Request(HELLO.messages, schema=SCHEMA)
WORDS = f"hello\n\n{request_adapter.SCHEMA}{json.dumps(SCHEMA)}"
GOOD: list[Event | LlmoError | float] = [Text('{"n": 1}'), Usage(5, 1), Finish("stop")]
CLAUDE = """
[providers.claude]
kind = "anthropic"
api_key_env = "SOME_KEY"
[providers.here]
kind = "offline"
[tasks.general]
primary = ["claude/claude-sonnet-5-5"]
secondary = ["here/echo"]
"""


def facts(**changes: Any) -> TargetFacts:
    known = {"kind": "openai", "model": Model(id="m", price=price()), "billing": "metered", "local": False}
    return TargetFacts(**{**known, **changes})


def decide(given: dict[Target, TargetFacts], **need: Any) -> Plan:
    steps = [ChainStep("explicit", target, "named") for target in given]
    task = Task(name="general", reason="test", scores={})
    return plan(task, Requirements(**{"input_estimate": 100, "input_bound": 400, **need}), steps, given)


def refusal(text: str, status: int = 400) -> Rejected:
    return Rejected(text, status=status, may_be_billed=False)


def test_the_table_of_kinds_says_who_takes_what() -> None:
    """
    Every kind expresses everything but for these; who takes a parameter is read from it.
    """
    lacking = {kind: set(ALL - entry.parameters) for kind, entry in KINDS.items() if entry.parameters != ALL}

    assert {"anthropic": {"seed"}, "cursor": set(ALL)} == lacking
    assert ("openai", "ollama", "openrouter", "litellm", "litellm-proxy", "offline") == taking("seed")


def test_who_does_not_take_a_parameter_is_out() -> None:
    """
    The next one answers; the reason names the flags.
    """
    less = ALL - {"seed", "stop"}

    made = decide({A: facts(parameters=less), B: facts()}, parameters=("temperature", "seed", "stop"))

    assert [(1, "b", "named"), (None, "a", "does not support --seed, --stop")] == [
        (c.rank, c.target.provider, c.why) for c in made.candidates
    ]


def test_lenient_keeps_it_with_a_note() -> None:
    """
    It keeps its place, and what it is not sent is said.
    """
    made = decide({A: facts(parameters=ALL - {"seed"}), B: facts()}, parameters=("seed",), lenient=True)

    assert [("a", "named, without --seed", ("a/m does not support --seed: dropped",)), ("b", "named", ())] == [
        (c.target.provider, c.why, c.notes) for c in made.ranked
    ]


def test_pictures_are_never_left_out() -> None:
    """
    A question about an image without the image is another question.
    """
    made = decide({A: facts(parameters=ALL - {"image"})}, parameters=("image",), lenient=True)

    assert [(None, "does not support images")] == [(c.rank, c.why) for c in made.candidates]


@pytest.mark.parametrize(
    ("abilities", "parameters", "native"),
    [
        pytest.param(None, ALL, True, id="nobody knows"),
        pytest.param({"schema", "tools"}, ALL, True, id="able"),
        pytest.param({"tools"}, ALL, False, id="known and not able"),
        pytest.param(None, ALL - {"schema"}, False, id="kind without a field"),
    ],
)
def test_a_schema_has_a_field_where_there_is_one(
    abilities: set[Any] | None, parameters: frozenset[Parameter], native: bool
) -> None:
    """
    Elsewhere it is asked for in words, and the plan says so.
    """
    model = Model(id="m", abilities=None if abilities is None else frozenset(abilities))

    (made,) = decide({A: facts(model=model, parameters=parameters)}, schema=True).ranked

    assert (native, "named" if native else "named, schema sent in the prompt") == (made.native_schema, made.why)


def test_nobody_left_names_provider_parameter_and_who_takes_it() -> None:
    """
    The request cannot be sent as it is: bad_request, exit 1.
    """
    made = decide(
        {A: facts(kind="anthropic", parameters=ALL - {"seed"}), B: facts(not_ready="no")}, parameters=("seed",)
    )

    with pytest.raises(Rejected) as caught:
        require_candidates(made)

    assert ("bad_request", 1, "a (anthropic) does not support the parameter: seed") == (
        caught.value.kind,
        caught.value.exit,
        caught.value.message,
    )
    assert caught.value.hint == (
        "provider types that support seed: openai, ollama, openrouter, litellm, litellm-proxy, offline; --lenient drops it"
    )


def test_the_limit_of_the_profile_is_sent_or_said() -> None:
    """
    It is no flag, so nobody is out for it.
    """
    made = decide({A: facts(parameters=ALL - {"max_tokens"})}, max_output=100)

    assert ("a/m does not support an output limit: max_tokens of the profile is dropped",) == made.ranked[0].notes


@pytest.mark.parametrize(
    ("text", "request_", "lenient", "expected"),
    [
        pytest.param("response_format is not supported", ASKED, False, "schema", id="named schema"),
        pytest.param("bad request", ASKED, False, "schema", id="any refusal of a schema"),
        pytest.param("bad request", HELLO, False, None, id="nothing to leave out"),
        pytest.param("Unsupported parameter: 'temperature'", SEEDED, True, "temperature", id="temperature"),
        pytest.param("Unsupported parameter: 'temperature'", SEEDED, False, None, id="not lenient"),
        pytest.param("seed: Extra inputs are not permitted", SEEDED, True, "seed", id="seed"),
        pytest.param("temperature must be below 2", SEEDED, True, None, id="a wrong value is no refusal"),
        pytest.param("unsupported parameter: stop", SEEDED, True, None, id="not asked for"),
    ],
)
def test_a_refusal_says_what_can_be_left_out(
    text: str, request_: Request, lenient: bool, expected: Parameter | None
) -> None:
    """
    A parameter must be named and be refused as such; a schema may hide behind any words.
    """
    assert expected == request_adapter.refused(refusal(text), request_, candidate(A, 1), lenient=lenient)


@pytest.mark.parametrize("status", [401, 404, 413, 500, None])
def test_only_refusals_of_the_request_are_adapted_to(status: int | None) -> None:
    """
    A request that is too large, or a missing model, is not mended by leaving the schema out.
    """
    error = Rejected("no", status=status) if status else LlmoError("no")

    assert request_adapter.refused(error, ASKED, candidate(A, 1), lenient=True) is None


def test_a_repair_brings_its_schema_already() -> None:
    """
    It is not said twice.
    """
    repair = Request((*HELLO.messages, Message("user", f"again: {json.dumps(SCHEMA)}")), schema=SCHEMA)
    worded = request_adapter.adapted(candidate(A, 1), "schema")

    assert (repair.messages, None) == (
        request_adapter.expressed(repair, worded).messages,
        request_adapter.expressed(repair, worded).schema,
    )
    assert [WORDS] == [m.text for m in request_adapter.expressed(ASKED, worded).messages]


def test_a_server_without_the_field_is_asked_in_words() -> None:
    """
    Once, at once, for nothing: the refused request is released, the second settled, and it is said.
    """
    scripted = Scripted([refusal("unknown field response_format")], GOOD)
    stage = Stage({A: scripted})

    _, execution = stage.play(request=ASKED, retries=0)

    assert execution.result is not None
    assert (True, ("a/m refused the schema field: sent the schema in the prompt",)) == (
        execution.result.ok,
        execution.result.warnings,
    )
    assert [(SCHEMA, "hello"), (None, WORDS)] == [(r.schema, r.messages[-1].text) for r in scripted.requests]
    assert ["hold a", "release a bad_request", "hold a", "settle a 15000000 computed ok"] == stage.log


def test_a_second_refusal_is_the_end() -> None:
    """
    Words were refused too: it was not the field.
    """
    scripted = Scripted([refusal("no")], [refusal("no at all")])

    _, execution = Stage({A: scripted}).play(request=ASKED)

    assert execution.result is not None
    assert ("no at all", 2) == (execution.result.error and execution.result.error.message, len(scripted.requests))


def test_what_was_learnt_is_not_asked_again() -> None:
    """
    The next request of the same engine begins in words; a refusal that was about something else teaches nothing.
    """
    from tests import virtual

    learning = Scripted([refusal("no")], GOOD)
    stage = Stage({A: learning}, account=Note([]))

    async def twice() -> None:
        engine = stage.engine()
        for _ in range(2):
            await engine.run(stage.job(request=ASKED))

    virtual.run(twice(), stage.clock)

    assert [SCHEMA, None, None] == [request.schema for request in learning.requests]


def test_lenient_learns_from_a_refusal() -> None:
    """
    A parameter that the server names is left out, the others stay.
    """
    scripted = Scripted([refusal("Unsupported value: 'temperature' does not support 0.5")], GOOD)
    stage = Stage({A: scripted})
    lenient = plan_of(candidate(A, 1))
    lenient = Plan(
        task=lenient.task,
        requirements=Requirements(input_estimate=5, input_bound=20, lenient=True),
        candidates=lenient.candidates,
    )

    _, execution = stage.play(request=SEEDED, plan=lenient)

    assert execution.result is not None
    assert ("a/m does not support --temperature: dropped",) == execution.result.warnings
    assert [(7, 0.5), (7, None)] == [(r.params.seed, r.params.temperature) for r in scripted.requests]


def test_what_a_target_does_not_take_is_not_sent() -> None:
    """
    Left out by the plan, said with the answer.
    """
    scripted = Scripted(GOOD)
    stage = Stage({A: scripted})
    (ranked,) = decide({A: facts(parameters=ALL - {"seed"})}, parameters=("seed",), lenient=True).ranked

    _, execution = stage.play(request=SEEDED, plan=plan_of(ranked))

    assert execution.result is not None
    assert ([(None, 0.5)], ("a/m does not support --seed: dropped",)) == (
        [(r.params.seed, r.params.temperature) for r in scripted.requests],
        execution.result.warnings,
    )


def test_a_limit_that_nobody_takes_is_not_sent_under_a_budget() -> None:
    """
    The hold is what it is; the request stays one that can be expressed.
    """
    scripted = Scripted(GOOD)
    stage = Stage({A: scripted}, account=Note([], budgeted=True))

    stage.play(plan=plan_of(candidate(A, 1, parameters=ALL - {"max_tokens"})))

    assert [None] == [request.params.max_tokens for request in scripted.requests]


@pytest.fixture
def claude(tmp_path: Path) -> str:
    """A profile whose first model takes no seed."""
    path = tmp_path / "claude.toml"
    path.write_text(CLAUDE)
    return str(path)


@pytest.fixture
def ask(llmo: Any, claude: str) -> Callable[..., Any]:
    """Run llmo with that profile and a key."""
    return lambda *args: llmo("-P", claude, *args, env={"SOME_KEY": "sk-test-0123456789"})


def test_route_shows_what_does_not_fit(ask: Callable[..., Any]) -> None:
    """
    Before anything is sent; with --lenient it stays and what is left out is listed.
    """
    strict = ask("route", "hello", "--json", "--seed", "1").json["candidates"]
    lenient = ask("route", "hello", "--json", "--seed", "1", "--lenient").json["candidates"]

    assert [("here", 1, []), ("claude", None, [])] == [(c["provider"], c["rank"], c["left_out"]) for c in strict]
    assert [("claude", 1, ["seed"]), ("here", 2, [])] == [(c["provider"], c["rank"], c["left_out"]) for c in lenient]
    assert "does not support --seed" == strict[1]["why"]


def test_a_fallback_that_takes_it_answers(ask: Callable[..., Any]) -> None:
    """
    The parameter is kept, the model is another.
    """
    assert ("here", 0) == ((run := ask("ask", "hello", "--json", "--seed", "1")).json["provider"], run.code)


def test_nobody_takes_it(ask: Callable[..., Any]) -> None:
    """
    Exit 1, and nothing is sent.
    """
    run = ask("ask", "hello", "--json", "-m", "claude/claude-sonnet-5-5", "--seed", "1")

    assert (1, "bad_request", "claude (anthropic) does not support the parameter: seed") == (
        run.code,
        run.json["error"]["kind"],
        run.json["error"]["message"],
    )


def test_a_500_that_names_the_field_is_a_refusal_too() -> None:
    """
    llama-cpp-python answers so; any other 500 is not about the schema.
    """
    one = candidate(A, 1)
    errors = [
        Unavailable(f"llama returned HTTP 500: {what}", status=500) for what in ("('body', 'response_format')", "boom")
    ]

    assert [request_adapter.refused(error, ASKED, one, lenient=False) for error in errors] == ["schema", None]
