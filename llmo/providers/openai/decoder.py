"""Answers of OpenAI's chat completions, and of every server that copies them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmo.providers.anthropic.provider import PAUSED
from llmo.providers.http import error_mapping
from llmo.providers.http import fields as wire
from llmo.providers.http.counts import checked, count, dollars, uses
from llmo.providers.http.decoder import Decoder, reasoning
from llmo.types.events import Notice, Reasoning, Text, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.providers.http.error_mapping import MakeError
    from llmo.providers.provider import ProviderContext
    from llmo.types.events import Emit, Event, FinishReason

_FINISH: Mapping[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "max_tokens": "length",
    "content_filter": "content_filter",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}


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
            if "cost" in fields:
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

    def alone(self, message: dict[str, Any]) -> Text | Reasoning | None:
        """The text of a chunk that has nothing else but what is the same in all of them."""
        choices = _only("choices", message)
        if not isinstance(choices, list) or len(choices) != 1 or not isinstance(choices[0], dict):
            return None
        delta = _only("delta", choices[0])
        if isinstance(delta, dict):
            for name, kind in _TEXTS:
                if isinstance(said := _only(name, delta), str):
                    return kind(said)
        return None

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


_ALIKE = {"id", "object", "created", "model", "service_tier", "system_fingerprint", "provider", "role"}
"""What chunks of one answer repeat, and `read` takes once at most."""
_TEXTS: tuple[tuple[str, type[Text | Reasoning]], ...] = (
    ("content", Text),
    ("reasoning_content", Reasoning),
    ("reasoning", Reasoning),
)


def _only(name: str, part: dict[str, Any]) -> Any:
    """What a part of a chunk has under a name; None when anything else in it says something."""
    for other, value in part.items():
        if value and other != name and other not in _ALIKE:
            return None
    return part.get(name)


def _paused(choice: dict[str, Any]) -> str | None:
    """Anthropic's word for a paused turn, wherever a server in front of it passes it on."""
    said = wire.obj(choice.get("delta") or choice.get("message"))
    own = wire.obj(said["provider_specific_fields"]).get("stop_reason") if "provider_specific_fields" in said else None
    for word in (choice.get("finish_reason"), choice.get("native_finish_reason"), own):
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
    thought = cached = written = 0
    if fields.get("completion_tokens_details"):
        thought = count(fields, "completion_tokens_details", "reasoning_tokens") or 0
    if fields.get("prompt_tokens_details"):
        cached = count(fields, "prompt_tokens_details", "cached_tokens") or 0
        written = count(fields, "prompt_tokens_details", "cache_write_tokens") or 0
    if thought and wire.count(fields.get("total_tokens")) == given + made + thought:
        made += thought
    return checked(
        Usage(
            given,
            made,
            cached_input_tokens=cached,
            cache_write_tokens=written,
            reasoning_tokens=thought,
        )
    )
