"""Ollama's own chat API, which says more than its OpenAI-like one."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from llmo.catalog.listing import ListedModel
from llmo.errors import (
    ContextTooLong,
    ModelNotFound,
    ProviderError,
    QuotaExhausted,
    Rejected,
    Unauthorized,
    Unavailable,
    Withheld,
)
from llmo.providers.http import error_mapping, fields
from llmo.providers.http.counts import count
from llmo.providers.http.decoder import Decoder, reasoning
from llmo.providers.http.framing import Framer, NdjsonFramer
from llmo.providers.http.provider import HttpProvider, address, reserved
from llmo.providers.ollama.context import Prompt, bucket
from llmo.providers.provider import admit
from llmo.providers.transports.transport import split
from llmo.types.dataclass import replace
from llmo.types.events import Notice, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llmo.providers.http.error_mapping import ErrorBody, Headers, MakeError
    from llmo.providers.provider import ProviderContext
    from llmo.providers.transports.transport import HttpRequest
    from llmo.types.events import Emit, Event, FinishReason, RateInfo
    from llmo.types.messages import Ability, Message, Request

SHOW_S = 10.0
"""Seconds to say what a model is, which needs no model loaded."""
_FINISH: Mapping[str, FinishReason] = {"length": "length"}
_TOP_LEVEL = ("think", "keep_alive", "format", "truncate", "shift", "tools", "logprobs", "top_logprobs", "options")


def encode(request: Request, model: str, context: ProviderContext, num_ctx: int) -> bytes:
    """
    The body of a chat call.

    `truncate: false` makes a prompt that is too long an error: else Ollama drops messages and
    then half of the context without a word (ollama/server/prompt.go). Old servers ignore it.
    """
    attachments = fields.Attachments()
    body: dict[str, Any] = {
        "model": model,
        "messages": [_message(message, attachments) for message in request.messages],
        "stream": request.stream,
        "truncate": False,
    }
    if request.schema is not None:
        body |= _formatted(body["messages"], request.schema, model)
    params = request.params
    options = {
        "num_ctx": num_ctx,
        "num_predict": params.max_tokens,
        "temperature": params.temperature,
        "seed": params.seed,
        "stop": list(params.stop) or None,
    }
    body["options"] = {name: value for name, value in options.items() if value is not None}
    reserved(context, request)
    fields.merged(body["options"], {name: value for name, value in params.extra.items() if name not in _TOP_LEVEL})
    return attachments.write(fields.merged(body, {n: v for n, v in params.extra.items() if n in _TOP_LEVEL}))


def _formatted(messages: list[dict[str, Any]], schema: Mapping[str, Any], model: str) -> dict[str, Any]:
    """
    The grammar of a schema, and the schema in words: without them models loop on whitespace.

    Thinking and a grammar break each other across versions (ollama #10929, #14850); gpt-oss
    cannot stop thinking and takes a level instead.
    """
    asked = next((message for message in reversed(messages) if message["role"] == "user"), None)
    if asked is not None:
        words = fields.write(schema).decode()
        asked["content"] = f"{asked['content']}\n\nAnswer with JSON that meets this JSON Schema: {words}".lstrip()
    return {"format": schema, "think": "low" if "gpt-oss" in model else False}


def _message(message: Message, attachments: fields.Attachments) -> dict[str, Any]:
    encoded: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.images:
        encoded["images"] = [attachments.add(image) for image in message.images]
    return encoded


class OllamaDecoder(Decoder):
    """Reads lines, and a whole answer as the only line."""

    marker = "done: true"

    def __init__(self, context: ProviderContext, failed: MakeError, prompt: Prompt) -> None:
        super().__init__(context, failed)
        self._prompt = prompt

    def money(self, message: dict[str, Any]) -> None:
        """The counts of the last line, or of an error."""
        self.count(usage, message)

    def read(self, message: dict[str, Any]) -> list[Event]:
        """The events of one line; the last one may carry text too."""
        events: list[Event] = []
        if self.served.model is None:
            events += self.serve(model=message.get("model"))
        said = message.get("message")
        if isinstance(said, dict):
            if said.get("thinking"):
                events += reasoning(fields.text(said["thinking"]))
            events += self.text(fields.text(said.get("content")))
            for call in map(fields.obj, fields.seq(said.get("tool_calls"))):
                inner = fields.obj(call.get("function"))
                self.calls.start(id=call.get("id"), name=inner.get("name"), arguments=inner.get("arguments"))
        self.money(message)
        if message.get("error"):
            self.fault(message)
        elif message.get("done") is True:
            self._close(message, events)
        return events

    def end(self) -> list[Event]:
        """The closing events; counts come only with the last line, so they end an answer that lacks `done`."""
        taken = self.assume() if self.finish is None and self.counted else []
        return taken + super().end()

    def _close(self, message: dict[str, Any], events: list[Event]) -> None:
        self.done = True
        self.finish = _FINISH.get(fields.text(message.get("done_reason")), "stop")
        if self.usage is not None and (kept := self._prompt.truncated(self.usage.input_tokens)):
            events.append(Notice(kept))


def usage(message: Mapping[str, Any]) -> Usage | None:
    """
    Tokens of the last line, None when it does not count the prompt.

    A zero is left out on the wire (`omitempty`, ollama/api/types.go). Raises `AbsurdError`.
    """
    given, made = count(message, "prompt_eval_count"), count(message, "eval_count")
    return None if given is None else Usage(given, made or 0)


class Ollama(HttpProvider):
    """A provider of kind ollama."""

    def __init__(self, context: ProviderContext) -> None:
        super().__init__(context)
        self._contexts: dict[str, int] = {}
        self._here: set[str] = set()
        """Models that were found to run where they are asked."""

    def credentials(self) -> Mapping[str, str]:
        """The key, which only the cloud has: a local server must not see it unless the profile says so."""
        config = self.context.config
        chosen = config.api_key_env or config.api_key_cmd or config.api_key_keyring
        host = split(self.context.base_url).hostname or ""
        cloud = host == "ollama.com" or host.endswith(".ollama.com")
        return {"authorization": f"Bearer {self.context.api_key}"} if self.context.api_key and (chosen or cloud) else {}

    def url(self, path: str) -> str:
        """An address of the API."""
        return fields.join(self.context.base_url, path, cut=("/chat", "/api", "/v1"))

    def ask(self, request: Request, model: str) -> tuple[HttpRequest, Decoder]:
        """The call that carries a request, and what reads its answer."""
        prompt = Prompt.of(request, self._context(request, model))
        body = encode(request, model, self.context, prompt.num_ctx)
        return self.call("POST", self.url("/api/chat"), body), OllamaDecoder(self.context, self.failed, prompt)

    async def send(self, request: Request, model: str, emit: Emit) -> None:
        """As every dialect; a private request first asks whether the model is on this machine at all."""
        if request.private:
            admit(self.context, request, self.url("/api/chat"), model)
            await self._stays(model)
        await super().send(request, model, emit)

    async def _stays(self, model: str) -> None:
        """
        Raise `Withheld` for a model of Ollama's cloud under another name: `ollama cp x:cloud mine` gives it any.

        A server that can't say it has no such models.
        """
        if model in self._here:
            return
        asked = replace(self.call("POST", self.url("/api/show"), fields.write({"model": model})), first=SHOW_S)
        async with self.context.transport.exchange(asked) as reply:
            body = await reply.read(fields.BODY_LIMIT)
        try:
            said = fields.obj(fields.read(body)) if reply.status == HTTPStatus.OK else {}
        except ValueError:
            said = {}
        if fields.text(said.get("remote_host")) or fields.text(said.get("remote_model")):
            where = error_mapping.clean(fields.text(said.get("remote_host")), self.context.api_key) or "Ollama's cloud"
            raise Withheld(
                f"{self.context.name}/{model} runs at {where}, but the request is private: nothing was sent",
                hint=f"run ollama show {model} to see where it runs",
            )
        self._here.add(model)

    def _context(self, request: Request, model: str) -> int:
        """One size for a model as long as it suffices: a change makes Ollama load the model again."""
        extra = request.params.extra
        given = {**extra, **fields.obj(extra.get("options"))}
        named = fields.count(given.get("num_ctx")) or self.context.config.num_ctx
        if named:
            return named
        needed = max(bucket(request), self._contexts.get(model, 0))
        self._contexts[model] = needed
        return needed

    def framer(self) -> Framer:
        """NDJSON."""
        return NdjsonFramer()

    def streams(self, content_type: str) -> bool:
        """A whole answer is one line too."""
        return "html" not in content_type

    def rate_info(self, headers: Headers) -> RateInfo | None:  # noqa: ARG002 - Ollama states no limits
        """None."""
        return None

    def failure(self, status: int, headers: Headers, body: bytes) -> ProviderError:
        """The error of a reply whose status is not 200; an empty 403 is the server's guard of its Host header."""
        if status == HTTPStatus.FORBIDDEN and not body.strip():
            return Unauthorized(
                f"{self.context.name} returned HTTP 403 without a message: it does not serve the host name "
                f"{split(self.context.base_url).hostname}",
                hint="Ollama bound to loopback serves local names and addresses only: use the IP address, "
                "or start it with OLLAMA_HOST=0.0.0.0",
                status=status,
            )
        return super().failure(status, headers, body)

    def failed(self, said: ErrorBody) -> ProviderError:
        """The error of a complaint."""
        kind = verdict(said)
        return error_mapping.error(self.context, said, kind=kind, hint=self._hint(said, kind))

    def _hint(self, said: ErrorBody, kind: error_mapping.Verdict) -> str | None:
        if kind is ModelNotFound:
            return "pull it first: ollama pull MODEL"
        if kind is Unauthorized and (where := fields.text(said.details.get("signin_url"))):
            return f"sign in: {error_mapping.clean(where, self.context.api_key)}"
        if "system memory" in said.lower:
            return "choose a smaller model, or a smaller num_ctx for the provider"
        if "does not support" in said.lower:
            return "llmo models --provider " + self.context.name + " shows what each model supports"
        return None

    async def models(self) -> Sequence[ListedModel]:
        """`GET /api/tags`, without the models that only embed."""
        listed = await self.fetch(self.url("/api/tags"))
        models = [fields.obj(model) for model in fields.seq(listed.get("models"))]
        return [_listed(model) for model in models if fields.text(model.get("name")) and _answers(model)]

    async def check(self) -> str:
        """`GET /api/version`; what stands in for Ollama may know only `GET /`."""
        status, headers, body = await self.get(self.url("/api/version"))
        where = address(self.context)
        if status == HTTPStatus.OK:
            version = fields.text(self.parsed(status, headers, body).get("version"))
            return f"Ollama {error_mapping.clean(version, None, 40) or 'of unknown version'} at {where}"
        if status == HTTPStatus.NOT_FOUND:
            status, headers, body = await self.get(self.url("/"))
            if status == HTTPStatus.OK and b"llama is running" in body:
                return f"Ollama at {where}"
        raise self.failure(status, headers, body)


def verdict(said: ErrorBody) -> error_mapping.Verdict:
    """Which error it is: Ollama has no codes, only words."""
    status, lower = said.status, said.lower
    if "more system memory" in lower or "out of memory" in lower:
        return Rejected
    if "usage limit" in lower:
        return QuotaExhausted
    if "not found" in lower and "model" in lower:
        return ModelNotFound
    if status in (None, HTTPStatus.BAD_REQUEST) and "context" in lower and ("exceed" in lower or "longer" in lower):
        return ContextTooLong
    if status is None:
        return Unavailable
    return error_mapping.classify(said)


def _answers(model: dict[str, Any]) -> bool:
    able = fields.seq(model.get("capabilities"))
    return not able or "completion" in able


def _listed(model: dict[str, Any]) -> ListedModel:
    names: Mapping[str, Ability] = {"vision": "vision", "tools": "tools", "thinking": "reasoning"}
    able = fields.seq(model.get("capabilities"))
    local = not model.get("remote_host")
    abilities: set[Ability] = {ability for name, ability in names.items() if name in able}
    if local:
        abilities.add("schema")
    return ListedModel(model["name"], abilities=frozenset(abilities) if able else None)
