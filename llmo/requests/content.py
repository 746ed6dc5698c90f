"""
What of a request is sent beside the words of its messages: options, schema, stop texts.

The bound of its tokens and the search for private data both read it here, so neither can miss a field.
"""

from __future__ import annotations

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
LASTING = ("5m", "30m")
"""Lifetimes of a cache that cost no more than its rate for writing: Anthropic's default, OpenAI's only one."""


def options(request: Request) -> Mapping[str, Json]:
    """Every field of the request that is passed on as it is."""
    return request.params.extra if request.body is None else {**request.body, **request.params.extra}


def parts(request: Request) -> tuple[Mapping[str, Json], ...]:
    """The objects in which those fields stand."""
    return tuple(part for part in (request.params.extra, request.body) if part)


def said(message: Message) -> tuple[Json, int]:
    """A message as it stands without the bytes of the images that llmo has read, and how many it has not."""
    given = message.verbatim or {}
    content = given.get("content")
    if not isinstance(content, list):
        return given, 0
    read = {image.name for image in message.images}
    shown = [_shown(part) if picture(number) in read else part for number, part in enumerate(content, 1)]
    pictures = sum(isinstance(part, Mapping) and "image_url" in part for part in content)
    return {**given, "content": shown}, pictures - len(read)


def picture(number: int) -> str:
    """The name of an image that is the part of this number in its message."""
    return f"image {number}"


def _shown(part: Json) -> Json:
    """A part of a message whose image counts as an image, not as text."""
    if not isinstance(part, Mapping):
        return part
    inner = part.get("image_url")
    return {**part, "image_url": {**inner, "url": ""} if isinstance(inner, Mapping) else ""}


def words(message: Message) -> str:
    """Every text of a message."""
    return message.text if message.verbatim is None else "\n".join(_lines(said(message)[0]))


def talk(request: Request) -> str:
    """Every text of the messages, and those to stop at."""
    return "\n".join((*map(words, request.messages), *request.params.stop))


class Weighed(NamedTuple):
    """An object that is sent: its width, its names and texts, and whether it asks for a dearer cache."""

    width: int
    text: str
    kept_long: bool


def once(function: Callable[[T], R]) -> Callable[[T], R]:
    """The function, which remembers what it made of the last few objects: the rows of a batch share theirs."""
    remembered = lru_cache(maxsize=32)(lambda same: function(same.value))
    return lambda value: remembered(_Same(value))


class _Same:
    """Equal to another one of the very same object."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.value is other.value


@once
def weighed(part: Mapping[str, Json]) -> Weighed:
    """What is to know of an object that is sent with many requests."""
    return Weighed(width(part), "\n".join(_lines(part)), _kept_long(part))


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
    marked = (message.verbatim for message in request.messages if message.verbatim is not None)
    return any(weighed(part).kept_long for part in parts(request)) or any(map(_kept_long, marked))


def _kept_long(value: Json) -> bool:
    return any(node.name == "ttl" and node.value not in (*LASTING, None) for node in nodes(value))


def nodes(value: Json) -> Iterator[jsontext.Node]:
    """The value and all inside it, in their order. Raises `UsageError` for one that is nested too deeply."""
    try:
        return jsontext.nodes(value)
    except jsontext.Unfit as exc:
        raise UsageError(f"an option or a schema is {exc}") from None


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
