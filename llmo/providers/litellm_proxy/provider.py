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
from llmo.providers.http import error_mapping, fields
from llmo.providers.http.counts import plausible
from llmo.providers.http.provider import address
from llmo.providers.litellm import prices
from llmo.providers.openai.provider import OpenAI, encode, hint
from llmo.providers.openrouter.provider import OpenRouterDecoder
from llmo.types.events import ReportedCost, ServedBy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llmo.catalog.listing import ListedModel
    from llmo.providers.http.decoder import Decoder
    from llmo.providers.http.error_mapping import ErrorBody, Headers, Verdict
    from llmo.providers.transports.transport import HttpRequest, HttpResponse
    from llmo.types.events import Event
    from llmo.types.messages import Request

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
    QuotaExhausted: "retrying does not help: a budget of the proxy, or its account at the provider, is used up"
}


class LiteLLMProxyDecoder(OpenRouterDecoder):
    """Chunks of a proxy, whose 0 is no price."""

    def money(self, message: dict[str, Any]) -> None:
        """The usage of a chunk, with its cost where there is one."""
        super().money(message)
        self.reported = self.reported or None


class LiteLLMProxy(OpenAI):
    """A provider of kind litellm-proxy."""

    request_id = "x-litellm-call-id"

    def ask(self, request: Request, model: str) -> tuple[HttpRequest, Decoder]:
        """The call that carries a request, and what reads its answer."""
        body = encode(request, model, self.context)
        return self.call("POST", self.url("/chat/completions"), body), LiteLLMProxyDecoder(self.context, self.failed)

    def opening(self, reply: HttpResponse) -> list[Event]:
        """What headers say of an answer: which deployment it is of, and what a whole one cost."""
        events = super().opening(reply)
        behind = reply.headers.get("x-litellm-model-name")
        if behind:
            events.append(ServedBy(upstream=behind))
        cost = plausible(reply.headers.get("x-litellm-response-cost"))
        return [*events, ReportedCost(cost)] if cost else events

    def failure(self, status: int, headers: Headers, body: bytes) -> ProviderError:
        """The error of a reply; the upstream's Retry-After comes under another name."""
        told = {name.removeprefix(_UPSTREAM): value for name, value in headers.items() if "retry-after" in name}
        return super().failure(status, {**told, **headers}, body)

    def failed(self, said: ErrorBody) -> ProviderError:
        """The error of a complaint."""
        kind = next((kind for words, kind in _SAID if words.search(said.lower)), None) or error_mapping.classify(said)
        return error_mapping.error(self.context, said, kind=kind, hint=self._hint(said, kind))

    def _hint(self, said: ErrorBody, kind: Verdict) -> str | None:
        if kind is Unauthorized and "exception - " in said.lower:
            return "the proxy's own key for this model was refused: check the proxy's configuration"
        return _HINTS.get(kind) or (hint(said, self.context) if kind is Rejected else None)

    def root(self, path: str) -> str:
        """An address beside the API."""
        return fields.join(self.context.base_url, path, cut=("/chat/completions", "/v1"))

    async def models(self) -> Sequence[ListedModel]:
        """`GET /models`, with prices of `GET /model/info` where the key may see them."""
        listed = await self.fetch(self.url("/models"))
        try:
            info = await self.fetch(self.root("/model/info"))
        except ProviderError:
            info = {}
        known = prices.known(fields.seq(info.get("data")))
        rows = [fields.obj(row) for row in fields.seq(listed.get("data"))]
        return [prices.listed(row, known) for row in rows if fields.text(row.get("id"))]

    async def check(self) -> str:
        """`GET /health/readiness`, which needs no key and calls no model."""
        try:
            async with asyncio.timeout(PATIENCE):
                found = await self.fetch(self.root("/health/readiness"))
        except TimeoutError:
            raise TimedOut(f"{address(self.context)} did not report ready within {PATIENCE:g} s") from None
        version = fields.text(found.get("litellm_version"))
        state = fields.text(found.get("status"))
        said = f"{address(self.context)} is {state}" if state else f"{address(self.context)} answers"
        return said + (f", litellm {version}" if version else "")
