"""
What does an answer cost on its way through llmo, money and network left out? Run by hand: PYTHONPATH=. python tests/bench/engine.py.

A transport that has the bytes already, OpenAI's dialect, the engine with an account and rate limits that do nothing:
CPU of one whole answer, and of one that is streamed in pieces to a reader.
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager
from dataclasses import replace

from llmo.config.profile import ProviderConfig
from llmo.engine.engine import Engine
from llmo.engine.job import Job
from llmo.providers.provider import ProviderContext
from llmo.providers.registry import factory
from llmo.types.clock import SystemClock
from tests.fakes import HELLO, A, Note, Open, candidate, plan

PIECES = 300
ROUNDS = 30
USAGE = {"prompt_tokens": 80, "completion_tokens": 120, "total_tokens": 200}


def whole() -> list[bytes]:
    text = "A photograph of a harbor at dusk with boats. " * 12
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return [json.dumps({"id": "c", "model": "m", "choices": [choice], "usage": USAGE}).encode()]


def streamed() -> list[bytes]:
    def chunk(text, reason=None, **more):
        choice = {"index": 0, "delta": {"content": text}, "finish_reason": reason}
        return b"data: %s\n\n" % json.dumps({"id": "c", "model": "m", "choices": [choice], **more}).encode()

    return [*(chunk("word ") for _ in range(PIECES)), chunk("", "stop", usage=USAGE), b"data: [DONE]\n\n"]


class Ready:
    """A transport that has its reply."""

    status = 200

    def __init__(self, pieces, kind):
        self.pieces, self.headers = pieces, {"content-type": kind}

    @asynccontextmanager
    async def exchange(self, call):
        yield self

    async def chunks(self):
        for piece in self.pieces:
            yield piece

    async def read(self, limit):
        return b"".join(self.pieces)


async def cost(transport, job, times, *reader):
    context = ProviderContext("a", "http://llmo.invalid/v1", "k", ProviderConfig(kind="openai"), transport)
    provider, account = factory("openai")(context), Note([])
    engine = Engine(
        providers=lambda _: provider,
        account=account,  # type: ignore[arg-type]
        rate_limits=Open(),  # type: ignore[arg-type]
        clock=SystemClock(),
    )
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(times):
            result = await engine.run(job, *reader)
        best = min(best, (time.process_time() - began) / times)
        assert result.ok, result.error
        account.log.clear()
    return best


async def main() -> None:
    job = Job(request=replace(HELLO, stream=False), plan=plan(candidate(A, 1)), run="r", queues=True, restart=True)
    took = await cost(Ready(whole(), "application/json"), job, 200)
    print(f"a whole answer: {took * 1e6:.0f} µs CPU")
    job = replace(job, request=HELLO, queues=False, restart=False)
    took = await cost(Ready(streamed(), "text/event-stream"), job, 10, [].append)
    print(f"{PIECES} pieces to a reader: {took * 1e3:.2f} ms CPU")


if __name__ == "__main__":
    asyncio.run(main())
