"""Whatever a server says instead of an answer, as one of llmo's errors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeAlias

from llmo.config.kinds import KINDS
from llmo.errors import (
    ContextTooLong,
    ModelNotFound,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    Refused,
    Rejected,
    Unauthorized,
    Unavailable,
)
from llmo.providers.http import fields, rate_headers
from llmo.providers.transports.transport import shown
from llmo.types.dataclass import dataclass, field
from llmo.types.messages import EMPTY
from llmo.types.redact import masked

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmo.providers.provider import ProviderContext

Verdict: TypeAlias = type[ProviderError]
MakeError: TypeAlias = "Callable[[ErrorBody], ProviderError]"
"""Makes the error of what a server says instead of an answer, or in the middle of one."""
Headers: TypeAlias = Mapping[str, str]

BODY_LIMIT = 64 * 2**10
_SHOWN = 500
_SHOWN_RAW = 200
NO_HEADERS: Headers = {}

_WORDS: Mapping[Verdict, str] = {
    QuotaExhausted: "insufficient_quota credit_balance_exhausted organization_spend_limit_exceeded "
    "project_spend_limit_exceeded organization_usage_limit_exceeded billing_hard_limit_reached billing_not_active "
    "payment_required billing_error enforced_spend_limit_reached contract_spend_limit_reached "
    "linked_organization_spend_limit_reached",
    RateLimited: "rate_limit_exceeded rate_limit_error slow_down ramp_limit_exceeded resource_unavailable "
    "throttling_error",
    ContextTooLong: "context_length_exceeded token_limit_exceeded string_too_long exceed_context_size_error",
    ModelNotFound: "model_not_found model_deprecated invalid_model",
    Refused: "content_policy_violation content_filter moderation_blocked refusal",
    Unauthorized: "invalid_api_key authentication_error authentication permission_error permission_denied "
    "unsupported_country_region_territory organization_on_hold",
    Unavailable: "server_error api_error overloaded_error server_is_overloaded service_unavailable_error "
    "timeout_error timeout provider_overloaded provider_unavailable server",
    Rejected: "unsupported_parameter unsupported_value invalid_json_schema request_too_large payload_too_large",
}
_BY_WORD = {word: found for found, words in _WORDS.items() for word in words.split()}

_BY_STATUS: Mapping[int, Verdict] = {
    401: Unauthorized,
    402: QuotaExhausted,
    403: Unauthorized,
    408: Unavailable,
    409: Unavailable,
    425: Unavailable,
    429: RateLimited,
    499: Unavailable,
}
_SIZE_STATUSES = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)
_TOO_MUCH = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
_TURNED_AWAY = (HTTPStatus.SERVICE_UNAVAILABLE, 529)
"""Overloaded: refused before any work, as a 4xx is."""
_GAVE_UP = (HTTPStatus.REQUEST_TIMEOUT, 499)
"""The 4xx that may come after work had begun."""
_GENERAL: Mapping[str, Verdict] = {"invalid_request_error": Rejected, "not_found_error": ModelNotFound}

_TOO_LONG = re.compile(
    r"maximum context length|context (?:length|window|size)|prompt is too long|input is too long|too many input tokens"
    r"|`inputs` tokens \+"
)
_OUT_OF_MONEY = re.compile(
    r"credit balance is too low|usage limits?\b|spend(?:ing)? limit|more credits|insufficient (?:funds|balance)"
)
_NO_MODEL = re.compile(r"model not exist|invalid model\b")
_NO_KEY = re.compile(r"api key not valid")
_LIMIT = re.compile(r"limit:? (\d{1,18}),? requested:? (\d{1,18})")
_CONTROL = re.compile(r"[\x00-\x20\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]+")


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """What an error says: the most telling of its words come first."""

    message: str
    words: tuple[str, ...] = ()
    status: int | None = None
    headers: Headers = field(default_factory=lambda: NO_HEADERS)
    details: Mapping[str, Any] = field(default_factory=lambda: EMPTY)

    @property
    def lower(self) -> str:
        """The message for matching."""
        return self.message.lower()


def clean(text: str, key: str | None, limit: int = _SHOWN) -> str:
    """One line of `text`, no longer than `limit`, without control characters and without the key."""
    line = _CONTROL.sub(" ", masked(text, key)).strip().rstrip(".")
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def parse_error(status: int | None, headers: Headers, body: Any) -> ErrorBody | None:
    """
    The error in a JSON body of any server, None when there is none.

    Shapes seen: `{"error": {…}}` (OpenAI, Anthropic, OpenRouter), `{"error": "text"}` (Ollama), a list
    of these (Google's OpenAI endpoint), bare fields (vLLM, gateways), `{"detail": …}` (FastAPI).
    """
    top = fields.obj(body[0] if isinstance(body, list) and body else body)
    error = top.get("error") or top.get("detail")
    if not error and top.get("message"):
        error = top if isinstance(top["message"], str) else fields.obj(top["message"]).get("detail")
    if not error:
        return None
    if isinstance(error, list):
        error = error[0]
    if not isinstance(error, dict):
        return ErrorBody(str(error), (), status, headers, top)
    words = _words(error)
    message = fields.text(error.get("message")) or _placed(error) or " ".join(words) or "no message"
    return ErrorBody(message, words, status or _code_status(error), headers, error)


def _placed(error: dict[str, Any]) -> str:
    """What FastAPI says of one field, and of which: `seed: Extra inputs are not permitted`."""
    place = ".".join(str(part) for part in fields.seq(error.get("loc")) if part != "body")
    return ": ".join(part for part in (place, fields.text(error.get("msg"))) if part)


def _words(error: dict[str, Any]) -> tuple[str, ...]:
    details, metadata = fields.obj(error.get("details")), fields.obj(error.get("metadata"))
    found = (
        error.get("code"),
        details.get("error_code"),
        metadata.get("error_type"),
        error.get("error_type"),
        error.get("type"),
        error.get("status"),
    )
    return tuple(word for word in found if isinstance(word, str) and word)


def _code_status(error: dict[str, Any]) -> int | None:
    """The status that a proxy wrote into `code`, as a number or as its digits."""
    code = error.get("code", error.get("http_status"))
    digits = str(code)
    return int(digits) if digits.isdecimal() and digits.isascii() and len(digits) == len("500") else None


def classify(said: ErrorBody) -> Verdict:
    """Which error it is: by code, then type, then wording, then status; a 4xx beats general words."""
    if said.status in _TOO_MUCH and _never_fits(said.lower):
        return Rejected
    words = [word.lower() for word in said.words]
    known = [_BY_WORD[word] for word in words if word in _BY_WORD]
    if decisive(said.status):
        # `api_error` and its like are what servers call whatever they have no word for.
        known = [one for one in known if one is not Unavailable]
    if QuotaExhausted in known:
        return QuotaExhausted
    if known:
        return _worded(known[0], said)
    return (
        _by_text(said)
        or _by_status(said.status)
        or next((_GENERAL[word] for word in words if word in _GENERAL), Unavailable)
    )


def decisive(status: int | None) -> bool:
    """Whether a status says more than a general word: all of 4xx do, 5xx and 200 say nothing by themselves."""
    return status is not None and HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR


def _worded(found: Verdict, said: ErrorBody) -> Verdict:
    """A spend limit may hide behind the type of a rate limit."""
    return QuotaExhausted if found is RateLimited and _OUT_OF_MONEY.search(said.lower) else found


def _never_fits(message: str) -> bool:
    """One request larger than the whole limit per minute: waiting will not help."""
    found = _LIMIT.search(message)
    if found:
        return int(found[2]) > int(found[1])
    return "request too large" in message


def _by_text(said: ErrorBody) -> Verdict | None:
    status = said.status or HTTPStatus.BAD_REQUEST
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return None
    if _OUT_OF_MONEY.search(said.lower):
        return QuotaExhausted
    if status in _SIZE_STATUSES:
        told = ((_TOO_LONG, ContextTooLong), (_NO_MODEL, ModelNotFound), (_NO_KEY, Unauthorized))
        return next((kind for words, kind in told if words.search(said.lower)), None)
    if status == HTTPStatus.NOT_FOUND:
        return ModelNotFound if "model" in said.lower or said.words else Rejected
    return None


def _by_status(status: int | None) -> Verdict | None:
    if status is None or status == HTTPStatus.OK:
        return None
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return Unavailable if status >= HTTPStatus.INTERNAL_SERVER_ERROR else Rejected


def error(context: ProviderContext, said: ErrorBody, *, kind: Verdict, hint: str | None = None) -> ProviderError:
    """The error for the user: who said what, and what to do."""
    said_by = f"{context.name} returned HTTP {said.status}" if said.status else f"{context.name} reported an error"
    return kind(
        f"{said_by}: {clean(said.message, context.api_key)}",
        hint=hint or general_hint(context, kind),
        status=said.status,
        code=said.words[0] if said.words else None,
        request_id=request_id(said.headers),
        retry_after=_wait(context, said),
        may_be_billed=False if _unpaid(context, said) else None,
    )


def _wait(context: ProviderContext, said: ErrorBody) -> float | None:
    """Seconds to wait: a header's, else those of Google's RetryInfo."""
    told = (fields.text(fields.obj(one).get("retryDelay")) for one in fields.seq(said.details.get("details")))
    wait = rate_headers.retry_after(said.headers, context.clock)
    return rate_headers.wait(next(map(rate_headers.seconds, filter(None, told)), None)) if wait is None else wait


def _unpaid(context: ProviderContext, said: ErrorBody) -> bool:
    """
    Whether the request surely cost nothing.

    A 500 in the words of the API came instead of an answer, so no token was made. A 502, a 504 or a
    page without an error object is a gateway's, and so is every 500 of a proxy: behind it the work
    may have been done.
    """
    if said.status is None:
        return False
    if said.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return not KINDS[context.config.kind].gateway and bool(said.words or said.details)
    refused = HTTPStatus.BAD_REQUEST <= said.status < HTTPStatus.INTERNAL_SERVER_ERROR and said.status not in _GAVE_UP
    return refused or said.status in _TURNED_AWAY


def general_hint(context: ProviderContext, kind: Verdict) -> str | None:
    """What to do about an error of any server."""
    if kind is Unauthorized:
        variable = context.config.api_key_env or KINDS[context.config.kind].key_env
        return f"check the key of {context.name}" + (f": {variable}" if variable else "")
    return {
        QuotaExhausted: "retrying does not help: add credit or raise the limit at the provider",
        ContextTooLong: "shorten the prompt or choose a model with a larger context",
        ModelNotFound: f"llmo models --provider {context.name} --refresh lists its models",
    }.get(kind)


def request_id(headers: Headers) -> str | None:
    """The provider's name for the exchange."""
    return headers.get("x-request-id") or headers.get("request-id")


def redirected(context: ProviderContext, status: int, headers: Headers) -> ProviderError:
    """A redirect is not followed: the key would travel to a host that nobody named."""
    from urllib.parse import urlsplit

    target = urlsplit(headers.get("location", ""))
    place = f"{target.scheme}://{target.netloc.rpartition('@')[2]}" if target.netloc else clean(target.path, None)
    return Rejected(
        f"{context.name} returned HTTP {status}: it redirects to {clean(place, context.api_key) or 'nowhere'}",
        hint="if that address is right, set it as base_url of the provider",
        status=status,
    )


def not_json(context: ProviderContext, status: int, headers: Headers, body: bytes) -> ProviderError:
    """A body that no API sends: a proxy's page, a wrong address, a broken answer."""
    said = ErrorBody(body.decode("utf-8", "replace"), (), status, headers)
    what = clean(said.message, context.api_key, _SHOWN_RAW)
    foreign = any(word in headers.get("content-type", "") for word in ("html", "text/plain"))
    kind = _by_status(status) or (Rejected if foreign else Unavailable)
    lasting = status == HTTPStatus.OK or not kind.temporary
    hint = f"is {shown(context.base_url)} really an {context.config.kind} server?" if lasting else None
    failed = error(context, said, kind=kind, hint=hint)
    failed.message = f"{context.name} returned HTTP {status}" + (
        f", not JSON: {what}" if what else " with an empty body"
    )
    failed.args = (failed.message,)
    return failed
