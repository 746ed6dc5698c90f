"""
What of a request is sent beside the words of its messages: options, schema, stop texts.

The bound of its tokens and the search for private data both read it here, so neither can miss a field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from json import dumps
from typing import TYPE_CHECKING, NamedTuple
from unicodedata import normalize

from llmo.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmo.types import Json, Message, Request

DEPTH = 128
"""Nesting that no schema or tool needs; a deeper value, or one that holds itself, is refused."""
INDENT = 4
"""Spaces a level where chat templates write tools (`tojson(indent=4)`, Llama 3.1)."""
WIDER = 5
"""More characters that a template's `tojson` may write for each of `<>&'` (`\\u003c`, Jinja's default)."""
HUGE = 14_000
"""Bits of a whole number that `str` may refuse (`sys.set_int_max_str_digits`)."""
LASTING = ("5m", "30m")
"""Lifetimes of a cache that cost no more than its rate for writing: Anthropic's default, OpenAI's only one."""


class Node(NamedTuple):
    """A value inside another one: its name in an object, None in an array."""

    name: str | None
    value: Json
    depth: int


def options(request: Request) -> Mapping[str, Json]:
    """Every field of the request that is passed on as it is."""
    return request.params.extra if request.body is None else {**request.body, **request.params.extra}


def said(message: Message) -> tuple[Json, int]:
    """A message as it stands without the bytes of its images, and how many images in it llmo has not read."""
    given = message.verbatim or {}
    content = given.get("content")
    if not isinstance(content, list):
        return given, 0
    shown = [_shown(part) for part in content]
    unread = sum("image_url" in part for part in content if isinstance(part, Mapping)) - len(message.images)
    return {**given, "content": shown}, max(0, unread)


def _shown(part: Json) -> Json:
    """A part of a message; the address of an image counts as an image, not as text."""
    if not isinstance(part, Mapping) or "image_url" not in part:
        return part
    inner = part["image_url"]
    return {**part, "image_url": {**inner, "url": ""} if isinstance(inner, Mapping) else ""}


def texts(request: Request) -> Iterator[str]:
    """Every text that is sent, with names beside their values."""
    yield from map(words, request.messages)
    yield from beside(request)


def words(message: Message) -> str:
    """Every text of a message."""
    return message.text if message.verbatim is None else "\n".join(_lines(said(message)[0]))


def beside(request: Request) -> Iterator[str]:
    """The same without the messages."""
    yield from request.params.stop
    for part in (options(request), request.schema):
        if part:
            yield from _lines(part)


def items(value: Json) -> Sequence[Json]:
    """The parts of an array; what is no array is one part, and nothing is none."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return value
    return [value] if value else []


def width(value: Json) -> int:
    """The bytes of a value as JSON, written as widely as a template may: indented, and all escaped that can be."""
    total = 0
    for name, inner, depth in nodes(value):
        margin = 1 + INDENT * depth
        total += margin + (0 if name is None else _quoted(name) + 2) + 1
        if isinstance(inner, str):
            total += _quoted(inner)
        elif isinstance(inner, (Mapping, Sequence)):
            total += 2 + margin
        else:
            total += len(_spelled(inner))
    return total


def kept_long(request: Request) -> bool:
    """Whether a prompt may be cached at the dearer rate, because some `ttl` in it asks for it."""
    marked: list[Json] = [message.verbatim for message in request.messages if message.verbatim is not None]
    inner = (node for part in (options(request), *marked) if part for node in nodes(part))
    return any(node.name == "ttl" and node.value not in (*LASTING, None) for node in inner)


def nodes(value: Json) -> Iterator[Node]:
    """The value and all inside it, in their order. Raises `UsageError` for one that is nested too deeply."""
    waiting = [Node(None, value, 0)]
    while waiting:
        node = waiting.pop()
        yield node
        inner, depth = node.value, node.depth + 1
        if isinstance(inner, str) or not isinstance(inner, (Mapping, Sequence)):
            continue
        if depth > DEPTH:
            raise UsageError(f"an option or a schema is nested more than {DEPTH} levels deep")
        if isinstance(inner, Mapping):
            waiting += [Node(str(name), part, depth) for name, part in inner.items()][::-1]
        else:
            waiting += [Node(None, part, depth) for part in inner][::-1]


def _lines(value: Json) -> Iterator[str]:
    """A line for each name and value inside."""
    for name, inner, _ in nodes(value):
        if isinstance(inner, str) or not isinstance(inner, (Mapping, Sequence)):
            said = inner if isinstance(inner, str) else _spelled(inner)
            yield said if name is None else f"{name}: {said}"
        elif name is not None:
            yield name


def _quoted(text: str) -> int:
    """
    The longest spelling of a string.

    A template may normalise, which can lengthen a text (U+FDFA becomes 18 characters), and then escape.
    """
    plain = len(dumps(text))
    if not text.isascii():
        plain = max(plain, len(dumps(normalize("NFKC", text))))
    return plain + WIDER * sum(map(text.count, "<>&'"))


def _spelled(value: object) -> str:
    """A number, true, false or null."""
    return f"{value:x}" if isinstance(value, int) and value.bit_length() > HUGE else str(value)
