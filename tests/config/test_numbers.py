"""One validation of numbers: a flag, the profile, a program and a row of a batch refuse the same values."""

from __future__ import annotations

import dataclasses
import json
import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmo.batch.input import openai_rows
from llmo.batch.input.rows import Row
from llmo.catalog.listings import ModelLists
from llmo.catalog.prices import Price, Rates
from llmo.cli.commands.batch.flags import InputOptions, RunOptions
from llmo.cli.options import SelectionFlags
from llmo.client.question import Options, question
from llmo.config import parameters
from llmo.config.load import load
from llmo.config.profile import Profile
from llmo.config.validation import validated
from llmo.errors import ConfigError, UsageError
from llmo.types.events import Usage
from llmo.types.messages import Params
from llmo.types.money import DOLLAR
from tests.pricing import worst_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Llmo

BAD: dict[str, tuple[tuple[Any, str], ...]] = {
    "max_tokens": (
        (-10_000_000, "must be at least 1: -10000000"),
        (0, "must be at least 1: 0"),
        (10**30, "must be at most 100,000,000: 1000000000000000000000000000000"),
        (10**400, "must be at most 100,000,000: a number of 400 digits"),
        (math.inf, "is not a whole number: inf"),
        (math.nan, "is not a whole number: nan"),
        (100.5, "is not a whole number: 100.5"),
        (True, "is not a whole number: true"),
        ("10", "is not a whole number: 10 (a text)"),
        ([10] * 100_000, "is not a whole number: a list of 100,000"),
    ),
    "temperature": (
        (-0.1, "must be at least 0: -0.1"),
        (math.inf, "is not a number: inf"),
        (math.nan, "is not a number: nan"),
        (10**400, "must be at most 100: a number of 400 digits"),
        (True, "is not a number: true"),
        ("1", "is not a number: 1 (a text)"),
    ),
    "seed": (
        (2**63, "must be at most 9,223,372,036,854,775,807: 9223372036854775808"),
        (0.5, "is not a whole number: 0.5"),
        (False, "is not a whole number: false"),
    ),
    "stop": (
        ([1], "is not a text: 1"),
        (["x"] * 65, "has more than 64 texts: 65"),
        ({"a": 1}, "is not a string or a list of strings: an object"),
        (7, "is not a string or a list of strings: 7"),
        (["x", ""], "is an empty text"),
    ),
}
ONLY_BODY: dict[str, tuple[tuple[Any, str], ...]] = {
    "max_completion_tokens": BAD["max_tokens"],
    "n": ((0, "must be at least 1: 0"), (-1, "must be at least 1: -1"), (10**6, "must be at most 1,000: 1000000")),
    "top_p": ((1.5, "must be at most 1: 1.5"), (-1, "must be at least 0: -1")),
    "service_tier": ((5, "is not a text: 5"),),
}
CASES = [pytest.param(name, *case, id=f"{name}-{n}") for name in BAD for n, case in enumerate(BAD[name])]
IN_BODY = [*CASES, *(pytest.param(k, *case, id=f"{k}-{n}") for k in ONLY_BODY for n, case in enumerate(ONLY_BODY[k]))]


@pytest.mark.parametrize(("name", "value", "said"), CASES)
def test_a_program_is_told_which_number_cannot_be_meant(name: str, value: Any, said: str) -> None:
    """
    Whatever Python can hold is a usage error with the option's name, never a crash.
    """
    options: Any = {name: value}
    with pytest.raises(UsageError) as caught:
        question("hello", options)

    assert caught.value.message == f"{name} {said}"


