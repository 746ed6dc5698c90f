"""
OpenRouter: chat completions with a price tag, answered by whichever host OpenRouter chooses.

Closing a stream early stops the bill at some hosts and not at others (Bedrock, Google, Groq, Mistral …), and
OpenRouter does not say which one it was before the end: a cancelled call stays in doubt until its record is asked for.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from llmo.providers.http import fields as wire
from llmo.providers.http.counts import AbsurdError, checked, count, dollars
from llmo.providers.http.provider import reserved
from llmo.providers.openai.decoder import OpenAIDecoder
from llmo.providers.openai.provider import OpenAI, draft
from llmo.providers.openrouter import errors
from llmo.providers.openrouter import models as openrouter_models
from llmo.providers.provider import RecordedCost
from llmo.types.events import Usage
from llmo.types.money import usd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llmo.catalog.listing import ListedModel
    from llmo.config.profile import RoutingConfig
    from llmo.errors import ProviderError
    from llmo.providers.http.decoder import Decoder
    from llmo.providers.http.error_mapping import ErrorBody
    from llmo.providers.provider import ProviderContext
    from llmo.providers.transports.transport import HttpRequest
    from llmo.types.events import Event
    from llmo.types.messages import Request, Strategy
    from llmo.types.money import Pico

APP = "llmo"
_SORT: Mapping[Strategy, str | None] = {"cheapest": "price", "fastest": "latency", "balanced": None}
"""OpenRouter's own balance of price and uptime is what `balanced` leaves alone."""
MILLION = 1_000_000


def wire_name(model: str) -> str:
    """The model as OpenRouter calls it: `auto` and its other routers stand under its own name."""
    return openrouter_models.OWN + model if model.partition(":")[0] in openrouter_models.ROUTERS else model


def encode(request: Request, model: str, context: ProviderContext) -> bytes:
    """The body of a chat completion, with the choices that OpenRouter is to make."""
    reserved(context, request)
    attachments = wire.Attachments()
    # Always by this name, and never left to the host's own limit: credit is checked against it.
    body = draft(request, wire_name(model), "max_completion_tokens", attachments)
    if context.config.routing.models:
        body["models"] = [wire_name(name) for name in context.config.routing.models]
    wishes = preferences(context.config.routing, request)
    own = {"provider": body.pop("provider")} if "provider" in body else {}
    if wishes:
        body["provider"] = wishes
    merged = wire.merged(wire.merged(body, own), request.params.extra)
    if price := wishes.get("max_price"):
        merged["provider"]["max_price"] = price
    return attachments.write(merged)


def preferences(routing: RoutingConfig, request: Request) -> dict[str, Any]:
    """The `provider` object: what the profile and the strategy say, and the price that money is held for."""
    sort = _SORT.get(request.strategy, routing.sort)
    fields = {
        "order": list(routing.order),
        "only": list(routing.only),
        "ignore": list(routing.ignore),
        "sort": sort,
        "max_price": max_price(routing, request.ceiling),
        "data_collection": routing.data_collection,
        "zdr": routing.zdr,
        # A host that drops the schema in silence would answer with anything.
        "require_parameters": routing.require_parameters or request.schema is not None,
    }
    said = {name: value for name, value in fields.items() if value}
    return said if routing.allow_fallbacks else {**said, "allow_fallbacks": False}


def max_price(routing: RoutingConfig, ceiling: tuple[Pico, Pico, Pico] | None) -> dict[str, str]:
    """Dollars per million tokens, and per request, above which no host may answer."""
    if routing.max_price_prompt_usd is not None and routing.max_price_completion_usd is not None:
        return {
            "prompt": routing.max_price_prompt_usd.strip().removeprefix("$"),
            "completion": routing.max_price_completion_usd.strip().removeprefix("$"),
            "request": routing.max_price_request_usd.strip().removeprefix("$"),
        }
    if ceiling is None:
        return {}
    return {
        "prompt": usd(ceiling[0] * MILLION),
        "completion": usd(ceiling[1] * MILLION),
        "request": usd(ceiling[2]),
    }


