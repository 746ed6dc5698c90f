"""What OpenRouter's complaints mean: its own refusals, those of its hosts, and who could answer instead."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from llmo.errors import ModelNotFound, QuotaExhausted, RateLimited, Refused, Rejected, Unauthorized, Unavailable
from llmo.providers.http import error_mapping, fields, rate_headers
from llmo.providers.openai import provider as openai

if TYPE_CHECKING:
    from llmo.errors import ProviderError
    from llmo.providers.http.error_mapping import ErrorBody, Verdict
    from llmo.providers.provider import ProviderContext

_AFFORDS = re.compile(r"can only afford (\d{1,18})")
_MILLISECONDS = 10**11
"""A reset above this is not in seconds: they would be of the year 5138."""
_SHOWN = 3
_FREE_MINUTE = "free models allow 20 requests per minute: set rpm = 20 for the provider"
_FREE_DAY = (
    "free models allow 50 requests per day, 1,000 after buying $10 of credit; models without :free have no such limit"
)


def failed(context: ProviderContext, said: ErrorBody) -> ProviderError:
    """The error of a complaint."""
    kind = verdict(said)
    error = error_mapping.error(context, said, kind=kind, hint=hint(context, said, kind))
    if error.retry_after is None:
        error.retry_after = rate_headers.wait(_patience(context, said))
    return error


def verdict(said: ErrorBody) -> Verdict:
    """Which error it is; where OpenRouter says whether trying again helps, that decides about hosts and models."""
    found = error_mapping.classify(said)
    if found is Unauthorized and {"reasons", "flagged_input"} & fields.obj(said.details.get("metadata")).keys():
        return Refused
    retryable = _availability(said).get("retryable")
    if retryable is True and found in (ModelNotFound, Rejected):
        return Unavailable
    if retryable is False and (found.temporary or found is Rejected):
        return ModelNotFound
    # Nobody who may answer: no host, or none that the request's own conditions leave.
    return ModelNotFound if found is Rejected and said.status == HTTPStatus.NOT_FOUND else found


def hint(context: ProviderContext, said: ErrorBody, kind: Verdict) -> str | None:
    """What to do, when OpenRouter's own words tell it."""
    if kind is QuotaExhausted and (afforded := _AFFORDS.search(said.lower)):
        return f"the credit pays for --max-tokens {afforded[1]}; add credit for more"
    if kind is RateLimited and "free-models" in said.lower:
        return _FREE_DAY if "per-day" in said.lower else _FREE_MINUTE
    return _instead(context, said) or (openai.hint(said, context) if kind is Rejected else None)


def _availability(said: ErrorBody) -> dict[str, Any]:
    inner = fields.obj(said.details.get("metadata")).get("availability")
    return fields.obj(said.details.get("availability")) or fields.obj(inner)


def _instead(context: ProviderContext, said: ErrorBody) -> str | None:
    """What shut the hosts out, and which models there are instead."""
    there = _availability(said)
    excluded, others = _names(there.get("excluded_by")), _names(there.get("fallback_models"))
    detail = fields.text(fields.obj(there.get("constraint")).get("detail"))
    parts = [f"shut out by {excluded}"] if excluded else []
    parts += [detail] if detail else []
    parts += [f"instead there is {others}"] if others else []
    return error_mapping.clean("; ".join(parts), context.api_key) or None


def _names(value: Any) -> str:
    """The first few names in a list of texts, or of objects that hold a text."""
    texts = []
    for one in fields.seq(value):
        inner = one.values() if isinstance(one, dict) else (one,)
        texts += [text for text in inner if isinstance(text, str) and text][:1]
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return ", ".join(texts[:_SHOWN]) + more


def _patience(context: ProviderContext, said: ErrorBody) -> float | None:
    """Seconds to wait, by what is told outside of Retry-After."""
    wait = rate_headers.number(_availability(said).get("retry_after"))
    if wait is not None:
        return wait
    told = fields.obj(fields.obj(said.details.get("metadata")).get("headers"))
    headers = {name.lower(): value for name, value in told.items()} | dict(said.headers)
    reset = rate_headers.number(headers.get("x-ratelimit-reset"))
    if not reset:
        return None
    return max(0.0, (reset / 1000 if reset > _MILLISECONDS else reset) - context.clock.now())
