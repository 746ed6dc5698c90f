"""`llmo route --diff`: the plans of two profiles compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmo.engine.output_limits import decided
from llmo.errors import LlmoError, UsageError
from llmo.render import plan_comparison as shown
from llmo.routing.comparison import compare
from llmo.types.dataclass import replace

if TYPE_CHECKING:
    from llmo.cli.context import Context
    from llmo.cli.inputs import Inputs
    from llmo.cli.options import SelectionFlags
    from llmo.client.question import Question
    from llmo.client.session import Session
    from llmo.ledger.allowance import Allowance
    from llmo.routing.comparison import PlanComparison
    from llmo.routing.plan import Plan


class Profiles:
    """The profile in use, which an earlier -P or the environment names, and the one of the last -P."""

    def __init__(self, ctx: Context, selection: SelectionFlags, *, probe: bool) -> None:
        """Load both. Raises `UsageError` without -P, and `ConfigError` for a profile that can't be used."""
        if ctx.profile_name is None:
            raise UsageError("--diff requires another profile", hint="name it with -P; all: llmo profile list")
        self._ctx = ctx
        self._contexts = (replace(ctx, profile_name=ctx.profile_before), ctx)
        for one in self._contexts:
            _ = one.profile
        self._sides = tuple(_Side(one, selection, probe=probe) for one in self._contexts)
        first, second = (one.profile.providers for one in self._contexts)
        self._reconfigured = {name for name in first.keys() & second.keys() if first[name] != second[name]}

    def of_one(self, question: Question, *, as_json: bool) -> int:
        """Print what is different for one prompt; return the exit code."""
        self._ctx.hurry(question.timeout or self._ctx.profile.timeout)
        compared = self._compared(question)
        if as_json:
            self._ctx.json(shown.json(compared, self._described))
        else:
            self._ctx.show(shown.table(compared, self._names, **self._look))
        return 0

    def of_rows(self, path: str, inputs: Inputs, selection: SelectionFlags, *, as_json: bool) -> int:
        """Print what is different for each prompt of a file; return the exit code."""
        from llmo.cli.commands.route.rows import questions

        found = map(self._compared, questions(self._ctx, path, selection, inputs))
        if as_json:
            for compared in found:
                self._ctx.json(shown.json(compared, self._described))
        else:
            self._ctx.show(shown.rows(found, self._names, **self._look))
        return 0

    def _compared(self, question: Question) -> PlanComparison:
        before, after = (side.plan(question) for side in self._sides)
        return compare(before, after, self._reconfigured)

    @property
    def _look(self) -> dict[str, Any]:
        return {"width": self._ctx.table_width, "color": self._ctx.stdout_color}

    @property
    def _names(self) -> tuple[str, str]:
        """The names of the profiles, or where they are where both have the same."""
        first, second = self._described
        if first["name"] != second["name"]:
            return first["name"], second["name"]
        return first["source"] or first["name"], second["source"] or second["name"]

    @property
    def _described(self) -> tuple[dict[str, Any], dict[str, Any]]:
        first, second = (
            {"name": one.loaded.name, "source": one.loaded.source and str(one.loaded.source)} for one in self._contexts
        )
        return first, second


class _Side:
    """One of the profiles, with what may be spent under it."""

    def __init__(self, ctx: Context, selection: SelectionFlags, *, probe: bool) -> None:
        if probe:
            from llmo.cli.readiness import rule_out_absent

            rule_out_absent(ctx)
        self._name = ctx.loaded.name
        self._session: Session = ctx.session(max_cost=selection.max_cost, allow_unpriced=selection.allow_unpriced)
        self._money: Allowance | None = None

    def plan(self, question: Question) -> Plan:
        """Plan under the budgets of now. Raises `LlmoError` that names the profile."""
        try:
            self._money = self._money or self._session.allowance(question.tags)
            return decided(self._session.plan(question), self._money)
        except LlmoError as exc:
            exc.message = f"profile {self._name}: {exc.message}"
            raise
