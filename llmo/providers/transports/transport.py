"""The seam to HTTP: one call, one reply, and what can go wrong between them."""

from __future__ import annotations

import os
import sys
from contextlib import aclosing
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol
from urllib.parse import SplitResult, urlsplit, urlunsplit

from llmo.config.addresses import loopback
from llmo.errors import ConfigError, TimedOut, Unavailable
from llmo.types.dataclass import dataclass, field

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path


UPLOADED_AT_ONCE = 1 << 16
"""Bytes of a file that are in memory while it is sent."""


@dataclass(frozen=True, slots=True)
class FileBody:
    """
    A body that is read from a file while it is sent: what comes `before`, the file, what comes `after`.

    `joint` takes the place of the line breaks between two lines; the break behind the last line is left out then.
    """

    path: Path
    before: bytes = b""
    after: bytes = b""
    joint: bytes = b""

    @property
    def size(self) -> int:
        """Bytes of the whole body; `joint` is one byte, as a line break is."""
        return len(self.before) + self.path.stat().st_size - len(self.joint) + len(self.after)

    async def chunks(self) -> AsyncGenerator[bytes]:
        """The body in pieces. Raises `OSError`."""
        yield self.before
        with self.path.open("rb") as file:
            left = self.path.stat().st_size - len(self.joint)
            while left > 0 and (piece := file.read(min(left, UPLOADED_AT_ONCE))):
                left -= len(piece)
                yield piece.replace(b"\n", self.joint) if self.joint else piece
        yield self.after


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """
    One HTTP request.

    `connect` seconds until a connection stands, TLS included; `first` seconds of silence
    before the body's first byte; `idle` seconds of silence after it. `direct` goes through no proxy. A `file` is sent
    in place of a body; its length is among the headers.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)
    connect: float = 10.0
    idle: float = 120.0
    first: float = 600.0
    direct: bool = False
    file: FileBody | None = field(default=None, repr=False)


class HttpResponse(Protocol):
    """What came back: header names are in lower case, bytes are uncompressed."""

    status: int
    headers: Mapping[str, str]

    def chunks(self) -> AsyncGenerator[bytes]:
        """The body as it arrives, no chunk empty. Raises `Unavailable` when cut, `TimedOut` when silent."""
        ...

    async def read(self, limit: int) -> bytes:
        """The body, or its first `limit` bytes when it is longer. Raises as `chunks`."""
        ...


class Transport(Protocol):
    """
    Carry calls.

    `exchange` follows no redirect and retries nothing. It raises `Unavailable` and `TimedOut`,
    with `may_be_billed=False` when the request surely never left, and `ConfigError` for an
    address that cannot be called. Leaving it before the body ended closes the connection.
    """

    def exchange(self, call: HttpRequest) -> AbstractAsyncContextManager[HttpResponse]:
        """Send the call; the reply stands when its headers are in."""
        ...

    async def close(self) -> None:
        """Give the connections back."""
        ...


KEEPALIVE_S = 60


@lru_cache(maxsize=64)
def split(url: str) -> SplitResult:
    """The parts of an http(s) address; `ConfigError` when it is none."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or any(char.isspace() for char in url):
        raise ConfigError(f"not an http address: {shown(url)}", hint="use a base_url such as https://host/v1")
    return parts


def shown(url: str) -> str:
    """An address fit for a message: no user, password or query in it."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit((parts.scheme, host, parts.path, "", ""))
    except ValueError:
        return url.partition("?")[0].rpartition("@")[2]


def proxy(call: HttpRequest) -> str | None:
    """
    The proxy that the environment names for a call, None for a direct connection.

    What counts as this machine is never reached through a proxy, whatever NO_PROXY says.
    """
    parts = split(call.url)
    host = parts.hostname or ""
    if call.direct or loopback(call.url) or not _may_be_named():
        return None
    from urllib.request import getproxies, proxy_bypass

    named = getproxies()
    found = named.get(parts.scheme) or named.get("all")
    if not found or proxy_bypass(host):
        return None
    return found if "://" in found else f"http://{found}"


def _may_be_named() -> bool:
    """Whether a proxy can be named at all; who looks it up imports half of the standard library's HTTP."""
    return sys.platform in ("darwin", "win32") or any(name.lower().endswith("_proxy") for name in os.environ)


def socket_options() -> list[tuple[int, int, int]]:
    """TCP keep-alive, so that a dead NAT entry gets noticed while a model thinks."""
    import socket

    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    for name, value in (("TCP_KEEPIDLE", KEEPALIVE_S), ("TCP_KEEPINTVL", KEEPALIVE_S), ("TCP_KEEPCNT", 5)):
        if hasattr(socket, name):
            options.append((socket.IPPROTO_TCP, getattr(socket, name), value))
    return options


