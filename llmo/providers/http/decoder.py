"""What every dialect's answer has in common: text, closing events, faults inside an answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, get_args

from llmo.errors import Incomplete, ProviderError, Unavailable, Unfinished
from llmo.providers.http import error_mapping
from llmo.providers.http import fields as wire
from llmo.providers.http.counts import AbsurdError
from llmo.providers.http.repeats import Repeats
from llmo.providers.http.tool_calls import Calls
from llmo.types.events import (
    Event,
    Finish,
    FinishReason,
    Notice,
    PaidUse,
    Reasoning,
    ReportedCost,
    ServedBy,
    Text,
    Usage,
)
from llmo.types.surrogates import is_whole, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from llmo.providers.http.error_mapping import MakeError
    from llmo.providers.provider import ProviderContext
    from llmo.types.events import Emit

_REPLACEMENT = "\ufffd"
_NOBODY = ServedBy()


class Decoder(ABC):
    """
    Messages of one answer to events.

    A dialect fills in `read`, which sets `finish` when the terminal marker is in and `done` when
    nothing more can follow, and `failure` when it says that it failed: raised after what the same message had
    before it. `usage` and `reported`, the cost in picodollars, may be replaced until the
    end, then they go out once, also when the answer fails. What can't be true is `doubted`, by what it counts.
    """

    marker: ClassVar[str]

    def __init__(self, context: ProviderContext, failed: MakeError) -> None:
        """`failed` makes the error of what a server says inside an answer."""
        self.context = context
        self._failed = failed
        self.finish: FinishReason | None = None
        self.begun = False
        self.head = b""
        self.failure: ProviderError | None = None
        self.paused = ""
        self.done = False
        self.usage: Usage | None = None
        self.reported: int | None = None
        self.uses: dict[str, int | None] = {}
        self.doubted: dict[str, str] = {}
        self.served = _NOBODY
        self.calls = Calls()
        self.spoken = False
        self.joins = False
        """Whether pieces of text that came together may be emitted as one, as nobody watches them come."""
        self._held = ""
        self._repeats: Repeats | None = None

    @abstractmethod
    def read(self, message: dict[str, Any]) -> list[Event]:
        """The events of one message of a stream, or of a whole body."""

    @abstractmethod
    def money(self, message: dict[str, Any]) -> None:
        """Take what a message says of tokens and cost, also when it is an error."""

    def alone(self, message: dict[str, Any]) -> Text | Reasoning | None:  # noqa: ARG002 - for the dialects
        """
        The text of a message when to `read` it, once or again, gives this text and does nothing else.

        Any other string in its place must be taken likewise. None is always right.
        """
        return None

    def take(self, message: dict[str, Any], emit: Emit) -> None:
        """Emit the events of a message; then raises the failure that it tells of, which is no way to finish."""
        before = self.finish
        for event in self.read(message):
            emit(event)
        if self.failure is not None:
            self.finish = before
            raise self.failure

    def feed(self, data: bytes, emit: Emit) -> None:
        """Emit the events in the bytes of one message."""
        try:
            message = wire.read(data)
        except ValueError:
            raise Unavailable(f"{self.context.name} sent invalid JSON: {self._shown(data)}") from None
        if not isinstance(message, dict):
            raise Unavailable(f"{self.context.name} sent JSON that is not an object: {self._shown(data)}")
        self.begun = True
        self.take(message, emit)
        if self._repeats is None:
            self._repeats = Repeats()
        self._repeats.learn(data, message, self.alone)

    def again(self, messages: Sequence[bytes], at: int, emit: Emit) -> int:
        """Emit the texts of the messages from `at` on that repeat the last one but for its text; how many they are."""
        if self._repeats is None:
            return 0
        texts = self._repeats.texts(messages, at)
        pieces = _joined(texts) if self.joins else texts
        take = self.text if self._repeats.kind is Text else reasoning
        for piece in pieces:
            for event in take(piece):
                emit(event)
        return len(texts)

    def _shown(self, data: bytes) -> str:
        return error_mapping.clean(data[:400].decode("utf-8", "replace"), self.context.api_key, 80)

    def text(self, piece: str) -> list[Event]:
        """
        A piece of the answer, without lone surrogates.

        A server that escapes JSON may cut a pair in two, one half in each message.
        """
        if self._held or not piece.isascii():
            piece = self._mend(piece)
        if not piece:
            return []
        self.spoken = True
        return [Text(piece)]

    def _mend(self, piece: str) -> str:
        piece, self._held = self._held + piece, ""
        if "\ud800" <= piece[-1:] <= "\udbff":
            piece, self._held = piece[:-1], piece[-1]
        return whole(piece)

    def serve(self, *, model: Any = None, service_tier: Any = None, upstream: Any = None) -> list[Event]:
        """What answered, when that is news."""
        known = self.served
        model = wire.text(model) or known.model
        service_tier = wire.text(service_tier) or known.service_tier
        upstream = wire.text(upstream) or known.upstream
        if model == known.model and service_tier == known.service_tier and upstream == known.upstream:
            return []
        self.served = ServedBy(model=model, service_tier=service_tier, upstream=upstream)
        return [self.served]

    def count(self, read: Callable[[Mapping[str, Any]], Usage | None], fields: Mapping[str, Any]) -> None:
        """Take the tokens that a message counts; what can't be true takes the place of what was said before."""
        try:
            found = read(fields)
        except AbsurdError as exc:
            self.usage, self.doubted["token counts"] = None, str(exc)
            return
        if found is not None:
            self.usage = found
            self.doubted.pop("token counts", None)

    def bill(self, read: Callable[[Mapping[str, Any]], int | None], fields: Mapping[str, Any]) -> None:
        """Take the cost that a message states, likewise."""
        try:
            cost = read(fields)
        except AbsurdError as exc:
            self.reported, self.doubted["a cost"] = None, str(exc)
            return
        if cost is not None:
            self.reported = cost
            self.doubted.pop("a cost", None)

    @property
    def counted(self) -> bool:
        """Whether tokens were counted, well or badly."""
        return self.usage is not None or "token counts" in self.doubted

    def owed(self) -> list[Event]:
        """What the call used and cost, said once."""
        owed: list[Event] = []
        if self.doubted:
            owed += [Notice(doubt(self.context.name, what, said)) for what, said in self.doubted.items()]
            self.doubted = {}
        if self.usage is not None:
            owed.append(self.usage)
            self.usage = None
        if self.uses:
            owed += [PaidUse(name, number) for name, number in self.uses.items()]
            self.uses = {}
        if self.reported is not None:
            owed.append(ReportedCost(self.reported))
            self.reported = None
        return owed

    def fault(self, message: dict[str, Any]) -> None:
        """Note an error inside an answer that began with status 200, so that work may have been done."""
        said = error_mapping.parse_error(None, error_mapping.NO_HEADERS, message)
        failed = self._failed(said or error_mapping.ErrorBody("error without a message"))
        failed.may_be_billed = True
        self.failure = failed

    def assume(self) -> list[Event]:
        """Take an answer that came to its end for complete, though it does not say why it ended."""
        self.finish = "stop"
        return [Notice(f"{self.context.name} sent the answer without {self.marker}; treating it as complete")]

    def end(self) -> list[Event]:
        """The closing events; `Incomplete` without the terminal marker, or when the model only paused."""
        if self.finish is None:
            raise Incomplete(f"{self.context.name}: the stream ended early, without {self.marker}")
        if self.paused:
            raise unfinished(self.context.name, self.paused)
        events: list[Event] = []
        if self._held:
            self._held = ""
            self.spoken = True
            events.append(Text(_REPLACEMENT))
        if self.calls and self.finish == "stop":
            self.finish = "tool_calls"
        if not self.spoken and self.finish in _EMPTY and not self.calls:
            events.append(Notice(_EMPTY[self.finish]))
        if self.calls:
            events += self.calls.events()
        events += self.owed()
        events.append(_FINISHES[self.finish])
        return events


_FINISHES: Mapping[FinishReason, Finish] = {reason: Finish(reason) for reason in get_args(FinishReason)}
_EMPTY = {
    "stop": "the answer is empty",
    "length": "the answer is empty: reasoning used the whole output limit; raise max_tokens",
}


def unfinished(name: str, reason: str) -> Unfinished:
    """The error of a turn that the model paused."""
    return Unfinished(
        f"the model of {name} paused its turn ({reason}), and llmo does not resume it",
        hint="the text so far is kept; ask for less at once, or remove the tools that run at the provider",
    )


def doubt(name: str, what: str, said: str) -> str:
    """What to say of figures that are left out of account."""
    return f"{name} reported {what} that cannot be true; ignored: {said}"


def _joined(pieces: list[str]) -> list[str]:
    """The pieces as one; as they are where one has half a surrogate pair, which is mended piece by piece."""
    one = "".join(pieces)
    return [one] if is_whole(one) else pieces


def reasoning(piece: str) -> list[Event]:
    """A piece of the model's reasoning."""
    return [Reasoning(whole(piece))] if piece else []
