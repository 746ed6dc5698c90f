"""One connection to a server: a request goes out, and its reply is read as it is asked for; llhttp reads HTTP."""

from __future__ import annotations

import asyncio
from collections import deque
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

import httptools

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmo.providers.transports.transport import HttpRequest

HEADER_LIMIT = 1 << 16
"""Bytes of headers, of trailers or of what is written around chunks, that may come without a piece of a body."""
HIGH = 1 << 20
"""Bytes since a body was last taken from, from which on the server waits until it is taken from again."""
_FINAL = int(HTTPStatus.OK)
"""The least status of a reply that is not followed by another."""


class Origin(NamedTuple):
    """Where connections lead; `secure` over TLS."""

    host: str
    port: int
    secure: bool


class SilenceError(Exception):
    """Nothing came for so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class BrokenReplyError(Exception):
    """What came is no HTTP, or ended in its midst."""


@lru_cache(maxsize=256)
def _name(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape").lower()


class Connection(asyncio.Protocol):
    """
    One exchange after another; `take` gives the body as it comes.

    `complete` says that the reply is whole, `reusable` that another request may follow. What goes wrong is raised as
    `SilenceError`, `BrokenReplyError` or `OSError`.
    """

    transport: asyncio.Transport
    on_body: Callable[[bytes], None]

    def __init__(self, origin: Origin, loop: asyncio.AbstractEventLoop) -> None:
        self.origin = origin
        self._loop, self.time = loop, loop.time
        self._pieces: deque[bytes] = deque()
        # A stream has hundreds of pieces: llhttp hands them over without a function of ours.
        self.on_body = self._pieces.append
        self._parser = httptools.HttpResponseParser(self)
        # As other clients do: servers write such things, and nothing but a body follows from them.
        self._parser.set_dangerous_leniencies(
            lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due: float | None = None
        self._uploading = self._held = self._lost = False
        self._call: HttpRequest | None = None
        self._begin()
        self.complete, self._keeps = True, True
        self.freed = 0.0
        """When it was last given back, by the loop's time."""

    def _begin(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.complete = self._headed = self._keeps = False
        self._failure: Exception | None = None
        self._waits = self._bare = self._last = 0
        self._pieces.clear()

    @property
    def reusable(self) -> bool:
        """Whether another request may be sent on it."""
        return self.complete and self._keeps and not self._lost and not self.transport.is_closing()

    def ask(self, call: HttpRequest, data: bytes) -> None:
        """Send a request; the clock for its first byte runs once it has left."""
        self._begin()
        self._call, self._silence = call, call.first
        self.transport.write(data)
        if not self._uploading:
            self._wind()

    async def headed(self) -> None:
        """Wait for the headers of the reply."""
        while not self._headed:
            await self._more()

    async def take(self) -> bytes:
        """The next bytes of the body, as it came over the wire; none at its end."""
        while not self._pieces and not self.complete:
            await self._more()
        pieces = self._pieces
        found = pieces.popleft() if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self._waits = 0
        if self._held:
            self._held = False
            self.transport.resume_reading()
            if not self.complete:
                self._wind()
        return found

    def end(self) -> bool:
        """Take leave of the exchange: whether the connection can be used again; else it is closed."""
        self._call, self._due, self._failure = None, None, None
        self._pieces.clear()
        self.freed = self.time()
        if self._uploading or self._held or not self.reusable:
            self.close()
            return False
        return True

    def close(self) -> None:
        """Hang up, whatever is still on its way."""
        self._keeps, self._due = False, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.transport.abort()

    async def _more(self) -> None:
        if self._failure is not None:
            raise self._failure
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, failure: Exception) -> None:
        if not self.complete and self._failure is None:
            self._failure = failure
        self._keeps, self._due = False, None
        self._wake()

    def _wind(self) -> None:
        """Start the clock anew. One timer runs on, and looks whether it is time, as hardly any call is silent."""
        due = self._due = self.time() + self._silence
        if self._timer is not None and self._timer.when() > due:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_at(due, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._due is None:
            return
        if self.time() < self._due:
            self._timer = self._loop.call_at(self._due, self._look)
        else:
            self._fail(SilenceError(self._silence))

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # a stream's

    def data_received(self, data: bytes) -> None:
        if self._call is None or self.complete:
            # Nobody asked: a server that gives notice, or a second reply.
            self._keeps = False
            self.transport.abort()
            return
        pieces = self._pieces
        known = len(pieces)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail(BrokenReplyError("the server changed the protocol"))
        except httptools.HttpParserError as exc:
            self._fail(BrokenReplyError(str(exc)))
        self._waits += len(data)
        if len(pieces) == known:
            self._bare += len(data)
        else:
            self._bare, self._silence = 0, self._call.idle
        self._go_on()
        if self._headed:
            self._wake()

    def _go_on(self) -> None:
        """Decide what to wait for after some bytes."""
        if self.complete:
            self._due = None
            while len(self._pieces) > self._last:
                self._pieces.pop()
        elif self._bare > HEADER_LIMIT:
            self._fail(BrokenReplyError("headers without end"))
        elif self._waits >= HIGH:
            # Whoever reads takes its time; that is no silence of the server.
            self._held, self._due = True, None
            self.transport.pause_reading()
        elif self._failure is None and not self._uploading:
            self._wind()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        if exc is None and self._headed and self._until_closed:
            self.complete = True
        self._fail(exc or BrokenReplyError("the server closed the connection"))
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def pause_writing(self) -> None:
        self._uploading, self._due = True, None

    def resume_writing(self) -> None:
        self._uploading = False
        if self._call is not None and not self.complete:
            self._wind()

    @property
    def _until_closed(self) -> bool:
        """Whether the end of the connection is that of the body."""
        return "content-length" not in self.headers and "chunked" not in self.headers.get("transfer-encoding", "")

    # What llhttp calls.

    def on_message_begin(self) -> None:
        if self.complete:
            self._keeps = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._headed:
            self.headers[_name(name)] = value.decode("utf-8", "surrogateescape").strip(" \t")

    def on_headers_complete(self) -> None:
        if not self.complete:
            self.status = self._parser.get_status_code()
            self._headed = self.status >= _FINAL

    def on_message_complete(self) -> None:
        if not self._headed:
            # "100 Continue" and its like come before the reply.
            self.headers = {}
        elif not self.complete:
            self.complete, self._keeps = True, self._parser.should_keep_alive()
            self._last = len(self._pieces)
