"""OpenAI's chat completions, and every server that copies them."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from llmo.catalog.listing import ListedModel
from llmo.errors import Rejected
from llmo.providers.anthropic.provider import PAUSED
from llmo.providers.http import error_mapping, rate_headers, schemas
from llmo.providers.http import fields as wire
from llmo.providers.http.bodies import Bodies
from llmo.providers.http.counts import checked, count, dollars, uses
from llmo.providers.http.decoder import Decoder, reasoning
from llmo.providers.http.framing import Framer, SseFramer
from llmo.providers.http.provider import HttpProvider, address, reserved
from llmo.providers.transports.transport import split
from llmo.types.events import Notice, Usage
from llmo.types.messages import Params

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llmo.errors import ProviderError
    from llmo.providers.http.error_mapping import ErrorBody, Headers, MakeError
    from llmo.providers.provider import ProviderContext
    from llmo.providers.transports.transport import HttpRequest
    from llmo.types.events import Emit, Event, FinishReason, RateInfo
    from llmo.types.messages import Message, Request

_FINISH: Mapping[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "max_tokens": "length",
    "content_filter": "content_filter",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}


def encode(request: Request, model: str, context: ProviderContext) -> bytes:
    """The body of a chat completion."""
    attachments = wire.Attachments()
    body = draft(request, model, max_tokens_field(context), attachments)
    if request.stream:
        body["stream_options"] = {"include_usage": True}
        if official(context):
            body["stream_options"]["include_obfuscation"] = False
    reserved(context, request)
    return attachments.write(wire.merged(body, request.params.extra))


def draft(request: Request, model: str, limit_field: str, attachments: wire.Attachments) -> dict[str, Any]:
    """What every server of this dialect is sent; each adds its own fields."""
    body: dict[str, Any] = {
        "model": model,
        "messages": [_message(message, attachments) for message in request.messages],
        **(request.body or {}),
    }
    if request.stream:
        body["stream"] = True
    given = Params(max_tokens=request.params.max_tokens) if request.body is not None else request.params
    body |= _params(given, limit_field)
    if request.schema is not None and "response_format" not in body:
        body["response_format"] = _response_format(request.schema)
    return body


def official(context: ProviderContext) -> bool:
    """Whether this is OpenAI itself, which knows fields that its copies refuse."""
    return split(context.base_url).hostname == "api.openai.com"


def max_tokens_field(context: ProviderContext) -> str:
    """The name of the output limit: OpenAI's new models refuse the old one, most copies know no other."""
    return context.config.max_tokens_field or ("max_completion_tokens" if official(context) else "max_tokens")


