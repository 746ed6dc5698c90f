"""The pooled transport against servers that do what they should not, and what it keeps between calls."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from contextlib import aclosing
from typing import Any

import pytest

from llmo.errors import ConfigError, LlmoError, Unavailable
from llmo.providers.transports.coding import LARGEST, CodingError, Unpacker
from llmo.providers.transports.connection import HEADER_LIMIT, HIGH
from llmo.providers.transports.pooled import PLAIN, PooledTransport
from llmo.providers.transports.transport import HttpRequest
from tests.patience import LONG
from tests.peer import HANG, Peer

HEAD = b"HTTP/1.1 200 OK\r\n"
WHOLE = HEAD + b"Content-Length: 5\r\n\r\nhello"
TURNS = 10
"""Of the loop, in which a client notices what its server has written or closed."""
LONG_EXTENSION = b"%d;" + b"x" * (HEADER_LIMIT * 2 // 3)
"""What may come before one piece of a body, but not twice without any."""
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


async def fetch(transport: PooledTransport, url: str, **fields: Any) -> tuple[int, Any, bytes]:
    call = HttpRequest("POST", url, fields.pop("headers", {}), b"{}", **fields)
    async with transport.exchange(call) as reply:
        return reply.status, reply.headers, await reply.read(10**8)


def several(count: int, *script: Any) -> tuple[list[Any], Peer]:
    """What some calls, one after the other, come to: replies or errors; and the server."""

    async def called() -> tuple[list[Any], Peer]:
        found: list[Any] = []
        async with Peer(script) as peer:
            transport = PooledTransport()
            for number in range(count):
                if number:
                    await peer.played.wait()
                    for _ in range(TURNS):
                        await asyncio.sleep(0)
                try:
                    found.append((await fetch(transport, peer.url()))[2])
                except LlmoError as exc:
                    found.append(exc)
            await transport.close()
        return found, peer

    return asyncio.run(asyncio.wait_for(called(), LONG))


def failed(*script: Any) -> LlmoError:
    (found,), _ = several(1, *script)
    assert isinstance(found, LlmoError), found
    return found


@pytest.mark.parametrize(
    "script",
    [
        pytest.param((b"HTTP/1.1 100 Continue\r\n\r\n" + WHOLE,), id="continue"),
        pytest.param((b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", 0.01, WHOLE), id="early-hints"),
        pytest.param((b"HTTP/1.0 200 OK\r\n\r\nhello", None), id="until-closed"),
        pytest.param((HEAD + b"Connection: close\r\n\r\nhel", 0.01, b"lo", None), id="until-closed-in-two"),
        pytest.param((b"HTTP/1.1 200\nContent-Length: 5\n\nhello",), id="bare-line-breaks"),
        pytest.param((CHUNKED + b"5 \r\nhello\r\n0\r\nX-Trailer: x\r\n\r\n",), id="trailer-and-space"),
        pytest.param(tuple(bytes([byte]) for byte in WHOLE), id="byte-by-byte"),
        pytest.param(
            (
                CHUNKED + LONG_EXTENSION % 1,
                0.01,
                b"\r\nh\r\n",
                0.01,
                LONG_EXTENSION % 4,
                0.01,
                b"\r\nello\r\n0\r\n\r\n",
            ),
            id="long-extensions",
        ),
    ],
)
def test_replies_that_servers_write(script: tuple[Any, ...]) -> None:
    """
    Odd, and understood by every client.
    """
    assert several(1, *script)[0] == [b"hello"]


def test_hints_are_no_headers_of_the_reply() -> None:
    """
    What comes before the reply is forgotten.
    """

    async def called() -> Any:
        async with Peer([b"HTTP/1.1 103 Early Hints\r\nX-Hint: x\r\n\r\n" + WHOLE]) as peer:
            transport = PooledTransport()
            found = await fetch(transport, peer.url())
            await transport.close()
            return found

    assert asyncio.run(called()) == (200, {"content-length": "5"}, b"hello")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        pytest.param((HEAD + b"X: " + b"x" * 70_000, HANG), "headers without end", id="endless-header"),
        pytest.param((CHUNKED + b"0\r\n" + b"X: y\r\n" * 20_000, HANG), "headers without end", id="endless-trailer"),
        pytest.param((b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", HANG), "protocol", id="upgrade"),
        pytest.param((HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", HANG), "broke", id="two-lengths"),
        pytest.param((HEAD + b"Content-Length: -5\r\n\r\nhello", HANG), "broke", id="negative-length"),
        pytest.param((HEAD + b"Content-Encoding: br\r\nContent-Length: 5\r\n\r\nhello",), "content-encoding: br", id="coding"),
        pytest.param(
            (HEAD + b"Content-Encoding: gzip\r\nContent-Length: 20\r\n\r\n" + gzip.compress(b"x" * 999)[:20],),
            "ended early",
            id="half-a-gzip",
        ),
    ],
)  # fmt: skip
def test_replies_that_nobody_can_read(script: tuple[Any, ...], said: str) -> None:
    """
    They end, with a reason, and may be billed.
    """
    found = failed(*script)

    assert isinstance(found, Unavailable)
    assert said in found.message
    assert found.may_be_billed is True


def test_a_second_reply_belongs_to_nobody() -> None:
    """
    What a server sends unasked is not taken for the answer to the next call.
    """
    found, peer = several(2, WHOLE + WHOLE.replace(b"hello", b"other"))

    assert found == [b"hello", b"hello"]
    assert peer.connections == 2


@pytest.mark.parametrize(
    "script",
    [
        pytest.param((WHOLE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),), id="says-so"),
        pytest.param((WHOLE, 0.01, b"HTTP/1.1 408 Request Timeout\r\n\r\n"), id="gives-notice"),
        pytest.param((WHOLE, None), id="closes"),
    ],
)
def test_a_connection_that_the_server_gives_up_is_not_used_again(script: tuple[Any, ...]) -> None:
    """
    The next call has one of its own.
    """
    found, peer = several(2, *script)

    assert found == [b"hello", b"hello"]
    assert peer.connections == 2


def test_a_server_waits_for_a_slow_reader() -> None:
    """
    A body that nobody takes does not fill the memory, and its silence is ours.
    """
    size = 40 * HIGH

    async def slow() -> tuple[int, int]:
        sent, body = asyncio.Event(), b"x" * size
        async with Peer([HEAD + b"Content-Length: %d\r\n\r\n" % size, body, sent]) as peer:
            sent.set()
            transport = PooledTransport()
            call = HttpRequest("POST", peer.url(), {}, b"", idle=0.05, first=LONG)
            async with transport.exchange(call) as reply, aclosing(reply.chunks()) as chunks:
                total, most = 0, 0
                async for chunk in chunks:
                    await asyncio.sleep(0.06 if total < 3 * HIGH else 0)
                    most = max(most, len(chunk))
                    total += len(chunk)
            await transport.close()
            return total, most

    total, most = asyncio.run(asyncio.wait_for(slow(), LONG))

    assert total == size
    assert most < 4 * HIGH


def test_a_small_body_that_unpacks_to_a_large_one() -> None:
    """
    It is unpacked in steps, of which a reader takes no more than it wants.
    """
    bomb = gzip.compress(b"\0" * 50 * LARGEST)

    async def read() -> bytes:
        async with Peer([HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb]) as peer:
            transport = PooledTransport()
            async with transport.exchange(HttpRequest("GET", peer.url(), {})) as reply:
                body = await reply.read(1000)
            await transport.close()
            return body

    assert asyncio.run(read()) == b"\0" * 1000


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        pytest.param("gzip", gzip.compress(b"hello ") + gzip.compress(b"world") + b"\0\0", id="two-members"),
        pytest.param("x-gzip", gzip.compress(b"hello world"), id="x-gzip"),
        pytest.param("deflate", zlib.compress(b"hello world") + b"junk", id="zlib"),
        pytest.param("deflate", zlib.compress(b"hello world", wbits=-15), id="bare"),
        pytest.param("gzip", gzip.compress(b"hello world" + b"\0" * 3 * LARGEST), id="large"),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 10**6])
def test_codings_in_pieces(coding: str, packed: bytes, size: int) -> None:
    """
    Wherever a body is cut.
    """
    unpacker, found = Unpacker(coding), b""
    for at in range(0, len(packed), size):
        found += unpacker.unpack(packed[at : at + size])
        while unpacker.rest:
            found += unpacker.unpack(b"")
    unpacker.end()

    assert found.rstrip(b"\0") == b"hello world"


def test_nothing_is_not_packed() -> None:
    """
    An empty body with a coding is empty.
    """
    Unpacker("gzip").end()
    with pytest.raises(CodingError):
        Unpacker("gzip").unpack(b"hello")


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        pytest.param("https://api.example.com/v1/chat/completions", True, id="name"),
        pytest.param("http://[::1]:8080/v1?api-version=2024-01-01", True, id="numbers-and-query"),
        pytest.param("http://h", True, id="no-path"),
        pytest.param("http://user:pw@h/v1", False, id="password"),
        pytest.param("http://bücher.example/v1", False, id="not-ascii"),
        pytest.param("http://h/a b", False, id="space"),
        pytest.param("http://h/v1\r\nx: y", False, id="line-break"),
        pytest.param("http://h/v1#x", False, id="fragment"),
    ],
)
def test_addresses_that_are_sent_as_they_stand(url: str, plain: bool) -> None:
    """
    Others go through a client that knows how to write them.
    """
    assert (PLAIN.fullmatch(url) is not None) is plain


def test_a_password_in_the_address_is_sent_as_one() -> None:
    """
    As before, by the other client.
    """

    async def called() -> bytes:
        async with Peer([WHOLE]) as peer:
            transport = PooledTransport()
            await fetch(transport, f"http://user:pw@127.0.0.1:{peer.port}/v1")
            await transport.close()
            return peer.requests[0]

    assert b"authorization: basic dxnlcjpwdw==" in asyncio.run(called()).lower()


def test_what_is_sent_is_what_was_asked() -> None:
    """
    To the byte; other headers make another head.
    """

    async def called() -> tuple[list[bytes], int]:
        async with Peer([WHOLE]) as peer:
            transport = PooledTransport()
            for name in ("a", "b"):
                await fetch(transport, f"http://127.0.0.1:{peer.port}/v1?x=1", headers={"X-Name": name})
            with pytest.raises(ConfigError):
                await fetch(transport, peer.url(), headers={"x y": "z"})
            await transport.close()
            return peer.requests, peer.port

    requests, port = asyncio.run(called())

    assert requests == [
        b"POST /v1?x=1 HTTP/1.1\r\nhost: 127.0.0.1:%d\r\naccept: */*\r\nx-name: %s\r\ncontent-length: 2\r\n\r\n{}" % of
        for of in ((port, b"a"), (port, b"b"))
    ]
