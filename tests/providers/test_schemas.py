"""Schemas in the subsets that providers enforce: what is closed, what becomes words, what is left as it is."""

from __future__ import annotations

from typing import Any

import pytest

from llmo.providers.http.schemas import closed, strict

INT: dict[str, Any] = {"type": "integer"}


def obj(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def shut(**properties: Any) -> dict[str, Any]:
    return {**obj(**properties), "additionalProperties": False}


def full(**properties: Any) -> dict[str, Any]:
    return {**shut(**properties), "required": list(properties)}


def nested(schema: dict[str, Any], depth: int) -> dict[str, Any]:
    """A schema under so many objects."""
    for _ in range(depth):
        schema = obj(a=schema)
    return schema


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        pytest.param(obj(a=INT, b=INT), full(a=INT, b=INT), id="every-field-is-required"),
        pytest.param({**obj(a=INT), "required": []}, full(a=INT), id="required-was-shorter"),
        pytest.param({**obj(a=INT), "additionalProperties": True}, full(a=INT), id="open"),
        pytest.param({**obj(a=INT), "additionalProperties": False}, full(a=INT), id="closed"),
        pytest.param(obj(a=obj(b=INT)), full(a=full(b=INT)), id="inside"),
        pytest.param(
            obj(a={"properties": {"b": INT}}),
            full(a={k: v for k, v in full(b=INT).items() if k != "type"}),
            id="untyped",
        ),
        pytest.param(
            obj(a={"type": ["object", "null"], "properties": {"b": INT}}),
            full(a={**full(b=INT), "type": ["object", "null"]}),
            id="or-null",
        ),
        pytest.param(obj(a={"items": obj(b=INT)}), full(a={"items": full(b=INT)}), id="items"),
        pytest.param(obj(a={"anyOf": (obj(b=INT), INT)}), full(a={"anyOf": [full(b=INT), INT]}), id="any-of"),
        pytest.param(
            {**obj(a=INT), "$defs": {"d": obj(b=INT)}}, {**full(a=INT), "$defs": {"d": full(b=INT)}}, id="defs"
        ),
        pytest.param(
            {**obj(a=INT), "definitions": {"d": obj(b=INT)}},
            {**full(a=INT), "definitions": {"d": full(b=INT)}},
            id="definitions",
        ),
        pytest.param(
            {
                **obj(a={**INT, "default": 1, "examples": [1], "description": "d"}),
                "$schema": "s",
                "$id": "i",
                "title": "t",
            },
            {**full(a={**INT, "description": "d"}), "title": "t"},
            id="silent-words",
        ),
        pytest.param(
            obj(a={**INT, "$comment": "c", "deprecated": True, "readOnly": True, "writeOnly": True}),
            full(a=INT),
            id="remarks",
        ),
        pytest.param(
            obj(a={**INT, "minimum": 1, "enum": [1]}, b={"type": "array", "items": INT, "minItems": 1}),
            full(a={**INT, "minimum": 1, "enum": [1]}, b={"type": "array", "items": INT, "minItems": 1}),
            id="limits",
        ),
    ],
)
def test_a_schema_in_the_subset_is_strict(schema: dict[str, Any], expected: dict[str, Any]) -> None:
    """
    Objects are closed and every field is required, at any depth.
    """
    before = repr(schema)

    assert strict(schema) == expected
    assert repr(schema) == before


