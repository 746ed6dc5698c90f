"""The transports against a real socket: the same contract, whichever library carries the bytes."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from llmo.errors import ConfigError, LlmoError, TimedOut, Unavailable
from llmo.providers.transports.aiohttp import AiohttpTransport
from llmo.providers.transports.httpx import HttpxTransport
from llmo.providers.transports.pooled import PooledTransport
from llmo.providers.transports.transport import HttpRequest, proxy
from tests.patience import LONG, SILENCE
from tests.peer import HANG, RESET, Peer

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from llmo.providers.transports.transport import Transport

    Made = Callable[[], HttpxTransport | AiohttpTransport | PooledTransport]


def for_one() -> PooledTransport:
    """That of one call: what is not plain goes through httpx."""
    return PooledTransport(HttpxTransport)


pytestmark = pytest.mark.parametrize("made", [HttpxTransport, AiohttpTransport, PooledTransport, for_one])
AUTHORITY = trustme.CA()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
WHOLE = HEAD + b"X-Request-ID: r1\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, LONG))


async def fetch(transport: Transport, url: str, limit: int = 1000, **fields: Any) -> tuple[int, Any, bytes]:
    call = HttpRequest("POST", url, fields.pop("headers", {}), fields.pop("body", b"{}"), **fields)
    async with transport.exchange(call) as reply:
        return reply.status, reply.headers, await reply.read(limit)


async def once(made: Made, url: str, **fields: Any) -> tuple[int, Any, bytes]:
    """What one call comes to."""
    transport = made()
    try:
        return await fetch(transport, url, **fields)
    finally:
        await transport.close()


async def alone(made: Made, *script: Any, **fields: Any) -> Any:
    """What one call to a peer with this script comes to."""
    async with Peer(script) as peer:
        return await once(made, peer.url(), **fields)


def failure(made: Made, *script: Any, **fields: Any) -> LlmoError:
    with pytest.raises(LlmoError) as caught:
        run(alone(made, *script, **fields))
    return caught.value


def test_a_whole_body(made: Made) -> None:
    """
    Header names come in lower case.
    """
    status, headers, body = run(alone(made, WHOLE))

    assert (status, headers["x-request-id"], body) == (200, "r1", b"hello")


def test_a_body_is_read_to_its_limit(made: Made) -> None:
    """
    Nobody fills the memory.
    """
    assert run(alone(made, WHOLE, limit=3))[2] == b"hel"


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_compressed_bodies(made: Made, coding: str) -> None:
    """
    Bytes arrive uncompressed.
    """
    import zlib

    packed = gzip.compress(b"hello" * 99) if coding == "gzip" else zlib.compress(b"hello" * 99)
    head = HEAD + b"Content-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (coding.encode(), len(packed))

    assert run(alone(made, head + packed))[2] == b"hello" * 99


def test_chunks_come_as_they_are_sent(made: Made) -> None:
    """
    A stream is handed over piece by piece, not when it is complete.
    """

    async def first() -> bytes:
        async with Peer([CHUNKED + b"5\r\nhello\r\n", HANG]) as peer:
            transport = made()
            call = HttpRequest("GET", peer.url(), {})
            async with transport.exchange(call) as reply, aclosing(reply.chunks()) as chunks:
                got = await anext(chunks)
            await asyncio.wait_for(peer.gone.wait(), LONG)
            await transport.close()
            return got

    assert run(first()) == b"hello"


def test_a_redirect_is_a_reply(made: Made) -> None:
    """
    It is not followed.
    """
    script = b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"

    assert run(alone(made, script))[0] == 302


def test_connections_are_used_again(made: Made) -> None:
    """
    Many calls, one connection.
    """

    async def thrice() -> int:
        async with Peer([WHOLE]) as peer:
            transport = made()
            for _ in range(3):
                await fetch(transport, peer.url())
            await transport.close()
            return peer.connections

    assert run(thrice()) == 1


@pytest.mark.parametrize(
    "script",
    [
        pytest.param((HEAD + b"Content-Length: 99\r\n\r\nhel", None), id="length"),
        pytest.param((CHUNKED + b"5\r\nhello\r\n", None), id="between-chunks"),
        pytest.param((CHUNKED + b"9\r\nhel", None), id="in-a-chunk"),
        pytest.param((CHUNKED + b"9\r\nhel", 0.05, RESET), id="reset"),
        pytest.param((None,), id="no-reply"),
        pytest.param((RESET,), id="reset-at-once"),
        pytest.param((b"SSH-2.0-OpenSSH_9.6\r\n", None), id="not-http"),
        pytest.param((HEAD + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",), id="not-gzip"),
    ],
)
def test_a_connection_that_breaks_after_sending(made: Made, script: tuple[Any, ...]) -> None:
    """
    Work may have been done, so it may be billed.
    """
    found = failure(made, *script)

    assert isinstance(found, Unavailable)
    assert found.may_be_billed is True
    assert "broke: " in found.message


def test_silence_before_the_first_byte(made: Made) -> None:
    """
    The first clock runs from sending on.
    """
    found = failure(made, HANG, first=0.05, connect=SILENCE)

    assert isinstance(found, TimedOut)
    assert found.may_be_billed is True


def test_silence_after_headers(made: Made) -> None:
    """
    Headers do not end the wait for the first byte of an answer.
    """
    assert isinstance(failure(made, CHUNKED, HANG, first=0.05), TimedOut)


def test_silence_in_the_middle(made: Made) -> None:
    """
    The idle clock is shorter than the first.
    """
    found = failure(made, CHUNKED + b"5\r\nhello\r\n", HANG, first=LONG, idle=0.05)

    assert isinstance(found, TimedOut)
    assert "for 0.05 s" in found.message


def test_every_byte_winds_the_clock(made: Made) -> None:
    """
    A slow answer may take longer than the silence allowed in it.
    """
    slow = [step for _ in range(4) for step in (b"5\r\nhello\r\n", 0.4)]

    assert run(alone(made, CHUNKED, *slow, b"0\r\n\r\n", idle=1.5))[2] == b"hello" * 4


def test_a_long_wait_for_the_first_byte(made: Made) -> None:
    """
    A model may think longer than it may pause.
    """
    assert run(alone(made, CHUNKED, 0.2, b"5\r\nhello\r\n0\r\n\r\n", first=LONG, idle=0.1))[2] == b"hello"


def test_nobody_listens(made: Made) -> None:
    """
    The request never left; the message names the address without its secrets.
    """

    async def refused() -> None:
        async with Peer([]) as peer:
            port = peer.port
        await once(made, f"http://u:pw@127.0.0.1:{port}/v1?key=k")

    with pytest.raises(Unavailable) as caught:
        run(refused())

    assert caught.value.may_be_billed is False
    assert caught.value.message.startswith("cannot connect to http://127.0.0.1:")
    assert caught.value.message.endswith("/v1: connection refused")
    assert "is the server running" in (caught.value.hint or "")


def test_a_handshake_that_hangs(made: Made) -> None:
    """
    The connect clock covers TLS; nothing was sent.
    """

    async def hang() -> None:
        async with Peer([HANG]) as peer:
            await once(made, peer.url("https"), connect=0.2)

    with pytest.raises(TimedOut) as caught:
        run(hang())

    assert caught.value.may_be_billed is False


def secured() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


async def over_tls(made: Made) -> bytes:
    async with Peer([WHOLE], tls=secured()) as peer:
        return (await once(made, peer.url("https")))[2]


def test_a_certificate_that_nobody_knows(made: Made) -> None:
    """
    The message says what is wrong with it, the hint what to set.
    """
    with pytest.raises(Unavailable, match=r"(?i)certificate.verify.failed") as caught:
        run(over_tls(made))

    assert caught.value.may_be_billed is False
    assert "SSL_CERT_FILE" in (caught.value.hint or "")


def test_a_certificate_authority_of_ones_own(made: Made, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """
    SSL_CERT_FILE is enough.
    """
    AUTHORITY.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))

    assert run(over_tls(made)) == b"hello"


def test_a_proxy_of_the_environment(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Other hosts are reached through it, this machine and NO_PROXY never.
    """

    async def through() -> list[bytes]:
        async with Peer([WHOLE]) as via:
            monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{via.port}")
            monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{via.port}")
            monkeypatch.setenv("no_proxy", "direct.invalid")
            await once(made, "http://llmo.invalid/v1")
            return [request.split(b"\r\n")[0] for request in via.requests]

    assert run(through()) == [b"POST http://llmo.invalid/v1 HTTP/1.1"]
    assert proxy(HttpRequest("GET", "http://127.0.0.1:1/v1", {})) is None
    assert proxy(HttpRequest("GET", "http://direct.invalid/v1", {})) is None
    assert proxy(HttpRequest("GET", "http://llmo.invalid/v1", {})) is not None
    assert proxy(HttpRequest("GET", "http://llmo.invalid/v1", {}, direct=True)) is None


