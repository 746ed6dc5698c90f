"""
Layers of settings: flags over environment over profile over built-in.

A layer is a tree of parsed TOML and the place of each of its parts. Merging keeps the highest
value; the place of that value is its origin.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from llmo.config.kinds import KINDS
from llmo.config.problems import Problem
from llmo.config.schema import Path, declared, decoded, is_table, names
from llmo.types.dataclass import dataclass, field
from llmo.types.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PREFIX = "LLMO_"
RESERVED = frozenset({"LLMO_PROFILE", "LLMO_CONFIG_DIR", "LLMO_DATA_DIR", "LLMO_CACHE_DIR", "LLMO_PAGER"})
"""Variables of the program that are not settings; `LLMO_TEST_…` belongs to the tests."""
BUILT_IN = "built-in"
UNSAID = ""
"""The place of values that no source has set, and that have no origin."""


@dataclass(frozen=True, slots=True)
class Layer:
    """The values of one source, and their places; a part without one has its parent's."""

    data: Mapping[str, Any]
    places: Mapping[Path, str] = field(default_factory=dict)

    def has(self, path: Path) -> bool:
        """Whether this layer has a value at `path`."""
        value: Any = self.data
        for part in path:
            if not isinstance(value, Mapping):
                return True  # a list or a scalar is taken whole
            if part not in value:
                return False
            value = value[part]
        return True

    def place(self, path: Path) -> str:
        """The place of `path`, else of the nearest part around it, else of the first beside it."""
        for n in range(len(path), 0, -1):
            if path[:n] in self.places:
                return self.places[path[:n]]
            if beside := next((place for at, place in self.places.items() if at[:n] == path[:n]), None):
                return beside
        return BUILT_IN


def merged(layers: Sequence[Layer]) -> dict[str, Any]:
    """All layers as one tree; later ones win, tables are merged, lists are not."""
    result: dict[str, Any] = {}
    for layer in layers:
        _over(result, layer.data)
    return result


def _over(below: dict[str, Any], above: Mapping[str, Any]) -> None:
    for key, value in above.items():
        if not isinstance(value, Mapping):
            below[key] = value
            continue
        if not isinstance(below.get(key), dict):
            below[key] = {}
        _over(below[key], value)


def origin(path: Path, layers: Sequence[Layer]) -> str:
    """The place of the value at `path` that won; for a missing one, of the table that lacks it."""
    for n in range(len(path), 0, -1):
        for layer in reversed(layers):
            if layer.has(path[:n]):
                return layer.place(path)
    return BUILT_IN


def leaves(data: Mapping[str, Any], above: Path = ()) -> Iterator[Path]:
    """The paths of all values of a tree; a list is one value."""
    for key, value in data.items():
        path = (*above, key)
        if isinstance(value, Mapping) and value:
            yield from leaves(value, path)
        else:
            yield path


def flags(overrides: Mapping[str, object]) -> Layer:
    """Values of the command line by dotted key; None was not given."""
    data: dict[str, Any] = {}
    places: dict[Path, str] = {}
    for key, value in overrides.items():
        if value is not None:
            path = tuple(key.split("."))
            _put(data, path, value)
            places[path] = f"flag --{path[-1].replace('_', '-')}"
    return Layer(data, places)


def vendors(env: Mapping[str, str], below: Mapping[str, Any]) -> Layer:
    """
    Addresses from the vendors' own variables.

    They apply to the provider that is named after its type: `OPENAI_BASE_URL` moves `[providers.openai]`,
    not every OpenAI-compatible server of the profile.
    """
    data: dict[str, Any] = {}
    places: dict[Path, str] = {}
    for name, kind in KINDS.items():
        value = env.get(kind.url_env or "")
        if value and _named_as_kind(name, below):
            path = ("providers", name, "base_url")
            _put(data, path, kind.read_url(value))
            places[path] = f"environment {kind.url_env}"
    return Layer(data, places)


