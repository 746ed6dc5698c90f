"""
The transport for what an API is asked in the plain form: chosen by tests/bench/transport.py and start.py.

It takes the least of the CPU for many calls at once, and is imported soonest for one. Proxies, passwords in addresses
and other rare things are left to another transport.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from llmo.providers.transports import transport
from llmo.providers.transports.coding import CodingError, Unpacker
from llmo.providers.transports.connection import BrokenReplyError, Connection, Origin, SilenceError
from llmo.providers.transports.resolver import Resolver

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Callable, Mapping
    from contextlib import AbstractAsyncContextManager

    from llmo.errors import LlmoError
    from llmo.providers.transports.transport import HttpRequest, HttpResponse, Transport

LINGER_S = 0.02
_OK = int(HTTPStatus.OK)
IDLE_S = 4.0
"""Shorter than the 5 s after which many servers hang up: a call on a connection that is just closing may be billed."""
PREPARED = 64
"""Heads of requests that are kept: a provider has one address or two."""
PLAIN = re.compile(
    r"https?://(?:[A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\])(?::\d+)?(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?"
    r"(?:\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?"
)
"""Addresses that are sent as they stand."""
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")


class _Prepared(NamedTuple):
    """What is the same for all calls of an address: the head of the request up to its length, of these headers."""

    origin: Origin
    head: bytes
    headers: Mapping[str, str]


class PooledTransport:
    """Connections without limit, since llmo's own rate limits are the limit; the one that was used last comes first."""

    def __init__(self, rare: Callable[[], Transport] | None = None) -> None:
        """`rare` makes the transport for what is not plain; that of aiohttp where it is not given."""
        self._rare = rare or _over_aiohttp
        self._idle: dict[Origin, deque[Connection]] = {}
        self._prepared: dict[tuple[str, str], _Prepared] = {}
        self._plain: dict[tuple[str, bool], bool] = {}
        self._secure: ssl.SSLContext | None = None
        self._others: Transport | None = None
        self._resolver = Resolver()
        self._closed = False

    def exchange(self, call: HttpRequest) -> AbstractAsyncContextManager[HttpResponse]:
        """Send the call; the reply stands when its headers are in."""
        key = call.url, call.direct
        plain = self._plain.get(key)
        if plain is None:
            if len(self._plain) >= PREPARED:
                self._plain.clear()
            plain = self._plain[key] = PLAIN.fullmatch(call.url) is not None and transport.proxy(call) is None
        return Exchange(self, call) if plain and call.file is None else self._other().exchange(call)

    async def send(self, call: HttpRequest) -> Connection:
        """Send the call, for `exchange`, and wait for the headers of the reply."""
        known = self._prepared.get((call.method, call.url))
        if known is None or known.headers is not call.headers:
            known = self._prepare(call)
        body = call.body or b""
        connection = self._take(known.origin) or await self._connected(known.origin, call)
        try:
            connection.ask(call, b"%b%d\r\n\r\n%b" % (known.head, len(body), body))
            await connection.headed()
        except (SilenceError, BrokenReplyError, OSError) as exc:
            connection.close()
            raise failure(call, exc) from exc
        except BaseException:
            connection.close()
            raise
        return connection

    def release(self, connection: Connection) -> None:
        """Take back a connection after its exchange."""
        if not connection.end():
            return
        if self._closed:
            connection.close()
            return
        idle = self._idle.setdefault(connection.origin, deque())
        while idle and connection.freed - idle[0].freed > IDLE_S:
            idle.popleft().close()
        idle.append(connection)

    async def close(self) -> None:
        """Close the connections that wait for calls."""
        self._closed = True
        idle, self._idle = list(self._idle.values()), {}
        for connection in [one for some in idle for one in some]:
            connection.close()
        others, self._others = self._others, None
        if others is not None:
            await others.close()
        # Sockets are closed in the next turn of the loop.
        await asyncio.sleep(0)

    def _take(self, origin: Origin) -> Connection | None:
        """A connection that waits, if it is fresh."""
        idle = self._idle.get(origin)
        if not idle:
            return None
        now = idle[-1].time()
        while idle:
            connection = idle.pop()
            if connection.reusable and now - connection.freed <= IDLE_S:
                return connection
            connection.close()
        return None

    def _prepare(self, call: HttpRequest) -> _Prepared:
        parts = transport.split(call.url)
        assert parts.hostname is not None
        secure = parts.scheme == "https"
        origin = Origin(parts.hostname, parts.port or (443 if secure else 80), secure)
        headers = {"host": parts.netloc, "accept": "*/*", **{name.lower(): of for name, of in call.headers.items()}}
        headers.pop("content-length", None)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        lines = [f"{call.method} {path} HTTP/1.1"]
        for name, value in headers.items():
            if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
                raise transport.bad_address(call)
            lines.append(f"{name}: {value}")
        head = "\r\n".join([*lines, "content-length: "]).encode()
        if len(self._prepared) >= PREPARED:
            self._prepared.clear()
        found = self._prepared[call.method, call.url] = _Prepared(origin, head, call.headers)
        return found

    async def _connected(self, origin: Origin, call: HttpRequest) -> Connection:
        """A new connection, TLS included; no later than the call's clock for it."""
        loop = asyncio.get_running_loop()
        if origin.secure and self._secure is None:
            self._secure = transport.certificates()
        secure, name = (self._secure, origin.host) if origin.secure else (None, None)
        try:
            async with asyncio.timeout(call.connect):
                opened = await self._resolver.connected(origin.host, origin.port)
                try:
                    _, connection = await loop.create_connection(
                        lambda: Connection(origin, loop), sock=opened, ssl=secure, server_hostname=name
                    )
                except BaseException:
                    opened.close()
                    raise
        except TimeoutError as exc:
            # The system gives up with one too.
            raise transport.unreachable(call, exc) if exc.errno else transport.connect_timeout(call) from exc
        except OSError as exc:
            raise transport.unreachable(call, exc) from exc
        except (UnicodeError, ValueError) as exc:
            raise transport.bad_address(call) from exc
        return connection

    def _other(self) -> Transport:
        if self._others is None:
            self._others = self._rare()
        return self._others


