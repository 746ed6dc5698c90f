"""The plan: order, hard constraints, and reasons."""

from __future__ import annotations

from typing import Any

import pytest

from llmo.catalog.catalog import Catalog, Model
from llmo.config.profile import FallbackConfig, Profile, ProviderConfig, TaskConfig
from llmo.errors import ConfigError, ContextTooLong, CredentialsError, LlmoError
from llmo.ledger.breakers import Breaker
from llmo.ledger.records import Latency
from llmo.routing.chains import ChainStep, chain, explicit
from llmo.routing.model_names import ModelNames
from llmo.routing.plan import Plan, TargetFacts, Task, plan
from llmo.routing.refusals import require_candidates
from llmo.routing.requirements import Requirements
from llmo.types.dataclass import replace
from llmo.types.messages import Target
from tests.fakes import A, B, C, price

TASK = Task(name="general", reason="test", scores={})
PROFILE = Profile(
    providers={name: ProviderConfig(kind="offline", models=("m1", "m2")) for name in "abcd"}
    | {"solo": ProviderConfig(kind="offline", models=("only",))},
    aliases={"fast": "a/m1"},
    tasks={"simple": TaskConfig(primary=("fast", "b/x"), secondary=("c/x", "a/m1"))},
    fallback=FallbackConfig(openrouter=("d/r",), litellm=("b/x", "c/l"), local=("a/m1",)),
)

NAMES = ModelNames(PROFILE, {}, Catalog(now=0))


def facts(**changes: Any) -> TargetFacts:
    known = {"kind": "openai", "model": Model(id="m", price=price()), "billing": "metered", "local": False}
    return TargetFacts(**{**known, **changes})


def decide(given: dict[Target, TargetFacts], **need: Any) -> Plan:
    steps = [ChainStep("explicit", target, "named") for target in given]
    return plan(TASK, Requirements(**{"input_estimate": 100, "input_bound": 400, **need}), steps, given)


def order(of: Plan) -> list[str]:
    return [c.target.provider for c in of.ranked]


def test_a_chain_has_five_steps_and_each_target_once() -> None:
    """
    Primary, secondary, OpenRouter, LiteLLM, local; a target keeps its first place.
    """
    assert [(s.tier, str(s.target), s.why) for s in chain(PROFILE, "simple", NAMES.resolve)] == [
        ("primary", "a/m1", "first of tasks.simple.primary"),
        ("primary", "b/x", "second of tasks.simple.primary"),
        ("secondary", "c/x", "first of tasks.simple.secondary"),
        ("openrouter", "d/r", "first of fallback.openrouter"),
        ("litellm", "c/l", "second of fallback.litellm"),
    ]


def test_named_models_are_the_chain() -> None:
    """
    -m may be given several times, in order; without it, `model` of the profile is asked, and said to be.
    """
    own = replace(PROFILE, model="fast")

    assert [(str(s.target), s.why) for s in explicit(own, ["b/x/y:free", "fast", "only"], NAMES.resolve)] == [
        ("b/x/y:free", "requested with -m"),
        ("a/m1", "requested with -m"),
        ("solo/only", "requested with -m"),
    ]
    assert [(str(s.target), s.why) for s in explicit(own, ["fast"], NAMES.resolve)] == [
        ("a/m1", "model of the profile")
    ]


@pytest.mark.parametrize(
    ("ref", "message", "hint"),
    [
        pytest.param("sol/x", "unknown provider: sol", "did you mean solo?", id="provider"),
        pytest.param("fst", "unknown model or alias: fst", "did you mean fast?", id="alias"),
        pytest.param("m1", "several providers have m1", "choose one: a/m1, b/m1, c/m1, d/m1", id="ambiguous model"),
        pytest.param("onyl", "unknown model or alias: onyl", "did you mean solo/only?", id="model"),
        pytest.param(
            "solo",
            "not a model but a provider: solo",
            "name a model, as in solo/only; list all: llmo models --provider solo",
            id="a provider alone",
        ),
        pytest.param(
            "slo",
            "unknown model or alias: slo",
            "did you mean a model of solo, such as solo/only?",
            id="nearly a provider",
        ),
        pytest.param("zzz/only", "unknown provider: zzz", "providers of this profile: a, b, c, d, solo", id="far"),
        pytest.param(
            "qqqq",
            "unknown model or alias: qqqq",
            "use provider/model; aliases and providers of this profile: fast, a, b, c, d, solo",
            id="nothing near",
        ),
    ],
)
def test_an_unknown_name_is_told_with_the_nearest(ref: str, message: str, hint: str) -> None:
    """
    What cannot be resolved says what was meant.
    """
    with pytest.raises(ConfigError) as caught:
        NAMES.resolve(ref)

    assert (caught.value.message, caught.value.hint) == (message, hint)


