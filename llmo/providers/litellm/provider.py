"""LiteLLM as a library, for the many hosts that it knows: the only file that imports it, when it is first asked."""

from __future__ import annotations

import asyncio
import os
from base64 import b64encode
from concurrent.futures import Future
from contextlib import aclosing
from copy import deepcopy
from functools import cache
from importlib import metadata
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

from llmo.catalog.listing import ListedModel
from llmo.config.kinds import KINDS
from llmo.errors import Broken, Incomplete, ProviderError, TimedOut
from llmo.errors.installing import install_command
from llmo.providers.http import error_mapping, fields, schemas
from llmo.providers.http.provider import reserved
from llmo.providers.litellm.leash import NO_KEY, held, leash, unproxied
from llmo.providers.litellm.responses import LiteLLMDecoder, failed
from llmo.providers.litellm.stdout import quiet
from llmo.providers.provider import admit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Mapping, Sequence

    from llmo.providers.provider import ProviderContext
    from llmo.types.events import Emit, Event
    from llmo.types.messages import Message, Request

T = TypeVar("T")
PACKAGE = "litellm"
BEFORE: Mapping[str, str] = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "true",
    "LITELLM_OFFLINE_MODE": "true",
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LOG": "CRITICAL",
    "OR_APP_NAME": "llmo",
    "OR_SITE_URL": "llmo",
}
"""No price list from the network, no `.env` of whatever directory, no log, our own name at OpenRouter."""


@cache
def _loading() -> Future[Any]:
    """The import, begun once, in a thread that nobody waits for at the end: it takes seconds."""
    loaded: Future[Any] = Future()
    loaded.set_running_or_notify_cancel()  # so that who waits for it can be cancelled, and it cannot
    Thread(target=_load, args=(loaded,), name="llmo-litellm", daemon=True).start()
    return loaded


def _load(loaded: Future[Any]) -> None:
    from importlib import import_module

    for name, value in BEFORE.items():
        os.environ.setdefault(name, value)
    try:
        with quiet(PACKAGE):
            library: Any = import_module("litellm")
        library.suppress_debug_info = True
        library.num_retries = 0
        library.drop_params = False
        library.telemetry = False
        leash()
    except Exception as exc:  # noqa: BLE001 - whatever an import can raise; who waits is told
        loaded.set_exception(exc)
    else:
        loaded.set_result(library)


class LiteLLM:
    """A provider of kind litellm; a model is `PROVIDER/MODEL` as the library spells it."""

    def __init__(self, context: ProviderContext) -> None:
        self.context = context
        self._library: Any = None

    async def send(self, request: Request, model: str, emit: Emit) -> None:
        """Ask once through the library, whose own retries are off."""
        admit(self.context, request, self.context.base_url, model)
        library = await self._loaded()
        reader = LiteLLMDecoder(self.context)
        try:
            with quiet(PACKAGE):
                await self._ask(request, model, reader, emit)
        except Exception as exc:
            # The library raises its own classes, those of the vendors' packages, and bare ones.
            found = (
                exc if isinstance(exc, ProviderError) else failed(exc, self.context, missing=_missing(library, model))
            )
            if reader.spoken and not isinstance(found, Incomplete):
                found = Incomplete(f"the stream ended early: {found.message}", hint=found.hint, code=found.code)
            if found is exc:
                raise
            raise found from exc

    async def _ask(self, request: Request, model: str, reader: LiteLLMDecoder, emit: Emit) -> None:
        library = self._library
        options = await asyncio.to_thread(encode, request, model, self.context, library)
        unproxied(self.context, library)
        with held():
            answer = await self._timed(library.acompletion(**options), self._clock("first"))
        _tell(reader.opening(answer), emit)
        stream, free = answer if request.stream else None, _free(library, model)
        try:
            if request.stream:
                await self._streamed(answer, reader, emit)
            else:
                _tell(reader.read(answer), emit)
            _tell(reader.end(stream, free=free), emit)
        except Exception:
            # Whatever the library raises: what it had told of the cost comes first.
            _tell(reader.owed(stream, free=free), emit)
            raise

    async def _streamed(self, answer: Any, reader: LiteLLMDecoder, emit: Emit) -> None:
        """Read the chunks of a stream, each in time."""
        async with aclosing(answer):
            chunks = aiter(answer)
            while (chunk := await self._timed(anext(chunks, None), self._clock("idle"))) is not None:
                _tell(reader.read(chunk), emit)

    def _clock(self, which: str) -> float:
        seconds: float = self.context.config.idle_timeout or getattr(KINDS[self.context.config.kind], which)
        return seconds

    async def _timed(self, coming: Awaitable[T], seconds: float) -> T:
        try:
            async with asyncio.timeout(seconds):
                return await coming
        except TimeoutError:
            raise TimedOut(
                f"{self.context.name} sent nothing for {seconds:g} s",
                hint="raise idle_timeout of the provider to wait longer",
            ) from None

    async def _loaded(self) -> Any:
        if self._library is None:
            try:
                self._library = await asyncio.wrap_future(_loading())
            except Exception as exc:
                raise Broken(
                    f"litellm cannot be imported: {error_mapping.clean(str(exc), None)}",
                    hint=install_command("litellm", upgrade=True),
                    may_be_billed=False,
                ) from exc
        return self._library

    async def models(self) -> Sequence[ListedModel]:
        """What the library knows of the hosts whose keys are in the environment; no host is asked."""
        library = await self._loaded()
        with quiet(PACKAGE):
            names = await asyncio.to_thread(library.get_valid_models, check_provider_endpoint=False)
        return [ListedModel(name) for name in sorted(set(names)) if isinstance(name, str)]

    async def check(self) -> str:
        """Its version, told without the import: each host behind it has its own key and address."""
        return f"litellm {metadata.version(PACKAGE)}"

    async def close(self) -> None:
        """Close the connections that the library keeps open, and make it forget them: it would use them again."""
        if self._library is not None:
            with quiet(PACKAGE):
                await self._library.close_litellm_async_clients()
                # What it makes at its first use is not among those once they were forgotten.
                if (first := vars(self._library).get("module_level_aclient")) is not None:
                    await first.close()
            self._library.in_memory_llm_clients_cache.flush_cache()


