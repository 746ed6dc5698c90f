"""What Cursor's CLI says, as llmo's events and errors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from llmo.errors import (
    Broken,
    ContextTooLong,
    ModelNotFound,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
)
from llmo.providers.http import error_mapping
from llmo.providers.http import fields as wire
from llmo.providers.http.decoder import reasoning
from llmo.types.events import Finish, Notice, ServedBy, Text, Usage
from llmo.types.surrogates import whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.providers.provider import ProviderContext
    from llmo.types.events import Event

LATER_S = 15.0
"""How long to leave it alone when a try may help; each one may count against the plan."""
_KEPT = 4096
_SHOWN_LINES = 3
_SIGNALS = 128
_ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
_BUSY = (
    r"resource_exhausted|connecterror|econn(?:reset|refused)|e(?:timedout|notfound|ai_again|pipe)\b|socket hang up"
    r"|timed out|deadline_exceeded|\[unavailable\]|overloaded|network error|cli-config\.json\.tmp"
)
_KEYLESS = (
    r"authentication required|not logged in|not authenticated|unauthenticated|invalid api key|log ?in first"
    r"|permission_denied|\b(?:http|status)(?: code)?[ :=]*40[13]\b"
)
_VERDICTS: tuple[tuple[type[ProviderError], str], ...] = (
    (Unauthorized, _KEYLESS),
    (Unauthorized, r"workspace trust required"),
    (
        QuotaExhausted,
        r"usage limit|spend(?:ing)? limit|out of (?:credits|requests|usage)|\b(?:http|status)(?: code)?[ :=]*402\b",
    ),
    (
        ModelNotFound,
        r"model not found|model name is not valid|cannot use this model|unknown model|named models|your (?:\w+ )?plan",
    ),
    (
        ContextTooLong,
        r"context (?:length|window)|prompt is too long|(?:input|payload|message) (?:is )?too (?:long|large)",
    ),
    # ConnectRPC's codes: each stands beside `ConnectError`, which says nothing.
    (ModelNotFound, r"\[not_found\]|\b(?:http|status)(?: code)?[ :=]*404\b"),
    (Rejected, r"\[(?:invalid_argument|failed_precondition|out_of_range|unimplemented)\]"),
    (Rejected, r"\b(?:http|status)(?: code)?[ :=]*4(?:00|13|22)\b"),
    (RateLimited, r"rate limit|too many requests"),
    (Unavailable, _BUSY),
)


class CursorDecoder:
    """
    Lines of `stream-json` to events.

    Builds differ in whether a message comes whole, in pieces, or in pieces and then whole: what has
    been said already is told by its words. Nobody has seen anything of an answer that is not
    `streamed`, so what comes before a tool call is left out of it.
    """

    def __init__(self, context: ProviderContext, *, streamed: bool) -> None:
        self.context, self.streamed = context, streamed
        self.result: dict[str, Any] | None = None
        self.acting: set[str] = set()
        """Calls of tools that have begun and not ended: silence is natural then."""
        self.spoken = False
        self._pieces = False
        self._plain = ""
        self._said = ""
        self._turn = ""
        self._last = ""
        self._acted: set[str] = set()

    def feed(self, line: bytes) -> list[Event]:
        """The events of one line; what is no JSON is kept, as it may be the error."""
        try:
            message = wire.read(line)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            self._plain = (self._plain + line.decode("utf-8", "replace") + "\n")[-_KEPT:]
            return []
        match message.get("type"):
            case "system":
                named = wire.text(message.get("model"))
                return [ServedBy(model=whole(named))] if named else []
            case "thinking":
                return reasoning(wire.text(message.get("text")))
            case "assistant":
                return self._say(message)
            case "tool_call":
                return self._act(message)
            case "result":
                self.result = message
        return []

    def _say(self, message: dict[str, Any]) -> list[Event]:
        """A piece has a time and no call of a model; any other message after pieces repeats them."""
        piece = _words(message)
        if "timestamp_ms" in message and "model_call_id" not in message:
            self._pieces = True
            self._turn += piece
            return self._tell(piece)
        if self._pieces:
            known = next((said for said in (self._turn, self._said) if said and piece.startswith(said)), "")
            piece = "" if self._turn.endswith(piece) else piece.removeprefix(known)
        self._turn = ""
        return self._tell(piece)

    def _tell(self, piece: str) -> list[Event]:
        if not piece:
            return []
        gap = "\n\n" if self._acted and self._said and not self._last and self._said[-1] != "\n" else ""
        self._said += piece
        self._last += piece
        if not self.streamed:
            return []
        self.spoken = True
        return [Text(whole(gap + piece))]

    def _act(self, message: dict[str, Any]) -> list[Event]:
        call = wire.text(message.get("call_id"))
        if message.get("subtype") != "started":
            self.acting.discard(call)
            return []
        self.acting.add(call)
        self._turn = self._last = ""
        names = [
            name.removesuffix("ToolCall") for name in wire.obj(message.get("tool_call")) if name.endswith("ToolCall")
        ]
        tool = error_mapping.clean(names[0] if names else "", None, 40) or "tool"
        if tool in self._acted:
            return []
        self._acted.add(tool)
        return [Notice(f"{self.context.name}: the model tried to act instead of only answering: {tool}")]

    def end(self) -> list[Event]:
        """The closing events of a result. Raises `ProviderError` when it is none."""
        result = self.result or {}
        if result.get("subtype") != "success" or result.get("is_error"):
            raise self.failed(0, b"")
        events = self._rest(wire.text(result.get("result")))
        if not self._said:
            raise Broken(f"{self.context.name} reported success, but sent no answer")
        return [*events, *self.owed(), Finish("stop")]

    def owed(self) -> list[Event]:
        """What a result says of its request and its tokens, once, whether it is good or bad."""
        result, self.result = self.result or {}, self.result and {**self.result, "usage": None, "request_id": None}
        named, tokens = wire.text(result.get("request_id")), usage(result.get("usage"))
        return [*([ServedBy(request_id=named)] if named else []), *([tokens] if tokens else [])]

    def _rest(self, final: str) -> list[Event]:
        """What the result has and nobody said; it joins all messages, with nothing between."""
        if not self.streamed:
            answer = self._last if self._acted and self._last else final or self._said
            self._said = answer
            return [Text(whole(answer))] if answer else []
        if final.startswith(self._said):
            return self._tell(final.removeprefix(self._said))
        if final and final not in self._said:
            return [Notice(f"{self.context.name}: the result differs from what was streamed")]
        return []

    def failed(self, code: int, said: bytes) -> ProviderError:
        """The error of a run that gave no answer: classified by all it said, told by the most telling of it."""
        final = wire.obj(self.result)
        errors = [wire.text(final.get(key)) for key in ("result", "error", "message")] if final else []
        told = (" ".join(filter(None, errors)), self._plain, said.decode("utf-8", "replace"))
        complaint = next(filter(None, map(_telling, told)), "")
        everything = "\n".join(line for part in told for line in _lines(part))
        kind = verdict(everything)
        name = self.context.name
        if not complaint:
            ended = f"signal {code - _SIGNALS}" if code > _SIGNALS else f"exit code {code}"
            return Broken(f"{name} ended without an answer: {ended}")
        return kind(
            f"{name} failed: {error_mapping.clean(complaint, self.context.api_key)}",
            hint=_hint(kind, everything, self.context),
            retry_after=LATER_S if kind in (RateLimited, Unavailable) else None,
        )


def _words(message: Mapping[str, Any]) -> str:
    content = wire.obj(message.get("message")).get("content")
    if isinstance(content, str):
        return content
    return "".join(wire.text(wire.obj(part).get("text")) for part in wire.seq(content))


def verdict(said: str) -> type[ProviderError]:
    """Which error it is, by words alone: exit codes say nothing. What is not known is not tried again."""
    lower = said.lower()
    return next((kind for kind, words in _VERDICTS if re.search(words, lower)), Broken)


def usage(value: Any) -> Usage | None:
    """
    Tokens of a result, None when they cannot be a whole and its parts.

    Some builds count cached tokens beside the input, others within it, and none says which.
    """
    fields = {name.replace("_", "").lower(): count for name, count in wire.obj(value).items()}
    given, made = wire.count(fields.get("inputtokens")), wire.count(fields.get("outputtokens"))
    read, written = (wire.count(fields.get(name)) or 0 for name in ("cachereadtokens", "cachewritetokens"))
    if given is None or made is None or read + written > given or not given + made:
        return None
    return Usage(given, made, cached_input_tokens=read, cache_write_tokens=written)


def plain(text: str) -> str:
    """Text without a terminal's colours."""
    return _ANSI.sub("", text)


def _lines(text: str) -> list[str]:
    """Lines that hold something; early builds mirrored events to standard error, with the prompt in them."""
    lines = [line.strip() for line in plain(text).splitlines()]
    return [line for line in lines if line and not line.startswith("{")]


def _telling(text: str) -> str:
    """The line that says what went wrong, else the last ones."""
    lines = _lines(text)
    return next((line for line in lines if verdict(line) is not Broken), " ".join(lines[-_SHOWN_LINES:]))


def _hint(kind: type[ProviderError], said: str, context: ProviderContext) -> str | None:
    if "workspace trust" in said.lower():
        return "this version does not support --trust for an empty folder; update it (cursor-agent update)"
    return {
        Unauthorized: "run cursor-agent login, or set CURSOR_API_KEY",
        QuotaExhausted: "wait for the plan's next period, or get a larger plan",
        ModelNotFound: f"llmo models --provider {context.name} --refresh lists its models; auto is always available",
        ContextTooLong: "shorten the prompt or choose a model with a larger context",
        Unavailable: "Cursor does not say which: no capacity, the limit of the plan, or a prompt that is too large",
    }.get(kind)
