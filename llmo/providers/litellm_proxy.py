"""
A LiteLLM proxy over HTTP: chat completions, with the cost in a header or in the last chunk.

Its health check proper calls every model for real and is never asked. A cost of 0 means that it knows no price,
or that there is none: llmo asks its own catalogue then.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

from llmo.errors import (
    ContextTooLong,
    ModelNotFound,
    ProviderError,
    QuotaExhausted,
    Refused,
    Rejected,
    TimedOut,
    Unauthorized,
)
from llmo.providers import failures, litellm_prices, openai, wire
from llmo.providers.counts import plausible
from llmo.providers.exchange import address
from llmo.providers.openai import OpenAI
from llmo.providers.openrouter import Priced
from llmo.types import Listed, Reported, Served

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llmo.providers.decoder import Decoder
    from llmo.providers.failures import Complaint, Headers, Verdict
    from llmo.providers.transport import Call, Reply
    from llmo.types import Event, Request

PATIENCE = 1.0
"""Seconds in which a proxy that is up says so."""
_UPSTREAM = "llm_provider-"
_SAID: Sequence[tuple[re.Pattern[str], Verdict]] = (
    (re.compile(r"invalid model name|not allowed to access model|key_model_access_denied"), ModelNotFound),
    (re.compile(r"no connected db"), Unauthorized),
    (re.compile(r"insufficient_quota|openaiexception - you exceeded your current quota"), QuotaExhausted),
    (re.compile(r"crossed budget|budget has been exceeded|budgetexceeded|exceeded budget"), QuotaExhausted),
    (re.compile(r"contextwindowexceedederror"), ContextTooLong),
    (re.compile(r"contentpolicyviolationerror"), Refused),
)
_HINTS: Mapping[Verdict, str] = {
    QuotaExhausted: "waiting does not help: a budget of the proxy, or its account at the provider, is used up"
}


class Chunks(Priced):
    """Chunks of a proxy, whose 0 is no price."""

    def money(self, message: dict[str, Any]) -> None:
        """The usage of a chunk, with its cost where there is one."""
        super().money(message)
        self.reported = self.reported or None


class LiteLLMProxy(OpenAI):
    """A provider of kind litellm-proxy."""

    request_id = "x-litellm-call-id"

    def ask(self, request: Request, model: str) -> tuple[Call, Decoder]:
        """The call that carries a request, and what reads its answer."""
        body = openai.encode(request, model, self.link)
        return self.call("POST", self.url("/chat/completions"), body), Chunks(self)

    def opening(self, reply: Reply) -> list[Event]:
        """What headers say of an answer: which deployment it is of, and what a whole one cost."""
        events = super().opening(reply)
        behind = reply.headers.get("x-litellm-model-name")
        if behind:
            events.append(Served(upstream=behind))
        cost = plausible(reply.headers.get("x-litellm-response-cost"))
        return [*events, Reported(cost)] if cost else events

    def failure(self, status: int, headers: Headers, body: bytes) -> ProviderError:
        """The error of a reply; the upstream's Retry-After comes under another name."""
        told = {name.removeprefix(_UPSTREAM): value for name, value in headers.items() if "retry-after" in name}
        return super().failure(status, {**told, **headers}, body)

    def failed(self, said: Complaint) -> ProviderError:
        """The error of a complaint."""
        kind = next((kind for words, kind in _SAID if words.search(said.lower)), None) or failures.verdict(said)
        return failures.error(self.link, said, kind=kind, hint=self._hint(said, kind))

    def _hint(self, said: Complaint, kind: Verdict) -> str | None:
        if kind is Unauthorized and "exception - " in said.lower:
            return "the proxy's own key for this model was refused: its configuration names it"
        return _HINTS.get(kind) or (openai.hint(said, self.link) if kind is Rejected else None)

    def root(self, path: str) -> str:
        """An address beside the API."""
        return wire.join(self.link.base_url, path, cut=("/chat/completions", "/v1"))

    async def models(self) -> Sequence[Listed]:
        """`GET /models`, with prices of `GET /model/info` where the key may see them."""
        listed = await self.fetch(self.url("/models"))
        try:
            info = await self.fetch(self.root("/model/info"))
        except ProviderError:
            info = {}
        known = litellm_prices.known(wire.seq(info.get("data")))
        rows = [wire.obj(row) for row in wire.seq(listed.get("data"))]
        return [litellm_prices.listed(row, known) for row in rows if wire.text(row.get("id"))]

    async def check(self) -> str:
        """`GET /health/readiness`, which needs no key and calls no model."""
        try:
            async with asyncio.timeout(PATIENCE):
                found = await self.fetch(self.root("/health/readiness"))
        except TimeoutError:
            raise TimedOut(f"{address(self.link)} did not say within {PATIENCE:g} s that it is ready") from None
        version = wire.text(found.get("litellm_version"))
        state = wire.text(found.get("status"))
        said = f"{address(self.link)} is {state}" if state else f"{address(self.link)} answers"
        return said + (f", litellm {version}" if version else "")