def _tell(events: Iterable[Event], emit: Emit) -> None:
    for event in events:
        emit(event)


def encode(request: Request, model: str, context: ProviderContext, library: Any) -> dict[str, Any]:
    """The arguments of a call. Nothing is dropped: the library refuses what a host does not take."""
    config, params = context.config, request.params
    reserved(context, request)
    own = {"temperature": params.temperature, "seed": params.seed, "stop": list(params.stop) or None}
    options: dict[str, Any] = {
        **(own if request.body is None else deepcopy(dict(request.body))),
        "model": model,
        "messages": [_message(message) for message in request.messages],
        "max_tokens": params.max_tokens,
        "api_key": context.api_key or (NO_KEY if context.base_url else None),
        "api_base": context.base_url or None,
        "extra_headers": dict(config.headers) or None,
    }
    options = {name: value for name, value in options.items() if value is not None}
    options |= {"timeout": config.idle_timeout or KINDS[config.kind].first, "max_retries": 0, "num_retries": 0}
    if request.stream:
        options |= {"stream": True, "stream_options": {"include_usage": True}}
    if request.schema is not None:
        stated = options.pop("response_format", None)
        formatted = _formatted(options["messages"], request.schema, able=library.supports_response_schema(model))
        options |= {"response_format": stated} if stated and formatted else formatted
    return options | dict(params.extra)


def _formatted(messages: list[dict[str, Any]], schema: Mapping[str, Any], *, able: bool) -> dict[str, Any]:
    """The host's own means, else the schema in words."""
    if able:
        strict = schemas.strict(schema)
        named = {"name": "answer", "strict": strict is not None, "schema": dict(schema) if strict is None else strict}
        return {"response_format": {"type": "json_schema", "json_schema": named}}
    words = f"Answer with nothing but JSON that meets this JSON Schema: {fields.write(schema).decode()}"
    messages.append({"role": "user", "content": words})
    return {}


def _message(message: Message) -> dict[str, Any]:
    if message.verbatim is not None:
        return deepcopy(dict(message.verbatim))  # the library changes what it is given
    if not message.images:
        return {"role": message.role, "content": message.text}
    parts: list[dict[str, Any]] = [{"type": "text", "text": message.text}] if message.text else []
    for image in message.images:
        url = f"data:{image.media_type};base64,{b64encode(image.data).decode()}"
        parts.append({"type": "image_url", "image_url": {"url": url}})
    return {"role": message.role, "content": parts}


def _free(library: Any, model: str) -> bool:
    """Whether the library's table says that it costs nothing; a model that it lacks costs "0" too."""
    known = library.model_cost.get(model) or library.model_cost.get(model.partition("/")[2]) or {}
    return known.get("input_cost_per_token") == 0 and known.get("output_cost_per_token") == 0


def _missing(library: Any, model: str) -> list[str]:
    """The environment variables that the library would take this host's key from."""
    found = library.validate_environment(model).get("missing_keys")
    return found if isinstance(found, list) else []