def moved(layers: Sequence[Layer]) -> Layer:
    """
    Withdraws `local = true` from providers that a variable or a flag has moved.

    It was set for the address beside it: whoever changes the address decides again about private data.
    """
    data: dict[str, Any] = {}
    places: dict[Path, str] = {}
    providers = merged(layers).get("providers")
    for name in providers if isinstance(providers, Mapping) else ():
        at, said = ("providers", name, "base_url"), ("providers", name, "local")
        sayers = [n for n, layer in enumerate(layers) if _value(layer, said) is not None]
        addresses = [(n, value) for n, layer in enumerate(layers) if (value := _value(layer, at)) is not None]
        if not sayers or not addresses or _value(layers[sayers[-1]], said) is not True:
            continue
        last, address = addresses[-1]
        if last > sayers[-1] and any(n <= sayers[-1] and before != address for n, before in addresses):
            _put(data, said, value=False)
            places[said] = origin(at, layers)
    return Layer(data, places)


def _value(layer: Layer, path: Path) -> object:
    """The value of a layer at a path, None when it has none."""
    value: Any = layer.data
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _named_as_kind(name: str, below: Mapping[str, Any]) -> bool:
    providers = below.get("providers")
    provider = providers.get(name) if isinstance(providers, Mapping) else None
    return isinstance(provider, Mapping) and provider.get("kind") == name


def own_variables(env: Mapping[str, str]) -> list[str]:
    """The names of `LLMO_…` settings in an environment; empty ones count as unset."""
    found = (name for name, value in env.items() if value and name.startswith(PREFIX) and name not in RESERVED)
    return sorted(name for name in found if not name.startswith("LLMO_TEST_"))


def environment(env: Mapping[str, str], below: Mapping[str, Any]) -> tuple[Layer, list[Problem]]:
    """
    `LLMO_TIMEOUT=30`, `LLMO_PROVIDERS__OPENAI__BASE_URL=…`; lists and tables are JSON.

    Names of providers and tasks are found in any case and punctuation; a new provider that is named
    after a type is of that type.
    """
    data: dict[str, Any] = {}
    places: dict[Path, str] = {}
    problems = []
    for name in own_variables(env):
        parts = name.removeprefix(PREFIX).lower().split("__")
        path, known = _resolved(parts, below)
        if known is not None:
            problems.append(Problem(f"environment {name}", "", _no_such(parts, len(path), known)))
            continue
        _put(data, path, decoded(path, env[name]))
        places[path] = f"environment {name}"
    _imply_kinds(data, below)
    return Layer(data, places), problems


def _resolved(parts: list[str], below: Mapping[str, Any]) -> tuple[Path, tuple[str, ...] | None]:
    """The path that a variable means; else the part of it that exists, and the names that could follow."""
    path: Path = ()
    value: Any = below
    for part in parts:
        known = names(path)
        if not is_table(declared(path)) or not part or (known and part not in known):
            return path, known
        name = part if known else _existing(part, value)
        value = value.get(name) if isinstance(value, Mapping) else None
        path = (*path, name)
    return path, None


def _existing(part: str, value: object) -> str:
    there = value if isinstance(value, Mapping) else {}
    kind = part.replace("_", "-")
    new = kind if kind in KINDS else part
    return next((name for name in there if re.sub(r"\W", "_", name.lower()) == part), new)


def _no_such(parts: list[str], depth: int, known: tuple[str, ...]) -> str:
    near = nearest(parts[depth], known) if depth < len(parts) else ""
    if not near:
        return "no such setting"
    word = near.removeprefix("; did you mean ").removesuffix("?")
    better = "__".join([*parts[:depth], word, *parts[depth + 1 :]]).upper()
    return f"no such setting; did you mean {PREFIX}{better}?"


def _imply_kinds(data: dict[str, Any], below: Mapping[str, Any]) -> None:
    providers = data.get("providers")
    there = below.get("providers")
    for name, provider in (providers if isinstance(providers, Mapping) else {}).items():
        new = not (isinstance(there, Mapping) and name in there)
        if new and name in KINDS and isinstance(provider, dict):
            provider.setdefault("kind", name)


def _put(data: dict[str, Any], path: Path, value: object) -> None:
    for part in path[:-1]:
        inner = data.setdefault(str(part), {})
        if not isinstance(inner, dict):
            return  # the part above is wrong, and is named as such
        data = inner
    data[str(path[-1])] = value
