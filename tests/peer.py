"""A server of raw bytes on a real socket, for what fakes cannot show."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.patience import LONG

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence
    from typing import Self

HANG, RESET = "hang", "reset"


@dataclass
class Peer:
    """
    Answers every request with a script: bytes are written, numbers are seconds to wait, events are waited for.

    `HANG` stays silent until the client goes, `RESET` breaks the connection; a script that
    ends leaves the connection open for the next request, unless it ends with `None`.
    """

    script: Sequence[bytes | float | str | asyncio.Event | None]
    tls: ssl.SSLContext | None = None
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    played: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        await asyncio.wait_for(self._server.wait_closed(), LONG)

    def url(self, scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.port}/v1/chat/completions"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                self.requests.append(await _request(reader))
                self.asked.set()
                self.played.clear()
                goes_on = await self._play(reader, writer)
                self.played.set()
                if not goes_on:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            self.gone.set()
        finally:
            writer.close()

    async def _play(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        for step in self.script:
            if isinstance(step, bytes):
                writer.write(step)
                await writer.drain()
            elif step == HANG:
                await reader.read()
                self.gone.set()
                return False
            elif step == RESET:
                _reset(writer)
                return False
            elif step is None:
                return False
            elif isinstance(step, asyncio.Event):
                await step.wait()
            else:
                await asyncio.sleep(float(step))
        return True


async def _request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
    return head + await reader.readexactly(int(length or 0))


def _reset(writer: asyncio.StreamWriter) -> None:
    import socket
    import struct

    peer: Any = writer.get_extra_info("socket")
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
