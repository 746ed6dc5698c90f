"""
JSON as llmo reads, writes and sends it: finite numbers, bounded nesting, text that any reader takes.

How deep a value may be nested is decided here for all of them: what was read can be sent, and what is sent can be read.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from json.scanner import make_scanner
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


DEEPEST = 200
"""Levels of nesting: orjson and jq take about 250, and Python's own writer fails near 1,000."""
_OBJECT = (dict, Mapping)
_NESTS = (dict, list, tuple, Mapping, Sequence)
"""The common ones first: they are tested for millions of times."""
_PLAIN = frozenset({str, int, float, bool, type(None)})
LONE = re.compile("[\ud800-\udfff]")
"""Half of a surrogate pair, which JSON can spell and UTF-8 can't."""


class UnsupportedJson(ValueError):
    """JSON that Python can't read, or could not write again: nested too deeply, numbers too long or out of range."""


class Node(NamedTuple):
    """A value inside another one: its name in an object, None in an array."""

    name: str | None
    value: Json
    depth: int


def read(text: str | bytes) -> Any:
    """
    The value in a JSON text, a byte order mark before it or not; the last of equal names counts.

    Raises `ValueError`, also for what Python would read but nobody could write again: NaN and infinite
    numbers, numbers of more digits than Python converts, nesting below `DEEPEST`.
    """
    words = (text if isinstance(text, str) else text.decode()).removeprefix("\ufeff")
    try:
        value = _value(words)
    except json.JSONDecodeError:
        raise
    except RecursionError:
        raise UnsupportedJson(_TOO_DEEP) from None
    except ValueError as exc:
        raise (UnsupportedJson(_TOO_LONG) if "digits" in str(exc) else exc) from None
    # Each level is at least two characters: most texts are too short to be looked through.
    if len(words) > 2 * DEEPEST and words.count("[") + words.count("{") > DEEPEST and is_too_deep(value):
        raise UnsupportedJson(_TOO_DEEP)
    return value


def write(value: Any, *, indent: int | None = None, sort_keys: bool = False) -> str:
    """JSON that can always be encoded: numbers that are not finite become null, lone surrogates are escaped."""
    writer = _writer
    if indent is not None or sort_keys:
        writer = json.JSONEncoder(ensure_ascii=False, allow_nan=False, indent=indent, sort_keys=sort_keys)
    try:
        text = writer.encode(value)
    except ValueError:
        text = writer.encode(_finite(value))
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        text = LONE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return text


def exact(value: Any) -> str:
    """The same for a value that must not change: raises `ValueError` for what is no JSON, or is nested too deeply."""
    try:
        text = _writer.encode(value)
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(_HALF) from None
    except RecursionError:
        raise UnsupportedJson(_TOO_DEEP) from None
    except (TypeError, ValueError) as exc:
        raise ValueError(_NOT_FINITE if "float" in str(exc) else str(exc)) from None
    if is_too_deep(value):
        raise UnsupportedJson(_TOO_DEEP)
    return text


def is_too_deep(value: Any) -> bool:
    """Whether a value is nested below `DEEPEST` levels, as one that holds itself is."""
    level = [value] if _nests(value) else []
    for _ in range(DEEPEST):
        parts = (part for whole in level for part in (whole.values() if isinstance(whole, _OBJECT) else whole))
        # Each once: what holds itself twice would be twice as much at every level.
        level = list({id(part): part for part in parts if type(part) not in _PLAIN and _nests(part)}.values())
        if not level:
            return False
    return True


def nodes(value: Json) -> Iterator[Node]:
    """The value and all inside it, in order. Raises `UnsupportedJson` at once for one that is nested too deeply."""
    if is_too_deep(value):
        raise UnsupportedJson(_TOO_DEEP)
    return _walk(value)


def quick(reader: json.JSONDecoder) -> Callable[[str], Any]:
    """The reader's own `decode`, in a third of the time for a text with nothing around its value."""
    scan = make_scanner(reader)  # type: ignore[arg-type]  # as the reader itself calls it

    def decode(text: str) -> Any:
        try:
            value, end = scan(text, 0)
        except StopIteration:
            end = -1
        return value if end == len(text) else reader.decode(text)

    return decode


def _walk(value: Json) -> Iterator[Node]:
    waiting = [Node(None, value, 0)]
    while waiting:
        node = waiting.pop()
        yield node
        inner, depth = node.value, node.depth + 1
        if isinstance(inner, Mapping):
            waiting += [Node(str(name), part, depth) for name, part in inner.items()][::-1]
        elif isinstance(inner, Sequence) and not isinstance(inner, str):
            waiting += [Node(None, part, depth) for part in inner][::-1]


def _nests(value: Any) -> bool:
    return isinstance(value, _NESTS) and not isinstance(value, str | bytes)


def _number(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise UnsupportedJson(f"a number is out of range: {digits[:40]}")
    return value


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    return [_finite(part) for part in value] if isinstance(value, list | tuple) else value


_TOO_DEEP = f"nested more than {DEEPEST} levels deep"
_HALF = "a lone surrogate (half a character)"
_NOT_FINITE = "NaN and infinite numbers are not JSON"
_TOO_LONG = "a number has more digits than can be read"
_value = quick(json.JSONDecoder(parse_float=_number, parse_constant=_constant))
_writer = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


Json: TypeAlias = bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"] | None