def _params(params: Params, limit_field: str) -> dict[str, Any]:
    fields = {
        limit_field: params.max_tokens,
        "temperature": params.temperature,
        "seed": params.seed,
        "stop": list(params.stop) or None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _message(message: Message, attachments: wire.Attachments) -> Mapping[str, Any]:
    if message.verbatim is not None:
        return message.verbatim
    if not message.images:
        return {"role": message.role, "content": message.text}
    parts: list[dict[str, Any]] = [{"type": "text", "text": message.text}] if message.text else []
    for image in message.images:
        url = f"data:{image.media_type};base64,{attachments.add(image)}"
        parts.append({"type": "image_url", "image_url": {"url": url}})
    return {"role": message.role, "content": parts}


def _response_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    strict = schemas.strict(schema)
    named = {"name": "answer", "strict": strict is not None, "schema": schema if strict is None else strict}
    return {"type": "json_schema", "json_schema": named}


class OpenAIDecoder(Decoder):
    """Reads chunks, and a whole completion as one chunk whose delta is its message."""

    marker = "a finish_reason"

    def __init__(self, context: ProviderContext, failed: MakeError) -> None:
        super().__init__(context, failed)
        self._refused = False

    def feed(self, data: bytes, emit: Emit) -> None:
        """
        Emit the events of one message; `[DONE]` ends the answer at once.

        After usage it is as good as a reason: some servers give none.
        """
        if not data.startswith(b"[DONE]"):
            super().feed(data, emit)
            return
        self.done = True
        if self.finish is None and self.counted:
            for event in self.assume():
                emit(event)

    def money(self, message: dict[str, Any]) -> None:
        """The usage of a chunk, of an answer or of an error."""
        if fields := wire.obj(message.get("usage")):
            self.count(usage, fields)
            self.uses |= uses(fields) | _sounds(fields)
            self.bill(_total, fields)

    def read(self, message: dict[str, Any]) -> list[Event]:
        """The events of one chunk."""
        events: list[Event] = []
        tier = message.get("service_tier")
        if self.served.model is None or (tier and tier != self.served.service_tier):
            events += self.serve(model=message.get("model"), service_tier=tier)
        for choice in wire.seq(message.get("choices")):
            # Moderation chunks and the usage chunk have no choice at all.
            if isinstance(choice, dict) and not choice.get("index"):
                self._choice(choice, events)
        self.money(message)
        if message.get("error"):
            self.fault(message)
        return events

    def _choice(self, choice: dict[str, Any], events: list[Event]) -> None:
        delta = choice.get("delta") or choice.get("message")
        if isinstance(delta, dict):
            self._delta(delta, events)
            if "tool_calls" in delta or "function_call" in delta:
                self._call(delta, whole="message" in choice)
        reason = choice.get("finish_reason")
        if choice.get("error") or reason == "error":
            self.fault(choice)
        elif paused := _paused(choice):
            self.paused, self.finish = paused, "stop"
        elif reason and isinstance(reason, str):
            self._finish(reason, events)

    def _delta(self, delta: dict[str, Any], events: list[Event]) -> None:
        thought = delta.get("reasoning_content") or delta.get("reasoning")
        if isinstance(thought, str):
            events += reasoning(thought)
        content = delta.get("content")
        if isinstance(content, str):
            events += self.text(content)
        elif content:
            events += self.text("".join(_texts(content)))
        refusal = delta.get("refusal")
        if refusal and isinstance(refusal, str):
            self._refused = True
            events += self.text(refusal)

    def _call(self, delta: dict[str, Any], *, whole: bool) -> None:
        """Calls of tools: whole ones, or pieces that belong together by index, in copies by id or order."""
        add = self.calls.start if whole else self.calls.more
        for number, call in enumerate(wire.seq(delta.get("tool_calls"))):
            said = wire.obj(call)
            inner = wire.obj(said.get("function")) or wire.obj(said.get("custom"))
            index = said.get("index")
            place = number if whole else index if isinstance(index, int) else None
            add(place, id=said.get("id"), name=inner.get("name"), arguments=inner.get("arguments", inner.get("input")))
        if legacy := wire.obj(delta.get("function_call")):
            add("function_call", name=legacy.get("name"), arguments=legacy.get("arguments"))

    def _finish(self, reason: str, events: list[Event]) -> None:
        known = _FINISH.get(reason)
        if known is None:
            events.append(Notice(f"unknown finish_reason, treated as stop: {error_mapping.clean(reason, None, 40)}"))
        self.finish = "refusal" if self._refused else known or "stop"


def _paused(choice: dict[str, Any]) -> str | None:
    """Anthropic's word for a paused turn, wherever a server in front of it passes it on."""
    said = wire.obj(choice.get("delta") or choice.get("message"))
    reason, native = choice.get("finish_reason"), choice.get("native_finish_reason")
    if reason is None and native is None and "provider_specific_fields" not in said:
        return None  # most pieces of a stream
    own = wire.obj(said["provider_specific_fields"]).get("stop_reason") if "provider_specific_fields" in said else None
    for word in (reason, native, own):
        if isinstance(word, str) and word in PAUSED:
            return word
    return None


def _texts(parts: Any) -> list[str]:
    """The text parts of content that comes as a list (Mistral)."""
    return [wire.text(part.get("text")) for part in wire.seq(parts) if isinstance(part, dict)]


def _total(fields: Mapping[str, Any]) -> int | None:
    """The cost that Perplexity states, its searches included. Raises `AbsurdError`."""
    return dollars(fields, "cost", "total_cost")


_OTHERS = (
    ("audio tokens in", "prompt_tokens_details", "audio_tokens"),
    ("audio tokens out", "completion_tokens_details", "audio_tokens"),
    ("image tokens out", "completion_tokens_details", "image_tokens"),
)


def _sounds(fields: Mapping[str, Any]) -> dict[str, int | None]:
    """Tokens of sound and of pictures made: they have prices of their own, which the rates for text leave out."""
    if "prompt_tokens_details" not in fields and "completion_tokens_details" not in fields:
        return {}
    found = {said: wire.count(wire.obj(fields.get(side)).get(kind)) for said, side, kind in _OTHERS}
    return {said: number for said, number in found.items() if number}


def usage(fields: Mapping[str, Any]) -> Usage | None:
    """
    Tokens of a usage object; its details are parts of the totals already. Raises `AbsurdError`.

    xAI counts reasoning beside the completion: only the total tells.
    """
    given, made = count(fields, "prompt_tokens"), count(fields, "completion_tokens")
    if given is None or made is None:
        return None
    thought = count(fields, "completion_tokens_details", "reasoning_tokens") or 0
    if thought and wire.count(fields.get("total_tokens")) == given + made + thought:
        made += thought
    return checked(
        Usage(
            given,
            made,
            cached_input_tokens=count(fields, "prompt_tokens_details", "cached_tokens") or 0,
            cache_write_tokens=count(fields, "prompt_tokens_details", "cache_write_tokens") or 0,
            reasoning_tokens=thought,
        )
    )


def hint(said: ErrorBody, context: ProviderContext) -> str | None:
    """What to do about complaints that OpenAI's own wording leaves open."""
    parameter = said.details.get("param")
    if "unsupported" not in " ".join(said.words) + said.lower and "not supported" not in said.lower:
        return None
    for field, other in (("max_completion_tokens", "max_tokens"), ("max_tokens", "max_completion_tokens")):
        if parameter == field or f"'{field}'" in said.lower:
            return f'set max_tokens_field = "{other}" for the provider {context.name}'
    for name, flag in (("temperature", "--temperature"), ("stop", "--stop"), ("response_format", "--schema")):
        if parameter == name or f"'{name}'" in said.lower:
            return f"this model does not support it: remove {flag}"
    return None


class OpenAI(HttpProvider):
    """A provider of kind openai."""

    def __init__(self, context: ProviderContext) -> None:
        super().__init__(context)
        self._bodies = Bodies(lambda request, model: encode(request, model, context))

    def credentials(self) -> Mapping[str, str]:
        """The bearer token."""
        return {"authorization": f"Bearer {self.context.api_key}"} if self.context.api_key else {}

    def url(self, path: str) -> str:
        """An address of the API; `/v1` is understood when the base has no path."""
        return wire.join(self.context.base_url, path, root="/v1", cut=("/chat/completions",))

    def ask(self, request: Request, model: str) -> tuple[HttpRequest, Decoder]:
        """The call that carries a request, and what reads its answer."""
        call = self.call("POST", self.url("/chat/completions"), self._bodies(request, model))
        return call, OpenAIDecoder(self.context, self.failed)

    def framer(self) -> Framer:
        """Server-sent events."""
        return SseFramer()

    def rate_info(self, headers: Headers) -> RateInfo | None:
        """The `x-ratelimit-*` headers."""
        return rate_headers.openai(headers)

    def failed(self, said: ErrorBody) -> ProviderError:
        """The error of a complaint."""
        kind = error_mapping.classify(said)
        advice = hint(said, self.context) if kind is Rejected else None
        return error_mapping.error(self.context, said, kind=kind, hint=advice)

    async def models(self) -> Sequence[ListedModel]:
        """`GET /models`; vLLM and OpenRouter add the context."""
        listed = await self.fetch(self.url("/models"))
        return [_listed(model) for model in wire.seq(listed.get("data")) if wire.text(wire.obj(model).get("id"))]

    async def check(self) -> str:
        """`GET /models`; a scoped key may not list models and still be good."""
        status, headers, body = await self.get(self.url("/models"))
        if status in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND):
            failed = self.failure(status, headers, body)
            if "not JSON" in failed.message:
                raise failed
            return f"{address(self.context)} responds, but lists no models for this key ({status})"
        if status != HTTPStatus.OK:
            raise self.failure(status, headers, body)
        return f"{address(self.context)} lists {len(wire.seq(self.parsed(status, headers, body).get('data')))} models"


def _listed(model: dict[str, Any]) -> ListedModel:
    context = wire.count(model.get("context_length"))
    return ListedModel(
        model["id"],
        context=wire.count(model.get("max_model_len")) if context is None else context,
        shutdown=wire.text(model.get("shutdown_date")) or None,
    )
