"""
What a JSON Schema refers to, and how much work it makes: known before anything is paid.

jsonschema-rs holds a value against a recursive schema in linear time, but a chain of references that doubles at every
step in exponential time, and it collects the errors of every branch. So both are bounded here, by counting.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import unquote, urldefrag, urljoin

from llmo.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DATA = frozenset({"const", "enum", "default", "examples"})
"""Keywords whose value is no schema."""
NAMED = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"})
"""Keywords whose value is schemas by name."""
REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
META = re.compile(r"https?://json-schema\.org/")
"""The meta-schemas, which jsonschema-rs carries."""
MOST = 10**6
"""Parts of a schema with its references written out."""
DEEPEST = 1000
"""Levels of such a schema."""
SHOWN = 5
UNIQUE = 150
"""What it takes to hash an element, in steps of 10 ns, as all work here."""

Weight: TypeAlias = tuple[int, int]
"""Parts of a schema, and work per character of what they are held against."""
_Level: TypeAlias = "tuple[Any, Iterator[tuple[Any, bool]], list[Weight]]"
_PLAIN: Weight = (1, 0)
_META_SCHEMA: dict[str, Any] = {}
_ALL = ("allOf", "anyOf", "oneOf")
_ONE = ("not", "if", "then", "else")
_BY_NAME = ("dependentSchemas", "dependencies")
_MEMBERS = ("additionalProperties", "unevaluatedProperties")
_ELEMENTS = ("items", "prefixItems", "additionalItems", "unevaluatedItems", "contains")


class Outline:
    """A schema's parts by what they refer to; `cost` is the work that a pattern makes per character."""

    def __init__(self, root: dict[str, Any], cost: Callable[[str], int]) -> None:
        """Raises `UsageError` for a reference to what is not in the schema, and for a schema that multiplies itself."""
        self._root = root
        self._cost = cost
        self._resources: dict[str, Any] = {"": root}
        self._anchors: dict[tuple[str, str], Any] = {}
        self._targets: dict[int, list[Any]] = {}
        self._own: dict[int, Weight] = {}
        # All names are known before any reference is followed.
        for part, base in self._index("draft-04" in str(root.get("$schema"))):
            self._targets[id(part)] = [self._target(part[key], base) for key in REFERENCES if _text(part, key)]
        self.parts, self.per_character = self._weight()

    def bounds(self, text: str) -> int:
        """The most work that any value in a JSON text makes, given that recursion is remembered."""
        nodes = text.count(",") + text.count("[") + text.count("{") + 1
        return self.parts * nodes + self.per_character * len(text)

    def within(self, value: Any, *, visits: int, work: int) -> bool:
        """Whether a value makes at most so much work, every branch taken every time; `visits` of a part to a value."""
        stack: list[tuple[Any, Any]] = [(self._root, value)]
        while stack:
            part, value = stack.pop()
            visits -= 1
            if not isinstance(part, dict):
                continue
            own, per_character = self._own.get(id(part), _PLAIN)
            work -= own * (len(value) if own >= UNIQUE and isinstance(value, list) else 1)
            work -= per_character * _characters(value)
            for pair in self._pairs(part, value):
                stack.append(pair)
                if len(stack) > visits:
                    return False
            if work < 0 or visits < 0:
                return False
        return True

    def _index(self, draft4: bool) -> list[tuple[dict[str, Any], str]]:
        """Every schema with its base address; those with a name are kept by it."""
        found: list[tuple[dict[str, Any], str]] = []
        stack: list[tuple[Any, str, bool]] = [(self._root, "", False)]
        while stack:
            part, base, named = stack.pop()
            if isinstance(part, dict) and not named:
                base = self._name(part, base, "id" if draft4 else "$id")
                self._own[id(part)] = self._work(part)
                found.append((part, base))
            stack += [(inner, base, names) for inner, names in _parts(part, named)]
        return found

    def _name(self, part: dict[str, Any], base: str, key: str) -> str:
        if _text(part, key):
            address, fragment = urldefrag(_joined(base, part[key]))
            if fragment and part[key].startswith("#"):
                self._anchors[base, fragment] = part
            else:
                base = address
                self._resources[base] = part
        for anchor in ("$anchor", "$dynamicAnchor"):
            if _text(part, anchor):
                self._anchors[base, part[anchor]] = part
        return base

    def _work(self, part: dict[str, Any]) -> Weight:
        own = len(part) + sum(_size(part[key]) for key in DATA if key in part)
        patterns = [part["pattern"]] if _text(part, "pattern") else []
        if isinstance(named := part.get("patternProperties"), dict):
            patterns += named
        return own + UNIQUE * (part.get("uniqueItems") is True), sum(map(self._cost, patterns))

    def _target(self, reference: str, base: str) -> Any:
        address, fragment = urldefrag(_joined(base, reference))
        place = self._resources.get(address)
        if place is None and META.match(address):
            return _META_SCHEMA
        if fragment.startswith("/") and place is not None:
            place = _pointed(place, fragment)
        elif fragment:
            place = self._anchors.get((address, unquote(fragment)))
        if not isinstance(place, bool) and id(place) not in self._own:
            raise UsageError(
                f"the schema references something outside of it: {reference[:200]}", hint=self._hint(reference)
            )
        return place

    def _hint(self, reference: str) -> str:
        places = [f"#/{key}/{name}" for key in ("$defs", "definitions") for name in _names(self._root.get(key)) if name]
        if reference.startswith("#") and places:
            more = ", …" if len(places) > SHOWN else ""
            return f"it defines {', '.join(places[:SHOWN])}{more}"
        return "llmo fetches no schemas: put the definition under $defs and reference it as #/$defs/NAME"

    def _weight(self) -> Weight:
        """Parts, and work per character, with references written out; a recursion counts once."""
        done: dict[int, Weight] = {}
        inside: set[int] = set()
        stack: list[_Level] = []
        self._enter(stack, inside, self._root, named=False)
        while stack:
            part, rest, weights = stack[-1]
            inner, named = next(rest, (None, False))
            if inner is None:
                stack.pop()
                inside.discard(id(part))
                done[id(part)] = _total(weights)
                if stack:
                    stack[-1][2].append(done[id(part)])
            elif id(inner) in done:
                weights.append(done[id(inner)])
            elif id(inner) not in inside:
                self._enter(stack, inside, inner, named=named)
        return done[id(self._root)]

    def _enter(self, stack: list[_Level], inside: set[int], part: Any, *, named: bool) -> None:
        if len(stack) == DEEPEST:
            raise UsageError(f"the schema is nested too deeply: references are more than {DEEPEST:,} levels deep")
        inside.add(id(part))
        inner = list(_parts(part, named))
        if named:
            stack.append((part, iter(inner), [_PLAIN]))
            return
        inner += [(target, False) for target in self._targets.get(id(part), ())]
        stack.append((part, iter(inner), [self._own.get(id(part), _PLAIN)]))

    def _pairs(self, part: dict[str, Any], value: Any) -> Iterator[tuple[Any, Any]]:
        """Which parts are held against which values next."""
        for target in self._targets.get(id(part), ()):
            yield target, value
        for key, inner in part.items():
            if key in _ONE:
                yield inner, value
            elif key in _ALL and isinstance(inner, list):
                yield from ((branch, value) for branch in inner)
            elif key in _BY_NAME and isinstance(inner, dict):
                yield from ((branch, value) for branch in inner.values())
            elif isinstance(value, dict):
                yield from _members(key, inner, value)
            elif isinstance(value, list) and key in _ELEMENTS:
                yield from zip(inner, value, strict=False) if isinstance(inner, list) else ((inner, v) for v in value)