def _over_aiohttp() -> Transport:
    from llmo.providers.transports.aiohttp import AiohttpTransport

    return AiohttpTransport()


class Exchange:
    """A call and its reply."""

    def __init__(self, pool: PooledTransport, call: HttpRequest) -> None:
        self._pool, self._call = pool, call
        self._unpacker: Unpacker | None = None
        self.status = 0
        self.headers: Mapping[str, str] = {}

    async def __aenter__(self) -> HttpResponse:
        self._connection = connection = await self._pool.send(self._call)
        self.status, self.headers = connection.status, connection.headers
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        connection = self._connection
        try:
            if kind is None and not connection.complete and self.status == _OK:
                await self._last_frame()
        finally:
            self._pool.release(connection)

    async def _last_frame(self) -> None:
        """A stream ends for us with its marker, the connection with the frame after it."""
        try:
            async with asyncio.timeout(LINGER_S):
                await self._connection.take()
        except (TimeoutError, SilenceError, BrokenReplyError, OSError):
            pass

    async def chunks(self) -> AsyncGenerator[bytes]:
        """The body as it arrives."""
        while chunk := await self._next():
            yield chunk

    async def read(self, limit: int) -> bytes:
        """The body, or its beginning."""
        first = await self._next()
        if self._unpacker is None and self._connection.complete:
            return first[:limit]
        return await transport.joined(self._next, limit, first)

    async def _next(self) -> bytes:
        """The next bytes of the body, none at its end."""
        try:
            if "content-encoding" in self.headers:
                return await self._unpacked(self.headers["content-encoding"].lower())
            return await self._connection.take()
        except (SilenceError, BrokenReplyError, CodingError, OSError) as exc:
            raise failure(self._call, exc) from exc

    async def _unpacked(self, coding: str) -> bytes:
        take = self._connection.take
        if coding in ("", "identity"):
            return await take()
        unpacker = self._unpacker = self._unpacker or Unpacker(coding)
        while True:
            data = b"" if unpacker.rest else await take()
            if not data and not unpacker.rest:
                unpacker.end()
                return b""
            if found := unpacker.unpack(data):
                return found


def failure(call: HttpRequest, cause: Exception) -> LlmoError:
    """The error of a call that was sent."""
    return transport.silent(call, cause.seconds) if isinstance(cause, SilenceError) else transport.cut(call, cause)