def test_a_proxy_that_cannot_be_used(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    It is named, without its password.
    """
    monkeypatch.setenv("all_proxy", "gopher://user:pw@127.0.0.1:1")

    with pytest.raises(ConfigError, match=r"^unusable proxy: gopher://127\.0\.0\.1:1$"):
        run(once(made, "http://llmo.invalid/v1"))


def test_headers_that_no_library_takes(made: Made) -> None:
    """
    A broken header is a matter of the profile, and its value is not shown.
    """
    found = failure(made, WHOLE, headers={"x": "a\r\nb: c"})

    assert isinstance(found, ConfigError)
    assert "b: c" not in found.message


def test_a_large_request(made: Made) -> None:
    """
    Images make megabytes.
    """

    async def large() -> int:
        async with Peer([WHOLE]) as peer:
            await once(made, peer.url(), body=b"x" * 3_000_000)
            return len(peer.requests[0].partition(b"\r\n\r\n")[2])

    assert run(large()) == 3_000_000


def test_headers_longer_than_usual(made: Made) -> None:
    """
    Gateways write long policies.
    """
    script = WHOLE.replace(b"X-Request-ID: r1", b"X-Request-ID: r1\r\nX-Long: " + b"x" * 20_000)

    assert run(alone(made, script))[2] == b"hello"


def test_a_cancelled_call_closes_its_connection(made: Made) -> None:
    """
    Ctrl-C while waiting stops the work at the server.
    """

    async def cancelled() -> bool:
        async with Peer([HANG]) as peer:
            transport = made()
            task = asyncio.create_task(fetch(transport, peer.url()))
            await asyncio.wait_for(peer.asked.wait(), LONG)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.wait_for(peer.gone.wait(), LONG)
            await transport.close()
            return True

    assert run(cancelled())


def test_many_at_once(made: Made) -> None:
    """
    The pool is no limit; llmo's own limiter is.
    """

    async def many() -> tuple[int, int]:
        gate = asyncio.Event()
        async with Peer([gate, WHOLE]) as peer:
            transport = made()
            asked = asyncio.gather(*(fetch(transport, peer.url()) for _ in range(120)))
            while len(peer.requests) < 120:  # noqa: ASYNC110 - a peer has one event, for the first
                await asyncio.sleep(0)
            gate.set()
            found = await asked
            await transport.close()
            return sum(body == b"hello" for _, _, body in found), peer.connections

    assert run(many()) == (120, 120)
