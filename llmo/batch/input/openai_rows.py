"""
Lines of OpenAI's batch files as requests.

A line is `{"custom_id", "method": "POST", "url": "/v1/chat/completions", "body": {…}}`
(platform.openai.com/docs/guides/batch).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.batch.input.readers import OPENAI
from llmo.config import parameters
from llmo.errors import UsageError
from llmo.requests import chat_body
from llmo.requests.validator import checked
from llmo.types.dataclass import replace
from llmo.types.messages import Params, Request

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

    from llmo.batch.input.rows import Row
    from llmo.types.jsontext import Json
    from llmo.types.messages import Message

KEYS = frozenset(OPENAI)
CHAT = "/chat/completions"
REPLACED = frozenset(("model", "messages", "max_tokens", "max_completion_tokens", "stream", "stream_options"))
"""Fields of a body that llmo sets itself: everything else is sent as it stands."""
TOLD = REPLACED | {"temperature", "seed", "stop", "response_format"}


def recognised(fields: Mapping[str, Json]) -> bool:
    """Whether a row is a line of such a file."""
    return fields.keys() >= KEYS


def request(row: Row, *, schema: Mapping[str, Json] | None = None) -> tuple[Request, str | None]:
    """
    The request and the model of a line; `schema` is asked for in place of the line's own.

    Raises `UsageError` naming the line.
    """
    body, url = row.fields["body"], row.fields["url"]
    if not isinstance(body, dict):
        _wrong(row, "body is not an object")
    if not isinstance(url, str) or not url.endswith(CHAT):
        _wrong(row, f"url {url} is not {CHAT}")
    if row.fields["method"] != "POST":
        _wrong(row, f"method {row.fields['method']} is not POST")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        _wrong(row, "no messages")
    model = body.get("model")
    fields = {name: value for name, value in body.items() if name not in REPLACED}
    turns = tuple(_message(row, n, m) for n, m in enumerate(messages))
    asked = Request(turns, _params(row, body), schema or _schema(row, body), stream=False, body=fields)
    return asked, model if isinstance(model, str) else None


def overlaid(own: Request, flags: Request) -> Request:
    """The row's request where no flag says otherwise."""
    params = flags.params
    said: dict[str, Json] = {"temperature": params.temperature, "seed": params.seed, "stop": list(params.stop) or None}
    body = {**(own.body or {}), **{name: value for name, value in said.items() if value is not None}}
    if flags.schema is not None:
        body.pop("response_format", None)
    merged = Params(
        max_tokens=own.params.max_tokens if params.max_tokens is None else params.max_tokens,
        temperature=own.params.temperature if params.temperature is None else params.temperature,
        seed=own.params.seed if params.seed is None else params.seed,
        stop=params.stop or own.params.stop,
        extra=params.extra,
    )
    return replace(own, params=merged, body=body)


def beside(of: Request) -> dict[str, Json]:
    """What a line asks for beside parameters, messages and schema."""
    body = {**(of.body or {}), **of.params.extra}
    kept = None if of.schema is not None else body.get("response_format")
    extra = {name: value for name, value in body.items() if name not in TOLD}
    return extra | ({"response_format": kept} if isinstance(kept, dict) else {})


def _params(row: Row, body: Mapping[str, Json]) -> Params:
    try:
        parameters.body(body)
    except UsageError as exc:
        _wrong(row, exc.message)
    limit = "max_tokens" if body.get("max_completion_tokens") is None else "max_completion_tokens"
    return Params(
        max_tokens=parameters.whole(limit, body.get(limit)),
        temperature=parameters.real("temperature", body.get("temperature")),
        seed=parameters.whole("seed", body.get("seed")),
        stop=parameters.stops(body.get("stop") or None),
    )


def _schema(row: Row, body: Mapping[str, Json]) -> Mapping[str, Json] | None:
    """The schema that a line asks for; what can't be one is told before it is paid for."""
    wanted = body.get("response_format")
    if wanted is None:
        return None
    if not isinstance(wanted, dict):
        _wrong(row, "response_format is not an object")
    inner = wanted.get("json_schema")
    if wanted.get("type") == "json_schema" and not isinstance(inner, dict):
        _wrong(row, "response_format.json_schema is not an object")
    schema = inner.get("schema") if isinstance(inner, dict) else None
    if schema is None:
        return None
    try:
        return checked(schema).schema
    except UsageError as exc:
        _wrong(row, f"response_format: {exc.message}")


def _message(row: Row, number: int, given: Json) -> Message:
    if not isinstance(given, dict):
        _wrong(row, f"messages[{number}] is not an object")
    found = chat_body.read_message(given)
    if found is None:
        known = str(given.get("role")) in chat_body.ROLES
        why = "content is not text or a list of parts"
        _wrong(row, why if known else f"role {given.get('role')} is not one of {', '.join(chat_body.ROLES)}")
    return found


def _wrong(row: Row, why: str) -> NoReturn:
    raise UsageError(f"not a request: {row.where}: {why}")
