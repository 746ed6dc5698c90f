"""Anthropic's messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmo.catalog.listing import ListedModel
from llmo.errors import Rejected
from llmo.providers.http import error_mapping, fields, rate_headers, schemas
from llmo.providers.http.counts import checked, count, uses
from llmo.providers.http.decoder import Decoder, reasoning
from llmo.providers.http.framing import Framer, SseFramer
from llmo.providers.http.provider import HttpProvider, address, expressible, reserved
from llmo.requests import chat_body
from llmo.types.events import Notice, Reasoning, Text, Usage
from llmo.types.messages import Image

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llmo.errors import ProviderError
    from llmo.providers.http.error_mapping import ErrorBody, Headers, MakeError
    from llmo.providers.provider import ProviderContext
    from llmo.providers.transports.transport import HttpRequest
    from llmo.types.events import Event, FinishReason, RateInfo
    from llmo.types.messages import Ability, Message, Request

VERSION = "2023-06-01"
MAX_TOKENS = 4096
"""Sent when the request has no limit: the field is required."""
LONGEST_WHOLE = 21_333
"""A larger limit may take over 10 minutes, which connections do not survive in silence (so the SDK refuses it)."""

_FINISH: Mapping[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refusal",
    "tool_use": "tool_calls",
}
PAUSED = frozenset({"pause_turn", "compaction"})
"""Words for a turn that goes on when it is sent back: tools of the server took long, or it shortened its context."""

_ANYWHERE = ("global", "not_available", "any", "default")
"""Where an answer was made at the price of the table; anywhere else costs more."""


def encode(request: Request, model: str, context: ProviderContext, *, streams: bool = True) -> bytes:
    """The body of a messages call; a long answer is asked for as a stream, unless nothing `streams` there."""
    params = request.params
    expressible(context, request)
    attachments = fields.Attachments()
    limit = params.max_tokens or MAX_TOKENS
    body: dict[str, Any] = {
        "model": model,
        "max_tokens": limit,
        "messages": [_message(m, attachments, context) for m in request.messages if m.role != "system"],
    }
    system = "\n\n".join(m.text for m in request.messages if m.role == "system" and m.text.strip())
    if system:
        body["system"] = system
    if params.temperature is not None:
        body["temperature"] = params.temperature
    if params.stop:
        body["stop_sequences"] = list(params.stop)
    if streams and (request.stream or limit > LONGEST_WHOLE):
        body["stream"] = True
    if request.schema is not None:
        body["output_config"] = {"format": {"type": "json_schema", "schema": schemas.closed(request.schema)}}
    reserved(context, request, limit)
    return attachments.write(fields.merged(body, params.extra))


def _message(message: Message, attachments: fields.Attachments, context: ProviderContext) -> dict[str, Any]:
    if not message.text.strip() and not message.images:
        raise Rejected(f"{context.name} (anthropic) does not accept an empty message")
    if not message.images:
        return {"role": message.role, "content": message.text}
    parts: list[dict[str, Any]] = []
    for part in chat_body.parts_of(message):
        if isinstance(part, Image):
            source = {"type": "base64", "media_type": part.media_type, "data": attachments.add(part)}
            parts.append({"type": "image", "source": source})
        elif part.strip():
            parts.append({"type": "text", "text": part})
    return {"role": message.role, "content": parts}


class AnthropicDecoder(Decoder):
    """Reads named events by the type in their data, and a whole message."""

    marker = "message_stop"

    def __init__(self, context: ProviderContext, failed: MakeError) -> None:
        super().__init__(context, failed)
        self._stopped: FinishReason | None = None
        self._tokens: dict[str, Any] = {}
        self._asked: set[int | None] = set()

    def read(self, message: dict[str, Any]) -> list[Event]:
        """The events of one message."""
        match message.get("type"):
            case "content_block_delta":
                events = self._delta(fields.obj(message.get("delta")), message.get("index"))
            case "content_block_start":
                events = self._block(fields.obj(message.get("content_block")), message.get("index"))
            case "message_start":
                events = self._start(fields.obj(message.get("message")))
            case "message_delta":
                events = self._close(fields.obj(message.get("delta")), message)
            case "message_stop":
                events = self._stop()
            case "message":
                events = self._message(message)
            case kind:
                self.money(message)
                if kind == "error" or message.get("error"):
                    self.fault(message)
                events = []
        return events

    def money(self, message: dict[str, Any]) -> None:
        """
        The usage of a message, of an error, or of the end of a stream, where counts are cumulative.

        What is there replaces what was there before.
        """
        told = fields.obj(message.get("usage"))
        self._tokens |= {name: value for name, value in told.items() if value is not None}
        if told:
            self.count(usage, self._tokens)
            self.uses |= uses(told)
            if (place := fields.text(told.get("inference_geo"))) and place.lower() not in _ANYWHERE:
                self.uses[f"inference in {error_mapping.clean(place, None, 20)}"] = None

    def alone(self, message: dict[str, Any]) -> Text | Reasoning | None:
        """The text of a piece of a block."""
        delta = fields.obj(message.get("delta")) if message.get("type") == "content_block_delta" else {}
        kind, text, thinking = delta.get("type"), delta.get("text"), delta.get("thinking")
        if kind == "text_delta" and isinstance(text, str):
            return Text(text)
        return Reasoning(thinking) if kind == "thinking_delta" and isinstance(thinking, str) else None

    def _delta(self, delta: dict[str, Any], place: Any) -> list[Event]:
        kind = delta.get("type")
        if kind == "input_json_delta" and _number(place) in self._asked:
            self.calls.more(_number(place), arguments=delta.get("partial_json"))
        if kind == "text_delta":
            return self.text(fields.text(delta.get("text")))
        if kind == "thinking_delta":
            return reasoning(fields.text(delta.get("thinking")))
        return []

    def _block(self, block: dict[str, Any], place: Any = None) -> list[Event]:
        """The events of a block; tools of the server (`server_tool_use`) are none of the caller's."""
        kind = block.get("type")
        if kind == "tool_use":
            # A stream begins with an empty input and sends it in pieces.
            self._asked.add(_number(place))
            self.calls.start(
                _number(place), id=block.get("id"), name=block.get("name"), arguments=block.get("input") or None
            )
        if kind == "text":
            return self.text(fields.text(block.get("text")))
        if kind == "thinking":
            return reasoning(fields.text(block.get("thinking")))
        return []

    def _start(self, message: dict[str, Any]) -> list[Event]:
        self.money(message)
        return self.serve(model=message.get("model"), service_tier=self._tier())

    def _tier(self) -> Any:
        """The tier that sets the price: faster answers have one of their own."""
        speed = fields.text(self._tokens.get("speed"))
        return speed if speed not in ("", "standard") else self._tokens.get("service_tier")

    def _close(self, delta: dict[str, Any], message: dict[str, Any]) -> list[Event]:
        self.money(message)
        events = self.serve(service_tier=self._tier())
        reason = fields.text(delta.get("stop_reason"))
        if reason:
            self._stopped = _FINISH.get(reason, "stop")
            self.paused = reason if reason in PAUSED else ""
            events += [] if self.paused else _remarks(reason, fields.obj(delta.get("stop_details")))
        return events

    def _stop(self) -> list[Event]:
        self.finish = self._stopped
        self.done = True
        return []

    def _message(self, message: dict[str, Any]) -> list[Event]:
        events = self._start(message)
        for block in fields.seq(message.get("content")):
            events += self._block(fields.obj(block))
        return events + self._close(message, message) + self._stop()


