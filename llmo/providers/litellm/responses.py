"""What LiteLLM hands back, as llmo's events and errors; it is handed objects and imports nothing of the library."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from socket import gaierror
from typing import TYPE_CHECKING, Any

from llmo.errors import (
    Broken,
    ContextTooLong,
    Incomplete,
    ModelNotFound,
    ProviderError,
    Refused,
    Rejected,
    TimedOut,
    Unauthorized,
    Unavailable,
)
from llmo.providers.anthropic.provider import PAUSED
from llmo.providers.http import error_mapping, rate_headers
from llmo.providers.http import fields as wire
from llmo.providers.http.counts import AbsurdError, count, plausible, uses
from llmo.providers.http.decoder import doubt, reasoning, unfinished
from llmo.providers.http.tool_calls import Calls
from llmo.providers.openai import decoder as openai
from llmo.providers.transports.transport import reason
from llmo.types.events import Finish, Notice, PaidUse, ReportedCost, ServedBy, Text, Usage
from llmo.types.surrogates import whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.providers.provider import ProviderContext
    from llmo.types.events import Event, FinishReason

BLIND = "litellm cannot tell a cut-off stream from a complete one: this answer may be cut off"
_FINISH: Mapping[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "content_filter": "content_filter",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}
_UNKNOWN = object()
_CLASSES: Mapping[str, type[ProviderError]] = {
    "ContextWindowExceededError": ContextTooLong,
    "ContentPolicyViolationError": Refused,
    "AuthenticationError": Unauthorized,
    "PermissionDeniedError": Unauthorized,
    "NotFoundError": ModelNotFound,
    "ImportError": Broken,
    "ModuleNotFoundError": Broken,
}
_PREFIX = re.compile(
    r"^(?:(?:litellm\.)?(?:Timeout Error|\w{0,60}?(?:Error|Exception|Timeout)\w{0,60}(?: \w{1,60}Error)?)(?::| -)\s*)+"
)
_NO_KEY = re.compile(
    r"(?i)missing[^.]{0,40}(?:credentials|api[_ ]?key)"
    r"|api[_ ]?key[^.]{0,200}(?:must be set|missing|not (?:set|found|provided))"
)
_TAIL = re.compile(r"\.? Handle with `litellm.*|\s(?:Original exception:|Traceback \().*", re.DOTALL)


class LiteLLMDecoder:
    """Chunks, or a whole answer, to events."""

    def __init__(self, context: ProviderContext) -> None:
        self.context = context
        self.spoken = False
        self._served = ServedBy()
        self._finish: str | None = None
        self._usage: Any = None
        self._cost: Any = None
        self._told = False
        self._calls = Calls()
        self._stopped = ""

    def opening(self, answer: Any) -> list[Event]:
        """What the headers say."""
        headers = _headers(_hidden(answer).get("additional_headers"))
        found: list[Event] = []
        if named := error_mapping.request_id(headers):
            found.append(ServedBy(request_id=named))
        if info := rate_headers.openai(headers):
            found.append(info)
        return found

    def read(self, chunk: Any) -> list[Event]:
        """The events of one chunk; the last word on tokens and the reason to finish is kept for the end."""
        events = self._serve(chunk)
        for choice in getattr(chunk, "choices", None) or ():
            said = getattr(choice, "delta", None) or getattr(choice, "message", None)
            events += reasoning(wire.text(getattr(said, "reasoning_content", None)))
            if piece := wire.text(getattr(said, "content", None)):
                self.spoken = True
                events.append(Text(whole(piece)))
            self._call(said, whole=getattr(choice, "delta", None) is None)
            self._finish = getattr(choice, "finish_reason", None) or self._finish
            self._stopped = wire.text(_own(said).get("stop_reason")) or self._stopped
        self._usage = getattr(chunk, "usage", None) or self._usage
        self._cost = _hidden(chunk).get("response_cost") or self._cost
        return events

    def _call(self, said: Any, *, whole: bool) -> None:
        add = self._calls.start if whole else self._calls.more
        for number, call in enumerate(getattr(said, "tool_calls", None) or ()):
            inner, index = getattr(call, "function", None), getattr(call, "index", None)
            place = number if whole else index if isinstance(index, int) else None
            name, arguments = getattr(inner, "name", None), getattr(inner, "arguments", None)
            add(place, id=getattr(call, "id", None), name=name, arguments=arguments)
        if (legacy := getattr(said, "function_call", None)) is not None:
            name, arguments = getattr(legacy, "name", None), getattr(legacy, "arguments", None)
            add("function_call", name=name, arguments=arguments)

    def _serve(self, chunk: Any) -> list[Event]:
        model = wire.text(_hidden(chunk).get("provider_response_model")) or self._served.model
        served = ServedBy(
            model=model or wire.text(getattr(chunk, "model", None)) or None,
            service_tier=wire.text(getattr(chunk, "service_tier", None)) or self._served.service_tier,
        )
        if served == self._served:
            return []
        self._served = served
        return [served]

    def end(self, stream: Any, *, free: bool) -> list[Event]:
        """
        The closing events; `Incomplete` when upstream gave no reason to finish, whatever the library made up.

        The library counts tokens itself where upstream did not, and never says so: what a chunk from upstream
        had is the only usage there is. `free` says that a cost of nothing is a price, and not the lack of one.
        """
        events: list[Event] = []
        if stream is not None:
            given = getattr(stream, "received_finish_reason", _UNKNOWN)
            if given is _UNKNOWN:
                events.append(Notice(BLIND))
            elif given is None and not getattr(stream, "intermittent_finish_reason", None):
                raise Incomplete(f"{self.context.name}: the stream ended early, without a finish_reason")
        if self._stopped in PAUSED:
            raise unfinished(self.context.name, self._stopped)
        if not self.spoken and not self._calls and self._finish in ("stop", "length"):
            events.append(Notice("the answer is empty"))
        events += [*self._calls.events(), *self.owed(stream, free=free)]
        known = _FINISH.get(self._finish or "")
        if self._calls and known in (None, "stop"):
            known = "tool_calls"
        if known is None:
            events.append(
                Notice(f"unknown finish_reason, treated as stop: {error_mapping.clean(str(self._finish), None, 40)}")
            )
        return [*events, Finish(known or "stop")]

    def owed(self, stream: Any, *, free: bool) -> list[Event]:
        """What upstream said of tokens and cost, once."""
        counted: list[Any] = [self._usage]
        if stream is not None:
            counted = [getattr(chunk, "usage", None) for chunk in getattr(stream, "chunks", None) or ()]
        upstream = [] if self._told else [one for one in counted if one is not None]
        self._told = True
        return self._money(upstream, free=free) if upstream else []

    def _money(self, upstream: list[Any], *, free: bool) -> list[Event]:
        events: list[Event] = []
        try:
            if (tokens := usage(self._usage or upstream[-1])) is not None:
                events.append(tokens)
        except AbsurdError as exc:
            events.append(Notice(doubt(self.context.name, "token counts", str(exc))))
        events += [PaidUse(name, number) for name, number in uses(_dumped(self._usage or upstream[-1])).items()]
        told = [cost for one in upstream if (cost := plausible(getattr(one, "cost", None))) is not None]
        worked_out = plausible(getattr(self._usage, "cost", None)) or plausible(self._cost)
        if told and (told[-1] or free):
            events.append(ReportedCost(told[-1]))
        elif worked_out:
            events.append(ReportedCost(worked_out, derived=True))
        elif free:
            events.append(ReportedCost(0, derived=True))
        return events


def usage(value: Any) -> Usage | None:
    """
    Tokens of the library's usage object: its prompt counts what was cached, whatever upstream does.

    Raises `AbsurdError`.
    """
    fields = _dumped(value)
    details = wire.obj(fields.get("prompt_tokens_details"))
    written = count(fields, "cache_creation_input_tokens") or count(details, "cache_creation_tokens")
    found = openai.usage({**fields, "prompt_tokens_details": {**details, "cache_write_tokens": written}})
    # It makes a zero of every count that did not come.
    return found if found and found.input_tokens + found.output_tokens else None


def _dumped(value: Any) -> dict[str, Any]:
    return value.model_dump() if hasattr(value, "model_dump") else wire.obj(value)


def _own(said: Any) -> dict[str, Any]:
    """What the library passes on of the host's own fields."""
    return wire.obj(getattr(said, "provider_specific_fields", None))


