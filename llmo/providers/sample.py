"""A JSON value that meets a JSON Schema, chosen by the prompt: what `offline` answers to `--schema`."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from llmo import jsontext

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.types import Json

DEPTH = 12
"""Nesting at which optional parts are left out, so that recursive schemas end."""


def sample(schema: Mapping[str, Json], prompt: str) -> str:
    """JSON text; the same for the same schema and prompt, and an enum's member named in the prompt is taken."""
    return jsontext.write(_Sampler(schema, prompt).value(schema, "", 0))


class _Sampler:
    def __init__(self, root: Mapping[str, Any], prompt: str) -> None:
        self.root, self.prompt = root, prompt

    def value(self, schema: Any, path: str, depth: int) -> Any:
        if not isinstance(schema, dict):
            return None
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return self._member(schema["enum"], path)
        kind = schema.get("type", "object" if "properties" in schema else "string")
        if isinstance(kind, list):
            kind = next((k for k in kind if k != "null"), "null")
        makers = {
            "object": self._object,
            "array": self._array,
            "string": self._string,
            "integer": self._integer,
            "number": self._decimal,
            "boolean": self._boolean,
        }
        maker = makers.get(kind)
        return maker(schema, path, depth) if maker else None

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Follow references, take the first alternative, merge `allOf`."""
        for _ in range(DEPTH):
            if isinstance(ref := schema.get("$ref"), str) and ref.startswith("#"):
                found: Any = self.root
                for step in ref.split("/")[1:]:
                    found = found[step.replace("~1", "/").replace("~0", "~")]
                schema = found
            elif options := schema.get("anyOf") or schema.get("oneOf"):
                schema = {**{k: v for k, v in schema.items() if k not in ("anyOf", "oneOf")}, **options[0]}
            elif parts := schema.get("allOf"):
                schema = {k: v for k, v in schema.items() if k != "allOf"}
                for part in map(self._resolved, parts):
                    properties = {**schema.get("properties", {}), **part.get("properties", {})}
                    required = [*schema.get("required", []), *part.get("required", [])]
                    schema = {**schema, **part, "properties": properties, "required": required}
            else:
                break
        return schema

    def _member(self, members: list[Any], path: str) -> Any:
        lowered = self.prompt.lower()
        named = [m for m in members if isinstance(m, str) and m and m.lower() in lowered]
        # The last mention: an instruction that lists the choices comes before the text.
        if named and len(named) < len(members):
            return max(named, key=lambda m: lowered.rfind(m.lower()))
        return members[self._number(path) % len(members)]

    def _number(self, path: str) -> int:
        return int.from_bytes(hashlib.blake2b(f"{path}\0{self.prompt}".encode(), digest_size=4).digest())

    def _object(self, schema: dict[str, Any], path: str, depth: int) -> dict[str, Any]:
        required = schema.get("required", [])
        properties = schema.get("properties", {})
        wanted = properties if depth < DEPTH else {k: v for k, v in properties.items() if k in required}
        made = {name: self.value(part, f"{path}/{name}", depth + 1) for name, part in wanted.items()}
        return {**made, **{name: self._string({}, path, depth) for name in required if name not in made}}

    def _array(self, schema: dict[str, Any], path: str, depth: int) -> list[Any]:
        size = max(schema.get("minItems", 0), min(1, schema.get("maxItems", 1)))
        if depth >= DEPTH:
            size = schema.get("minItems", 0)
        items = schema.get("items", {"type": "string"})
        return [self.value(items, f"{path}/{n}", depth + 1) for n in range(size)]

    def _string(self, schema: dict[str, Any], path: str, _: int) -> str:
        fixed = _FORMATS.get(schema.get("format", "")) or _matching(schema.get("pattern"))
        if fixed is not None:
            return fixed
        text = " ".join(self.prompt.split()[-8:]) or path.rsplit("/", 1)[-1] or "text"
        low, high = schema.get("minLength", 0), schema.get("maxLength", 80)
        return text[:high].ljust(low, ".")

    def _integer(self, schema: dict[str, Any], path: str, _: int) -> int:
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0 - 1) + 1)
        high = schema.get("maximum", schema.get("exclusiveMaximum", low + 11) - 1)
        step = int(schema.get("multipleOf", 1)) or 1
        first = -(-int(low) // step) * step
        choices = max(1, (int(high) - first) // step + 1)
        return first + step * (self._number(path) % choices)

    def _decimal(self, schema: dict[str, Any], _path: str, _: int) -> float:
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
        high = schema.get("maximum", schema.get("exclusiveMaximum", low + 1))
        return float(low) + (float(high) - float(low)) * 0.5

    def _boolean(self, _schema: dict[str, Any], path: str, _: int) -> bool:
        return self._number(path) % 2 == 1


def _matching(pattern: str | None) -> str | None:
    from llmo.providers.pattern import example

    return None if pattern is None else example(pattern)


_FORMATS = {
    "date": "2026-01-15",
    "date-time": "2026-01-15T09:30:00Z",
    "time": "09:30:00Z",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "hostname": "example.com",
}