KEYED = Profile(
    providers={
        "openai": ProviderConfig(kind="openai"),
        "openrouter": ProviderConfig(kind="openrouter", models=("openai/gpt-4o", "x/rare")),
        "ollama": ProviderConfig(kind="ollama", models=("llama3.1:latest",)),
    }
)


@pytest.mark.parametrize(
    ("env", "ref", "expected"),
    [
        pytest.param({"OPENAI_API_KEY": "k"}, "gpt-4o", "openai/gpt-4o", id="the one with a key"),
        pytest.param({"OPENROUTER_API_KEY": "k"}, "gpt-4o", "openrouter/openai/gpt-4o", id="behind the vendor"),
        pytest.param(
            {"OPENAI_API_KEY": "k", "OPENROUTER_API_KEY": "k"}, "gpt-4o", "openai/gpt-4o", id="by that very name first"
        ),
        pytest.param({"OPENROUTER_API_KEY": "k"}, "x/rare", "openrouter/x/rare", id="a name with a slash"),
        pytest.param({}, "llama3.1", "ollama/llama3.1:latest", id="without its tag"),
        pytest.param(
            {},
            "gpt-4o",
            "no ready provider has gpt-4o (not ready: openai: OPENAI_API_KEY is not set)",
            id="who would have it",
        ),
        pytest.param(
            {}, "rare", "no ready provider has rare (not ready: openrouter: OPENROUTER_API_KEY is not set)", id="behind"
        ),
    ],
)
def test_a_bare_model_is_that_of_the_only_ready_provider(env: dict[str, str], ref: str, expected: str) -> None:
    """
    Else the error says who has it.
    """
    try:
        found = str(ModelNames(KEYED, env, Catalog(now=0)).resolve(ref))
    except ConfigError as exc:
        found = f"{exc.message} ({exc.hint})"

    assert found == expected


def test_an_unknown_task_lists_the_known() -> None:
    """
    A task that the profile does not have is a configuration error.
    """
    with pytest.raises(ConfigError, match="unknown task: nope"):
        chain(PROFILE, "nope", NAMES.resolve)


def test_hard_constraints_come_before_order() -> None:
    """
    Privacy, readiness, context and ability put a target out, and it says why.
    """
    made = decide(
        {
            A: facts(),
            B: facts(local=True, not_ready="KEY is not set"),
            C: facts(local=True, model=Model(id="m", context=50)),
            Target("d", "m"): facts(local=True, model=Model(id="m", abilities=frozenset({"tools"}))),
            Target("e", "m"): facts(local=True),
        },
        private=True,
        private_kinds=("IBAN",),
        abilities=frozenset({"vision"}),
    )

    assert [(c.rank, c.target.provider, c.why) for c in made.candidates] == [
        (1, "e", "named"),
        (None, "a", "not on this machine, but the request is private (IBAN in the prompt)"),
        (None, "b", "KEY is not set"),
        (None, "c", "about 100 tokens is too long for its context window of 50 tokens"),
        (None, "d", "no vision"),
    ]


def latency(first: float | None, speed: float | None, out: float | None = None, took: float | None = None) -> Latency:
    return Latency(
        first_token_p50_s=first, tokens_per_s_p50=speed, samples=3, output_tokens_p50=out, duration_p50_s=took
    )


def test_strategies() -> None:
    """
    Cheapest by estimate, fastest by the time to finish, unknown behind known, balanced by the shares of both.
    """
    given = {
        A: facts(model=Model(id="m", price=price(9, 9)), latency=latency(0.2, 10)),
        B: facts(model=Model(id="m"), latency=latency(2, 9)),
        C: facts(model=Model(id="m", price=price(1, 1))),
    }

    assert [order(decide(given, strategy=strategy)) for strategy in ("profile", "cheapest", "fastest", "balanced")] == [
        ["a", "b", "c"],
        ["c", "a", "b"],
        ["a", "b", "c"],
        ["c", "a", "b"],
    ]


