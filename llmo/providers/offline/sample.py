"""
A JSON value that matches a JSON Schema, chosen by the prompt: what `offline` answers to `--schema`.

A schema comes from anywhere, also from a row that nobody checked: a value is made in bounded time and room whatever it
says, and where that is not enough, or the schema is none, the answer does not match.
"""

from __future__ import annotations

import hashlib
import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from llmo.providers.offline import plausible
from llmo.providers.offline.subject import Subject
from llmo.types import jsontext

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.types.jsontext import Json

DEPTH = 12
"""Nesting at which optional parts are left out, so that recursive schemas end."""
DEEPEST = 40
"""Nesting at which required parts are left out too."""
ROOM = 10_000
"""Parts of an answer, and looks at a schema; a text counts by its length."""
LETTERS = 16
LONG = 200
"""Characters of a text without a limit of its own."""
_TEXTS: tuple[Mapping[str, Json], ...] = ({"type": "string"}, {})
LONGEST = 10_000
DIGITS = 4000


def sample(schema: Mapping[str, Json], prompt: str) -> str:
    """JSON text; the same for the same schema and prompt. Values follow the prompt where `plausible` knows how."""
    return jsontext.write(_Sampler(schema, prompt).value(schema, "", 0))


class _Sampler:
    def __init__(self, root: Mapping[str, Any], prompt: str) -> None:
        self.root, self.prompt = root, prompt
        self.subject = Subject(prompt)
        self.room = ROOM

    def value(self, schema: Any, path: str, depth: int) -> Any:
        self.room -= 1
        if not isinstance(schema, dict) or self.room < 0 or depth > DEEPEST:
            return None
        schema = self._resolved(schema, 0)
        if "const" in schema:
            return self._paid(schema["const"])
        if members := _list(schema, "enum"):
            return self._paid(self._member(members, path))
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
        maker = makers.get(kind) if isinstance(kind, str) else None
        return maker(schema, path, depth) if maker else None

    def _paid(self, value: Any) -> Any:
        """A value of the schema's own, which may be a large one."""
        self.room -= len(jsontext.write(value)) // LETTERS
        return value

    def _resolved(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        """Follow references, take the first alternative, merge `allOf`."""
        for _ in range(DEPTH):
            self.room -= 1
            if isinstance(ref := schema.get("$ref"), str) and ref.startswith("#"):
                schema = self._referred(ref)
            elif options := _list(schema, "anyOf") or _list(schema, "oneOf"):
                first = options[0] if isinstance(options[0], dict) else {}
                schema = {**{k: v for k, v in schema.items() if k not in ("anyOf", "oneOf")}, **first}
            elif parts := _list(schema, "allOf"):
                schema = self._merged({k: v for k, v in schema.items() if k != "allOf"}, parts, depth + 1)
            else:
                break
        return schema

    def _merged(self, schema: dict[str, Any], parts: list[Any], depth: int) -> dict[str, Any]:
        for part in parts:
            if self.room < 0 or depth > DEPTH or not isinstance(part, dict):
                break
            inner = self._resolved(part, depth)
            properties = {**_dict(schema, "properties"), **_dict(inner, "properties")}
            required = [*_list(schema, "required"), *_list(inner, "required")]
            self.room -= len(properties) + len(required)
            schema = {**schema, **inner, "properties": properties, "required": required}
        return schema

    def _referred(self, ref: str) -> dict[str, Any]:
        found: Any = self.root
        for step in ref.split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if isinstance(found, dict):
                found = found.get(name)
            elif isinstance(found, list) and name.isdecimal() and int(name) < len(found):
                found = found[int(name)]
            else:
                return {}
        return found if isinstance(found, dict) else {}

    def _member(self, members: list[Any], path: str) -> Any:
        names = [m for m in members[:LONGEST] if isinstance(m, str) and m]
        found = plausible.member(_field(path), names, self.subject) if len(names) > 1 else None
        return members[self._number(path) % len(members)] if found is None else found

    def _number(self, path: str) -> int:
        text = f"{path}\0{self.prompt}".encode(errors="replace")
        return int.from_bytes(hashlib.blake2b(text, digest_size=4).digest())

    def _object(self, schema: dict[str, Any], path: str, depth: int) -> dict[str, Any]:
        required = {name: None for name in _list(schema, "required") if isinstance(name, str)}
        properties = _dict(schema, "properties")
        wanted = properties if depth < DEPTH else {k: v for k, v in properties.items() if k in required}
        made: dict[str, Any] = {}
        for name, part in [*wanted.items(), *((name, {}) for name in required if name not in wanted)]:
            if self.room < 0:
                break
            made[name] = self.value(part, f"{path}/{name}"[-LONGEST:], depth + 1)
        return made

    def _array(self, schema: dict[str, Any], path: str, depth: int) -> list[Any]:
        least = max(0, _whole(schema, "minItems", 0))
        size = least if depth >= DEPTH else max(least, min(1, _whole(schema, "maxItems", 1)))
        items = schema.get("items", {"type": "string"})
        made: list[Any] = []
        if items in _TEXTS and depth < DEPTH:
            several = plausible.texts(_field(path), self.subject)
            made = list(several[: max(0, min(len(several), _whole(schema, "maxItems", len(several))))])
        while len(made) < size and self.room >= 0:
            made.append(self.value(items, f"{path}/{len(made)}", depth + 1))
        return made

    def _string(self, schema: dict[str, Any], path: str, _: int) -> str:
        fixed = _FORMATS.get(str(schema.get("format"))) or _matching(schema.get("pattern"))
        if fixed is None:
            text = plausible.text(_field(path), self.subject)
            low, high = _whole(schema, "minLength", 0), _whole(schema, "maxLength", LONG)
            fixed = plausible.shortened(text, min(high, LONGEST)).ljust(max(0, min(low, LONGEST)), ".")
        self.room -= len(fixed) // LETTERS
        return fixed

    def _integer(self, schema: dict[str, Any], path: str, _: int) -> int:
        low, high = _range(schema)
        least = None if low is None else math.ceil(low) + (low == _number_in(schema, "exclusiveMinimum"))
        most = None if high is None else math.floor(high) - (high == _number_in(schema, "exclusiveMaximum"))
        step = abs(Fraction(str(_number_in(schema, "multipleOf") or 1)).numerator)
        least = min(0, most if most is not None else 0) if least is None else least
        first = -(-least // step) * step
        choices = max(1, ((least + 10 if most is None else most) - first) // step + 1)
        made = first + step * (self._number(path) % choices)
        named = (int(one) for one in self.subject.numbers if one.lstrip("-").isdecimal())
        within = (one for one in named if one >= first and (most is None or one <= most) and (one - first) % step == 0)
        made = next(within, made)
        return made if abs(made) < 10**DIGITS else 0

    def _decimal(self, schema: dict[str, Any], path: str, depth: int) -> float:
        low, high = _range(schema)
        if number := _number_in(schema, "multipleOf"):
            step = Fraction(str(number))
            bounds = (("minimum", low), ("maximum", high))
            whole = {name: bound / step for name, bound in bounds if bound is not None}
            return _float(self._integer(whole, path, depth) * step)
        least = low if low is not None else Fraction(0) if high is None else min(Fraction(0), high - 1)
        return _float((least + (least + 1 if high is None else high)) / 2)

    def _boolean(self, _schema: dict[str, Any], path: str, _: int) -> bool:
        return self._number(path) % 2 == 1


def _field(path: str) -> str:
    """The name that is nearest above a value: items of a list go by the list's."""
    return next((name for name in reversed(path.split("/")) if not name.isdecimal()), "")


def _range(schema: Mapping[str, Any]) -> tuple[Fraction | None, Fraction | None]:
    """The closest bounds, those that are excluded too."""
    low = [Fraction(n) for key in ("minimum", "exclusiveMinimum") if (n := _number_in(schema, key)) is not None]
    high = [Fraction(n) for key in ("maximum", "exclusiveMaximum") if (n := _number_in(schema, key)) is not None]
    return max(low, default=None), min(high, default=None)


def _number_in(schema: Mapping[str, Any], key: str) -> int | float | Fraction | None:
    value = schema.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float | Fraction):
        return None
    return value if not isinstance(value, float) or math.isfinite(value) else None


def _float(value: Fraction | int) -> float:
    try:
        return float(value)
    except OverflowError:
        return 0.0


def _whole(schema: Mapping[str, Any], key: str, default: int) -> int:
    value = _number_in(schema, key)
    return default if value is None else int(value)


def _list(schema: Mapping[str, Any], key: str) -> list[Any]:
    value = schema.get(key)
    return value if isinstance(value, list) else []


def _dict(schema: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = schema.get(key)
    return value if isinstance(value, dict) else {}


def _matching(pattern: object) -> str | None:
    from llmo.providers.offline.pattern import example

    return example(pattern) if isinstance(pattern, str) else None


_FORMATS = {
    "date": "2026-01-15",
    "date-time": "2026-01-15T09:30:00Z",
    "time": "09:30:00Z",
    "duration": "P1D",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "hostname": "example.com",
}
