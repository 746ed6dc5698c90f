"""The declared type of each key of a profile, and words for it in messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

from llmo.config.parameters import shown
from llmo.config.profile import Profile, Usd
from llmo.config.toml_positions import BARE
from llmo.types.dataclass import MISSING, fields, is_dataclass

Path: TypeAlias = tuple["str | int", ...]
Type: TypeAlias = Any
"""A type from an annotation, without `Annotated` and `None`."""

_SWITCHES = dict.fromkeys(("true", "1", "yes", "on"), True) | dict.fromkeys(("false", "0", "no", "off"), False)
_WORDS: Mapping[Any, str] = {float: "a number", int: "a whole number", bool: "true or false", str: "a string"}


def dotted(path: Path) -> str:
    """A path as TOML writes keys; positions in lists count from 0."""
    return ".".join(str(part) if isinstance(part, int) or BARE.fullmatch(part) else _quoted(part) for part in path)


def _quoted(part: str) -> str:
    return '"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"'


def declared(path: Path) -> Type | None:
    """The type declared at `path`; None where nothing is."""
    kind: Any = Profile
    for part in path:
        kind = _inner(kind, part)
        if kind is None:
            return None
    return kind


def _inner(kind: Any, part: str | int) -> Type | None:
    if is_dataclass(kind):
        inner: Type | None = _fields(kind).get(str(part))  # type: ignore[arg-type]  # a class is hashable
        return inner
    if get_origin(kind) is Mapping:
        return _bare(get_args(kind)[1])
    if get_origin(kind) is tuple and str(part).isdigit():
        return _bare(get_args(kind)[0])
    return None


@cache
def _fields(kind: Any) -> dict[str, Type]:
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: _bare(hints[field.name]) for field in fields(kind)}


def _bare(hint: Any) -> Type:
    if hint == Usd:
        return Usd
    if get_origin(hint) is Annotated:
        return _bare(get_args(hint)[0])
    if get_origin(hint) in {Union, UnionType}:
        return _bare(next(part for part in get_args(hint) if part is not NoneType))
    return hint


def names(path: Path) -> tuple[str, ...]:
    """The keys of the table at `path`; none where any are allowed."""
    kind: Any = declared(path)
    return tuple(_fields(kind)) if is_dataclass(kind) else ()  # type: ignore[arg-type]  # as above


def choices(path: Path) -> tuple[str, ...]:
    """The allowed words at `path`; none where any are."""
    kind = declared(path)
    return get_args(kind) if get_origin(kind) is Literal else ()


def is_table(kind: Type | None) -> bool:
    """Whether the type has keys."""
    return is_dataclass(kind) or get_origin(kind) is Mapping


def is_list(kind: Type | None) -> bool:
    """Whether the type has items."""
    return get_origin(kind) is tuple


def expected(path: Path) -> str:
    """The type at `path`, in words."""
    kind = declared(path)
    if kind == Usd:
        return 'dollars in quotes, as "2.50"'
    if is_table(kind):
        return "a table"
    if is_list(kind):
        inner = get_args(kind)[0]
        return "a list of tables" if is_dataclass(inner) else "a list of strings"
    return f"one of {', '.join(choices(path))}" if choices(path) else _WORDS.get(kind, "something else")


def given(value: object) -> str:
    """The value that was found, in words, truncated."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return shown(value)
    if isinstance(value, str):
        cut = value if len(value) <= 60 else f"{value[:57]}…"  # noqa: PLR2004 - as the docstring says
        return _quoted(cut)
    if isinstance(value, Mapping):
        return "a table"
    return "a list" if isinstance(value, Sequence) else "a date or time"


def decoded(path: Path, text: str) -> object:
    """
    A value that came as text (an environment variable), by the type declared at `path`.

    Lists and tables are JSON. What can't be read stays text, which the validation reports.
    """
    kind = declared(path)
    if kind is bool:
        return _SWITCHES.get(text.lower(), text)
    if kind in {int, float}:
        return _number(text)
    if is_table(kind) or is_list(kind):
        return _json(text)
    return text


def _number(text: str) -> object:
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text


def _json(text: str) -> object:
    from llmo.types import jsontext

    try:
        return jsontext.read(text)
    except ValueError:
        return text


def required(path: Path) -> tuple[str, ...]:
    """The keys that the table at `path` must have."""
    kind = declared(path)
    if not is_dataclass(kind):
        return ()
    return tuple(f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING)
