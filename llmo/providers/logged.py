"""A transport that says what goes over the wire: `--debug`. Keys are masked by whoever prints the lines."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from llmo.providers.transport import Call, Reply, Transport

SHOWN = 2000
"""Bytes of a body, and of each piece of an answer, that are shown."""
SECRET = ("authorization", "x-api-key", "api-key", "cookie", "set-cookie")


class Logged:
    """Another transport, and a line for each thing that passes."""

    def __init__(self, inner: Transport, say: Callable[[str], None]) -> None:
        self._inner, self._say = inner, say

    @asynccontextmanager
    async def exchange(self, call: Call) -> AsyncGenerator[Reply]:
        """As the inner one."""
        self._say(f"> {call.method} {call.url}{_listed(call.headers)}")
        if call.body:
            self._say(f"> {_shown(call.body)}")
        async with self._inner.exchange(call) as reply:
            self._say(f"< {reply.status}{_listed(reply.headers)}")
            yield _Reply(reply, self._say)

    async def close(self) -> None:
        """As the inner one."""
        await self._inner.close()


class _Reply:
    def __init__(self, inner: Reply, say: Callable[[str], None]) -> None:
        self.status, self.headers = inner.status, inner.headers
        self._inner, self._say = inner, say

    async def chunks(self) -> AsyncGenerator[bytes]:
        """As the inner one."""
        async for chunk in self._inner.chunks():
            self._say(f"< {_shown(chunk)}")
            yield chunk

    async def read(self, limit: int) -> bytes:
        """As the inner one."""
        body = await self._inner.read(limit)
        self._say(f"< {_shown(body)}")
        return body


def _listed(headers: Mapping[str, str]) -> str:
    return "".join(f"\n    {name}: {'****' if name.lower() in SECRET else value}" for name, value in headers.items())


def _shown(body: bytes) -> str:
    text = body[:SHOWN].decode("utf-8", "replace")
    return text if len(body) <= SHOWN else f"{text} … ({len(body)} bytes)"
