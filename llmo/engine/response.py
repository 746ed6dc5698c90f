"""What has come of one attempt so far, checked as it is taken in: figures and names are a stranger's."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from llmo.engine.results import ChosenLimit, Result, weakest
from llmo.types.dataclass import maker
from llmo.types.events import Event, Finish, Notice, PaidUse, Reasoning, ReportedCost, ServedBy, Text, ToolCall, Usage
from llmo.types.money import DEAREST

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmo.errors import LlmoError
    from llmo.types.attempts import AttemptRecord
    from llmo.types.messages import CostSource, Target


class ResponseBuilder:
    """What has come of an answer so far."""

    def __init__(self) -> None:
        self.target: Target | None = None
        # Of all pieces one text: a few letters by themselves take fifty bytes more.
        self.text = StringIO()
        self.reasoning = StringIO()
        self.calls: list[ToolCall] = []
        self.usage: Usage | None = None
        self.uses: dict[str, int | None] = {}
        self.served = NOBODY
        self.reported: ReportedCost | None = None
        self.finish: Finish | None = None
        self.first_at: float | None = None
        self.reserved = 0
        self.chosen: ChosenLimit | None = None
        self.warnings: list[str] = []

    @property
    def begun(self) -> bool:
        """Whether a word of it has been passed on."""
        return self.first_at is not None

    @property
    def billed(self) -> bool:
        """Whether the provider said that it did something for money."""
        spent = bool(self.uses) or (self.reported is not None and self.reported.cost > 0)
        return spent or (self.usage is not None and self.usage.input_tokens + self.usage.output_tokens > 0)

    def take(self, event: Event, time: Callable[[], float]) -> None:
        """Add one event; the first word is timed, and a stream has hundreds."""
        if isinstance(event, Text):
            self.text.write(event.text)
        elif isinstance(event, Reasoning):
            self.reasoning.write(event.text)
        else:
            self._note(event)
            return
        if self.first_at is None:
            self.first_at = time()

    def _note(self, event: Event) -> None:
        """Take what is no word."""
        match event:
            case Finish():
                self.finish = event
            case ServedBy():
                known = self.served
                self.served = ServedBy(
                    (event.model and name(event.model)) or known.model,
                    (event.request_id and name(event.request_id)) or known.request_id,
                    (event.service_tier and name(event.service_tier)) or known.service_tier,
                    (event.upstream and name(event.upstream)) or known.upstream,
                )
            case Usage() | ReportedCost() | PaidUse():
                self._count(event)
            case ToolCall():
                self.calls.append(event)
            case Notice(message):
                self.warnings.append(message)

    def _count(self, event: Usage | ReportedCost | PaidUse) -> None:
        """Take figures that can be true: each goes into sums that must hold."""
        if isinstance(event, Usage):
            wrong = event.wrong
            if wrong is None:
                self.usage = event
            else:
                self.warnings.append(f"{self.target} reported token counts that cannot be true; ignored: {wrong}")
        elif isinstance(event, PaidUse):
            count = event.count
            self.uses[name(event.name)] = count if count is None or 0 < count <= MOST_USES else None
        elif 0 <= event.cost <= DEAREST:
            self.reported = event
        else:
            self.warnings.append(f"{self.target} reported a cost that cannot be true; ignored")

    def result(
        self,
        *,
        identifier: str,
        error: LlmoError | None,
        attempts: tuple[AttemptRecord, ...],
        total_s: float,
        began: float,
    ) -> Result:
        """Put it together with what it took."""
        cost, source = _total(attempts)
        return maker(Result)(
            identifier,
            error,
            self.text.getvalue(),
            self.reasoning.getvalue(),
            target=self.target,
            served=self.served,
            finish=self.finish.reason if self.finish else None,
            usage=self.usage,
            cost=cost,
            cost_source=source,
            reserved=self.reserved,
            total_s=total_s,
            first_token_s=None if self.first_at is None else self.first_at - began,
            attempts=attempts,
            warnings=tuple(self.warnings),
            tool_calls=tuple(self.calls),
            chosen=self.chosen,
        )


NOBODY = ServedBy()
MOST_USES = 10**5
"""Uses of one thing that a call can count."""
NAME = 200
"""Characters of a name that are kept: models, tiers, ids of requests."""


def name(told: str) -> str:
    """A stranger's name as it can be stored and shown: in one line, of a length that can be meant."""
    if told.isprintable() and len(told) <= NAME:
        return told.strip()
    return "".join(char for char in told[:NAME] if char.isprintable()).strip()


def _total(attempts: tuple[AttemptRecord, ...]) -> tuple[int | None, CostSource]:
    """The cost of all attempts; unknown when any is, and its source that of the weakest part that cost something."""
    if not attempts:
        return 0, "unknown"
    if len(attempts) == 1:
        return attempts[0].cost_pico, "unknown" if attempts[0].cost_pico is None else attempts[0].cost_source
    if any(a.cost_pico is None for a in attempts):
        return None, "unknown"
    paid = [a for a in attempts if a.cost_pico or a.in_doubt_pico] or [attempts[-1]]
    return sum(a.cost_pico or 0 for a in attempts), weakest(*(a.cost_source for a in paid))
