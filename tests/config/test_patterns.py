"""One meaning of `*` in names, wherever a profile writes one: budgets, prices, and the checks of both."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from llmo.catalog.catalog import Catalog
from llmo.config import patterns
from llmo.config.profile import PriceConfig, ProviderConfig
from llmo.errors import ConfigError
from llmo.ledger.records import Call, Limit
from llmo.types.messages import Target

LETTERS = st.text("ab*[?]\n", max_size=8)
KEY = "[providers.paid]\nkind = 'offline'\nlocal = false\noffline = { input_usd = '1', output_usd = '1' }\n"
BUDGET = KEY + "[[budgets]]\nname = 'none'\nlimit_usd = '0'\nmatch = { {} }\n[providers.other]\nkind = 'ollama'\n"
CALL = Call(id="1", run="r", provider="openai", model="gpt-6", task="simple", tags={"team": "a"})


@settings(deadline=None)
@given(LETTERS, LETTERS)
@example("*a*", "ab")
@example("a*a", "a")
@example("a*b*a", "aba")
@example("a*b*a", "aabbaa")
@example("a*b", "ab")
@example("ab*b", "ab")
@example("*ab*ab", "abab")
@example("b*a*", "ab")
@example("a*b*a", "aca")
@example("*ab*ab", "ab")
def test_a_star_is_any_text_and_all_else_is_itself(pattern: str, name: str) -> None:
    """
    As a regular expression of the pieces between the stars says, in every case.
    """
    form = re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)

    assert bool(form.fullmatch(name)) == patterns.matches(pattern, name)


@settings(deadline=None)
@given(LETTERS, LETTERS, LETTERS)
def test_what_may_begin_so_is_not_denied(pattern: str, prefix: str, rest: str) -> None:
    """
    A pattern that means a name is never said to mean nothing that begins as that name does.
    """
    assert patterns.may_begin(pattern, prefix) or not patterns.means_target(pattern, prefix + rest)


@pytest.mark.parametrize(
    ("pattern", "may"),
    [
        ("openai/gpt", True),
        ("OpenAI/*", True),
        ("open*", True),
        ("*", True),
        ("openai*gpt", True),
        ("openai", False),
        ("gpt*", False),
        ("openai2/*", False),
        ("vllm/gpt", False),
    ],
)
def test_what_cannot_begin_so_is_known(pattern: str, may: bool) -> None:
    """
    Whether a pattern means any model of a provider.
    """
    assert may is patterns.may_begin(pattern, "openai/")


def test_many_stars_take_no_time() -> None:
    """
    A pattern is no regular expression that tries everything; this one would take years.
    """
    assert not patterns.matches("*a" * 40 + "b", "a" * 20_000)


@pytest.mark.parametrize(
    ("match", "counted"),
    [
        pytest.param({"model": "GPT-6"}, True, id="another case"),
        pytest.param({"model": "openai/GPT-*"}, True, id="another case, with provider"),
        pytest.param({"model": "sonnet[effort=high]"}, False, id="settings in brackets"),
        pytest.param({"provider": "OpenAI"}, False, id="names of providers are exact"),
        pytest.param({"provider": "*", "model": "*", "task": "*"}, True, id="stars"),
        pytest.param({"tag.team": ""}, False, id="empty tag"),
    ],
)
def test_a_budget_counts_by_the_same_rule(match: dict[str, str], counted: bool) -> None:
    """
    Models without case, all else letter by letter.
    """
    assert counted is Limit(name="x", usd=0, match=match).counts(CALL)


@pytest.mark.parametrize("pattern", ["gpt-?", "gpt-[56]", "gpt[!5]*", "gpt[", "", " gpt-6"])
def test_no_limit_takes_a_pattern_that_it_reads_otherwise(pattern: str) -> None:
    """
    Also where no check of a profile came before.
    """
    with pytest.raises(ConfigError, match=r"^budget zero: match.model: "):
        Limit(name="zero", usd=0, match={"model": pattern})


def test_a_price_is_found_by_the_same_rule() -> None:
    """
    `*` in `[[prices]]` is that of budgets, and the case of a model's name is no other model.
    """
    price = PriceConfig(model="vllm/Llama*", input_usd="3", output_usd="4")
    found = Catalog([price], now=0.0).find(
        Target("vllm", "llama-3"), ProviderConfig(kind="openai", base_url="http://h/v1")
    )

    assert found.price is not None
    assert (3_000_000, 4_000_000, "profile") == (found.price.input, found.price.output, found.price.source)


@pytest.mark.parametrize(
    ("match", "message"),
    [
        pytest.param("provider = 'pai?'", "provider: ? and [ ] are not wildcards, only * is", id="question mark"),
        pytest.param("provider = 'p[a-z]id'", "provider: ? and [ ] are not wildcards, only * is", id="class"),
        pytest.param("model = 'big[12]'", "model: ? and [ ] are not wildcards, only * is", id="class in a model"),
        pytest.param("'tag.team' = 'a?'", '"tag.team": ? and [ ] are not wildcards, only * is', id="tag"),
        pytest.param("provider = 'q*'", "provider: unknown provider: q*", id="pattern that no provider has"),
        pytest.param("provider = 'ollama'", "provider: unknown provider: ollama is a kind", id="a kind, not a name"),
        pytest.param("task = 'simpel'", "task: unknown task: simpel; did you mean simple?", id="task"),
        pytest.param("model = ''", "model: expected a name; * is any", id="empty"),
        pytest.param("model = ' big'", "model: expected a name without spaces around it", id="space"),
    ],
)
def test_a_budget_of_nothing_lets_no_paid_call_pass_by_a_misread_match(llmo, match: str, message: str) -> None:
    """
    What the ledger would read otherwise than its writer is refused with its place, before anything is sent.
    """
    (llmo.home / "p.toml").write_text(BUDGET.replace("{}", match))
    ask = llmo("-P", "p.toml", "ask", "hi", "-m", "paid/big", "--max-tokens", "5")
    check = llmo("-P", "p.toml", "profile", "check")

    assert (4, "") == (ask.code, ask.stdout)
    assert ask.stderr.startswith(f"llmo: p.toml:8: budgets.0.match.{message}")
    assert (4, ask.stderr) == (check.code, check.stderr)


@pytest.mark.parametrize(
    "match",
    ["provider = 'p*d'", "model = '*/BIG'", "model = 'b*'", "task = 's*'", "'tag.team' = 'red'", "'tag.team' = 'r*'"],
)
def test_a_star_in_a_match_holds(llmo, match: str) -> None:
    """
    What the check lets pass is what the ledger counts; a tag may be any word.
    """
    (llmo.home / "p.toml").write_text(BUDGET.replace("{}", match))
    run = llmo("-P", "p.toml", "ask", "hi", "-m", "paid/big", "-t", "simple", "--tag", "team=red", "--max-tokens", "5")

    assert (3, "") == (run.code, run.stdout)


def test_a_price_that_no_model_can_have_is_refused(llmo) -> None:
    """
    Prices are for provider/model; a bare model would price nothing.
    """
    (llmo.home / "p.toml").write_text(KEY + "[[prices]]\nmodel = 'gpt-6'\ninput_usd = '1'\noutput_usd = '1'\n")

    assert (4, 'llmo: p.toml:6: prices.0.model: expected provider/model, such as openai/gpt-6, got "gpt-6"\n') == (
        (run := llmo("-P", "p.toml", "profile", "check")).code,
        run.stderr,
    )


def test_check_names_what_counts_nothing_known(llmo) -> None:
    """
    A slip in a model's name is told by `profile check`; a model of an own server is not.
    """
    (llmo.home / "p.toml").write_text(
        KEY.replace("local", "models = ['big', 'small']\nlocal")
        + "[providers.vllm]\nkind = 'openai'\nbase_url = 'http://127.0.0.1:1/v1'\n"
        + "[[budgets]]\nname = 'a'\nlimit_usd = '0'\nmatch = { model = 'bigg' }\n"
        + "[[budgets]]\nname = 'b'\nlimit_usd = '0'\nmatch = { provider = 'paid', model = 'other/*' }\n"
        + "[[budgets]]\nname = 'c'\nlimit_usd = '0'\nmatch = { model = 'vllm/anything' }\n"
        + "[[budgets]]\nname = 'd'\nlimit_usd = '0'\nmatch = { model = 'paid/sm*' }\n"
        + "[[prices]]\nmodel = 'groq/*'\ninput_usd = '1'\noutput_usd = '1'\n"
    )
    told = [
        "budget a matches no known model: model = bigg; did you mean big?",
        "budget b matches no known model: model = other/*",
        "[[prices]] entry groq/* matches no provider of this profile: paid, vllm",
    ]
    run = llmo("-P", "p.toml", "profile", "check", "--json")

    assert (0, told) == (run.code, run.json["warnings"])
    assert [f"llmo: warning: {line}" for line in told] == llmo("-P", "p.toml", "profile", "check").stderr.splitlines()[
        :3
    ]
