"""The vocabulary of the program: what a request consists of. What comes back is in `llmo.types.events`."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from llmo.types.dataclass import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.types.jsontext import Json


Role = Literal["system", "user", "assistant", "tool"]
CostSource = Literal["reported", "computed", "estimated", "unknown", "local", "subscription", "cached"]
Billing = Literal["metered", "local", "subscription"]
Strategy = Literal["profile", "cheapest", "fastest", "balanced"]
Ability = Literal["vision", "schema", "tools", "reasoning"]
Parameter = Literal["max_tokens", "temperature", "seed", "stop", "option", "image", "schema"]
"""What a request may ask for beside its messages; an option is passed on unchanged."""
EMPTY: Mapping[str, Json] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Image:
    """An image for a model with vision; `data` are the bytes of its file."""

    name: str
    media_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Message:
    """
    One turn.

    `verbatim` is the message of a chat completion that holds more than the other fields can express: providers of
    that dialect get it in their place. Only such a turn has the role `tool`.
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
