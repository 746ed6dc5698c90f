"""The body of a chat completion as its caller wrote it: sent unchanged in that dialect, translated for others."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from llmo.catalog.prices import STANDARD
from llmo.config.kinds import KINDS
from llmo.requests.content import IMAGE_DATA, image_name, image_url
from llmo.types.dataclass import replace
from llmo.types.messages import Image, Message, Request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmo.types.jsontext import Json
    from llmo.types.messages import Role

ROLES: Mapping[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
PARAMETERS = ("temperature", "seed", "stop")
"""Fields that are parameters of every request."""
ANY_JSON: Mapping[str, Json] = {"type": "json_object"}
"""The `response_format` of JSON without a schema."""
DEFAULTS: Mapping[str, Sequence[Json]] = {
    "n": (1,),
    "store": (False,),
    "logprobs": (False,),
    "parallel_tool_calls": (True,),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "service_tier": (None, *STANDARD),
    "modalities": (["text"],),
    "response_format": ({"type": "text"},),
}
"""Values that mean the same as leaving the field out."""


class Inexpressible(NamedTuple):
    """What a dialect can't express: fields, which may be left out, and parts of messages, which may not."""

    fields: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ", ".join((*self.parts, *self.fields))


def read_message(given: Mapping[str, Json]) -> Message | None:
    """Read a message of a chat completion; None when it is none. What llmo can't read is kept verbatim."""
    role, content = ROLES.get(str(given.get("role"))), given.get("content")
    if role is None:
        return None
    if isinstance(content, str) or content is None:
        plain = given == {"role": role, "content": content} and role != "tool"
        return Message(role, content or "", verbatim=None if plain else given)
    if not isinstance(content, list) or not all(isinstance(part, Mapping) for part in content):
        return None
    read = [_read(part, number) for number, part in enumerate(content, 1)]
    texts = [part for part in read if isinstance(part, str)]
    return Message(role, "\n".join(texts), tuple(part for part in read if isinstance(part, Image)), given)


def parts_of(of: Message) -> Iterator[str | Image]:
    """The texts and images of a message, in their order where it has one."""
    content = None if of.verbatim is None else of.verbatim.get("content")
    if not isinstance(content, list):
        yield from of.images
        yield of.text
        return
    for number, part in enumerate(content, 1):
        if (read := _read(part, number)) is not None:
            yield read


def inexpressible(request: Request, kind: str) -> Inexpressible | None:
    """What another dialect can't express of a request; None when all of it can be translated."""
    fields = [name for name, value in (request.body or {}).items() if not _is_expressible(name, value, request, kind)]
    lost = [
        f"messages[{n}]{path}" for n, one in enumerate(request.messages) for path in _inexpressible_parts(one, kind)
    ]
    return Inexpressible(tuple(fields), tuple(lost)) if fields or lost else None


def translated(request: Request, kind: str) -> Request:
    """The request without a verbatim body, for a dialect other than the one that it was written in."""
    body, row = request.body or {}, KINDS[kind]
    carried: dict[str, Json] = {
        name: value for name, value in body.items() if name in row.carried and value is not None
    }
    if row.carried_user and isinstance(body.get("user"), str):
        option, key = row.carried_user
        carried[option] = {key: body["user"]}
    if body.get("response_format") == ANY_JSON:
        carried.update(row.carried_json)
    params = replace(request.params, extra={**carried, **request.params.extra})
    return replace(request, params=params, body=None)


def without_fields(request: Request, names: Sequence[str]) -> Request:
    """The request without these fields of its verbatim body."""
    if request.body is None or not any(name in request.body for name in names):
        return request
    return replace(request, body={name: value for name, value in request.body.items() if name not in names})


def with_text(of: Message, words: str) -> Message:
    """The message with a text appended."""
    text = f"{of.text}\n\n{words}".lstrip()
    if of.verbatim is None:
        return replace(of, text=text)
    content = of.verbatim.get("content")
    longer: Json = [*content, {"type": "text", "text": words}] if isinstance(content, list) else text
    return replace(of, text=text, verbatim={**of.verbatim, "content": longer})


def _is_expressible(name: str, value: Json, request: Request, kind: str) -> bool:
    if value is None or value in ([], {}) or name in PARAMETERS or value in DEFAULTS.get(name, ()):
        return True
    row = KINDS[kind]
    if name == "response_format":
        return request.schema is not None or (bool(row.carried_json) and value == ANY_JSON)
    return name in row.carried or (name == "user" and row.carried_user is not None)


def _inexpressible_parts(of: Message, kind: str) -> Iterator[str]:
    given = of.verbatim or {}
    if of.role == "tool":
        yield f".role {given.get('role')}"
    yield from (f".{name}" for name, value in given.items() if name not in ("role", "content") and value)
    content = given.get("content")
    if not isinstance(content, list):
        return
    read = [_read(part, number) for number, part in enumerate(content, 1)]
    for number, (part, found) in enumerate(zip(content, read, strict=True)):
        if found is None:
            yield f".content[{number}]" + (f".type {part['type']}" if "type" in part else "")
        else:
            yield from (f".content[{number}]{path}" for path in _ignored_details(part))
    kinds = [isinstance(one, str) for one in read]
    if not KINDS[kind].ordered_parts and sum(one != other for one, other in pairwise(kinds)) > 1:
        yield ".content, the order of its parts"


def _ignored_details(part: Mapping[str, Json]) -> Iterator[str]:
    yield from (f".{name}" for name, value in part.items() if name not in ("type", "text", "image_url") and value)
    inner = part.get("image_url")
    if isinstance(inner, Mapping):
        said = ((name, value) for name, value in inner.items() if name != "url" and value not in (None, "auto"))
        yield from (f".image_url.{name}" for name, _ in said)


def _read(part: Mapping[str, Json], number: int) -> str | Image | None:
    """The text or the image of a part, None when it is neither."""
    if part.get("type") in (None, "text") and isinstance(part.get("text"), str):
        return str(part["text"])
    url = image_url(part)
    if part.get("type") not in (None, "image_url") or url is None or (found := IMAGE_DATA.match(url)) is None:
        return None
    try:
        return Image(image_name(number), found[1].lower(), base64.b64decode(url[found.end() :], validate=True))
    except ValueError:
        return None