def _number(place: Any) -> int | None:
    return place if isinstance(place, int) else None


def _remarks(reason: str, details: dict[str, Any]) -> list[Event]:
    if reason == "refusal" and details:
        said = ": ".join(filter(None, (fields.text(details.get("category")), fields.text(details.get("explanation")))))
        return [Notice(f"the model refused: {error_mapping.clean(said, None)}")] if said else []
    if reason not in _FINISH:
        return [Notice(f"unknown stop_reason, treated as stop: {error_mapping.clean(reason, None, 40)}")]
    if reason == "model_context_window_exceeded":
        return [Notice("the answer was cut off at the end of the model's context window")]
    return []


def usage(tokens: Mapping[str, Any]) -> Usage | None:
    """Tokens of a usage object, whose three kinds of input cannot be combined. Raises `AbsurdError`."""
    fresh, made = count(tokens, "input_tokens"), count(tokens, "output_tokens")
    if fresh is None or made is None:
        return None
    cached, written = count(tokens, "cache_read_input_tokens") or 0, count(tokens, "cache_creation_input_tokens") or 0
    return checked(
        Usage(
            fresh + cached + written,
            made,
            cached_input_tokens=cached,
            cache_write_tokens=written,
            reasoning_tokens=count(tokens, "output_tokens_details", "thinking_tokens") or 0,
            long_write_tokens=count(tokens, "cache_creation", "ephemeral_1h_input_tokens") or 0,
        )
    )


