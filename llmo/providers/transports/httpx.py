"""The transport for one call: light to import, though slow past 50 connections (see tests/bench/transport.py)."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from llmo.providers.transports import transport
from llmo.providers.transports.lean_httpx import httpx

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Awaitable, Mapping

    from llmo.providers.transports.transport import HttpRequest, HttpResponse

T = TypeVar("T")

_NO_CLOCK = httpx.Timeout(None)
_IDLE_S = 4.0
"""As in aiohttp_transport."""


class HttpxResponse:
    """A reply of httpx."""

    def __init__(self, response: httpx.Response, call: HttpRequest) -> None:
        self.status: int = response.status_code
        self.headers: Mapping[str, str] = dict(response.headers.items())
        self._response = response
        self._call = call

    async def chunks(self) -> AsyncGenerator[bytes]:
        """The body as it arrives."""
        body = self._response.aiter_bytes()
        seconds = self._call.first
        while True:
            try:
                chunk = await within(seconds, anext(body), self._call)
            except StopAsyncIteration:
                return
            except httpx.TransportError as exc:
                raise transport.cut(self._call, exc) from exc
            except httpx.DecodingError as exc:
                raise transport.cut(self._call, exc) from exc
            seconds = self._call.idle
            if chunk:
                yield chunk

    async def read(self, limit: int) -> bytes:
        """The body, or its beginning."""
        return await transport.gathered(self.chunks(), limit)


async def within(seconds: float, work: Awaitable[T], call: HttpRequest) -> T:
    """The result of one step, or `TimedOut`."""
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError:
        raise transport.silent(call, seconds) from None


class HttpxTransport:
    """Calls over httpx; a client per proxy, since httpx knows only one proxy each."""

    def __init__(self) -> None:
        self._clients: dict[tuple[str | None, bool], httpx.AsyncClient] = {}

    @asynccontextmanager
    async def exchange(self, call: HttpRequest) -> AsyncGenerator[HttpResponse]:
        """Send the call; the reply stands when its headers are in."""
        response = await self._send(call)
        try:
            yield HttpxResponse(response, call)
        finally:
            # The connection may be broken already; there is nothing more to say about it.
            with suppress(httpx.HTTPError):
                await response.aclose()

    async def _send(self, call: HttpRequest) -> httpx.Response:
        client = self._client(call)
        try:
            clocks = httpx.Timeout(None, connect=call.connect)
            body = call.body if call.file is None else call.file.chunks()
            request = client.build_request(
                call.method, call.url, headers=dict(call.headers), content=body, timeout=clocks
            )
            return await within(call.connect + call.first, client.send(request, stream=True), call)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, UnicodeError, ValueError) as exc:
            raise transport.bad_address(call) from exc
        except httpx.ConnectTimeout as exc:
            raise transport.connect_timeout(call) from exc
        except (httpx.ConnectError, httpx.ProxyError) as exc:
            raise transport.unreachable(call, exc) from exc
        except httpx.TransportError as exc:
            raise transport.cut(call, exc) from exc

    def _client(self, call: HttpRequest) -> httpx.AsyncClient:
        via = transport.proxy(call)
        secure = call.url.startswith("https:") or (via or "").startswith("https:")
        if (via, secure) not in self._clients:
            self._clients[via, secure] = _client(via, call, secure=secure)
        return self._clients[via, secure]

    async def close(self) -> None:
        """Give the connections back."""
        clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            await client.aclose()


def _client(via: str | None, call: HttpRequest, *, secure: bool) -> httpx.AsyncClient:
    # Loading certificates takes longer than the rest of a local call.
    verify: ssl.SSLContext | bool = transport.certificates() if secure else False
    try:
        carrier = httpx.AsyncHTTPTransport(
            verify=verify,
            trust_env=False,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=_IDLE_S),
            proxy=via,
            socket_options=transport.socket_options(),
        )
    except (ValueError, ImportError) as exc:
        raise transport.bad_proxy(call) from exc
    return httpx.AsyncClient(transport=carrier, timeout=_NO_CLOCK, follow_redirects=False, trust_env=False)
