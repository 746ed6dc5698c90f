"""One exchange with a server that speaks HTTP: from the call to llmo's events, whatever the dialect."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import aclosing, suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar

from llmo.config.kinds import KINDS, taking
from llmo.errors import Broken, ConfigError, CredentialsError, Incomplete, ProviderError, Rejected, Unavailable
from llmo.providers.http import error_mapping, fields
from llmo.providers.provider import admit
from llmo.providers.transports.transport import HttpRequest, shown
from llmo.requests import content, extras
from llmo.types import parameters
from llmo.types.events import ServedBy
from llmo.types.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llmo.providers.http.decoder import Decoder
    from llmo.providers.http.error_mapping import ErrorBody, Headers
    from llmo.providers.http.framing import Framer
    from llmo.providers.provider import ProviderContext
    from llmo.providers.transports.transport import HttpResponse
    from llmo.types.events import Emit, Event, RateInfo
    from llmo.types.messages import Request


class HttpProvider(ABC):
    """What the dialects share; each says how to ask, how to read and what its errors mean."""

    request_id: ClassVar[str] = "x-request-id"

    def __init__(self, context: ProviderContext) -> None:
        self.context = context
        self.headers = headers(context, self.credentials())
        config, kind = context.config, KINDS[context.config.kind]
        self._clocks: Mapping[str, Any] = {
            "connect": config.connect_timeout or kind.connect,
            "idle": config.idle_timeout or kind.idle,
            "first": config.idle_timeout or kind.first,
            "direct": context.direct,
        }

    @abstractmethod
    def credentials(self) -> Mapping[str, str]:
        """The headers that carry the key and the dialect's version."""

    @abstractmethod
    def ask(self, request: Request, model: str) -> tuple[HttpRequest, Decoder]:
        """The call that carries a request, and what reads its answer. Raises `Rejected`."""

    @abstractmethod
    def framer(self) -> Framer:
        """What cuts a streamed answer into messages."""

    @abstractmethod
    def rate_info(self, headers: Headers) -> RateInfo | None:
        """What the headers say about limits."""

    @abstractmethod
    def failed(self, said: ErrorBody) -> ProviderError:
        """The error of a complaint, with the dialect's hints."""

    def call(self, method: str, url: str, body: bytes | None = None) -> HttpRequest:
        """A call with the clocks of the profile, else of the kind."""
        return HttpRequest(method, url, self.headers, body, **self._clocks)

    def failure(self, status: int, headers: Headers, body: bytes) -> ProviderError:
        """The error of a reply whose status is not 200."""
        if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            return error_mapping.redirected(self.context, status, headers)
        try:
            said = error_mapping.parse_error(status, headers, fields.read(body))
        except ValueError:
            return error_mapping.not_json(self.context, status, headers, body)
        return self.failed(said or error_mapping.ErrorBody(body.decode("utf-8", "replace"), (), status, headers))

    async def send(self, request: Request, model: str, emit: Emit) -> None:
        """Send the request to `model` and emit what comes back."""
        call, decoder = self.ask(request, model)
        admit(self.context, request, call.url, model)
        async with self.context.transport.exchange(call) as reply:
            for event in self.opening(reply):
                emit(event)
            try:
                if reply.status != HTTPStatus.OK:
                    raise self._failed(reply, await _complaint(reply), decoder)
                if self.streams(reply.headers.get("content-type", "")):
                    decoder.joins = not request.stream
                    await _streamed(reply, decoder, self.framer(), emit)
                else:
                    message = self.parsed(reply.status, reply.headers, await _body(reply))
                    self.whole(message, decoder, emit)
            except ProviderError:
                for event in decoder.owed():
                    emit(event)
                raise

    def _failed(self, reply: HttpResponse, body: bytes, decoder: Decoder) -> ProviderError:
        """The error of a reply; what it says of tokens and cost is taken all the same."""
        with suppress(ValueError):
            decoder.money(fields.obj(fields.read(body)))
        return self.failure(reply.status, reply.headers, body)

    def streams(self, content_type: str) -> bool:
        """Whether a reply of this type comes in messages; servers answer whole when asked to stream, and back."""
        return not ("json" in content_type and "ndjson" not in content_type) and "html" not in content_type

    def opening(self, reply: HttpResponse) -> list[Event]:
        """What the headers tell."""
        events: list[Event] = []
        named = reply.headers.get(self.request_id)
        if named:
            events.append(ServedBy(request_id=named))
        info = self.rate_info(reply.headers)
        if info is not None:
            events.append(info)
        return events

    def whole(self, message: dict[str, Any], decoder: Decoder, emit: Emit) -> None:
        """Emit the events of an answer that came in one piece. Raises `ProviderError`."""
        try:
            decoder.take(message, emit)
        except ProviderError as exc:
            _judge(exc, decoder)
        if decoder.finish is None and not decoder.spoken and not decoder.calls:
            # What has been billed is not bought again.
            kind = Broken if decoder.counted or fields.obj(message.get("usage")) else Unavailable
            hint = f"is {address(self.context)} really an {self.context.config.kind} server?"
            raise kind(f"{self.context.name} returned HTTP 200 without an answer", hint=hint)
        assumed = decoder.assume() if decoder.finish is None and decoder.counted else ()
        for event in (*assumed, *decoder.end()):
            emit(event)

    async def fetch(self, url: str) -> dict[str, Any]:
        """The JSON object at an address of the provider."""
        status, headers, body = await self.get(url)
        if status != HTTPStatus.OK:
            raise self.failure(status, headers, body)
        return self.parsed(status, headers, body)

    def parsed(self, status: int, headers: Headers, body: bytes) -> dict[str, Any]:
        """The JSON object in a body."""
        try:
            found = fields.read(body)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise error_mapping.not_json(self.context, status, headers, body)
        return found

    async def get(self, url: str) -> tuple[int, Headers, bytes]:
        """What an address of the provider answers."""
        async with self.context.transport.exchange(self.call("GET", url)) as reply:
            return reply.status, reply.headers, await reply.read(fields.BODY_LIMIT)

    async def close(self) -> None:  # noqa: B027 - nothing to do is right for all of them
        """Nothing of its own to give back: the transport belongs to whoever made it."""


