"""The words of the program: what a request is, and what comes back of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from llmo.catalog.price import Price

Json: TypeAlias = bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"] | None
Role = Literal["system", "user", "assistant", "tool"]
FinishReason = Literal["stop", "length", "refusal", "content_filter", "tool_calls"]
CostSource = Literal["reported", "computed", "estimated", "unknown", "local", "subscription", "cached"]
Billing = Literal["metered", "local", "subscription"]
Strategy = Literal["profile", "cheapest", "fastest", "balanced"]
Ability = Literal["vision", "schema", "tools", "reasoning"]
Parameter = Literal["max_tokens", "temperature", "seed", "stop", "option", "image", "schema"]
"""What a request may ask beyond its words; an option is what `-o` sends as it is."""
EMPTY: Mapping[str, Json] = MappingProxyType({})
MOST_COUNTED = 10**9
"""Tokens that one call may count: a hundred times the largest context there is."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image for a model that sees; `data` is the file's bytes."""

    name: str
    media_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Message:
    """
    One turn.

    `verbatim` is what stood in a chat completion where llmo's words don't say all of it: providers of that
    dialect are sent it in place of the rest. Only such a turn has the role `tool`.
    """

    role: Role
    text: str
    images: tuple[Image, ...] = ()
    verbatim: Mapping[str, Json] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Params:
    """Generation parameters; what is None or empty is left out of the request."""

    max_tokens: int | None = None
    temperature: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    extra: Mapping[str, Json] = field(default_factory=lambda: EMPTY)


@dataclass(frozen=True, slots=True)
class Request:
    """
    What is asked, the same for every provider.

    `stream` is how the answer travels: False asks for one whole body (cheaper in a batch);
    the events are the same. `strategy` and `ceiling` (the picodollars a token in, a token out and
    a request that money is held for) are for providers that choose among hosts themselves. `private` lets no
    provider send it from this machine, whatever was planned. `body` are the fields
    of a chat completion that is sent as it stands, without its model, messages, output limit and stream; the
    parameters then repeat what they say, for other dialects.
    """

    messages: tuple[Message, ...]
    params: Params = Params()
    schema: Mapping[str, Json] | None = None
    stream: bool = True
    strategy: Strategy = "profile"
    ceiling: tuple[int, int, int] | None = None
    private: bool = False
    body: Mapping[str, Json] | None = None


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """One place a request can go: a provider of the profile and the model name it uses there."""

    provider: str
    model: str

    def __str__(self) -> str:
        return f"{self.provider}/{self.model}"


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
        mosts = {
            "input_tokens": MOST_COUNTED,
            "output_tokens": MOST_COUNTED,
            "cached_input_tokens": self.input_tokens,
            "cache_write_tokens": self.input_tokens - self.cached_input_tokens,
            "reasoning_tokens": self.output_tokens,
            "long_write_tokens": self.cache_write_tokens,
        }
        for name, most in mosts.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_COUNTED:
                return f"{name} is not between 0 and {MOST_COUNTED:,}"
            if value > most:
                return f"{name} = {value} of {most}"
        return None


@dataclass(frozen=True, slots=True)
class Served:
    """What answered: any part may be unknown, and a later event completes an earlier one."""

    model: str | None = None
    request_id: str | None = None
    service_tier: str | None = None
    upstream: str | None = None


@dataclass(frozen=True, slots=True)
class Reported:
    """
    What the provider says that the call cost, in picodollars.

    `derived` is for a middleman's own arithmetic from usage and a table of prices: it counts only
    where llmo has no price.
    """

    cost: int
    derived: bool = False


@dataclass(frozen=True, slots=True)
class Used:
    """
    Something that is charged by the use, beside tokens: a search, a file search, a container.

    `name` is `web_search`, `file_search`, or the provider's own word; a count of None is unknown.
    """

    name: str
    count: int | None


@dataclass(frozen=True, slots=True)
class RateInfo:
    """
    The provider's limits as its headers state them; None where it is silent.

    `reset_*` are seconds until the bucket is full again, not the wait for one request.
    """

    limit_requests: int | None = None
    remaining_requests: int | None = None
    reset_requests: float | None = None
    limit_tokens: int | None = None
    remaining_tokens: int | None = None
    reset_tokens: float | None = None


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that the user should know about an answer that is otherwise good."""

    message: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The terminal marker: only a stream that reaches it is complete."""

    reason: FinishReason


Event: TypeAlias = Text | Reasoning | ToolCall | Usage | Used | Served | Reported | RateInfo | Warned | Finish


class Provider(Protocol):
    """
    Turn one request into a stream of events.

    A stream ends after exactly one `Finish`, which is the last event, and has at most one
    `Usage`. Whatever goes wrong leaves it as a `ProviderError`; no retry happens inside.
    Closing the generator early closes the connection. llmo sees nothing else of a provider.
    """

    def stream(self, request: Request, model: str) -> AsyncGenerator[Event]:
        """Send the request to `model` and yield what comes back."""
        ...

    async def models(self) -> Sequence[Listed]:
        """Ask the provider for its models. Raises `ProviderError`."""
        ...

    async def check(self) -> str:
        """Call the cheapest endpoint that proves address and key; one line of what was found."""
        ...

    async def close(self) -> None:
        """Give connections and processes back."""
        ...


@dataclass(frozen=True, slots=True)
class Charged:
    """What a provider says afterwards that a call cost, in picodollars, and the tokens that it counted."""

    cost: int
    usage: Usage | None = None


@runtime_checkable
class Accountable(Protocol):
    """A provider that can be asked later what a call cost."""

    async def charged(self, request_id: str) -> Charged | None:
        """What a call cost; None when the provider has no record of it. Raises `ProviderError`."""
        ...


@dataclass(frozen=True, slots=True)
class Listed:
    """A model as a provider's own catalogue names it; None where it is silent."""

    id: str
    context: int | None = None
    max_output: int | None = None
    shutdown: str | None = None
    abilities: frozenset[Ability] | None = None
    price: Price | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A stream collected."""

    text: str
    reasoning: str
    finish: FinishReason
    usage: Usage | None
    served: Served
    reported: int | None = None
    warnings: tuple[str, ...] = ()
