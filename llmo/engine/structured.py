"""Structured output: validate and mend locally, and ask again with the errors when it does not match."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.engine import output_limits
from llmo.engine.progress import ignore
from llmo.engine.results import together
from llmo.errors import InvalidOutput
from llmo.requests.validator import Verdict
from llmo.routing import tokens
from llmo.types import jsontext
from llmo.types.dataclass import replace
from llmo.types.messages import Message

if TYPE_CHECKING:
    from llmo.engine.engine import Engine
    from llmo.engine.job import Job
    from llmo.engine.progress import EmitProgress
    from llmo.engine.results import Repair, Result
    from llmo.requests.validator import Validator
    from llmo.types.messages import Request

REPAIR = """Your answer does not match the JSON Schema:
{errors}

Answer again with only the corrected JSON, which must match this schema:
{schema}"""


class Structured:
    """A job whose answer must match a schema; `result` is set when `run` has ended, however it ended."""

    def __init__(self, engine: Engine, job: Job, validator: Validator | None, *, repair: int = 1) -> None:
        self.engine, self.job, self.validator, self.repair = engine, job, validator, repair
        self.result: Result | None = None

    async def run(self, emit: EmitProgress = ignore) -> Result:
        """Carry it out as `Engine.run` does, repairs included."""
        self.result = result = await self._repaired(emit)
        return result

    async def _repaired(self, emit: EmitProgress) -> Result:
        job, repairs = self.job, 0
        before: tuple[Result, InvalidOutput] | None = None
        while True:
            result = await self._asked(job, None if before is None else before[0], emit)
            if before is not None and result.error is not None:
                return _kept(*before, result, repairs)
            data, problems, mended = self._checked(result)
            if not problems:
                by: Repair | None = "model" if repairs else "local" if mended else None
                good = replace(result, data=data, repaired=by, repairs=repairs)
                return _told(good, repairs, "and was repaired", "and was repaired at attempt {}")
            wrong, after = _invalid(problems), self.job.after(result)
            if repairs == self.repair or after is None or result.finish == "length":
                failed = replace(result, error=wrong, repairs=repairs)
                return _told(failed, repairs, "and neither did its repair", "and neither did any of its {} repairs")
            job, before, repairs = self._again(after, result, problems), (result, wrong), repairs + 1

    def judged(self, result: Result) -> Result:
        """An answer that came by another way, with its data, or with the error that it does not match."""
        data, problems, mended = self._checked(result)
        if problems:
            return replace(result, error=_invalid(problems))
        return replace(result, data=data, repaired="local" if mended else None)

    async def _asked(self, job: Job, before: Result | None, emit: EmitProgress) -> Result:
        """What a request came to, with all that those before it took; kept also when it is cancelled."""
        execution = self.engine.start(job, emit)
        try:
            await execution.run()
        finally:
            self.result = _joined(before, execution.result)
        assert self.result is not None
        return self.result

    def _checked(self, result: Result) -> Verdict:
        """The data of an answer, and why it does not match; neither where there is nothing to check."""
        if self.validator is None or result.error or self._calling(result):
            return Verdict(None, [])
        if result.finish == "length":
            return Verdict(None, [f"{output_limits.cut(result)} ({output_limits.longer(result)})"])
        return self.validator.check(result.text)

    def _calling(self, result: Result) -> bool:
        """Whether the answer is yet to come: the model first wants a tool that the request describes to be run."""
        asked = self.job.request
        described = {name for fields in (asked.params.extra, asked.body or {}) for name in fields}
        return bool(result.tool_calls) and not result.text.strip() and bool({"tools", "functions"} & described)

    def _again(self, job: Job, result: Result, problems: list[str]) -> Job:
        assert self.validator is not None
        asked = self.job.request
        text = REPAIR.format(errors="\n".join(problems), schema=jsontext.write(self.validator.schema))
        turns = (Message("assistant", result.text or "(empty)"), Message("user", text))
        return _longer(job, replace(asked, messages=(*asked.messages, *turns)))


def _longer(job: Job, request: Request) -> Job:
    """The job with a longer request, for which more money is held."""
    kinds = {candidate.facts.kind for candidate in job.plan.candidates}
    most = max((tokens.bound(request, kind) for kind in kinds), default=0)
    return replace(job, request=request, plan=job.plan.extended(most, tokens.guess(request)))


def _invalid(problems: list[str]) -> InvalidOutput:
    return InvalidOutput(f"the answer does not match the schema: {problems[0]}", hint="the raw text is kept")


def _kept(before: Result, wrong: InvalidOutput, failed: Result, repairs: int) -> Result:
    """The answer that did not match, which is paid for, with what its repair took and why that failed."""
    why = f"it could not be repaired: {failed.error.message}" if failed.error else ""
    both = {name: getattr(failed, name) for name in ("attempts", "cost", "cost_source", "total_s")}
    sent = repairs - (failed.attempts[-1:] == () or failed.attempts[-1].outcome == "budget_exceeded")
    return replace(before, error=wrong, warnings=(*before.warnings, why), repairs=sent, **both)


def _joined(before: Result | None, now: Result | None) -> Result | None:
    """The last result with the attempts, time and cost of those before it."""
    if before is None or now is None:
        return now
    cost, source = together(before, now)
    return replace(
        now,
        id=before.id,
        attempts=(*before.attempts, *now.attempts),
        cost=cost,
        cost_source=source,
        total_s=before.total_s + now.total_s,
        first_token_s=before.first_token_s,
        warnings=(*before.warnings, *now.warnings),
    )


def _told(result: Result, repairs: int, once: str, often: str) -> Result:
    """The result with a warning of what its repairs came to, where there were any."""
    end = once if repairs == 1 else often.format(repairs)
    told = f"the first answer did not match the schema, {end}"
    return replace(result, warnings=(*result.warnings, told)) if repairs else result