async def _streamed(reply: HttpResponse, decoder: Decoder, framer: Framer, emit: Emit) -> None:
    try:
        async with aclosing(reply.chunks()) as chunks:
            async for chunk in chunks:
                decoder.head = decoder.head or chunk
                _read(framer.feed(chunk), decoder, emit)
                if decoder.done:
                    break
        if not decoder.done:
            _read(_rest(framer), decoder, emit)
    except ProviderError as exc:
        _judge(exc, decoder)
    for event in _closing(reply, decoder):
        emit(event)


def _read(messages: Sequence[bytes], decoder: Decoder, emit: Emit) -> None:
    at = 0
    while at < len(messages) and not decoder.done:
        repeated = decoder.again(messages, at, emit)
        if not repeated:
            decoder.feed(messages[at], emit)
        at += repeated or 1


def _closing(reply: HttpResponse, decoder: Decoder) -> list[Event]:
    if not decoder.begun:
        raise error_mapping.not_json(decoder.context, reply.status, reply.headers, decoder.head)
    return decoder.end()


def _rest(framer: Framer) -> list[bytes]:
    """An unterminated last message counts when it is whole."""
    return [data for data in framer.end() if data.startswith(b"[DONE]") or _is_json(data)]


def _is_json(data: bytes) -> bool:
    try:
        fields.read(data)
    except ValueError:
        return False
    return True


def _judge(exc: ProviderError, decoder: Decoder) -> None:
    """A failure after the marker is none; after the first words, or a cut after any message, it is a broken answer."""
    bare = exc.status is None and exc.code is None
    if decoder.finish is not None and bare:
        return
    if isinstance(exc, Incomplete):
        raise exc
    if decoder.spoken or (isinstance(exc, Unavailable) and decoder.begun and decoder.failure is None):
        raise Incomplete(
            f"the stream ended early: {exc.message}",
            hint=exc.hint,
            status=exc.status,
            code=exc.code,
            request_id=exc.request_id,
            retry_after=exc.retry_after,
        ) from exc
    raise exc


async def _complaint(reply: HttpResponse) -> bytes:
    """The body of an error; when it breaks off, the status still says what happened."""
    try:
        return await reply.read(error_mapping.BODY_LIMIT)
    except ProviderError:
        return b""


async def _body(reply: HttpResponse) -> bytes:
    body = await reply.read(fields.BODY_LIMIT)
    if len(body) >= fields.BODY_LIMIT:
        raise Unavailable(f"the answer is longer than {fields.BODY_LIMIT >> 20} MiB")
    return body


def headers(context: ProviderContext, credentials: Mapping[str, str]) -> dict[str, str]:
    """What is sent with every call; headers of the profile win."""
    sent = {
        "content-type": "application/json",
        "accept-encoding": "gzip, deflate",
        "user-agent": f"llmo/{__version__}",
        **credentials,
    }
    if not all(_sendable(value) for value in credentials.values()):
        raise CredentialsError(
            f"the key of {context.name} contains characters that are not allowed in a header",
            hint="check that it was pasted completely",
        )
    for name, value in context.config.headers.items():
        if not name or not _sendable(name) or not _sendable(value) or ":" in name or " " in name:
            raise ConfigError(
                f"not a header: providers.{context.name}.headers: {error_mapping.clean(name, context.api_key)}"
            )
        sent[name.lower()] = value
    return sent


def _sendable(value: str) -> bool:
    return value.isascii() and value.isprintable()


def expressible(context: ProviderContext, request: Request) -> None:
    """Refuse a parameter that the kind cannot express before sending, never drop it: the plan should have said so."""
    kind = context.config.kind
    pictures = ("image",) if any(m.images for m in request.messages) else ()
    for parameter in (*parameters.given(request.params), *pictures):
        if parameter not in KINDS[kind].parameters:
            name = ", ".join(request.params.extra) if parameter == "option" else parameter
            raise Rejected(
                f"{context.name} ({kind}) does not support the parameter: {name}",
                hint=f"leave it out, or use a provider of kind {', '.join(taking(parameter))}",
            )


def reserved(context: ProviderContext, request: Request, limit: int | None = None) -> None:
    """Refuse options that would undo what llmo itself sets; `limit` is what is sent when the request has none."""
    found = extras.reserved(context.config.kind, content.options(request), request.params.max_tokens or limit)
    if found is not None:
        raise Rejected(f"{found} of {context.name}", hint=found.hint)


def address(context: ProviderContext) -> str:
    """The provider's address as a message may show it."""
    return shown(context.base_url)