def _hidden(answer: Any) -> dict[str, Any]:
    return wire.obj(getattr(answer, "_hidden_params", None))


def _headers(value: Any) -> dict[str, str]:
    """Headers by plain lower-case names; the library puts a word before those of upstream."""
    try:
        pairs = [(str(name).lower(), str(text)) for name, text in dict(value or {}).items()]
    except (TypeError, ValueError):
        return {}
    return {name.removeprefix("llm_provider-"): text for name, text in pairs}


def failed(exc: Exception, context: ProviderContext, *, missing: list[str] | None = None) -> ProviderError:
    """One of llmo's errors for one of the library's: by what upstream said, else by its class."""
    headers = _headers(getattr(exc, "litellm_response_headers", None))
    status = wire.count(getattr(exc, "status_code", None))
    text = _message(exc)
    name = type(exc).__name__
    if name == "UnsupportedParamsError":
        told = error_mapping.clean(text.partition(". To drop")[0], context.api_key)
        return Rejected(f"{context.name}: {told}", hint="leave it out", status=HTTPStatus.BAD_REQUEST)
    if "before a finish_reason" in text:
        return Incomplete(f"{context.name}: the stream ended early, without a finish_reason")
    if "LLM Provider NOT provided" in text:
        return ModelNotFound(f"{context.name} does not know the provider in the model's name", hint=_NAMES)
    if not headers:
        return _without_answer(exc, text, context, missing)
    said = _complaint(exc, text, status, headers)
    kind = _CLASSES.get(name) or error_mapping.classify(said)
    return error_mapping.error(context, said, kind=kind, hint=_hint(kind, missing))


