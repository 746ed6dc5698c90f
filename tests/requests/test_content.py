"""What of a request is sent: every byte of it counts, and every text of it is looked at."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from llmo.catalog.catalog import Catalog
from llmo.config.kinds import KINDS
from llmo.config.profile import Profile, ProviderConfig
from llmo.errors import UsageError
from llmo.providers.http import schemas
from llmo.requests import content
from llmo.routing import tokens
from llmo.routing.model_names import ModelNames
from llmo.routing.planner import Planner, Selection
from llmo.types.messages import Message, Params, Request

if TYPE_CHECKING:
    from llmo.ledger.breakers import Circuit
    from llmo.types.messages import Target

KEY = "sk-proj-0123456789abcdefghijABCDEFGHIJ"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)


def html(text: str) -> str:
    """As Jinja's own `tojson` writes it."""
    return "".join(f"\\u{ord(c):04x}" if c in "<>&'" else c for c in text)


def nfkc(text: str) -> str:
    """As a template that normalizes writes JSON."""
    return json.dumps(_nfkc(json.loads(text)), ensure_ascii=False)


def _nfkc(value: Any) -> Any:
    if isinstance(value, dict):
        return {_nfkc(name): _nfkc(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_nfkc(inner) for inner in value]
    return normalize("NFKC", value) if isinstance(value, str) else value


class Nothing:
    """No past."""

    def latency(self, target: Target) -> None:
        """None."""

    def breaker(self, circuit: Circuit) -> None:
        """None."""


def planner(kind: Any = "openai", env: dict[str, str] | None = None, **config: Any) -> Planner:
    """Plans for one provider of a kind."""
    profile = Profile(providers={"p": ProviderConfig(kind=kind, **config)})
    return Planner(ModelNames(profile, env or {}, Catalog(now=0)), Nothing())


@settings(deadline=None)
@given(VALUES)
@example({"<a>": ["&'" * 9, {"\ufdfa": "\ufdfa<"}, [], {}, [[1, None]]]})
def test_a_width_covers_every_spelling_of_a_value(value: Any) -> None:
    """
    Compact or indented, escaped or not, normalized or not, for a page or for a model.
    """
    spellings = [
        json.dumps(value, indent=indent, ensure_ascii=ascii_only)
        for indent in (None, 2, content.INDENT)
        for ascii_only in (True, False)
    ]
    longest = max(
        len(s.encode("utf-8", "surrogatepass")) for text in spellings for s in (text, html(text), html(nfkc(text)))
    )

    assert longest <= content.width(value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "extra",
    [
        pytest.param({"tools": [{"type": "function", "function": {"description": "x" * 100_000}}]}, id="tools"),
        pytest.param({"functions": [{"name": "f", "description": "x" * 100_000}]}, id="functions"),
        pytest.param({"prediction": {"type": "content", "content": "x" * 100_000}}, id="prediction"),
        pytest.param({"response_format": {"json_schema": {"schema": {"enum": ["x" * 100_000]}}}}, id="schema"),
        pytest.param({"nobody_knows": {"deep": [{"x" * 100_000: None}]}}, id="a name"),
    ],
)
def test_an_option_counts_byte_by_byte(kind: str, extra: dict[str, Any]) -> None:
    """
    In the bound of its tokens, and about so in the estimate that is held against a context.
    """
    plain = Request((Message("user", "hi"),))
    asked = Request((Message("user", "hi"),), Params(extra=extra))

    assert tokens.bound(plain, kind) + 100_000 < tokens.bound(asked, kind)
    assert 25_000 <= tokens.guess(asked) - tokens.guess(plain) < 26_000


def test_tools_bring_a_preamble() -> None:
    """
    Instructions that no byte of the request tells of, and marks around each tool.
    """
    one, two = (Request((), Params(extra={"tools": [{"name": "f"}] * n})) for n in (1, 2))
    none = Request((), Params(extra={"tools": []}))

    assert tokens.bound(none, "openai") + tokens.PER_TOOLS + tokens.PER_TOOL < tokens.bound(one, "openai")
    assert tokens.bound(one, "openai") + tokens.PER_TOOL < tokens.bound(two, "openai")


def test_an_hour_in_any_cache_mark_is_held_at_its_price() -> None:
    """
    Wherever the mark stands, not only at the top.
    """
    tool: Any = {"name": "f", "input_schema": {}, "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    plan = planner().plan(
        Request((Message("user", "hi"),), Params(extra={"tools": [tool]})), Selection(models=("p/m",))
    )

    assert plan.requirements.long_cache


@pytest.mark.parametrize(
    "beside",
    [
        pytest.param({"schema": {"type": "object", "description": KEY}}, id="schema"),
        pytest.param({"schema": {"properties": {KEY: {}}}}, id="name in a schema"),
        pytest.param({"params": Params(stop=(KEY,))}, id="stop"),
        pytest.param({"params": Params(extra={"user": KEY})}, id="option"),
        pytest.param({"params": Params(extra={"metadata": {"deep": [[{"password": "correcthorse"}]]}})}, id="nested"),
        pytest.param({"params": Params(extra={"tools": [{"function": {"description": KEY}}]})}, id="tools"),
        pytest.param({"params": Params(extra={KEY: 1})}, id="name of an option"),
        pytest.param({"params": Params(extra={"x": 4111111111111111})}, id="number"),
        pytest.param({"params": Params(extra={"x": [1, 4111111111111111]})}, id="number in a list"),
    ],
)
def test_a_secret_beside_the_messages_makes_a_request_private(beside: Any) -> None:
    """
    Everything that would be sent is looked at: nobody away from this machine may answer.
    """
    plan = planner().plan(Request((Message("user", "hi"),), **beside), Selection(models=("p/m",)))

    assert (1, (), True) == (len(plan.requirements.private_kinds), plan.ranked, plan.requirements.private)


def test_what_many_requests_share_is_weighed_once() -> None:
    """
    By what it is, not by what it equals: an object that was changed is another request's.
    """
    turns = itertools.count(1)
    weigh = content.cached_by_identity(lambda _part: next(turns))
    shared, equal = {"a": 1}, {"a": 1}

    assert [1, 1, 2] == [weigh(shared), weigh(shared), weigh(equal)]


def test_what_holds_itself_is_refused() -> None:
    """
    In one line, not by running out of stack or memory.
    """
    endless: list[Any] = []
    endless += [endless, endless]

    with pytest.raises(UsageError, match="nested more than"):
        tokens.bound(Request((), Params(extra={"x": endless})), "openai")


@settings(deadline=None)
@given(
    st.recursive(
        st.fixed_dictionaries({"type": st.just("integer"), "minimum": st.integers()}),
        lambda inner: st.builds(
            lambda parts: {"type": "object", "properties": parts, "required": list(parts)[:1]},
            st.dictionaries(st.text(max_size=40), inner, min_size=1, max_size=5),
        ),
        max_leaves=12,
    )
)
def test_a_bound_covers_a_schema_in_every_subset(schema: Any) -> None:
    """
    Objects are closed and names required, which makes it longer than what was given.
    """
    plain = tokens.bound(Request(()), "openai")
    sent_as = [found for found in (schemas.strict(schema), schemas.closed(schema)) if found is not None]
    most = max(len(json.dumps(one, indent=2).encode()) for one in sent_as)

    assert most + tokens.PER_SCHEMA <= tokens.bound(Request((), schema=schema), "openai") - plain