def test_without_calls_on_record_speed_leaves_the_chain_as_written() -> None:
    """
    And where every price is unknown, cost does.
    """
    unknown = {target: facts(model=Model(id="m")) for target in (B, A, C)}

    assert {tuple(order(decide(unknown, strategy=one))) for one in ("cheapest", "fastest", "balanced")} == {
        ("b", "a", "c")
    }


def test_a_model_that_writes_much_is_neither_cheap_nor_fast() -> None:
    """
    Its usual answer counts: half the price and twice the speed are of no use to one that writes ten times as much.
    """
    given = {
        A: facts(model=Model(id="m", price=price(0, 5)), latency=latency(0.1, 100, out=4000)),
        B: facts(model=Model(id="m", price=price(0, 10)), latency=latency(0.5, 50, out=400)),
        C: facts(model=Model(id="m", price=price(0, 11)), latency=latency(None, None, out=400, took=9)),
    }
    cheapest, fastest = (decide(given, strategy=one) for one in ("cheapest", "fastest"))

    assert (order(cheapest), order(fastest)) == (["b", "c", "a"], ["b", "c", "a"])
    assert cheapest.ranked[0].why == "named, ordered by cheapest: $0.004 expected (3 calls)"
    assert [one.why for one in fastest.ranked] == [
        "named, ordered by fastest: 8.5 s to finish (3 calls)",
        "named, ordered by fastest: 9.0 s to finish (3 calls)",
        "named, ordered by fastest: 40 s to finish (3 calls)",
    ]


@pytest.mark.parametrize(
    ("breaker", "last", "said"),
    [
        pytest.param(
            Breaker(at=0, reason="rate_limited", until=12.3), True, ", last: rate limited, 12 s left", id="its own time"
        ),
        pytest.param(
            Breaker(at=0, reason="quota_exhausted", until=600, probed=True, trips=1),
            True,
            ", last: out of credit, 10 min 0 s left",
            id="no credit",
        ),
        pytest.param(
            Breaker(at=0, reason="unavailable", until=30, probed=True, trips=1),
            True,
            ", last: failed, 30 s left",
            id="dead",
        ),
        pytest.param(
            Breaker(at=0, reason="timeout", probe_until=9, probed=True, trips=1),
            True,
            ", last: timed out, another request tries it now",
            id="tried by another",
        ),
        pytest.param(
            Breaker(at=0, reason="timeout", probed=True, trips=1),
            False,
            ", tried again: timed out before",
            id="half-open",
        ),
        pytest.param(Breaker(at=0, reason="timeout", failures=2, last="xx"), False, "", id="not often enough"),
        pytest.param(Breaker(at=5000, reason="timeout", until=9999), False, "", id="a clock set back"),
    ],
)
def test_a_target_that_fails_goes_last_rather_than_away(breaker: Breaker, last: bool, said: str) -> None:
    """
    Who asked to be left alone is asked when nobody else is left.
    """
    made = decide({A: facts(breaker=breaker), B: facts()})

    assert order(made) == ["b", "a"] if last else ["a", "b"]
    assert next(one.why for one in made.ranked if one.target == A) == f"named{said}"


def sized(context: int | None, output: int | None = None) -> Model:
    return Model(id="m", price=price(), context=context, max_output=output)


