"""
What is sent with a request beside the texts of its messages: options, schema, stop sequences.

The token bound and the search for private data both read it here, so that neither can miss a field.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from json import dumps
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from unicodedata import normalize

from llmo.errors import UsageError
from llmo.types import jsontext

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from llmo.types.jsontext import Json
    from llmo.types.messages import Message, Request

T = TypeVar("T")
R = TypeVar("R")

INDENT = 4
"""Spaces a level where chat templates write tools (`tojson(indent=4)`, Llama 3.1)."""
WIDER = 5
"""More characters that a template's `tojson` may write for each of `<>&'` (`\\u003c`, Jinja's default)."""
HUGE = 14_000
"""Bits of a whole number that `str` may refuse (`sys.set_int_max_str_digits`)."""
IMAGE_DATA = re.compile(r"data:(image/[^;,]+)(?:;[^;,]*)*;base64,", re.IGNORECASE)
"""How a data URL begins that holds an image; others hold documents, sounds or texts."""
LASTING = ("5m", "30m")
"""Lifetimes of a cache that cost no more than its rate for writing: Anthropic's default, OpenAI's only one."""


def options(request: Request) -> Mapping[str, Json]:
    """Every field of the request that is passed on as it is."""
    return request.params.extra if request.body is None else {**request.body, **request.params.extra}


def parts(request: Request) -> tuple[Mapping[str, Json], ...]:
    """The objects in which those fields stand."""
    return tuple(part for part in (request.params.extra, request.body) if part)


def without_images(message: Message) -> tuple[Json, int]:
    """A verbatim message without the bytes of images that llmo has read, and how many it has not read."""
    given = message.verbatim or {}
    content = given.get("content")
    if not isinstance(content, list):
        return given, 0
    read = {image.name for image in message.images}
    shown = [_without_bytes(part) if image_name(number) in read else part for number, part in enumerate(content, 1)]
    pictures = sum(isinstance(part, Mapping) and "image_url" in part for part in content)
    return {**given, "content": shown}, pictures - len(read)


def image_name(number: int) -> str:
    """The name of an image, by the number of its part in the message."""
    return f"image {number}"


def image_url(part: Mapping[str, Json]) -> str | None:
    """Where the image of a part is; None for a part without one."""
    address = part.get("image_url")
    url = address.get("url") if isinstance(address, Mapping) else address
    return url if isinstance(url, str) else None


def _without_bytes(part: Json) -> Json:
    """A part of a message without its image's data, which count as an image and not as text."""
    if not isinstance(part, Mapping):
        return part
    inner = part.get("image_url")
    return {**part, "image_url": {**inner, "url": ""} if isinstance(inner, Mapping) else ""}


def texts(message: Message) -> str:
    """Every text of a message."""
    return message.text if message.verbatim is None else "\n".join(_lines(without_images(message)[0]))


def all_texts(request: Request) -> str:
    """Every text of the messages, and the stop sequences."""
    return "\n".join((*map(texts, request.messages), *request.params.stop))


class Measure(NamedTuple):
    """Of an object that is sent: its width in bytes, its names and texts, and whether it asks for a dearer cache."""

    width: int
    text: str
    long_cache: bool


def cached_by_identity(function: Callable[[T], R]) -> Callable[[T], R]:
    """Cache a function by the identity of its argument, for the last few objects: the rows of a batch share theirs."""
    remembered = lru_cache(maxsize=32)(lambda same: function(same.value))
    return lambda value: remembered(_ByIdentity(value))


class _ByIdentity:
    """A key that is equal only for the very same object."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByIdentity) and self.value is other.value


@cached_by_identity
def measure(part: Mapping[str, Json]) -> Measure:
    """Measure an object, once for all the requests that it is sent with."""
    return Measure(width(part), "\n".join(_lines(part)), _has_long_cache(part))


def items(value: Json) -> Sequence[Json]:
    """The items of an array; another value is one item, and an empty one is none."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return value
    return [value] if value else []


def width(value: Json) -> int:
    """The most bytes of a value as JSON that a template may write: indented, with every escape that there is."""
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


def asks_for_long_cache(request: Request) -> bool:
    """Whether some `ttl` in a prompt asks for a cache at the dearer rate."""
    marked = (message.verbatim for message in request.messages if message.verbatim is not None)
    return any(measure(part).long_cache for part in parts(request)) or any(map(_has_long_cache, marked))


def _has_long_cache(value: Json) -> bool:
    return any(node.name == "ttl" and node.value not in (*LASTING, None) for node in nodes(value))


def nodes(value: Json) -> Iterator[jsontext.Node]:
    """The value and all inside it, in their order. Raises `UsageError` for one that is nested too deeply."""
    try:
        return jsontext.nodes(value)
    except jsontext.UnsupportedJson as exc:
        raise UsageError(f"an option or a schema is {exc}") from None


def _lines(value: Json) -> Iterator[str]:
    """One line for each name and value inside."""
    for name, inner, _ in nodes(value):
        if isinstance(inner, str) or not isinstance(inner, (Mapping, Sequence)):
            # In quotes, as it is sent: what a name like "password" is set to may be any word then.
            text = inner if isinstance(inner, str) else _spelled(inner)
            yield text if name is None else f'"{name}": "{text}"'
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
