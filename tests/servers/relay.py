"""A way to a PostgreSQL server that is cut where a test says: before a message, or before the reply to it."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self

ENDS = b"QS"
"""Messages of a client that the server replies to: a query, and the end of a group of others."""


class Relay:
    """
    Passes connections on to a port of 127.0.0.1, and counts the messages of clients that ask for a reply.

    With `cut`, the connection ends at the message of that number: before the server has it, or, with `after`, when its
    reply has come and the client has not seen it. From then on, unless `back`, nobody is let in.
    """

    def __init__(self, port: int, *, cut: int = 0, after: bool = False, back: bool = True) -> None:
        self.seen = 0
        self.cut, self.after, self.back = cut, after, back
        self._target = port
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._closing = False

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._closing = True
        socket.create_connection(("127.0.0.1", self.port)).close()
        for thread in self._threads:
            thread.join(10)
        self._socket.close()

    @property
    def is_cut(self) -> bool:
        """Whether the message has come."""
        return 0 < self.cut <= self.seen

    def _accept(self) -> None:
        while True:
            client, _ = self._socket.accept()
            if self._closing or (self.is_cut and not self.back):
                client.close()
                if self._closing:
                    return
                continue
            self._spawn(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        server = socket.create_connection(("127.0.0.1", self._target))
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with client, server, contextlib.suppress(OSError, EOFError):
            self._pass(client, server, _message(client, kind=False))
            while True:
                message = _message(client, kind=True)
                if message[:1] not in ENDS:
                    server.sendall(message)
                    continue
                with self._lock:
                    self.seen += 1
                    cut = self.seen == self.cut
                if cut and not self.after:
                    return
                self._pass(None if cut else client, server, message)
                if cut:
                    return

    def _pass(self, client: socket.socket | None, server: socket.socket, message: bytes) -> None:
        """Send a message, and bring everything up to the server's readiness for another one."""
        server.sendall(message)
        while True:
            reply = _message(server, kind=True)
            if client is not None:
                client.sendall(reply)
            if reply[:1] == b"Z":
                return

    def _spawn(self, target: object, *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)  # type: ignore[arg-type]  # one of ours
        self._threads.append(thread)
        thread.start()


def _message(source: socket.socket, *, kind: bool) -> bytes:
    """One message; the first one of a connection has no letter for its kind."""
    head = _exactly(source, 5 if kind else 4)
    (length,) = struct.unpack("!I", head[-4:])
    return head + _exactly(source, length - 4)


def _exactly(source: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = source.recv(size - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data
