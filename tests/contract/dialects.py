"""The dialects under contract: recorded bytes, and what they must come to. A new dialect is one more row."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmo.config.profile import ProviderConfig
from llmo.errors import (
    ContextTooLong,
    ModelNotFound,
    QuotaExhausted,
    RateLimited,
    Refused,
    Rejected,
    Unauthorized,
    Unavailable,
)
from llmo.providers.provider import ProviderContext
from llmo.providers.registry import factory
from llmo.providers.transports.transport import gathered
from llmo.types.messages import Message, Request
from tests import virtual
from tests.emitted import heard

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping

    from llmo.errors import LlmoError
    from llmo.providers.transports.transport import HttpRequest, HttpResponse
    from llmo.types.events import Event

WIRE = Path(__file__).parent.parent / "wire"
KEY = "sk-a-secret-that-stays-here"
HELLO = Request((Message("user", "hello"),))
JSON = {"content-type": "application/json"}


@dataclass(frozen=True)
class Case:
    """An error as a server sends it, and as llmo calls it."""

    status: int
    body: str
    error: type[LlmoError]


@dataclass(frozen=True)
class Row:
    """One dialect: where its bytes are, how it frames, what its errors look like."""

    kind: str
    base_url: str
    stream: str
    content_type: str
    errors: Mapping[str, Case]
    refuses: bool = True
    marker: bytes | None = None
    whole_headers: Mapping[str, str] = field(default_factory=dict)
    comment: bytes | None = b": keep-alive\n\n"
    line_ends: tuple[bytes, ...] = (b"\r\n", b"\r")

    def wire(self, name: str) -> bytes:
        return (WIRE / self.kind / (name if "." in name else f"{name}.{self.stream}")).read_bytes()

    @property
    def streamed(self) -> dict[str, str]:
        return {"content-type": self.content_type}


def _openai(message: str, **fields: Any) -> str:
    import json

    return json.dumps({"error": {"message": message, "type": "invalid_request_error", "param": None, **fields}})


def _anthropic(kind: str, message: str, code: str | None = None) -> str:
    import json

    details = {"details": {"error_code": code}} if code else {}
    return json.dumps({"type": "error", "error": {"type": kind, "message": message, **details}, "request_id": "req_1"})


OPENAI = Row(
    "openai",
    "https://api.openai.com/v1",
    "sse",
    "text/event-stream; charset=utf-8",
    {
        "rate": Case(429, _openai("Rate limit reached", type="requests", code="rate_limit_exceeded"), RateLimited),
        "quota": Case(
            429, _openai("You exceeded", type="insufficient_quota", code="insufficient_quota"), QuotaExhausted
        ),
        "quota-by-type": Case(429, _openai("You exceeded", type="insufficient_quota", code=None), QuotaExhausted),
        "spend-limit": Case(429, _openai("stop", code="project_spend_limit_exceeded"), QuotaExhausted),
        "slow-down": Case(429, _openai("ramping", code="slow_down"), RateLimited),
        "never-fits": Case(
            429, _openai("Request too large for m on TPM: Limit 10000, Requested 12000.", type="tokens"), Rejected
        ),
        "fits-later": Case(
            429, _openai("Rate limit reached: Limit 10000, Used 9000, Requested 1200.", type="tokens"), RateLimited
        ),
        "key": Case(401, _openai("Incorrect API key provided", code="invalid_api_key"), Unauthorized),
        "country": Case(403, _openai("no", code="unsupported_country_region_territory"), Unauthorized),
        "model": Case(404, _openai("The model does not exist", code="model_not_found"), ModelNotFound),
        "context": Case(400, _openai("too long", code="context_length_exceeded"), ContextTooLong),
        "context-vllm": Case(
            400,
            '{"object":"error","message":"This model\'s maximum context length is 4096","code":400}',
            ContextTooLong,
        ),
        "parameter": Case(400, _openai("Unsupported", code="unsupported_parameter", param="max_tokens"), Rejected),
        "conflict": Case(409, _openai("locked", type="conflict"), Unavailable),
        "timeout": Case(408, _openai("slow"), Unavailable),
        "broken": Case(500, _openai("boom", type="server_error"), Unavailable),
        "overloaded": Case(503, _openai("busy", type="service_unavailable_error"), Unavailable),
        "numeric-code": Case(502, '{"error":{"code":502,"message":"upstream"}}', Unavailable),
        "credits": Case(402, '{"error":{"code":402,"message":"This request requires more credits"}}', QuotaExhausted),
        "google-list": Case(
            429, '[{"error":{"code":429,"message":"busy","status":"RESOURCE_EXHAUSTED"}}]', RateLimited
        ),
        "fastapi": Case(422, '{"detail":[{"loc":["body"],"msg":"field required","type":"missing"}]}', Rejected),
        "gateway": Case(404, '{"message":"no Route matched with those values"}', Rejected),
        "wordless": Case(503, '{"status":"down"}', Unavailable),
        "wrong-path": Case(404, '{"detail":"Not Found"}', Rejected),
    },
    marker=b'"finish_reason":"stop"',
)
ANTHROPIC = Row(
    "anthropic",
    "https://api.anthropic.com",
    "sse",
    "text/event-stream; charset=utf-8",
    {
        "rate": Case(429, _anthropic("rate_limit_error", "slow"), RateLimited),
        "ramp": Case(429, _anthropic("rate_limit_error", "slow", "ramp_limit_exceeded"), RateLimited),
        "quota": Case(429, _anthropic("rate_limit_error", "cap", "enforced_spend_limit_reached"), QuotaExhausted),
        "quota-400": Case(
            400,
            _anthropic("invalid_request_error", "You have reached your specified API usage limits."),
            QuotaExhausted,
        ),
        "quota-402": Case(402, _anthropic("billing_error", "pay"), QuotaExhausted),
        "key": Case(401, _anthropic("authentication_error", "invalid x-api-key"), Unauthorized),
        "model": Case(404, _anthropic("not_found_error", "model: claude-z"), ModelNotFound),
        "context": Case(
            400, _anthropic("invalid_request_error", "prompt is too long: 210000 tokens > 200000"), ContextTooLong
        ),
        "output-limit": Case(400, _anthropic("invalid_request_error", "max_tokens: 99999 > 64000"), Rejected),
        "too-large": Case(413, _anthropic("request_too_large", "Request exceeds the maximum size"), Rejected),
        "broken": Case(500, _anthropic("api_error", "boom"), Unavailable),
        "slow": Case(504, _anthropic("timeout_error", "slow"), Unavailable),
        "overloaded": Case(529, _anthropic("overloaded_error", "Overloaded"), Unavailable),
    },
)
OLLAMA = Row(
    "ollama",
    "http://127.0.0.1:11434",
    "ndjson",
    "application/x-ndjson",
    {
        "rate": Case(429, '{"error":"too many requests"}', RateLimited),
        "quota": Case(429, '{"error":"you (me) have reached your weekly usage limit"}', QuotaExhausted),
        "key": Case(401, '{"error":"unauthorized","signin_url":"https://ollama.com/connect"}', Unauthorized),
        "model": Case(404, '{"error":"model \'x\' not found"}', ModelNotFound),
        "context": Case(400, '{"error":"the input length exceeds the context length"}', ContextTooLong),
        "thinking": Case(400, '{"error":"\\"x\\" does not support thinking"}', Rejected),
        "memory": Case(500, '{"error":"model requires more system memory (9 GiB) than is available"}', Rejected),
        "crash": Case(500, '{"error":"model runner has unexpectedly stopped"}', Unavailable),
        "busy": Case(503, '{"error":"server busy, please try again.  maximum pending requests exceeded"}', Unavailable),
        "openai-shape": Case(500, '{"error":{"message":"boom"}}', Unavailable),
    },
    refuses=False,
    comment=None,
    line_ends=(b"\r\n",),
)


def _routed(code: int | str, message: str, kind: str | None = None, **fields: Any) -> str:
    import json

    metadata = {"metadata": {"error_type": kind}} if kind else {}
    return json.dumps({"error": {"code": code, "message": message, **metadata, **fields}, "user_id": "user_x"})


def _unavailable(code: str, *, retryable: bool, **fields: Any) -> dict[str, Any]:
    return {"availability": {"code": code, "retryable": retryable, "requested_models": ["a/b"], **fields}}


OPENROUTER = Row(
    "openrouter",
    "https://openrouter.ai/api/v1",
    "sse",
    "text/event-stream",
    {
        "rate": Case(429, _routed(429, "slow down", "rate_limit_exceeded"), RateLimited),
        "rate-free": Case(429, _routed(429, "Rate limit exceeded: free-models-per-min. "), RateLimited),
        "credit": Case(
            402,
            _routed(402, "This request requires more credits, or fewer max_tokens. You can only afford 304"),
            QuotaExhausted,
        ),
        "credit-by-type": Case(402, _routed("402", "no", "payment_required"), QuotaExhausted),
        "key": Case(401, _routed(401, "No auth credentials found", "authentication"), Unauthorized),
        "forbidden": Case(403, _routed(403, "guardrail", "permission_denied"), Unauthorized),
        "moderation": Case(
            403, _routed(403, "flagged", metadata={"reasons": ["violence"], "flagged_input": "…"}), Refused
        ),
        "policy": Case(400, _routed(400, "no", "content_policy_violation"), Refused),
        "context": Case(400, _routed(400, "too long", "context_length_exceeded"), ContextTooLong),
        "model": Case(
            404, _routed(404, "gone", "not_found", **_unavailable("model_not_found", retryable=False)), ModelNotFound
        ),
        "model-400": Case(
            400, _routed(400, "not a valid model ID", **_unavailable("model_not_found", retryable=False)), ModelNotFound
        ),
        "constraint": Case(404, _routed(404, "No endpoints found matching your data policy"), ModelNotFound),
        "wrong-endpoint": Case(
            404, _routed(404, "not a chat model", **_unavailable("wrong_endpoint", retryable=False)), ModelNotFound
        ),
        "full": Case(404, _routed(404, "full", **_unavailable("capacity_exhausted", retryable=True)), Unavailable),
        "closed": Case(
            503, _routed(503, "closed", **_unavailable("region_restricted", retryable=False)), ModelNotFound
        ),
        "parameters": Case(400, _routed(400, "bad", "invalid_request"), Rejected),
        "size": Case(413, _routed(413, "big", "payload_too_large"), Rejected),
        "overloaded": Case(503, _routed(503, "busy", "provider_overloaded"), Unavailable),
        "edge": Case(524, _routed(524, "slow", "timeout"), Unavailable),
        "broken": Case(502, _routed(502, "Bad gateway", "provider_unavailable"), Unavailable),
        "flat": Case(
            429, '{"error":{"message":"slow","http_status":429,"error_type":"rate_limit_exceeded"}}', RateLimited
        ),
    },
    marker=b'"finish_reason":"stop"',
)


def _litellm(message: str, code: str, kind: str | None = None) -> str:
    import json

    told = f"litellm.{message}\n\nLiteLLM: model group 'm' failed with the error above. No fallback was attempted."
    return json.dumps({"error": {"message": told, "type": kind, "param": None, "code": code}})


LITELLM = Row(
    "litellm-proxy",
    "http://127.0.0.1:4000",
    "sse",
    "text/event-stream; charset=utf-8",
    {
        "rate": Case(
            429, _litellm("RateLimitError: OpenAIException - Rate limit", "429", "throttling_error"), RateLimited
        ),
        "cooling": Case(429, _litellm("No deployments available, try again in 5 seconds", "429"), RateLimited),
        "quota": Case(
            429,
            _litellm("RateLimitError: OpenAIException - You exceeded your current quota", "429", "throttling_error"),
            QuotaExhausted,
        ),
        "budget": Case(
            400, _litellm("Budget has been exceeded! Current cost: 2, Max budget: 1", "400"), QuotaExhausted
        ),
        "provider-budget": Case(429, _litellm("No deployments available - crossed budget: x", "429"), QuotaExhausted),
        "key": Case(
            401, _litellm("Authentication Error, Invalid proxy server token", "401", "auth_error"), Unauthorized
        ),
        "key-without-database": Case(
            400,
            '{"error":{"message":"No connected db.","type":"no_db_connection","param":null,"code":"400"}}',
            Unauthorized,
        ),
        "upstream-key": Case(
            401,
            _litellm(
                "AuthenticationError: OpenAIException - Incorrect API key provided", "401", "authentication_error"
            ),
            Unauthorized,
        ),
        "model": Case(
            400,
            _litellm("Invalid model name passed in model=nope. Call `/v1/models`", "400", "invalid_request_error"),
            ModelNotFound,
        ),
        "context": Case(
            400,
            _litellm("ContextWindowExceededError: OpenAIException - too long", "400", "invalid_request_error"),
            ContextTooLong,
        ),
        "policy": Case(400, _litellm("ContentPolicyViolationError: OpenAIException - no", "400"), Refused),
        "parameter": Case(400, _litellm("UnsupportedParamsError: x", "400", "invalid_request_error"), Rejected),
        "slow": Case(408, _litellm("Timeout: x", "408"), Unavailable),
        "broken": Case(
            500, _litellm("InternalServerError: OpenAIException - boom", "500", "internal_server_error"), Unavailable
        ),
        "busy": Case(503, _litellm("ServiceUnavailableError: x", "503"), Unavailable),
    },
    refuses=False,
    marker=b'"finish_reason":"stop"',
    whole_headers={"x-litellm-response-cost": "1.875e-05"},
)
DIALECTS = (OPENAI, ANTHROPIC, OLLAMA, OPENROUTER, LITELLM)


@dataclass
class Scripted:
    """A transport that plays one reply: bytes are chunks, errors are raised, numbers slept."""

    script: Iterable[bytes | LlmoError | float]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    calls: list[HttpRequest] = field(default_factory=list)
    closed: int = 0

    @asynccontextmanager
    async def exchange(self, call: HttpRequest) -> AsyncGenerator[HttpResponse]:
        self.calls.append(call)
        try:
            yield self
        finally:
            self.closed += 1

    async def chunks(self) -> AsyncGenerator[bytes]:
        for step in self.script:
            if isinstance(step, float):
                await asyncio.sleep(step)
            elif isinstance(step, bytes):
                yield step
            else:
                raise step

    async def read(self, limit: int) -> bytes:
        return await gathered(self.chunks(), limit)

    async def close(self) -> None:
        return None


def link(row: Row, transport: Scripted, **config: Any) -> ProviderContext:
    made = ProviderConfig(kind=row.kind, **config)
    return ProviderContext(row.kind, row.base_url, KEY, made, transport, virtual.VirtualClock())


def events(row: Row, transport: Scripted, request: Request = HELLO) -> list[Event | LlmoError]:
    """Everything that a provider emits; a failure stands last."""

    return virtual.run(heard(factory(row.kind)(link(row, transport)), request))


def played(row: Row, name: str) -> list[Event | LlmoError]:
    """The events of recorded bytes that arrive at once."""
    return events(row, Scripted([row.wire(name)], headers=row.streamed))
