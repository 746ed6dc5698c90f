"""A transport that says what goes over the wire, keys masked: `--debug`."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from llmo.types.redact import MASK, masked

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from llmo.providers.transports.transport import HttpRequest, HttpResponse, Transport

SHOWN = 2000
"""Characters of a body, and of each piece of an answer, that are shown."""
SLACK = 8192
"""Bytes beyond those that are looked at: a key that begins among those shown ends there."""
PLAIN = frozenset(
    {
        *("accept", "accept-encoding", "anthropic-beta", "anthropic-version", "content-length", "content-type"),
        *("user-agent", "x-title", "http-referer"),
    }
)
"""Headers of a request whose value is shown: those of the profile may be anybody's secret, whatever their name."""
SECRET = ("authorization", "api-key", "x-api-key", "cookie", "set-cookie", "www-authenticate", "proxy-authenticate")
"""Headers of a reply whose value is not."""


class Logged:
    """Another transport, and a line for each thing that passes."""

    def __init__(self, inner: Transport, say: Callable[[str], None]) -> None:
        self._inner, self._say = inner, say

    @asynccontextmanager
    async def exchange(self, call: HttpRequest) -> AsyncGenerator[HttpResponse]:
        """As the inner one."""
        asked = {name: value if name.lower() in PLAIN else MASK for name, value in call.headers.items()}
        self._say(f"> {call.method} {call.url}{_listed(asked)}")
        if call.body:
            self._say(f"> {_shown(call.body)}")
        async with self._inner.exchange(call) as reply:
            told = {name: MASK if name.lower() in SECRET else value for name, value in reply.headers.items()}
            self._say(f"< {reply.status}{_listed(told)}")
            yield LoggedResponse(reply, self._say)

    async def close(self) -> None:
        """As the inner one."""
        await self._inner.close()


class LoggedResponse:
    def __init__(self, inner: HttpResponse, say: Callable[[str], None]) -> None:
        self.status, self.headers = inner.status, inner.headers
        self._inner, self._say = inner, say

    async def chunks(self) -> AsyncGenerator[bytes]:
        """As the inner one; what is said ends between words, so that no key is said in two halves."""
        rest = b""
        try:
            async for chunk in self._inner.chunks():
                said = rest + chunk
                ends = max(said.rfind(b"\n"), said.rfind(b" "), len(said) - SLACK) + 1
                rest = said[ends:]
                if ends:
                    self._say(f"< {_shown(said[:ends])}")
                yield chunk
        finally:
            if rest:
                self._say(f"< {_shown(rest)}")

    async def read(self, limit: int) -> bytes:
        """As the inner one."""
        body = await self._inner.read(limit)
        self._say(f"< {_shown(body)}")
        return body


def _listed(headers: Mapping[str, str]) -> str:
    return "".join(f"\n    {name}: {value}" for name, value in headers.items())


def _shown(body: bytes) -> str:
    """The beginning of a body; masked before it is cut, or a part of a key would be left."""
    text = masked(body[: SHOWN + SLACK].decode("utf-8", "replace"))[:SHOWN]
    return text if len(body) <= SHOWN else f"{text} … ({len(body)} bytes)"
