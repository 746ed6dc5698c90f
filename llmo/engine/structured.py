"""Structured output: validate locally, and ask once more with the errors when it does not fit."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from llmo.engine import output_limits
from llmo.engine.results import together
from llmo.errors import InvalidOutput
from llmo.routing import tokens
from llmo.types import jsontext
from llmo.types.messages import Message

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from llmo.engine.engine import Engine
    from llmo.engine.job import Job
    from llmo.engine.progress import Progress
    from llmo.engine.results import Result
    from llmo.requests.validator import Validator
    from llmo.types.jsontext import Json
    from llmo.types.messages import Request

REPAIR = """Your answer does not match the JSON Schema:
{errors}

Answer again with only the corrected JSON, which must match this schema:
{schema}"""


class Structured:
    """A job whose answer must match a schema; `result` and `data` are set when `events` has ended."""

    def __init__(self, engine: Engine, job: Job, validator: Validator | None, *, repair: int = 1) -> None:
        self.engine, self.job, self.validator, self.repair = engine, job, validator, repair
        self.result: Result | None = None
        self.data: Json = None

    async def events(self) -> AsyncGenerator[Progress]:
        """Yield what happens, repairs included."""
        job: Job | None = self.job
        wrong: InvalidOutput | None = None
        for left in range(self.repair, -1, -1):
            assert job is not None
            before, execution = self.result, self.engine.start(job)
            try:
                async with aclosing(execution.events()) as events:
                    async for event in events:
                        yield event
            finally:
                self.result = _joined(before, execution.result)
            if before is not None and wrong is not None and _set(self.result).error is not None:
                self.result = _kept(before, _set(self.result), wrong)
                return
            problems, repairs = self._problems(), self.repair - left
            if not problems:
                self.result = _told(_set(self.result), repairs, "and was repaired", "and was repaired at try {}")
                return
            wrong = _invalid(problems)
            job = self.job.after(_set(self.result))
            if left == 0 or job is None or _set(self.result).finish == "length":
                failed = replace(_set(self.result), error=wrong)
                self.result = _told(failed, repairs, "and neither did its repair", "nor did any of its {} repairs")
                return
            job = self._again(job, problems)

    def _problems(self) -> list[str]:
        result = _set(self.result)
        if self.validator is None or result.error or self._calling(result):
            return []
        if result.finish == "length":
            return [f"{output_limits.cut(result)} ({output_limits.longer(result)})"]
        self.data, problems = self.validator.check(result.text)
        if problems:
            self.data = None
        return problems

    def _calling(self, result: Result) -> bool:
        """Whether the answer is yet to come: the model first wants a tool that the request describes to be run."""
        asked = self.job.request
        described = {name for fields in (asked.params.extra, asked.body or {}) for name in fields}
        return bool(result.tool_calls) and not result.text.strip() and bool({"tools", "functions"} & described)

    def _again(self, job: Job, problems: list[str]) -> Job:
        assert self.validator is not None
        asked = self.job.request
        text = REPAIR.format(errors="\n".join(problems), schema=jsontext.write(self.validator.schema))
        turns = (Message("assistant", _set(self.result).text or "(empty)"), Message("user", text))
        return _longer(job, replace(asked, messages=(*asked.messages, *turns)))


def _longer(job: Job, request: Request) -> Job:
    """The job with a longer request, for which more money is held."""
    kinds = {candidate.facts.kind for candidate in job.plan.candidates}
    most = max((tokens.bound(request, kind) for kind in kinds), default=0)
    return replace(job, request=request, plan=job.plan.extended(most, tokens.guess(request)))


def _set(result: Result | None) -> Result:
    assert result is not None
    return result


def _invalid(problems: list[str]) -> InvalidOutput:
    return InvalidOutput(f"the answer does not match the schema: {problems[0]}", hint="the raw text is kept")


def _kept(before: Result, failed: Result, wrong: InvalidOutput) -> Result:
    """The answer that did not match, which is paid for, with what its repair took and why that failed."""
    why = f"it could not be repaired: {failed.error.message}" if failed.error else ""
    both = {name: getattr(failed, name) for name in ("attempts", "cost", "cost_source", "total_s")}
    return replace(before, error=wrong, warnings=(*before.warnings, why), **both)


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