def spent(fields: Mapping[str, Any]) -> Pico | None:
    """
    The picodollars of a usage object. Raises `AbsurdError`.

    `cost` is what OpenRouter takes. With a key of one's own at the host (BYOK) that is its fee, and the
    host's bill comes on top; without one the host's price is part of it already.
    """
    cost = dollars(fields, "cost")
    if cost is None or fields.get("is_byok") is not True:
        return cost
    upstream = dollars(fields, "cost_details", "upstream_inference_cost")
    return None if upstream is None else cost + upstream


def charged(record: Mapping[str, Any]) -> RecordedCost | None:
    """What a generation record says; None when that is no amount."""
    upstream = {"upstream_inference_cost": record.get("upstream_inference_cost")}
    fields = {"cost": record.get("total_cost"), "is_byok": record.get("is_byok"), "cost_details": upstream}
    try:
        cost = spent(fields)
    except AbsurdError:
        return None
    return None if cost is None else RecordedCost(cost, _counted(record))


def _counted(record: Mapping[str, Any]) -> Usage | None:
    """The tokens of a record as the host counted them."""
    try:
        given, made, cached, thought = (
            count(record, f"native_tokens_{name}") for name in ("prompt", "completion", "cached", "reasoning")
        )
        if given is None or made is None:
            return None
        return checked(Usage(given, made, cached_input_tokens=cached or 0, reasoning_tokens=thought or 0))
    except AbsurdError:
        return None


class OpenRouterDecoder(OpenAIDecoder):
    """Chunks that say who answered and what it cost."""

    def money(self, message: dict[str, Any]) -> None:
        """The usage of a chunk, with its cost."""
        super().money(message)
        self.bill(spent, wire.obj(message.get("usage")))

    def read(self, message: dict[str, Any]) -> list[Event]:
        """The events of one chunk."""
        upstream = message.get("provider")
        served = self.serve(model=message.get("model"), upstream=upstream) if upstream else []
        return served + super().read(message)


class OpenRouter(OpenAI):
    """A provider of kind openrouter."""

    request_id = "x-generation-id"

    def credentials(self) -> Mapping[str, str]:
        """The bearer token, and the name under which OpenRouter lists the calls."""
        return {**super().credentials(), "http-referer": APP, "x-title": APP}

    def ask(self, request: Request, model: str) -> tuple[HttpRequest, Decoder]:
        """The call that carries a request, and what reads its answer."""
        body = encode(request, model, self.context)
        return self.call("POST", self.url("/chat/completions"), body), OpenRouterDecoder(self.context, self.failed)

    def failed(self, said: ErrorBody) -> ProviderError:
        """The error of a complaint."""
        return errors.failed(self.context, said)

    async def charged(self, request_id: str) -> RecordedCost | None:
        """`GET /generation?id=`: the record of a call, a moment after it ended."""
        address = self.url("/generation")
        query = f"{'&' if '?' in address else '?'}{urlencode({'id': request_id})}"
        status, headers, body = await self.get(address + query)
        if status == HTTPStatus.NOT_FOUND:
            return None
        if status != HTTPStatus.OK:
            raise self.failure(status, headers, body)
        return charged(wire.obj(self.parsed(status, headers, body).get("data")))

    async def models(self) -> Sequence[ListedModel]:
        """`GET /models`, with prices."""
        listed = await self.fetch(self.url("/models"))
        rows = [openrouter_models.listed(wire.obj(row)) for row in wire.seq(listed.get("data"))]
        return [row for row in rows if row is not None]

    async def check(self) -> str:
        """`GET /key`: what the key may still spend."""
        return openrouter_models.key(wire.obj((await self.fetch(self.url("/key"))).get("data")))
