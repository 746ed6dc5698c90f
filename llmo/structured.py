"""Structured output: validate locally, and ask once more with the errors when it does not fit."""

from __future__ import annotations

import json
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from llmo import jsontext, router, tokens
from llmo.errors import InvalidOutput, UsageError
from llmo.result import together
from llmo.types import Json, Message

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from llmo.engine import Engine, Job, Progress
    from llmo.result import Result
    from llmo.types import Request

REPAIR = """Your answer does not meet the JSON Schema:
{errors}

Answer again with only the corrected JSON, which must meet this schema:
{schema}"""
ERRORS_SHOWN = 5


class Validator:
    """Checks answers against one schema."""

    def __init__(self, schema: Mapping[str, Json]) -> None:
        """Raises `UsageError` when the schema itself is wrong."""
        from jsonschema import SchemaError
        from jsonschema.validators import validator_for

        cls = validator_for(schema)
        try:
            cls.check_schema(dict(schema))
        except SchemaError as exc:
            where = "/".join(map(str, exc.absolute_path)) or "top level"
            raise UsageError(f"not a JSON Schema: {where}: {exc.message}") from None
        self.schema = schema
        self._validator: Any = cls(schema, format_checker=cls.FORMAT_CHECKER)

    def check(self, text: str) -> tuple[Json, list[str]]:
        """The data of an answer and what is wrong with it; nothing wrong means that it fits."""
        try:
            data = json.loads(bare(text))
        except ValueError as exc:
            return None, [f"not JSON: {exc}"]
        errors = sorted(self._validator.iter_errors(data), key=lambda e: [str(p) for p in e.absolute_path])
        return data, [
            f"{'/'.join(map(str, e.absolute_path)) or 'top level'}: {e.message}" for e in errors[:ERRORS_SHOWN]
        ]


def bare(text: str) -> str:
    """JSON without the code fence that models like to put around it: free, so tried before a paid repair."""
    text = text.strip()
    if text.startswith("```") and text.endswith("```"):
        return text[3:-3].split("\n", 1)[-1].strip()
    return text


class Structured:
    """A job whose answer must meet a schema; `result` and `data` are set when `events` has ended."""

    def __init__(self, engine: Engine, job: Job, validator: Validator | None, *, repair: int = 1) -> None:
        self.engine, self.job, self.validator, self.repair = engine, job, validator, repair
        self.result: Result | None = None
        self.data: Json = None

    async def events(self) -> AsyncGenerator[Progress]:
        """Yield what happens, repairs included."""
        job = self.job
        for left in range(self.repair, -1, -1):
            execution = self.engine.start(job)
            try:
                async with aclosing(execution.events()) as events:
                    async for event in events:
                        yield event
            finally:
                self.result = _joined(self.result, execution.result)
            problems = self._problems()
            if not problems:
                return
            if left == 0 or _set(self.result).finish == "length":
                self.result = replace(_set(self.result), error=_invalid(problems))
                return
            job = self._again(problems)

    def _problems(self) -> list[str]:
        result = _set(self.result)
        if self.validator is None or result.error:
            return []
        if result.finish == "length":
            return ["it was cut by the token limit (raise --max-tokens)"]
        self.data, problems = self.validator.check(result.text)
        if problems:
            self.data = None
        return problems

    def _again(self, problems: list[str]) -> Job:
        assert self.validator is not None
        asked = self.job.request
        text = REPAIR.format(errors="\n".join(problems), schema=jsontext.write(self.validator.schema))
        turns = (Message("assistant", _set(self.result).text or "(empty)"), Message("user", text))
        return _longer(self.job, replace(asked, messages=(*asked.messages, *turns)))


def _longer(job: Job, request: Request) -> Job:
    """The job with a longer request, for which more money is held."""
    kinds = {candidate.facts.kind for candidate in job.plan.candidates}
    most = max((tokens.bound(request, kind) for kind in kinds), default=0)
    return replace(job, request=request, plan=router.longer(job.plan, most, tokens.guess(request)))


def _set(result: Result | None) -> Result:
    assert result is not None
    return result


def _invalid(problems: list[str]) -> InvalidOutput:
    return InvalidOutput(f"the answer does not meet the schema: {problems[0]}", hint="the raw text is kept")


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
        warnings=(*before.warnings, "the first answer did not meet the schema and was repaired", *now.warnings),
    )
