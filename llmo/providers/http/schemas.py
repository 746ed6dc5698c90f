"""JSON Schemas in the subsets that providers enforce while they generate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmo.types import jsontext

Schema = Mapping[str, Any]

_SIZES = ("minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties")
_CONDITIONS = ("allOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas")
_PATTERNS = ("patternProperties", "unevaluatedProperties", "propertyNames", "contains", "prefixItems")
_FOREIGN = frozenset((*_CONDITIONS, *_PATTERNS, "minProperties", "maxProperties", "uniqueItems"))
_SILENT = ("default", "examples", "$schema", "$id", "$comment", "deprecated", "readOnly", "writeOnly")
_DEPTH = 32


def strict(schema: Schema) -> Schema | None:
    """
    The schema for OpenAI's strict mode, None when it is outside of the subset.

    Strict mode wants objects closed and every property required. Whatever meets the copy
    meets the original, which the answer is checked against.
    """
    if schema.get("type") != "object" or "anyOf" in schema:
        return None
    try:
        return _strict(schema, 0)
    except _OutsideError:
        return None


class _OutsideError(Exception):
    """The schema says something that the subset cannot."""


def _strict(schema: Schema, depth: int) -> dict[str, Any]:
    if depth > _DEPTH or not _FOREIGN.isdisjoint(schema):
        raise _OutsideError
    copy = {key: value for key, value in schema.items() if key not in _SILENT}
    for key in ("properties", "$defs", "definitions"):
        if key in copy:
            copy[key] = {name: _inner(inner, depth) for name, inner in _mapping(copy[key]).items()}
    if "items" in copy:
        copy["items"] = _inner(copy["items"], depth)
    if isinstance(copy.get("anyOf"), (list, tuple)):
        copy["anyOf"] = [_inner(inner, depth) for inner in copy["anyOf"]]
    if _is_object(copy):
        # An open object, or a map from any name, would become an empty one.
        if not copy.get("properties") or copy.get("additionalProperties", False) not in (False, True):
            raise _OutsideError
        copy["additionalProperties"] = False
        copy["required"] = list(copy["properties"])
    return copy


def _inner(schema: Any, depth: int) -> dict[str, Any]:
    if not isinstance(schema, Mapping) or not schema:
        raise _OutsideError
    return _strict(schema, depth + 1)


def _mapping(value: Any) -> Schema:
    if not isinstance(value, Mapping):
        raise _OutsideError
    return value


def _is_object(schema: Schema) -> bool:
    kind = schema.get("type")
    return kind == "object" or (isinstance(kind, (list, tuple)) and "object" in kind) or "properties" in schema


_RANGES = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_LIMITS = frozenset((*_RANGES, *_SIZES, "minLength", "maxLength", "pattern"))
_FORMATS = ("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid")


def closed(schema: Any, depth: int = 0) -> Any:
    """
    The schema for Anthropic: objects closed, `oneOf` as `anyOf`, limits as words in the description.

    So does Anthropic's own SDK (`lib/_parse/_transform.py`); the answer is checked against the original.
    """
    if not isinstance(schema, Mapping) or depth > _DEPTH:
        return schema
    copy: dict[str, Any] = {}
    limits: dict[str, Any] = {}
    for key, value in schema.items():
        if _limit(key, value):
            limits[key] = value
        elif key not in _SILENT:
            copy["anyOf" if key == "oneOf" else key] = _closed_part(key, value, depth + 1)
    if limits:
        said = jsontext.write(limits)
        copy["description"] = f"{copy['description']}\n\n{said}" if copy.get("description") else said
    if _is_object(copy) and copy.get("properties"):
        copy["additionalProperties"] = False
    return copy


def _closed_part(key: str, value: Any, depth: int) -> Any:
    if key in ("properties", "$defs", "definitions") and isinstance(value, Mapping):
        return {name: closed(inner, depth) for name, inner in value.items()}
    if key in ("anyOf", "oneOf", "allOf") and isinstance(value, (list, tuple)):
        return [closed(inner, depth) for inner in value]
    return closed(value, depth) if key == "items" else value


def _limit(key: str, value: Any) -> bool:
    if key == "minItems" and value in (0, 1):
        return False
    return key in _LIMITS or (key == "format" and value not in _FORMATS)
