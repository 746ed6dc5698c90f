"""OpenAI's chat completions, and every server that copies them: how they are asked, and what their errors mean."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from llmo.catalog.listing import ListedModel
from llmo.errors import Rejected
from llmo.providers.http import error_mapping, rate_headers, schemas
from llmo.providers.http import fields as wire
from llmo.providers.http.bodies import Bodies
from llmo.providers.http.framing import Framer, SseFramer
from llmo.providers.http.provider import HttpProvider, address, reserved
from llmo.providers.openai.decoder import OpenAIDecoder
from llmo.providers.transports.transport import split
from llmo.types.messages import Params

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llmo.errors import ProviderError
    from llmo.providers.http.decoder import Decoder
    from llmo.providers.http.error_mapping import ErrorBody, Headers
    from llmo.providers.provider import ProviderContext
    from llmo.providers.transports.transport import HttpRequest
    from llmo.types.events import RateInfo
    from llmo.types.messages import Message, Request


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