@pytest.mark.parametrize(
    ("first", "need", "why"),
    [
        pytest.param({"model": sized(8192)}, {"input_estimate": 8128}, "", id="just"),
        pytest.param({"model": sized(8192)}, {"input_estimate": 8129}, "about 8,129 tokens is", id="no room to answer"),
        pytest.param({"model": sized(8192)}, {"input_estimate": 7000, "max_output": 1192}, "", id="its answer just"),
        pytest.param(
            {"model": sized(8192)},
            {"input_estimate": 7000, "max_output": 1193},
            "about 7,000 tokens with 1,193 of output is",
            id="its answer not",
        ),
        pytest.param({"model": sized(None)}, {"input_estimate": 10**9}, "", id="nobody knows"),
        pytest.param(
            {"model": sized(131072), "kind": "ollama", "num_ctx": 8192},
            {"input_estimate": 9000},
            "about 9,000 tokens is",
            id="num_ctx of the profile",
        ),
        pytest.param(
            {"model": sized(131072), "kind": "ollama", "num_ctx": 131072},
            {"input_estimate": 9000, "num_ctx": 8192},
            "about 9,000 tokens is",
            id="num_ctx of the request",
        ),
        pytest.param(
            {"model": sized(None), "kind": "ollama", "num_ctx": 4096},
            {"input_estimate": 9000, "num_ctx": 32768},
            "",
            id="the request's wins",
        ),
        pytest.param({"model": sized(131072), "num_ctx": 8}, {"input_estimate": 9000}, "", id="not Ollama"),
    ],
)
def test_a_window_holds_prompt_and_answer_or_the_next_one_is_asked(
    first: dict[str, Any], need: dict[str, Any], why: str
) -> None:
    """
    Whoever is too small says so, and nothing is cut.
    """
    made = decide({A: facts(**first), B: facts(model=sized(None))}, **need)
    out = [one.why for one in made.candidates if one.rank is None]

    assert order(made) == (["b"] if why else ["a", "b"])
    assert [one.partition(" too long for its context window of ")[0] for one in out] == ([why] if why else [])


@pytest.mark.parametrize(
    ("model", "estimate", "limit"),
    [
        pytest.param(sized(8192, 8192), 10, 8179, id="as large as the window"),
        pytest.param(sized(8192, 8192), 6000, 192, id="little room"),
        pytest.param(sized(8192, 8192), 8000, 64, id="hardly any"),
        pytest.param(sized(128000, 16384), 10, 16384, id="its own"),
        pytest.param(sized(4096), 3000, 96, id="nobody knows its own"),
        pytest.param(sized(None, 500), 10**6, 500, id="nobody knows the window"),
    ],
)
def test_an_output_limit_that_nobody_gave_fits_beside_the_prompt(model: Model, estimate: int, limit: int) -> None:
    """
    Servers refuse prompt and limit together; a third is left for an estimate that was too low.
    """
    made = decide({A: facts(model=model)}, input_estimate=estimate)

    assert made.candidates[0].max_output == limit
    assert made.extended(4 * estimate, estimate).candidates[0].max_output == limit
    assert decide({A: facts(model=model)}, input_estimate=10, max_output=300).candidates[0].max_output == 300


def test_first_only_keeps_one() -> None:
    """
    --no-fallback leaves the first that is able.
    """
    made = decide({A: facts(not_ready="no"), B: facts(), C: facts()}, first_only=True)

    assert order(made) == ["b"]
    assert [c.why for c in made.candidates] == ["named", "not used: --no-fallback", "no"]


def test_costs_are_bounds_of_the_request() -> None:
    """
    The worst case prices the proven input and the limit; without a price it is unknown, locally it is 0.
    """
    made = decide({A: facts(), B: facts(model=Model(id="m")), C: facts(billing="local")}, max_output=1000)

    assert [(c.estimate, c.worst, c.source) for c in made.candidates] == [
        ((100 + 500 * 10) * 10**6, (400 + 1000 * 10) * 10**6, "computed"),
        (None, None, "unknown"),
        (0, 0, "local"),
    ]


@pytest.mark.parametrize(
    ("given", "need", "error"),
    [
        pytest.param({A: facts()}, {"private": True}, ConfigError, id="private without a local model"),
        pytest.param({A: facts(not_ready="no key")}, {}, CredentialsError, id="nothing ready"),
        pytest.param({A: facts(model=Model(id="m", context=5))}, {}, ContextTooLong, id="too long for all"),
        pytest.param({}, {}, ConfigError, id="empty chain"),
    ],
)
def test_a_plan_without_anybody_says_why(
    given: dict[Target, TargetFacts], need: dict[str, Any], error: type[LlmoError]
) -> None:
    """
    The error tells configuration, keys and length apart.
    """
    with pytest.raises(error):
        require_candidates(decide(given, **need))