@pytest.mark.parametrize(("name", "value", "said"), IN_BODY)
def test_a_row_s_own_numbers_are_checked(name: str, value: Any, said: str) -> None:
    """
    A negative limit would turn a cap into credit.
    """
    body: Any = {"messages": [{"role": "user", "content": "x"}], name: value}
    fields: Any = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": body}
    with pytest.raises(UsageError) as caught:
        openai_rows.request(Row(0, fields, name="in.jsonl", number=3, text=None))

    assert caught.value.message == f"not a request: in.jsonl:3: {name} {said}"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        pytest.param(lambda: SelectionFlags(max_tokens=0), "--max-tokens must be at least 1: 0", id="max-tokens"),
        pytest.param(
            lambda: SelectionFlags(max_tokens=10**20),
            "--max-tokens must be at most 100,000,000: 100000000000000000000",
            id="huge",
        ),
        pytest.param(
            lambda: SelectionFlags(temperature=math.nan), "--temperature is not a number: nan", id="temperature"
        ),
        pytest.param(
            lambda: SelectionFlags(seed=-(2**64)), "--seed must be at least -9,223,372,036,854,775,808: ", id="seed"
        ),
        pytest.param(lambda: SelectionFlags(stop=[""]), "--stop is an empty text", id="stop"),
        pytest.param(lambda: SelectionFlags(timeout="0s"), "--timeout must be above 0: 0.0", id="timeout"),
        pytest.param(
            lambda: SelectionFlags(timeout="20d"), "--timeout must be at most 1,000,000: 1728000.0", id="long"
        ),
        pytest.param(lambda: SelectionFlags(retries=10**9), "--retries must be at most 100: 1000000000", id="retries"),
        pytest.param(lambda: SelectionFlags(max_cost="-1"), "--max-cost: not an amount in dollars: -1", id="cost"),
        pytest.param(lambda: SelectionFlags(max_cost="nan"), "--max-cost: not an amount in dollars: nan", id="nan"),
        pytest.param(lambda: SelectionFlags(tag=["x"]), "--tag: not KEY=VALUE: x", id="tag"),
        pytest.param(lambda: InputOptions(limit=10**30), "--limit must be at most 1,000,000,000,000: 1", id="limit"),
        pytest.param(lambda: InputOptions(sample=-1), "--sample must be at least 0: -1", id="sample"),
        pytest.param(lambda: InputOptions(repair=-1), "--repair must be at least 0: -1", id="repair"),
        pytest.param(lambda: RunOptions(rpm=math.inf), "--rpm is not a number: inf", id="rpm"),
        pytest.param(lambda: RunOptions(tpm=math.nan), "--tpm is not a number: nan", id="tpm"),
        pytest.param(lambda: RunOptions(share=0.0), "--share must be above 0: 0.0", id="share"),
        pytest.param(lambda: RunOptions(concurrency="1e3"), "--concurrency is not a whole number: 1e3", id="j"),
        pytest.param(lambda: RunOptions(concurrency="10001"), "--concurrency must be at most 10,000: 10001", id="many"),
        pytest.param(lambda: RunOptions(max_failures="-1"), "--max-failures must be at least 0: -1", id="failures"),
        pytest.param(lambda: RunOptions(max_failures="101%"), "--max-failures must be at most 100: 101", id="percent"),
        pytest.param(lambda: RunOptions(confirm_over="x"), "--confirm-over: not an amount in dollars: x", id="confirm"),
    ],
)
def test_flags_are_checked_before_a_command_begins(make: Any, said: str) -> None:
    """
    Where they are gathered, so that no command can forget it.
    """
    with pytest.raises(UsageError) as caught:
        make()

    assert caught.value.message.startswith(said)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        pytest.param("max_tokens", -1, "expected more than 0, got -1", id="negative"),
        pytest.param("max_tokens", 10**12, "expected at most 100,000,000, got 1000000000000", id="tokens"),
        pytest.param("max_tokens", True, "expected a whole number, got true", id="switch"),
        pytest.param("timeout", 1e300, "expected at most 1,000,000, got 1e+300", id="timeout"),
        pytest.param("retries", 101, "expected at most 100, got 101", id="retries"),
        pytest.param("retention_days", 10**18, "expected at most 100,000, got 1000000000000000000", id="days"),
        pytest.param("retention_days", 10**400, "expected at most 100,000, got a number of 400 digits", id="huge"),
    ],
)
def test_the_profile_has_the_same_bounds(key: str, value: Any, said: str) -> None:
    """
    They come from one module.
    """
    assert (None, [((key,), said)]) == validated({key: value})


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, {1: 2}, {"a": [{"b": -math.inf}]}, object(), {"x": {1, 2}}, b"x"]
)
def test_options_that_are_not_json_are_refused_by_name(value: Any) -> None:
    """
    What goes to the provider as it is must be something that can be sent.
    """
    with pytest.raises(UsageError, match=r"^extra\.top_k(\.a|\.x)? is not JSON"):
        question("hello", {"extra": {"top_k": value}})


