"""The settings of a profile for its man page: from their declaration, with values from a profile that has them all."""

from __future__ import annotations

import ast
import inspect
import json
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from roff import bold, entries, escaped, inline

from llmo.config.kinds import KINDS
from llmo.config.profile import Exact
from llmo.config.schema import declared, expected

if TYPE_CHECKING:
    from collections.abc import Iterator
    from dataclasses import Field

    from llmo.config.kinds import ProviderKind

EXAMPLE = Path(__file__).parent / "prose" / "profile.toml"
"""A valid profile in which every setting occurs."""
ANY = 10**9
"""A bound that only keeps numbers storable; not worth a word."""
TABLES = {
    "PROVIDERS": (("providers", "NAME"), ("providers", "NAME", "routing"), ("providers", "NAME", "offline")),
    "TASKS": (("tasks", "NAME"), ("thresholds",), ("fallback",)),
    "BUDGETS": (("budgets", 0),),
    "PRIVACY": (("privacy",),),
    "PRICES": (("prices", 0),),
}
"""Sections of the page, each with paths as `llmo.config.schema` takes them; what is no table stands in the first."""


ABOUT = {
    "openai": "Any server with `/v1/chat/completions`.",
    "anthropic": "`/v1/messages`.",
    "ollama": "`/api/chat`, with the context length made explicit.",
    "openrouter": "`/chat/completions`, with the cost that OpenRouter reports.",
    "litellm": "Every host of the LiteLLM library, with the keys and addresses that it finds.",
    "litellm-proxy": "`/v1/chat/completions`, with the cost that the proxy reports.",
    "cursor": "Cursor's CLI, on its flat plan and with its login.",
    "offline": "A stand-in that answers from the prompt.",
}
"""What each provider type speaks."""


def sections() -> dict[str, list[str]]:
    """Lines of roff by heading."""
    example = tomllib.loads(EXAMPLE.read_text("utf-8"))
    found = {"GENERAL SETTINGS": entries(_settings((), example))}
    for heading, tables in TABLES.items():
        found[heading] = [line for path in tables for line in _table(path, example)]
    found["PROVIDERS"] += [".SS Provider types", *entries(_kind(name, kind) for name, kind in KINDS.items())]
    return found


def _table(path: tuple[str | int, ...], example: Mapping[str, Any]) -> list[str]:
    name = ".".join(part for part in path if isinstance(part, str))
    title = f"[[{name}]]" if 0 in path else f"[{name}]"
    return [f".SS {escaped(title)}", *entries(_settings(path, example))]


def _settings(path: tuple[str | int, ...], example: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, setting, text in _told(declared(path)):
        inner = (*path, name)
        if is_dataclass(declared(inner)) or (not path and expected(inner) == "a table" and name != "aliases"):
            continue  # a table of its own
        if expected(inner) == "a list of tables":
            continue
        value = next(_values(inner, example), MISSING)
        if value is MISSING:
            raise SystemExit(f"{EXAMPLE}: no {'.'.join(map(str, inner))}")
        yield bold(f"{name} = {_toml(value)}"), inline(_said(inner, setting, text))


def _said(path: tuple[str | int, ...], setting: Field[Any], text: str) -> str:
    kind = expected(path).removeprefix("a ").removeprefix("an ")
    low, high = _bounds(path)
    kind += f"{low}{high}"
    return f"{text} {kind[:1].upper()}{kind[1:]}. {_default(setting)}"


def _default(setting: Field[Any]) -> str:
    if setting.default is MISSING and setting.default_factory is MISSING:
        return "Required."
    value = setting.default if setting.default is not MISSING else setting.default_factory()  # type: ignore[misc]
    return "" if value is None or value in ((), {}) else f"Default: `{_toml(value)}`."


def _bounds(path: tuple[str | int, ...]) -> tuple[str, str]:
    hint = get_type_hints(declared(path[:-1]), include_extras=True)[str(path[-1])]
    for part in (hint, *get_args(hint)):
        for exact in getattr(part, "__metadata__", ()):
            if isinstance(exact, Exact) and exact.bounds:
                bounds = exact.bounds
                low = f" above {bounds['gt']}" if "gt" in bounds else f" from {bounds['ge']}"
                return low, f", at most {bounds['le']:,}" if bounds["le"] < ANY else ""
    return "", ""


def _told(kind: Any) -> Iterator[tuple[str, Field[Any], str]]:
    """Each setting with the text below it in the source."""
    body = ast.parse(inspect.getsource(kind)).body[0].body  # type: ignore[attr-defined]
    told: dict[str, str] = {}
    for line, below in pairwise(body):
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and isinstance(below, ast.Expr):
            told[line.target.id] = " ".join(str(ast.literal_eval(below.value)).split())
    return ((field.name, field, told[field.name]) for field in fields(kind))


def _values(path: tuple[str | int, ...], tree: Any) -> Iterator[Any]:
    """What the example has at `path`; NAME and positions are any."""
    if not path:
        yield tree
    elif path[0] == "NAME" and isinstance(tree, Mapping):
        yield from (found for inner in tree.values() for found in _values(path[1:], inner))
    elif isinstance(path[0], int) and isinstance(tree, list):
        yield from (found for inner in tree for found in _values(path[1:], inner))
    elif isinstance(tree, Mapping) and path[0] in tree:
        yield from _values(path[1:], tree[path[0]])


def _toml(value: Any) -> str:
    """A value as one writes it in one line."""
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{_key(key)} = {_toml(inner)}' for key, inner in value.items())} }}"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, ensure_ascii=False)


def _key(key: str) -> str:
    return key if key.replace("-", "").replace("_", "").isalnum() else json.dumps(key)


def _kind(name: str, kind: ProviderKind) -> tuple[str, str]:
    """Where a type of provider is, and its key."""
    address = ", else ".join(filter(None, [f"`{kind.url_env}`" if kind.url_env else "", kind.base_url]))
    parts = [
        ABOUT[name],
        f"Address: {address}." if address else "",
        f"Key: `{kind.key_env}`." if kind.key_env else "",
        f"Program: {', '.join(f'`{program}`' for program in kind.programs)}." if kind.programs else "",
        f"Package: `{kind.extra}`." if kind.extra else "",
        "Nothing leaves this machine." if kind.sends_to == "nobody" else "",
    ]
    return bold(name), inline(" ".join(filter(None, parts)))