def certificates() -> ssl.SSLContext:
    """Trust what the system trusts (and SSL_CERT_FILE names), else what certifi brings."""
    import ssl

    context = ssl.create_default_context()
    paths = ssl.get_default_verify_paths()
    if not (paths.cafile or paths.capath or context.cert_store_stats()["x509_ca"]):
        import certifi

        context.load_verify_locations(os.fspath(certifi.where()))
    return context


async def gathered(chunks: AsyncGenerator[bytes], limit: int) -> bytes:
    """All chunks as one body, cut at `limit`."""
    pieces, size = [], 0
    async with aclosing(chunks):
        async for chunk in chunks:
            pieces.append(chunk)
            size += len(chunk)
            if size >= limit:
                break
    return _cut(pieces, size, limit)


async def joined(take: Callable[[], Awaitable[bytes]], limit: int, first: bytes = b"") -> bytes:
    """The first piece and those that `take` gives until an empty one, as one body, cut at `limit`."""
    pieces, size = [first] if first else [], len(first)
    while size < limit and (piece := await take()):
        pieces.append(piece)
        size += len(piece)
    return _cut(pieces, size, limit)


def _cut(pieces: list[bytes], size: int, limit: int) -> bytes:
    body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    return body if size <= limit else body[:limit]


def unreachable(call: HttpRequest, cause: BaseException) -> Unavailable:
    """No connection came about, so nothing was sent."""
    address = shown(call.url)
    return Unavailable(
        f"cannot connect to {address}: {reason(cause)}",
        hint=_remedy(call, cause),
        may_be_billed=False,
    )


def _remedy(call: HttpRequest, cause: BaseException) -> str:
    text = str(cause)
    if "CERTIFICATE_VERIFY_FAILED" in text or "certificate verify failed" in text:
        return "for a private certificate authority, set SSL_CERT_FILE to its file"
    if "WRONG_VERSION_NUMBER" in text or "RECORD_LAYER" in text:
        return f"the server does not speak TLS there; try http:// instead of https:// in {shown(call.url)}"
    via = proxy(call)
    if via:
        return f"the connection goes through the proxy {shown(via)}; NO_PROXY exempts hosts"
    return f"is the server running, and is {shown(call.url)} its address?"


def reason(cause: BaseException) -> str:
    """The innermost cause in words that name it."""
    inner = cause
    while (deeper := inner.__cause__ or inner.__context__) is not None and deeper is not inner:
        inner = deeper
    text = _system_word(inner) or getattr(inner, "message", None) or str(inner) or str(cause) or type(cause).__name__
    return " ".join(str(text).split()).rstrip(".")


def _system_word(cause: BaseException) -> str | None:
    """What the system calls an error: asyncio hides "Connection refused" behind words of its own."""
    import ssl
    from socket import gaierror

    if not isinstance(cause, OSError) or cause.errno is None:
        return None
    if isinstance(cause, (ssl.SSLError, gaierror)):
        return str(cause.strerror).partition(" (_ssl.c")[0]
    return os.strerror(cause.errno).lower()


def connect_timeout(call: HttpRequest) -> TimedOut:
    """The connect clock ran out, so nothing was sent."""
    return TimedOut(
        f"no connection to {shown(call.url)} within {call.connect:g} s",
        hint="raise connect_timeout of the provider to wait longer",
        may_be_billed=False,
    )


def silent(call: HttpRequest, seconds: float) -> TimedOut:
    """The idle clock ran out."""
    return TimedOut(
        f"no data from {shown(call.url)} for {seconds:g} s", hint="raise idle_timeout of the provider to wait longer"
    )


def cut(call: HttpRequest, cause: BaseException) -> Unavailable:
    """The connection broke after the request had left."""
    return Unavailable(f"connection to {shown(call.url)} broke: {reason(cause)}")


def bad_address(call: HttpRequest) -> ConfigError:
    """An address or header that no HTTP library takes; the value may hold a key, so it is not shown."""
    return ConfigError(f"cannot be called: {shown(call.url)}", hint="check base_url and headers of the provider")


def bad_proxy(call: HttpRequest) -> ConfigError:
    """A proxy address that cannot be used."""
    via = proxy(call) or ""
    return ConfigError(
        f"unusable proxy: {shown(via)}", hint="HTTP_PROXY, HTTPS_PROXY or ALL_PROXY name an http:// proxy"
    )