def test_an_abyss_is_refused() -> None:
    """
    A list in a list, and so on, is a usage error as well.
    """
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(UsageError) as caught:
        question("hello", {"extra": {"x": deep}})

    assert caught.value.message == "extra.x is nested more than 200 levels deep"


def test_whole_floats_are_whole_numbers() -> None:
    """
    Tables with missing values spell every number so.
    """
    options: Any = {"max_tokens": 100.0, "temperature": 1}

    assert Params(max_tokens=100, temperature=1.0) == question("x", options).request.params


@given(value=st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists, max_leaves=5))
@settings(deadline=None)
def test_whatever_comes_is_a_number_in_its_range_or_refused(value: Any) -> None:
    """
    Nothing else leaves the check.
    """
    for name, allowed in parameters.RANGES.items():
        found = None
        with suppress(UsageError):
            found = parameters.real(name, value)
        assert found is None or allowed.least <= found <= allowed.most


def test_the_names_of_options_and_of_the_profile_are_covered() -> None:
    """
    A number that a program or a profile can give has its range here.
    """
    mine = {"max_tokens", "temperature", "seed", "timeout", "retries"}

    assert mine <= parameters.RANGES.keys() & Options.__annotations__.keys()
    assert {"max_tokens", "timeout", "retries"} <= set(Profile.__dataclass_fields__)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        pytest.param("x=" + "[" * 100_000, "--option x: nested more than 200 levels deep", id="abyss"),
        pytest.param("x=[1e999]", "--option x: a number is out of range: 1e999", id="infinite"),
    ],
)
def test_an_option_that_cannot_be_sent_is_refused(llmo: Llmo, option: str, said: str) -> None:
    """
    One line, exit 2, nothing sent.
    """
    run = llmo("-P", "offline", "ask", "hello", "-o", option)

    assert (2, "", f"llmo: {said}\n") == (run.code, run.stdout, run.stderr)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        pytest.param('{"prompt":' + "[" * 100_000, "nested more than 200 levels deep", id="abyss"),
        pytest.param('{"prompt": NaN}', "NaN is not JSON", id="NaN"),
    ],
)
def test_rows_of_route_are_json_too(llmo: Llmo, line: str, why: str) -> None:
    """
    A line that is none is named.
    """
    run = llmo("-P", "offline", "route", "--rows", "-", stdin=line)

    assert (2, f"llmo: standard input:1: not a JSON object with `prompt`: {why}\n") == (run.code, run.stderr)


def test_a_word_that_json_does_not_have_is_a_text(llmo: Llmo) -> None:
    """
    `-o x=NaN` is the text NaN.
    """
    run = llmo("-P", "offline", "ask", "hello", "--json", "-o", "x=NaN")

    assert (0, True) == (run.code, json.loads(run.stdout)["ok"])


