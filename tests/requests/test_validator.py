"""Answers against schemas: verdicts, words, and work that is bounded whatever either of them says."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmo.errors import UsageError
from llmo.providers.offline.sample import sample
from llmo.requests import validator
from llmo.requests.schema_outline import states
from llmo.requests.validator import Validator, Verdict, checked

DRAFTS = [
    "http://json-schema.org/draft-04/schema#",
    "http://json-schema.org/draft-06/schema#",
    "http://json-schema.org/draft-07/schema",
    "https://json-schema.org/draft/2019-09/schema",
    "https://json-schema.org/draft/2020-12/schema",
]
TREE = {"$ref": "#/$defs/tree"}


@pytest.mark.parametrize(
    ("schema", "answer", "problems"),
    [
        pytest.param({"type": "integer"}, "1.0", [], id="1.0 is an integer"),
        pytest.param({"type": "integer"}, '"a"', ['top level: "a" is not of type "integer"'], id="type"),
        pytest.param(
            {"properties": {"a": {"items": {"enum": ["x", "y"]}}}},
            '{"a": ["x", "z", "x", 1, 2, 3, 4, 5, 6, 7, {}]}',
            [f'a/{n}: {shown} is not one of "x" or "y"' for n, shown in ((1, '"z"'), (3, 1), (4, 2), (5, 3), (6, 4))],
            id="the first five, in order",
        ),
        pytest.param({"required": ["n"]}, "{}", ['top level: "n" is a required property'], id="required"),
        pytest.param(
            {"properties": {"b": {}}, "additionalProperties": False},
            '{"a": 1}',
            ["top level: Additional properties are not allowed ('a' was unexpected)"],
            id="additional",
        ),
        pytest.param(
            {"items": {"maxLength": 3}},
            json.dumps(["b" * 10**6]),
            [f'0: "{"b" * 78}… is longer than 3 characters'],
            id="a long value is cut",
        ),
        pytest.param(
            {"properties": {"k" * 1000: False}},
            json.dumps({"k" * 1000: 1}),
            [f"{'k' * 79}…: False schema does not allow 1"],
            id="a long place is cut",
        ),
        pytest.param({"format": "date"}, '"2026-02-30"', ['top level: "2026-02-30" is not a "date"'], id="date"),
        pytest.param({"format": "email"}, '"nobody"', ['top level: "nobody" is not a "email"'], id="email"),
        pytest.param({"format": "shoe-size"}, '"44"', [], id="a format that nobody knows"),
        pytest.param({"x-mark": {"a": 1}, "type": "null"}, "null", [], id="a keyword that nobody knows"),
        pytest.param({"pattern": r"^(?=.*\d)[a-z\d]+$"}, '"abc1"', [], id="look-ahead"),
        pytest.param({"pattern": r"^(.)\1$"}, '"ab"', ['top level: "ab" does not match "^(.)\\1$"'], id="reference"),
        pytest.param({"const": 1}, "true", ["top level: 1 was expected"], id="true is not 1"),
        pytest.param({"multipleOf": 0.01}, "19.99", [], id="cents"),
        pytest.param({"minimum": 10**400}, "1", ["top level: " + f"1 is less than the minimum of {10**400}"[:299] + "…"], id="big"),
        pytest.param(
            {"$dynamicAnchor": "n", "properties": {"a": {"$dynamicRef": "#n"}}, "type": "object"},
            '{"a": {"a": 1}}',
            ['a/a: 1 is not of type "object"'],
            id="$dynamicRef",
        ),
        pytest.param({"$id": "urn:x", "$defs": {"a": {"$anchor": "b", "type": "null"}}, "$ref": "#b"}, "null", [], id="anchor"),
        pytest.param(
            {"$id": "http://example.com/r", "$defs": {"a": {"$id": "sub", "type": "null"}}, "$ref": "sub"},
            "1",
            ['top level: 1 is not of type "null"'],
            id="$id inside",
        ),
        pytest.param({"$ref": "#"}, "1", [], id="a reference to itself"),
        pytest.param({"$defs": {"a/b": {"$ref": "#/$defs/c~0"}, "c~": False}, "$ref": "#/$defs/a~1b"}, "1", ["top level: False schema does not allow 1"], id="escapes"),
        pytest.param({"properties": {"$ref": {"type": "string"}, "enum": {"$ref": "#"}}}, '{"$ref": "x"}', [], id="names"),
        pytest.param({"enum": [{"$ref": "http://example.com"}]}, '{"$ref": "http://example.com"}', [], id="data"),
        pytest.param({"$ref": "https://json-schema.org/draft/2020-12/schema"}, '{"type": "null"}', [], id="meta-schema"),
    ],
)  # fmt: skip
def test_a_verdict_says_where_and_why(schema: dict[str, Any], answer: str, problems: list[str]) -> None:
    """
    What is wrong, first things first, and short.
    """
    assert problems == checked(schema).check(answer)[1]


@pytest.mark.parametrize("draft", DRAFTS)
def test_every_draft_is_known(draft: str) -> None:
    """
    Its own keywords mean what they meant.
    """
    four = "draft-04" in draft
    bound = {"minimum": 3, "exclusiveMinimum": True} if four else {"exclusiveMinimum": 3}
    held = checked({"$schema": draft, "definitions": {"n": bound}, "items": {"$ref": "#/definitions/n"}})

    assert ([], 1) == (held.check("[4]")[1], len(held.check("[3]")[1]))


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        pytest.param(True, "a JSON Schema must be an object here: True", id="true"),
        pytest.param(["x"], "a JSON Schema must be an object here: ['x']", id="list"),
        pytest.param({"multipleOf": float("inf")}, "the schema is not JSON: NaN and infinite numbers are not JSON", id="inf"),
        pytest.param({"const": "\ud800"}, "the schema is not JSON: a lone surrogate (half a character)", id="surrogate"),
        pytest.param({"enum": {1}}, "the schema is not JSON: Object of type set is not JSON serializable", id="set"),
        pytest.param({"minLength": -1}, "not a JSON Schema: minLength: -1 is less than the minimum of 0", id="negative"),
        pytest.param({"$ref": 5}, 'not a JSON Schema: $ref: 5 is not of type "string"', id="$ref"),
        pytest.param({"$ref": "#/$defs"}, "the schema references something outside of it: #/$defs", id="no schema"),
        pytest.param({"$ref": "http://[", "$id": "http://a/"}, "the schema references something outside of it: http://[", id="no address"),
        pytest.param({"$id": "::::"}, "not a JSON Schema: top level: Invalid URI reference '::::'", id="$id"),
        pytest.param({"$schema": "http://example.com/draft"}, "unknown $schema: http://example.com/draft", id="$schema"),
        pytest.param({"$ref": "http://json-schema.org/draft-07/schema#"}, "the schema references something outside of it: Resource", id="other draft"),
        pytest.param({"patternProperties": {"[": {}}}, "not a regular expression, or too large: patternProperties/[: [", id="property pattern"),
    ],
)  # fmt: skip
def test_what_is_no_schema_is_refused_in_words(schema: Any, message: str) -> None:
    """
    Before anything is paid, and never as an internal error.
    """
    with pytest.raises(UsageError) as caught:
        checked(schema)

    assert caught.value.message.startswith(message)


def test_a_missing_definition_is_told_with_those_there_are() -> None:
    """
    The name is mostly a typo.
    """
    with pytest.raises(UsageError) as caught:
        checked({"$ref": "#/$defs/perso", "$defs": {name: {} for name in ("person", "b", "c", "d", "e", "f")}})

    assert "it defines #/$defs/person, #/$defs/b, #/$defs/c, #/$defs/d, #/$defs/e, …" == caught.value.hint


def chain(length: int, **step: Any) -> dict[str, Any]:
    """A schema that is twice as large with every definition."""
    defs = {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2, **step} for n in range(length)}
    return {"$defs": {**defs, f"a{length}": {"type": "integer"}}, "$ref": "#/$defs/a0"}


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        pytest.param(chain(40), "the schema is too large: with its references expanded it has more than", id="doubling"),
        pytest.param({"$id": "urn:a", **chain(40)}, "the schema is too large: with its", id="doubling under a name"),
        pytest.param(
            {"$defs": {f"a{n}": {"$ref": f"#/$defs/a{n + 1}"} for n in range(20_000)} | {"a20000": {}}, "$ref": "#/$defs/a0"},
            "the schema is nested too deeply: references are more than 1,000 levels deep",
            id="a long chain",
        ),
    ],
)  # fmt: skip
def test_a_schema_that_multiplies_itself_is_refused(schema: dict[str, Any], message: str) -> None:
    """
    References are followed before they cost anything.
    """
    with pytest.raises(UsageError) as caught:
        checked(schema)

    assert caught.value.message.startswith(message)


def wrapped(depth: int, leaf: Any) -> str:
    """An answer so deep."""
    for _ in range(depth):
        leaf = {"x": leaf, "k": 1}
    return json.dumps(leaf)


N = {"$ref": "#/$defs/n"}
BRANCHES: dict[str, dict[str, Any]] = {
    "anyOf": {"anyOf": [{"properties": {"x": N}, "required": ["k"]}, {"properties": {"x": N}, "required": ["k"]}]},
    "oneOf": {"oneOf": [{"properties": {"x": N, "z": {"type": "null"}}}, {"properties": {"x": N, "z": {"const": 2}}}]},
    "allOf": {"allOf": [{"properties": {"x": N}}, {"properties": {"x": N}}], "required": ["k"]},
    "if": {"if": {"properties": {"x": N}}, "then": {"properties": {"x": N}, "required": ["k"]}, "else": False},
    "not": {"not": {"not": {"properties": {"x": N}}}, "properties": {"x": N}, "required": ["k"]},
    "dependent": {"dependentSchemas": {"x": {"properties": {"x": N}}}, "properties": {"x": N}, "required": ["k"]},
    "patterns": {"patternProperties": {"^x": N, "x$": N}, "properties": {"x": N}, "required": ["k"]},
    "unevaluated": {"anyOf": [{"properties": {"x": N}}], "unevaluatedProperties": {"type": "integer"}, "required": ["k"]},
}  # fmt: skip


@pytest.mark.parametrize("name", BRANCHES)
def test_a_recursive_schema_has_its_verdict_on_a_deep_answer(name: str) -> None:
    """
    Two branches, 190 levels: 2 to the 190 ways to be wrong, and none of them is walked.
    """
    held = checked({"$defs": {"n": BRANCHES[name]}, "$ref": "#/$defs/n"})

    assert [True, True] == [bool(held.check(wrapped(depth, {"z": 1}))[1]) for depth in (190, 3)]


HARD = {
    "(a+)+$": r"^(a+)+$",
    "(a|aa)+$": r"^(a|aa)+$",
    "(.*a){25}": r"^(.*a){25}$",
    "e-mail": r"^([a-zA-Z0-9_.+-]+)@([a-zA-Z0-9-]+\.)+[a-zA-Z]{2,}$",
    "look-ahead": r"^(?=(a+)+$)a",
    "reference": r"(a*)*\1b",
    "look-ahead inside": r"(?:(?=a+$)a)+b",
    "5,000 states": r"[ab]*a[ab]{5000}[c-e]",
}


@pytest.mark.parametrize("length", [40, 3_000, 300_000])
@pytest.mark.parametrize("name", HARD)
def test_no_pattern_takes_long(name: str, length: int) -> None:
    """
    Linear, or a verdict without the match; `not` makes it no better.
    """
    answer = json.dumps(["a" * length + "!"])
    problems = checked({"items": {"pattern": HARD[name]}}).check(answer)[1]

    assert 1 == len(problems)
    assert len(problems[0]) < 400
    assert len(checked({"not": {"items": {"not": {"pattern": HARD[name]}}}}).check(answer)[1]) <= 1


def test_many_errors_are_not_collected() -> None:
    """
    A million of them would take minutes.
    """
    answer = json.dumps(["x"] * 10**6)

    assert ["it differs in more places than can be listed"] == checked({"items": {"type": "null"}}).check(answer)[1]


def test_an_answer_that_is_too_much_work_is_invalid() -> None:
    """
    A large schema and a large answer, whose every part meets every part.
    """
    held = checked({"items": {"allOf": [{"minimum": -n} for n in range(3_000)]}})

    assert ["too large to be checked against this schema"] == held.check(json.dumps(list(range(100_000))))[1]
    assert [] == held.check(json.dumps(list(range(1_000))))[1]


def test_a_large_answer_is_checked_where_each_part_meets_little_of_the_schema() -> None:
    """
    The bound is for work, not for size.
    """
    held = checked({"items": {"properties": {f"p{n}": {"type": "string", "pattern": f"^{n}"} for n in range(500)}}})
    answer = json.dumps([{f"p{n}": str(n)} for n in range(500)] * 20)

    assert [] == held.check(answer)[1]


class PanicException(BaseException):
    """What pyo3 raises when Rust panics."""


PanicException.__module__ = "pyo3_runtime"


@pytest.mark.parametrize("error", [PanicException("index out of bounds"), ValueError("index out of bounds"), MemoryError("index out of bounds")])  # fmt: skip
def test_a_validator_that_breaks_costs_no_answer(error: BaseException) -> None:
    """
    Its text is paid: the verdict is that there is none.
    """
    held = Validator({"type": "object"})
    held._compiled = Broken(error)  # type: ignore[assignment]

    assert Verdict({}, ["it could not be checked: index out of bounds"]) == held.check("{}")


def test_ctrl_c_is_no_verdict() -> None:
    """
    What the user wants goes through.
    """
    held = Validator({"type": "object"})
    held._compiled = Broken(KeyboardInterrupt())  # type: ignore[assignment]

    with pytest.raises(KeyboardInterrupt):
        held.check("{}")


class Broken:
    """Stands for the compiled validator."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def is_valid(self, _: Any) -> bool:
        raise self.error


