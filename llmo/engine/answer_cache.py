"""Reuses answers to identical requests (`--cache`): what identical means, and which answers are kept."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from llmo.engine.results import Result, calls, tokens
from llmo.types.dataclass import dataclass
from llmo.types.events import ServedBy, ToolCall, Usage
from llmo.types.ids import ulid
from llmo.types.messages import Target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.config.profile import ProviderConfig
    from llmo.routing.plan import Plan
    from llmo.storage.answers import StoredAnswers
    from llmo.types.clock import Clock
    from llmo.types.messages import Request
    from llmo.types.money import Pico

DECLINED = ("refusal", "content_filter")
"""Answers that another try may make better: they are not kept."""


@dataclass(frozen=True, slots=True)
class CachedResult:
    """An answer that costs nothing, and the picodollars that it cost the first time; None where nobody knew."""

    result: Result
    saved: Pico | None


class AnswerCache:
    """Keeps complete answers, and finds those that are at most `age` seconds old."""

    def __init__(
        self, stored: StoredAnswers, providers: Mapping[str, ProviderConfig], *, age: float, clock: Clock
    ) -> None:
        self._stored, self._providers, self._age, self._clock = stored, providers, age, clock

    def key(self, request: Request, plan: Plan) -> str:
        """
        What identifies a request: the targets that would answer it and where they are, and all that they would get.

        Whether it is streamed is no part of it, nor what it may cost.
        """
        params = request.params
        parts: list[Any] = [
            [[str(c.target), *self._address(c.target.provider)] for c in plan.ranked],
            [params.max_tokens, params.temperature, params.seed, params.stop, params.extra],
            [request.schema, request.body],
            *([m.role, m.text, m.verbatim, [_digest(i.data) for i in m.images]] for m in request.messages),
        ]
        return _digest(json.dumps(parts, sort_keys=True, default=dict).encode())

    def find(self, key: str) -> CachedResult | None:
        """The answer to the same request; None if there is none, or none that can be understood."""
        found = self._stored.find(key, self._age)
        if found is None:
            return None
        try:
            return CachedResult(_revived(found.body, ulid(self._clock.now())), found.body["cost"])
        except (KeyError, TypeError, ValueError):
            return None

    def keep(self, key: str, result: Result) -> None:
        """Keep an answer, if it is complete and good: neither cut, refused nor in conflict with its schema."""
        if not (result.ok and result.complete) or result.finish in DECLINED or result.target is None:
            return
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
        self._stored.keep(key, body)

    def close(self) -> None:
        """Write what is not yet written, and close the file. Raises `LlmoError`."""
        self._stored.close()

    def _address(self, provider: str) -> tuple[str, str | None]:
        config = self._providers.get(provider)
        return (provider, None) if config is None else (config.kind, config.base_url)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _revived(body: Mapping[str, Any], identifier: str) -> Result:
    used = body["usage"]
    return Result(
        id=identifier,
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