def _total(weights: list[Weight]) -> Weight:
    parts = sum(weight[0] for weight in weights)
    if parts > MOST:
        raise UsageError(
            f"the schema is too large: with its references expanded it has more than {MOST:,} parts",
            hint="remove parts, or reference them less often",
        )
    return parts, sum(weight[1] for weight in weights)


def states(pattern: str) -> int:
    """About how many states the automaton of a regular expression has: counted repeats multiply what they repeat."""
    sizes, last = [0], 0
    for token in _TOKEN.finditer(pattern):
        if token[0] == "(":
            sizes.append(0)
            last = 0
        elif token[0] == ")" and len(sizes) > 1:
            last = sizes.pop()
            sizes[-1] += last
        elif token[1]:
            sizes[-1] += last * (max(int(token[1]), int(token[2] or 0)) - 1)
        else:
            last = 1
            sizes[-1] += 1
    return sum(sizes)


_TOKEN = re.compile(
    r"\\[pP]\{[^}]{0,60}\}|\\.|\[(?:\\.|[^\]\\])*(?:\]|\\?\Z)|\{(\d{1,9})(?:,(\d{0,9}))?\}|.", re.DOTALL
)


def _members(key: str, inner: Any, value: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    if key == "properties" and isinstance(inner, dict):
        yield from ((inner[name], value[name]) for name in inner.keys() & value.keys())
    elif key in _MEMBERS:
        yield from ((inner, member) for member in value.values())
    elif key == "patternProperties" and isinstance(inner, dict):
        yield from ((branch, member) for branch in inner.values() for member in value.values())
    elif key == "propertyNames":
        yield from ((inner, name) for name in value)


def _parts(part: Any, named: bool) -> Iterator[tuple[Any, bool]]:
    """What is nested in a part, and whether that is schemas by name."""
    if isinstance(part, list):
        yield from ((inner, False) for inner in part if isinstance(inner, (dict, list)))
    elif isinstance(part, dict):
        for key, inner in part.items():
            if isinstance(inner, (dict, list)) and (named or key not in DATA):
                yield inner, not named and key in NAMED


def _characters(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    return sum(map(len, value)) if isinstance(value, dict) else 0


def _size(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(_size, value.values()))
    return 1 + sum(map(_size, value)) if isinstance(value, list) else 1


def _text(part: dict[str, Any], key: str) -> bool:
    return isinstance(part.get(key), str)


def _names(value: Any) -> list[str]:
    return list(value) if isinstance(value, dict) else []


def _joined(base: str, reference: str) -> str:
    """An address against its base; `urljoin` knows no bases like urn:x."""
    try:
        return urldefrag(base)[0] + reference if reference.startswith("#") else urljoin(base, reference)
    except ValueError:
        return reference


def _pointed(place: Any, pointer: str) -> Any:
    for step in pointer.split("/")[1:]:
        name = unquote(step).replace("~1", "/").replace("~0", "~")
        if isinstance(place, dict):
            place = place.get(name)
        elif isinstance(place, list) and name.isdecimal() and int(name) < len(place):
            place = place[int(name)]
        else:
            return None
    return place