_ADDRESS = "is the host running, and is base_url of the provider its address?"
_NAMES = "name models litellm/PROVIDER/MODEL, such as litellm/groq/llama-3.3-70b-versatile"


def _complaint(exc: Exception, text: str, status: int | None, headers: Mapping[str, str]) -> error_mapping.ErrorBody:
    body = getattr(exc, "body", None)
    found: Any = {"error": body} if isinstance(body, dict) else None
    if found is None and "{" in text:
        try:
            found, _ = json.JSONDecoder(strict=False).raw_decode(text[text.index("{") :])
        except ValueError:
            found = None
    said = error_mapping.parse_error(status, headers, found) if found else None
    return said or error_mapping.ErrorBody(text, (), status, headers)


def _without_answer(exc: Exception, text: str, context: ProviderContext, missing: list[str] | None) -> ProviderError:
    """No headers came back from upstream: the status is the library's own invention."""
    name, cause = type(exc).__name__, _innermost(exc)
    if isinstance(cause, (ConnectionRefusedError, gaierror)):
        said = error_mapping.clean(reason(cause), None)
        return Unavailable(f"{context.name} cannot connect: {said}", hint=_ADDRESS, may_be_billed=False)
    said = error_mapping.clean(text, context.api_key) or name
    if name == "Timeout":
        return TimedOut(f"{context.name}: {said}", hint="raise idle_timeout of the provider to wait longer")
    kind = _CLASSES.get(name) or error_mapping.classify(_complaint(exc, text, None, {}))
    if kind is Unavailable and _NO_KEY.search(text):
        kind = Unauthorized
    if kind is Unavailable and not hasattr(exc, "status_code"):
        kind = Broken
    elif kind is Unavailable and error_mapping.decisive(status := wire.count(getattr(exc, "status_code", None))):
        kind = error_mapping.classify(error_mapping.ErrorBody(text, (), status))
    return kind(f"{context.name}: {said}", hint=_hint(kind, missing))


def _innermost(exc: BaseException) -> BaseException:
    while (deeper := exc.__cause__ or exc.__context__) is not None:
        exc = deeper
    return exc


def _hint(kind: type[ProviderError], missing: list[str] | None) -> str | None:
    if kind is Unauthorized and missing:
        return f"set {' and '.join(missing)}, or api_key_env of the provider"
    return _NAMES if kind is ModelNotFound else None


def _message(exc: Exception) -> str:
    """What upstream said, without the names of the classes that it was wrapped in."""
    text = str(getattr(exc, "message", None) or exc)
    return _TAIL.sub("", _PREFIX.sub("", text)).strip()
