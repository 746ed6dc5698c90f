"""What comes back for a request, as events in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from llmo.types.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmo.types.jsontext import Json

FinishReason = Literal["stop", "length", "refusal", "content_filter", "tool_calls"]


MOST_COUNTED = 10**9
"""Tokens that one call may count: a hundred times the largest context there is."""


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the answer, never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class Reasoning:
    """A piece of the model's reasoning, never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """
    The model asks for a tool of the request to be run.

    `arguments` is the object that the model wrote, or its text when that is no JSON object.
    """

    id: str | None
    name: str
    arguments: Json


@dataclass(frozen=True, slots=True)
class Usage:
    """
    Tokens as billed.

    Cached and cache-write tokens are parts of `input_tokens`, reasoning tokens of
    `output_tokens`, whatever the dialect says on the wire. `long_write_tokens` are those cache-write
    tokens that are to be kept for an hour.
    """

    input_tokens: int
    output_tokens: int
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    long_write_tokens: int = 0

    @property
    def wrong(self) -> str | None:
        """The first count that can't be true: out of range, or larger than what it is part of."""
        parts = (
            ("input_tokens", self.input_tokens, MOST_COUNTED),
            ("output_tokens", self.output_tokens, MOST_COUNTED),
            ("cached_input_tokens", self.cached_input_tokens, self.input_tokens),
            ("cache_write_tokens", self.cache_write_tokens, self.input_tokens - self.cached_input_tokens),
            ("reasoning_tokens", self.reasoning_tokens, self.output_tokens),
            ("long_write_tokens", self.long_write_tokens, self.cache_write_tokens),
        )
        for name, value, most in parts:
            # Those before are counts that can be true, so no `most` is out of range.
            if type(value) is not int or not 0 <= value <= most:
                within = type(value) is int and 0 <= value <= MOST_COUNTED
                return f"{name} = {value} of {most}" if within else f"{name} is not between 0 and {MOST_COUNTED:,}"
        return None


@dataclass(frozen=True, slots=True)
class ServedBy:
    """What answered: any part may be unknown, and a later event completes an earlier one."""

    model: str | None = None
    request_id: str | None = None
    service_tier: str | None = None
    upstream: str | None = None


@dataclass(frozen=True, slots=True)
class ReportedCost:
    """
    What the call cost according to the provider, in picodollars.

    `derived` marks a proxy's own arithmetic from usage and a price table: it is used only where llmo has no price.
    """

    cost: int
    derived: bool = False


@dataclass(frozen=True, slots=True)
class PaidUse:
    """
    Something that is charged per use, beside tokens: a search, a file search, a container.

    `name` is `web_search`, `file_search`, or the provider's own word; a count of None is unknown.
    """

    name: str
    count: int | None


@dataclass(frozen=True, slots=True)
class RateInfo:
    """
    The provider's limits as its headers state them; None where it is silent.

    `input` and `output` are tokens where a provider counts them apart.

    `reset_*` are seconds until the bucket is full again, not the wait for one request.
    """

    limit_requests: int | None = None
    remaining_requests: int | None = None
    reset_requests: float | None = None
    limit_tokens: int | None = None
    remaining_tokens: int | None = None
    reset_tokens: float | None = None
    limit_input: int | None = None
    remaining_input: int | None = None
    reset_input: float | None = None
    limit_output: int | None = None
    remaining_output: int | None = None
    reset_output: float | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that the user should know about an answer that is otherwise fine."""

    message: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The terminal marker: only a stream that reaches it is complete."""

    reason: FinishReason


Event: TypeAlias = Text | Reasoning | ToolCall | Usage | PaidUse | ServedBy | ReportedCost | RateInfo | Notice | Finish
Emit: TypeAlias = "Callable[[Event], None]"
"""Takes the next event, at once: whoever calls it waits."""
