"""The error of a hold that a limit refused: the amounts, and what would help."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.errors import BudgetExceeded
from llmo.ledger.records import MAX_COST
from llmo.types.format import dollars, exact

if TYPE_CHECKING:
    from llmo.ledger.records import BudgetStatus, Call
    from llmo.types.money import Pico


class OverBudget(BudgetExceeded):
    """
    A limit refused a hold; amounts are in picodollars.

    `needed` is the smallest hold that would have been useful, for `output` tokens; None when the price is unknown.
    `fits` is the largest output limit that the money left allows, `given` says whether the user set the output limit,
    `fit` whether `--fit` would lower it. `prompt` is what the prompt alone may cost, where that is the larger part.
    """

    def __init__(  # noqa: PLR0913 - facts of one refusal, all but the first three optional
        self,
        status: BudgetStatus,
        call: Call,
        needed: Pico | None,
        *,
        output: int | None = None,
        fits: int | None = None,
        given: bool = True,
        fit: bool = False,
        prompt: Pico | None = None,
    ) -> None:
        self.status, self.call, self.needed = status, call, needed
        self.output, self.fits, self.given, self.fit, self.prompt = output, fits, given, fit, prompt
        super().__init__(self._say(), hint=self._advise())

    @property
    def unpriced(self) -> bool:
        """Whether the price is unknown, so that waiting can't help."""
        return self.needed is None

    @property
    def by_calls(self) -> bool:
        """Whether the limit of calls refused it, rather than the dollar limit."""
        return bool(self.status.left_calls is not None and self.status.left_calls <= 0)

    @property
    def shortens(self) -> bool:
        """Whether a shorter answer could fit: the dollar limit refused a call of known price."""
        return self.status.left is not None and not (self.unpriced or self.by_calls)

    def leaves(self, least: Pico | None) -> bool:
        """Whether a hold of `least` would have fit this limit."""
        return self.shortens and least is not None and (self.status.left or 0) >= least

    @property
    def why(self) -> str:
        """The reason in a few words, as plans show it."""
        status = self.status
        if self.by_calls:
            return f"budget {status.name}: {status.calls} of {status.limit_calls} calls are used"
        if self.needed is None:
            return f"budget {status.name}: its price is unknown"
        return (
            f"budget {status.name}: needs up to {dollars(self.needed)}{self._tokens}, "
            f"{dollars(max(0, status.left or 0), down=True)} left of {exact(status.limit_usd or 0)}"
        )

    @property
    def _tokens(self) -> str:
        return f" for {self.output:,} output tokens" if self.output else ""

    def _say(self) -> str:
        status, target = self.status, f"{self.call.provider}/{self.call.model}"
        until = f", resets {status.resets_at}" if status.resets_at else ""
        if self.by_calls:
            return f"budget {status.name} is used up: {status.calls} of {status.limit_calls} calls{until}"
        assert status.limit_usd is not None
        if self.needed is None:
            return f"the price of {target} is unknown, and budget {status.name} limits dollars"
        doubt = f"in doubt up to {exact(status.in_doubt)}, " if status.in_doubt else ""
        return (
            f"budget {status.name} does not cover {target}: limit {exact(status.limit_usd)}, "
            f"spent {exact(status.spent)}, held {exact(status.held)}, {doubt}left {exact(max(0, status.left or 0))}, "
            f"needed up to {exact(self.needed)}{self._tokens}{until}"
        )

    def _advise(self) -> str:
        raised = "raise --max-cost" if self.status.name == MAX_COST else "raise the budget in the profile"
        if self.by_calls:
            return f"{raised}, or use another provider"
        if self.needed is None:
            return "use --allow-unpriced, or add its price as a [[prices]] entry in the profile"
        return ", or ".join([*self._shorter(), raised, *self._later()])

    def _shorter(self) -> list[str]:
        """Hints about a shorter answer or prompt."""
        if self.fits and self.given:
            itself = "; --fit does so automatically" if self.fit else ""
            return [f"lower --max-tokens ({self.fits} would fit{itself})"]
        if self.fits:
            return [f"limit the answer (--max-tokens {self.fits} would fit)"]
        return [] if self.prompt is None else [f"shorten the prompt (it alone may cost {exact(self.prompt)})"]

    def _later(self) -> list[str]:
        """Hints about money that becomes free, and what must be settled for that."""
        status = self.status
        live = status.held if status.live is None else status.live
        stale = ("reservations of crashed processes",) if status.held > live else ()
        doubt = ("amounts in doubt",) if status.in_doubt else ()
        settle = [f"settle {' and '.join((*stale, *doubt))} (llmo cost --reconcile)"] if stale or doubt else []
        return [*(["wait for calls in flight"] if live else []), *settle]
