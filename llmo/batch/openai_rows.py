"""
Lines of OpenAI's batch files as requests.

A line is `{"custom_id", "method": "POST", "url": "/v1/chat/completions", "body": {…}}`
(platform.openai.com/docs/guides/batch).
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from llmo import parameters
from llmo.errors import UsageError
from llmo.types import Image, Message, Params, Request

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

    from llmo.batch.rows import Row
    from llmo.types import Json, Role

KEYS = frozenset({"custom_id", "method", "url", "body"})
CHAT = "/chat/completions"
ROLES: Mapping[str, Role] = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
OWN = frozenset(
    {
        "model",
        "messages",
        "max_tokens",
        "max_completion_tokens",
        "temperature",
        "seed",
        "stop",
        "response_format",
        "stream",
    }
)


def recognised(fields: Mapping[str, Json]) -> bool:
    """Whether a row is a line of such a file."""
    return fields.keys() >= KEYS


def request(row: Row) -> tuple[Request, str | None]:
    """The request and the model of a line. Raises `UsageError` naming the line."""
    body, url = row.fields["body"], row.fields["url"]
    if not isinstance(body, dict):
        _wrong(row, "body is not an object")
    if not isinstance(url, str) or not url.endswith(CHAT):
        _wrong(row, f"url {url} is not {CHAT}")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        _wrong(row, "no messages")
    model = body.get("model")
    asked = Request(tuple(_message(row, m) for m in messages), _params(row, body), stream=False)
    schema = _schema(body)
    if schema is not None:
        asked = Request(asked.messages, asked.params, schema, stream=False)
    return asked, model if isinstance(model, str) else None


def merged(own: Params, flags: Params) -> Params:
    """The row's parameters where no flag says otherwise."""
    return Params(
        max_tokens=own.max_tokens if flags.max_tokens is None else flags.max_tokens,
        temperature=own.temperature if flags.temperature is None else flags.temperature,
        seed=own.seed if flags.seed is None else flags.seed,
        stop=flags.stop or own.stop,
        extra={**own.extra, **flags.extra},
    )


def _params(row: Row, body: Mapping[str, Json]) -> Params:
    try:
        parameters.body(body)
    except UsageError as exc:
        _wrong(row, exc.message)
    limit = "max_tokens" if body.get("max_completion_tokens") is None else "max_completion_tokens"
    extra = {key: value for key, value in body.items() if key not in OWN}
    if isinstance(body.get("response_format"), dict) and _schema(body) is None:
        extra["response_format"] = body["response_format"]
    return Params(
        max_tokens=parameters.whole(limit, body.get(limit)),
        temperature=parameters.real("temperature", body.get("temperature")),
        seed=parameters.whole("seed", body.get("seed")),
        stop=parameters.stops(body.get("stop") or None),
        extra=extra,
    )


def _schema(body: Mapping[str, Json]) -> Mapping[str, Json] | None:
    wanted = body.get("response_format")
    inner = wanted.get("json_schema") if isinstance(wanted, dict) else None
    schema = inner.get("schema") if isinstance(inner, dict) else None
    return schema if isinstance(schema, dict) else None


def _message(row: Row, message: Json) -> Message:
    if not isinstance(message, dict):
        _wrong(row, "a message is not an object")
    role = ROLES.get(str(message.get("role")))
    if role is None:
        _wrong(row, f"role {message.get('role')} is not one of {', '.join(ROLES)}")
    content = message.get("content")
    if isinstance(content, str):
        return Message(role, content)
    if not isinstance(content, list):
        _wrong(row, "content is neither text nor a list of parts")
    texts: list[str] = []
    images: list[Image] = []
    for part in content:
        _take(row, part, texts, images)
    return Message(role, "\n".join(texts), tuple(images))


def _take(row: Row, part: Json, texts: list[str], images: list[Image]) -> None:
    if isinstance(part, dict) and isinstance(part.get("text"), str):
        texts.append(str(part["text"]))
        return
    address = part.get("image_url") if isinstance(part, dict) else None
    url = address.get("url") if isinstance(address, dict) else address
    if not isinstance(url, str) or not url.startswith("data:"):
        _wrong(row, "a part is neither text nor an image as a data: URL")
    head, _, data = url.removeprefix("data:").partition(",")
    try:
        images.append(Image(f"image {len(images) + 1}", head.partition(";")[0], base64.b64decode(data, validate=True)))
    except binascii.Error:
        _wrong(row, "an image is not base64")


def _wrong(row: Row, why: str) -> NoReturn:
    raise UsageError(f"not a request: {row.where}: {why}")
