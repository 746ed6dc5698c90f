"""Reuses answers to identical requests (`--cache`)."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from llmo.cli.durations import seconds
from llmo.engine.results import Result, calls, tokens
from llmo.types.events import ServedBy, ToolCall, Usage
from llmo.types.format import dollars
from llmo.types.ids import ulid
from llmo.types.messages import Target

if TYPE_CHECKING:
    from llmo.cli.commands.ask.question import AskRequest
    from llmo.cli.context import Context


class AnswerCache:
    """Stores complete answers and returns those no older than `--cache` allows; does nothing without the flag."""

    def __init__(self, ctx: Context, asked: AskRequest) -> None:
        age = asked.output.cache
        self._ctx = ctx
        self._age = None if age is None else seconds("--cache", age)
        self._key = None if self._age is None else _key(asked)

    def find(self) -> Result | None:
        """Return a stored answer to the same request, None if there is none."""
        if self._key is None or self._age is None:
            return None
        found = self._ctx.history.cached(self._key, self._age)
        return None if found is None else _revived(found.body, self._ctx)

    def keep(self, result: Result) -> None:
        """Store an answer, if it is complete and good."""
        if self._key is not None and result.ok and result.complete and result.target is not None:
            body = {
                "text": result.text,
                "tool_calls": calls(result.tool_calls),
                "data": result.data,
                "target": [result.target.provider, result.target.model],
                "served_model": result.served.model,
                "finish": result.finish,
                "usage": tokens(result.usage),
                "cost": result.cost,
            }
            self._ctx.history.cache(self._key, body)


def _key(asked: AskRequest) -> str:
    request = asked.question.request
    parts: list[Any] = [[str(c.target) for c in asked.plan.ranked], repr(request.params), request.schema]
    parts += [[m.role, m.text, [hashlib.sha256(i.data).hexdigest() for i in m.images]] for m in request.messages]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _revived(body: dict[str, Any], ctx: Context) -> Result:
    saved = dollars(body["cost"])
    ctx.note(f"llmo: from the cache, saved {saved}")
    used = body["usage"]
    return Result(
        id=ulid(ctx.clock.now()),
        error=None,
        text=body["text"],
        tool_calls=tuple(ToolCall(**call) for call in body.get("tool_calls", ())),
        reasoning="",
        target=Target(*body["target"]),
        served=ServedBy(model=body["served_model"]),
        finish=body["finish"],
        usage=None if used is None else Usage(**used),
        cost=0,
        cost_source="cached",
        reserved=0,
        total_s=0.0,
        first_token_s=0.0,
        data=body["data"],
    )