def test_a_schema_is_compiled_once() -> None:
    """
    However often a program asks with it.
    """
    assert checked({"minimum": 77, "type": "number"}) is checked({"minimum": 77, "type": "number"})
    assert checked({"type": "number"}) is not checked({"type": "integer"})


def test_threads_may_share_a_validator() -> None:
    """
    As the rows of clients do.
    """
    held = checked({"$defs": {"tree": {"properties": {"x": TREE}, "required": ["k"]}}, **TREE})
    answers = [wrapped(n % 5, {"k": 1} if n % 2 else {}) for n in range(400)]
    with ThreadPoolExecutor(8) as pool:
        verdicts = list(pool.map(lambda answer: not held.check(answer)[1], answers))

    assert [bool(n % 2) for n in range(400)] == verdicts


@pytest.mark.parametrize(
    ("pattern", "size"),
    [(r"abc", 3), (r"a{10}", 10), (r"(ab){10}c", 21), (r"(a{10}){20}", 200), (r"[a-z]{2,}\d", 3), (r"\p{L}{0,5}", 5), (r"a{,3}", 5), (")(", 1)],
)  # fmt: skip
def test_the_size_of_an_automaton(pattern: str, size: int) -> None:
    """
    Counted repeats multiply.
    """
    assert size == states(pattern)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10**6) | st.floats(allow_nan=False) | st.sampled_from(["a", "#", "#/$defs/a", "object", "("]),
    lambda part: st.lists(part, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["$ref", "$id", "$defs", "a", "type", "properties", "items", "anyOf", "allOf", "oneOf", "not", "required", "enum", "const", "minItems", "maxItems", "minimum", "maximum", "multipleOf", "minLength", "pattern", "format", "patternProperties", "uniqueItems", "contains", "if", "then", "prefixItems", "$dynamicRef"]
        ),
        part,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=300)
@given(schema=ANY, answer=ANY | st.text())
def test_any_schema_and_any_answer_have_an_end(schema: Any, answer: Any) -> None:
    """
    A refusal in words, or a verdict; and `offline` has an answer to it.
    """
    if isinstance(schema, dict):
        assert isinstance(json.loads(sample(schema, "hello")), object)
    with suppress(UsageError):
        held = checked(schema)
        problems = held.check(answer if isinstance(answer, str) else json.dumps(answer)).problems

        assert [] == [problem for problem in problems if len(problem) > 400]


def test_the_bounds_are_what_the_texts_say() -> None:
    """
    The manual and messages name them.
    """
    assert (1 << 20, 10_000) == (validator.LARGEST, validator.BACKTRACKS)
