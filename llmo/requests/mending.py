"""
JSON that a model wrapped or wrote a little wrongly, read without asking it again.

Only what leaves no choice is taken: the one JSON value of an answer, without thoughts, fences and words around it, and
without commas before a closing bracket. Nothing is ever closed, quoted, cut or chosen among several.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from llmo.types import jsontext

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmo.types.jsontext import Json

FENCE = "```"
THOUGHT = "</think>"
"""How a server that does not tell them apart ends the thoughts before an answer."""
TOKEN = re.compile(
    r"""
    "[^"\\]*(?:\\.[^"\\]*)*"?      # a text, to its end or to that of the answer: in linear time
    | [\[{,:]\s*,                  # a comma with nothing before it is no comma too many
    | (?P<comma>,)(?=\s*[\]}])
    """,
    re.VERBOSE | re.DOTALL,
)


class Read(NamedTuple):
    """The value of an answer; `mended` when its text is not that value alone."""

    data: Json
    mended: bool


def read(text: str) -> Read:
    """The JSON value of an answer. Raises the `ValueError` of its whole text when it has none, or several."""
    try:
        return Read(jsontext.read(text.strip()), mended=False)
    except jsontext.UnsupportedJson:
        raise
    except ValueError as exc:
        for candidate in dict.fromkeys(_candidates(text)):
            try:
                return Read(jsontext.read(candidate), mended=True)
            except ValueError:
                continue
        raise exc from None


def _candidates(text: str) -> Iterator[str]:
    """What may be the value, the least changed first."""
    answer = text.rpartition(THOUGHT)[2].strip()
    yield answer
    fences = answer.split(FENCE)
    inside = fences[1] if len(fences) == 3 else None  # noqa: PLR2004 - one that opens, one that closes
    if inside is not None and answer.startswith(FENCE) and answer.endswith(FENCE):
        yield inside.partition("\n")[2].strip()
    for part in (inside, answer, text):
        found = None if part is None else _only(part)
        if found is not None:
            yield found
            yield TOKEN.sub(lambda token: "" if token["comma"] else token[0], found)


def _only(text: str) -> str | None:
    """The object or list in a text that has no other bracket outside of it."""
    begin = re.search(r"[\[{]", text)
    end = max(text.rfind("}"), text.rfind("]")) + 1
    if begin is None or end <= begin.start() or re.search(r"[\[\]{}]", text[: begin.start()] + text[end:]):
        return None
    return text[begin.start() : end]