@pytest.mark.parametrize(
    "text", ["-1", "-0.000001", "nan", "NaN", "inf", "-Infinity", "1e400", "10001", "free", "", "1e-30"]
)
@pytest.mark.parametrize("key", ["input_usd", "output_usd", "cached_input_usd", "cache_write_usd"])
def test_a_price_that_would_give_credit_is_refused_with_its_line(tmp_path: Path, key: str, text: str) -> None:
    """
    In the profile, exit 4; so is one that no hold could be computed with.
    """
    prices = {"input_usd": "1", "output_usd": "1", key: text}
    body = "[[prices]]\nmodel = 'openai/*'\n" + "".join(f"{name} = {json.dumps(usd)}\n" for name, usd in prices.items())
    line = 1 + body.splitlines().index(f"{key} = {json.dumps(text)}")
    path = tmp_path / "p.toml"
    path.write_text(body, "utf-8")
    with pytest.raises(ConfigError) as caught:
        load(str(path), env={"LLMO_CACHE_DIR": str(tmp_path / "cache")})

    said = f"expected an amount in dollars from 0 to 10,000, such as 2.50, got {json.dumps(text)}"
    assert (4, f"{path}:{line}: prices.0.{key}: {said}") == (caught.value.exit, caught.value.message)


@pytest.mark.parametrize("rate", [-1, 1.5, math.nan, True, "1"])
@pytest.mark.parametrize("name", ["input", "output", "cached_input", "cache_write", "reasoning", "request"])
def test_no_price_of_such_a_rate_can_be_made(name: str, rate: Any) -> None:
    """
    Whoever tells it: table, provider or profile.
    """
    rates: Any = {"input": 1, "output": 1, name: rate}
    with pytest.raises(ValueError, match="not a rate"):
        Price(**rates)
    if name != "request":
        with pytest.raises(ValueError, match="not a rate"):
            Rates(**rates)


PLAIN: Any = {"input": 1, "output": 1}


@pytest.mark.parametrize(
    "make",
    [
        lambda: Price(**PLAIN, peak=(-1, 0)),
        lambda: Price(**PLAIN, cap=(0, -1, 0)),
        lambda: Price(**PLAIN, tiers=((5, Rates(**PLAIN | {"output": -1})),)),
        lambda: Price(**PLAIN, service={"flex": Price(**PLAIN | {"input": -1})}),
        lambda: Price(**PLAIN, others=(Price(**PLAIN, request=-1),)),
    ],
)
def test_nor_one_whose_worst_case_is_negative(make: Any) -> None:
    """
    Peaks, caps, tiers, service tiers and other models count too.
    """
    with pytest.raises(ValueError, match="not a rate"):
        make()


COUNTS = st.integers(min_value=0, max_value=10**9)
RATES = st.integers(min_value=0, max_value=10**10)


@given(rates=st.tuples(*[RATES] * 5), counts=st.tuples(*[COUNTS] * 6))
@settings(deadline=None)
def test_no_usage_ever_costs_less_than_nothing(rates: tuple[int, ...], counts: tuple[int, ...]) -> None:
    """
    Whatever parts of its tokens a provider counts, parts that are more than the whole included.
    """
    names = ("input", "output", "cached_input", "cache_write", "reasoning")
    price = Price(**dict(zip(names, rates, strict=True)))  # type: ignore[arg-type]
    parts = [field.name for field in dataclasses.fields(Usage)][: len(counts)]
    usage = Usage(**dict(zip(parts, counts, strict=True)))

    assert price.cost(usage) >= 0


def test_a_cached_list_with_a_negative_price_is_as_good_as_absent(tmp_path: Path) -> None:
    """
    Whoever wrote it there.
    """
    price: Any = {"input": -5, "output": 1, "cached_input": None, "cache_write": None, "reasoning": None}
    row = {"id": "m", "context": None, "max_output": None, "shutdown": None, "abilities": None}
    body = {"base_url": "u", "at": 0, "models": [row | {"price": price | {"request": 0, "peak": [0, 0], "tiers": []}}]}
    (tmp_path / "p.json").write_text(json.dumps(body), "utf-8")

    assert {} == ModelLists(tmp_path).of("p", "u").models


def test_the_dearest_tokens_that_can_be_asked_for_fit_into_the_ledger() -> None:
    """
    The two upper bounds belong together.
    """
    dear = Price(input=0, output=parameters.MOST_PRICE * DOLLAR // 1_000_000)

    assert worst_of(dear, 0, parameters.MOST_TOKENS) < 2**62