FOREIGN = (
    *("allOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "patternProperties"),
    *(
        "unevaluatedProperties",
        "propertyNames",
        "contains",
        "prefixItems",
        "minProperties",
        "maxProperties",
        "uniqueItems",
    ),
)


@pytest.mark.parametrize(
    "schema",
    [
        *(pytest.param({**obj(a=INT), word: 1}, id=word) for word in FOREIGN),
        pytest.param({"type": "array", "items": INT}, id="array"),
        pytest.param({**obj(a=INT), "anyOf": [INT]}, id="any-of-on-top"),
        pytest.param({"properties": {"a": INT}}, id="untyped-on-top"),
        pytest.param({"type": ["object", "null"], "properties": {"a": INT}}, id="or-null-on-top"),
        pytest.param(obj(), id="no-fields"),
        pytest.param(obj(a={"type": ["object", "null"]}), id="open-object-or-null"),
        pytest.param({**obj(a=INT), "additionalProperties": INT}, id="a-map"),
        pytest.param(obj(a=True), id="true"),
        pytest.param(obj(a={"items": True}), id="any-item"),
        pytest.param(obj(a={"anyOf": [INT, {}]}), id="anything-else"),
        pytest.param({**obj(a=INT), "$defs": [INT]}, id="defs-of-another-shape"),
        pytest.param({**obj(a=INT), "$defs": {"d": {"oneOf": []}}}, id="inside-of-defs"),
    ],
)
def test_a_schema_outside_of_the_subset_is_none(schema: dict[str, Any]) -> None:
    """
    It would be refused, or mean something else.
    """
    assert strict(schema) is None


def test_a_schema_is_strict_to_a_depth() -> None:
    """
    Deeper ones are sent as they are: one that contains itself would have no end.
    """
    assert strict(nested(INT, 32)) is not None
    assert strict(nested(INT, 33)) is None


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        pytest.param(obj(a=INT), shut(a=INT), id="object"),
        pytest.param({**obj(a=INT), "required": []}, {**shut(a=INT), "required": []}, id="optional-stays-optional"),
        pytest.param({"type": "object"}, {"type": "object"}, id="any-object"),
        pytest.param({**obj(a=INT), "additionalProperties": INT}, shut(a=INT), id="open"),
        pytest.param(
            {"properties": {"a": INT}}, {"properties": {"a": INT}, "additionalProperties": False}, id="untyped"
        ),
        pytest.param({"oneOf": [obj(a=INT), INT]}, {"anyOf": [shut(a=INT), INT]}, id="one-of"),
        pytest.param({"anyOf": (obj(a=INT), INT)}, {"anyOf": [shut(a=INT), INT]}, id="any-of"),
        pytest.param({"allOf": [obj(a=INT)]}, {"allOf": [shut(a=INT)]}, id="all-of"),
        pytest.param({"items": obj(a=INT)}, {"items": shut(a=INT)}, id="items"),
        pytest.param({"$defs": {"d": obj(a=INT)}}, {"$defs": {"d": shut(a=INT)}}, id="defs"),
        pytest.param({"definitions": {"d": obj(a=INT)}}, {"definitions": {"d": shut(a=INT)}}, id="definitions"),
        pytest.param(
            {"const": obj(a=INT), "enum": [obj(a=INT)]}, {"const": obj(a=INT), "enum": [obj(a=INT)]}, id="values"
        ),
        pytest.param(
            {**INT, "default": 1, "examples": [1], "$schema": "s", "$id": "i", "$comment": "c", "title": "t"},
            {**INT, "title": "t"},
            id="silent-words",
        ),
        pytest.param({**INT, "deprecated": True, "readOnly": True, "writeOnly": True}, INT, id="remarks"),
        pytest.param({**INT, "minimum": 1}, {**INT, "description": '{"minimum": 1}'}, id="limit"),
        pytest.param(
            {**INT, "minimum": 1, "maximum": 2, "description": "d"},
            {**INT, "description": 'd\n\n{"minimum": 1, "maximum": 2}'},
            id="limits-after-a-description",
        ),
        pytest.param(
            {"minimum": 1, "description": ""}, {"description": '{"minimum": 1}'}, id="limit-after-an-empty-description"
        ),
        pytest.param({"type": "array", "minItems": 1}, {"type": "array", "minItems": 1}, id="one-item"),
        pytest.param({"type": "array", "minItems": 0}, {"type": "array", "minItems": 0}, id="no-item"),
        pytest.param(
            {"type": "array", "minItems": 2}, {"type": "array", "description": '{"minItems": 2}'}, id="two-items"
        ),
        pytest.param(
            {"type": "array", "maxItems": 1}, {"type": "array", "description": '{"maxItems": 1}'}, id="at-most"
        ),
        pytest.param({"format": "email"}, {"format": "email"}, id="known-format"),
        pytest.param({"format": "x"}, {"description": '{"format": "x"}'}, id="unknown-format"),
        pytest.param(
            {"properties": [1], "anyOf": 1}, {"properties": [1], "anyOf": 1, "additionalProperties": False}, id="broken"
        ),
        pytest.param(True, True, id="true"),
    ],
)
def test_a_schema_for_anthropic(schema: Any, expected: Any) -> None:
    """
    Objects are closed, limits become words, nothing else changes.
    """
    before = repr(schema)

    assert closed(schema) == expected
    assert repr(schema) == before


@pytest.mark.parametrize(
    "word",
    [
        *(
            "minimum",
            "maximum",
            "exclusiveMinimum",
            "exclusiveMaximum",
            "multipleOf",
            "minLength",
            "maxLength",
            "pattern",
        ),
        *("minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties"),
    ],
)
def test_every_limit_becomes_words(word: str) -> None:
    """
    Anthropic refuses a schema with any of them.
    """
    assert closed({word: 5}) == {"description": f'{{"{word}": 5}}'}


@pytest.mark.parametrize(
    "name", ["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"]
)
def test_formats_that_anthropic_knows_stay(name: str) -> None:
    """
    They hold while it writes.
    """
    assert closed({"format": name}) == {"format": name}


def test_a_schema_is_closed_to_a_depth() -> None:
    """
    What is deeper goes as it is.
    """
    inner = {**INT, "minimum": 1}
    found, deeper = closed(nested(inner, 32)), closed(nested(inner, 33))
    for _ in range(32):
        found, deeper = found["properties"]["a"], deeper["properties"]["a"]

    assert found == {**INT, "description": '{"minimum": 1}'}
    assert deeper["properties"]["a"] == inner
    for word in ("items", "anyOf", "allOf"):
        schema: Any = inner
        for _ in range(33):
            schema = {word: schema if word == "items" else [schema]}
        assert str(closed(schema)) == str(schema)