def hint(said: ErrorBody) -> str | None:
    """What to do about a request that was refused."""
    if any(name in said.lower for name in ("temperature", "top_p", "top_k")):
        return "this model does not support sampling parameters: remove --temperature, top_p and top_k"
    if "prefill" in said.lower:
        return "this model does not accept a conversation that ends with an assistant turn"
    if "max_tokens" in said.lower:
        return "lower --max-tokens to the model's own limit"
    return None


class Anthropic(HttpProvider):
    """A provider of kind anthropic."""

    request_id = "request-id"

    def credentials(self) -> Mapping[str, str]:
        """The key, and the version whose behaviour this module knows."""
        sent = {"anthropic-version": self.context.config.api_version or VERSION}
        named = {name.lower() for name in self.context.config.headers}
        # Exactly one of the two may carry a key.
        if self.context.api_key and "authorization" not in named:
            sent["x-api-key"] = self.context.api_key
        return sent

    def url(self, path: str) -> str:
        """An address of the API."""
        return fields.join(self.context.base_url, path, cut=("/messages", "/v1"))

    def ask(self, request: Request, model: str) -> tuple[HttpRequest, Decoder]:
        """The call that carries a request, and what reads its answer."""
        call = self.call("POST", self.url("/v1/messages"), encode(request, model, self.context))
        return call, AnthropicDecoder(self.context, self.failed)

    def framer(self) -> Framer:
        """Server-sent events."""
        return SseFramer()

    def rate_info(self, headers: Headers) -> RateInfo | None:
        """The `anthropic-ratelimit-*` headers."""
        return rate_headers.anthropic(headers, self.context.clock)

    def failed(self, said: ErrorBody) -> ProviderError:
        """The error of a complaint; 529 is everybody's load and says nothing about this key's limit."""
        kind = error_mapping.classify(said)
        return error_mapping.error(self.context, said, kind=kind, hint=hint(said) if kind is Rejected else None)

    async def models(self) -> Sequence[ListedModel]:
        """`GET /v1/models`, page by page."""
        from contextlib import aclosing

        from llmo.providers.http.listing import pages

        async with aclosing(pages(self, self.url("/v1/models"), size=1000, cursor="after_id")) as listed:
            return [_listed(model) async for page in listed for model in page if fields.text(model.get("id"))]

    async def check(self) -> str:
        """One model of `GET /v1/models`: free, and it needs the key."""
        from llmo.providers.http.listing import queried

        await self.fetch(queried(self.url("/v1/models"), {"limit": "1"}))
        return f"{address(self.context)} responds, key accepted"


def _listed(model: dict[str, Any]) -> ListedModel:
    able = fields.obj(model.get("capabilities"))
    names: Mapping[str, Ability] = {
        "image_input": "vision",
        "structured_outputs": "schema",
        "tools": "tools",
        "thinking": "reasoning",
    }
    abilities = {ability for name, ability in names.items() if _supported(able.get(name))}
    return ListedModel(
        model["id"],
        context=fields.count(model.get("max_input_tokens")),
        max_output=fields.count(model.get("max_tokens")),
        shutdown=fields.text(model.get("retires_at")) or None,
        # Only what is stated: claude models know more than this list names.
        abilities=frozenset(abilities) or None,
    )


def _supported(value: Any) -> bool:
    return bool(value.get("supported", value) if isinstance(value, dict) else value)
