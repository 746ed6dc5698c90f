"""
Deterministic answers without a network: for trying out, for tests, for dry runs in CI.

The answer depends on the request alone: an echo in sentences, the next line of a reply file,
or JSON that meets the given schema. Failures are settable, so that fallback, budgets and resume
can be tried without a key. Tokens are counted as words and marks, about what a tokenizer makes.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from typing import TYPE_CHECKING

from llmo.catalog.listing import ListedModel
from llmo.errors import ConfigError, Incomplete, RateLimited, Unavailable
from llmo.providers.offline.sample import sample
from llmo.storage.paths import expanded
from llmo.types.events import Finish, FinishReason, ServedBy, Text, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractAsyncContextManager

    from llmo.config.profile import OfflineConfig
    from llmo.providers.provider import ProviderContext
    from llmo.providers.transports.transport import HttpRequest, HttpResponse
    from llmo.types.events import Emit
    from llmo.types.messages import Request

MODELS = ("echo", "echo-large")
SHOWN = 200
"""Characters of the prompt that an echo repeats."""
SLOW_S = 3600.0
"""How long a call takes that is told to be slow: longer than any sensible timeout."""
_TOKEN = re.compile(r"\w+|[^\w\s]")


class Unplugged:
    """The transport of a provider that calls nobody."""

    def exchange(self, call: HttpRequest) -> AbstractAsyncContextManager[HttpResponse]:
        """Refuse: raises `ConfigError`."""
        raise ConfigError(f"the offline provider has no network: {call.url}")

    async def close(self) -> None:
        """Nothing to give back."""


class Offline:
    """The provider; calls are counted from 1 in each process for `fail_every`."""

    def __init__(self, context: ProviderContext) -> None:
        self._config: OfflineConfig = context.config.offline
        self._calls = itertools.count(1)
        self._replies = _script(self._config.reply_file)

    async def send(self, request: Request, model: str, emit: Emit) -> None:
        """Answer, or fail as configured."""
        failing = self._failing(next(self._calls))
        await self._before(failing)
        emit(ServedBy(model=model, request_id=None))
        answer = next(self._replies, None) if self._replies is not None else None
        text = answer if answer is not None else reply(request)
        text, reason = _limited(text, request)
        pieces = _pieces(text) if request.stream else [text]
        for number, piece in enumerate(pieces):
            if failing == "cut" and number >= max(1, len(pieces) // 2):
                raise Incomplete("the offline provider was told to cut its answer")
            if number and self._config.delay and request.stream:
                await asyncio.sleep(self._config.delay)
            if piece:
                emit(Text(piece))
        if failing == "cut":
            raise Incomplete("the offline provider was told to cut its answer")
        if not request.stream and self._config.delay:
            await asyncio.sleep(self._config.delay * len(_pieces(text)))
        emit(Usage(sum(count(m.text) for m in request.messages), count(text)))
        emit(Finish(reason))

    async def models(self) -> Sequence[ListedModel]:
        """Its models; any other name works too."""
        return [ListedModel(name) for name in MODELS]

    async def check(self) -> str:
        """Say that it is always there."""
        return "embedded, needs nothing"

    async def close(self) -> None:
        """Nothing to give back."""

    def _failing(self, call: int) -> str:
        return self._config.fail if call % self._config.fail_every == 0 else "none"

    async def _before(self, failing: str) -> None:
        if failing == "rate_limited":
            raise RateLimited("the offline provider was told to be rate limited", status=429)
        if failing == "unavailable":
            raise Unavailable("the offline provider was told to be unavailable", status=503, may_be_billed=False)
        if failing == "slow":
            await asyncio.sleep(SLOW_S)
        if self._config.first_token_delay:
            await asyncio.sleep(self._config.first_token_delay)


def count(text: str) -> int:
    """Tokens of a text: words and marks."""
    return len(_TOKEN.findall(text))


def reply(request: Request) -> str:
    """The answer to a request: JSON for a schema, else an echo in sentences."""
    prompt = next((m.text for m in reversed(request.messages) if m.role == "user"), "")
    if request.schema is not None:
        return sample(request.schema, prompt)
    words = " ".join(prompt.split())
    shown = words if len(words) <= SHOWN else f"{words[:SHOWN].rsplit(' ', 1)[0]} …"
    images = sum(len(m.images) for m in request.messages)
    seen = f" It came with {images} image{'s' * (images != 1)}." if images else ""
    total = len(prompt.split())
    return f"You said: {shown}\n\nThat is {total} word{'s' * (total != 1)}.{seen} No model was asked."


def _script(path: str | None) -> Iterator[str] | None:
    """Replies of a file, a line each, over and over. Raises `ConfigError` when it can't be read."""
    if path is None:
        return None
    try:
        lines = expanded(path).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"reply_file cannot be read: {path}", hint=str(exc)) from None
    return itertools.cycle(lines) if lines else None


def _pieces(text: str) -> list[str]:
    """Words with the space before them."""
    return re.findall(r"\s*\S+|\s+$", text) or [text]


def _limited(text: str, request: Request) -> tuple[str, FinishReason]:
    """Apply stop texts and the token limit."""
    reason: FinishReason = "stop"
    for stop in request.params.stop:
        text = text.split(stop, 1)[0] if stop else text
    limit = request.params.max_tokens
    if limit is not None and count(text) > limit:
        end = list(itertools.islice(_TOKEN.finditer(text), limit))[-1].end()
        text, reason = text[:end], "length"
    return text, reason
