"""The transport for many calls at once: chosen by tests/bench/transport.py."""

from __future__ import annotations

import asyncio
import io
import socket
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import aiohttp

from llmo.providers.transports import transport

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from llmo.providers.transports.transport import HttpRequest

HEADER_LIMIT = 64 * 2**10
_LARGE = 2**20
_LINGER_S = 0.02
_IDLE_S = 4.0
"""Shorter than the 5 s after which many servers hang up: a call on a connection that is just closing may be billed."""


class AiohttpResponse:
    """A reply of aiohttp."""

    def __init__(self, response: aiohttp.ClientResponse, call: HttpRequest) -> None:
        self.status: int = response.status
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}
        self._response = response
        self._call = call
        self._seconds = call.first

    async def chunks(self) -> AsyncGenerator[bytes]:
        """The body as it arrives."""
        while chunk := await self._next():
            yield chunk

    async def _next(self) -> bytes:
        """The next bytes of the body, none at its end."""
        try:
            chunk = await self._response.content.readany()
        except aiohttp.SocketTimeoutError as exc:
            raise transport.silent(self._call, self._seconds) from exc
        except (aiohttp.ClientError, OSError) as exc:
            raise transport.cut(self._call, exc) from exc
        if chunk and self._seconds != self._call.idle:
            self._seconds = self._call.idle
            self._rewind(self._seconds)
        return chunk

    def _rewind(self, seconds: float) -> None:
        """From the first byte on the shorter clock runs; aiohttp restarts it with every byte."""
        connection = self._response.connection
        if connection is not None and connection.protocol is not None:
            connection.protocol.read_timeout = seconds
            connection.protocol.start_timeout()

    async def read(self, limit: int) -> bytes:
        """The body, or its beginning."""
        return await transport.joined(self._next, limit)

    async def settle(self) -> None:
        """
        Let the connection be used again where the body has ended but for its last frame.

        A stream ends for us with its marker, the connection with the frame after it.
        """
        content = self._response.content
        if self.status == HTTPStatus.OK and not content.is_eof():
            try:
                async with asyncio.timeout(_LINGER_S):
                    await content.readany()
            except (TimeoutError, aiohttp.ClientError, OSError):
                pass
        if content.is_eof():
            self._response.release()


class _Exchange:
    """A call and its reply; a generator in its place takes twice the time of entering and leaving it."""

    def __init__(self, carrier: AiohttpTransport, call: HttpRequest) -> None:
        self._carrier, self._call = carrier, call
        self._response: aiohttp.ClientResponse | None = None
        self._reply: AiohttpResponse | None = None

    async def __aenter__(self) -> AiohttpResponse:
        self._response = await self._carrier.send(self._call)
        self._reply = AiohttpResponse(self._response, self._call)
        return self._reply

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        assert self._response is not None
        assert self._reply is not None
        try:
            if kind is None:
                await self._reply.settle()
        finally:
            # After a release this does nothing.
            self._response.close()


class AiohttpTransport:
    """Calls over aiohttp: one session, connections without limit, since llmo's own rate limits are the limit."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._clocks: dict[tuple[float, float], aiohttp.ClientTimeout] = {}
        self._proxies: dict[tuple[str, bool], str | None] = {}

    def exchange(self, call: HttpRequest) -> _Exchange:
        """Send the call; the reply stands when its headers are in."""
        return _Exchange(self, call)

    async def send(self, call: HttpRequest) -> aiohttp.ClientResponse:
        """Send the call, for `exchange`, and wait for the headers of the reply."""
        session = self._opened()
        body: Any = io.BytesIO(call.body) if call.body is not None and len(call.body) > _LARGE else call.body
        if call.file is not None:
            body = call.file.chunks()
        try:
            return await session.request(
                call.method,
                call.url,
                headers=call.headers,
                data=body,
                timeout=self._clock(call),
                proxy=self._proxy(call),
                allow_redirects=False,
            )
        except (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError) as exc:
            # First, because an unknown certificate is a ValueError too.
            raise transport.unreachable(call, exc) from exc
        except (aiohttp.InvalidURL, ValueError, TypeError) as exc:
            raise transport.bad_address(call) from exc
        except aiohttp.ConnectionTimeoutError as exc:
            raise transport.connect_timeout(call) from exc
        except aiohttp.SocketTimeoutError as exc:
            raise transport.silent(call, call.first) from exc
        except (aiohttp.ClientError, OSError) as exc:
            raise transport.cut(call, exc) from exc

    def _clock(self, call: HttpRequest) -> aiohttp.ClientTimeout:
        seconds = call.connect, call.first
        if seconds not in self._clocks:
            self._clocks[seconds] = aiohttp.ClientTimeout(total=None, connect=call.connect, sock_read=call.first)
        return self._clocks[seconds]

    def _proxy(self, call: HttpRequest) -> str | None:
        if (call.url, call.direct) not in self._proxies:
            via = transport.proxy(call)
            if via and not via.startswith(("http://", "https://")):
                raise transport.bad_proxy(call)
            self._proxies[call.url, call.direct] = via
        return self._proxies[call.url, call.direct]

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=0, keepalive_timeout=_IDLE_S, ssl=transport.certificates(), socket_factory=_socket
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                max_line_size=HEADER_LIMIT,
                max_field_size=HEADER_LIMIT,
            )
        return self._session

    async def close(self) -> None:
        """Give the connections back."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def _socket(address: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    for level, option, value in transport.socket_options():
        made.setsockopt(level, option, value)
    return made
