"""A server that does with bytes what no mock does: hang, cut anywhere, redirect, answer HTML."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from typing import Self

Step: TypeAlias = bytes | float | threading.Event | Literal["hang", "reset"]
"""Bytes to send, seconds or an event to wait for, silence until the server ends, or a reset connection."""
Answer: TypeAlias = Sequence[Step]


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = field(repr=False)

    @property
    def json(self) -> Any:
        """The body parsed."""
        return json.loads(self.body)


def whole(body: bytes | str | object, *, status: str = "200 OK", **headers: str) -> bytes:
    """One complete response; an underscore in a header's name is a hyphen. Anything but text or bytes is sent as JSON."""
    if isinstance(body, str):
        body = body.encode()
    elif not isinstance(body, bytes):
        body = json.dumps(body).encode()
    fields = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


def stream(*parts: str, content_type: str = "text/event-stream") -> bytes:
    """A response whose end is the end of the connection, so that it can be cut anywhere."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nConnection: close\r\n\r\n"
    return (head + "".join(parts)).encode()


class RawServer:
    """
    Answers on 127.0.0.1: the n-th connection gets the n-th answer, later ones the last.

    Keeps what it received in `requests`, and in `most` how many waited at once. Use it with `with`.
    """

    def __init__(self, *answers: Answer) -> None:
        self.answers = answers
        self.requests: list[Received] = []
        self.most = self._waiting = 0
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        # Closing a listening socket does not wake its accept(); a connection does.
        socket.create_connection(self._socket.getsockname()).close()
        for thread in self._threads:
            thread.join(10)
        self._socket.close()

    def _spawn(self, target: Any, *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            if self._closing.is_set():
                connection.close()
                return
            self._spawn(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            received = _read(connection)
            if received is None:
                return
            with self._lock:
                answer = self.answers[min(len(self.requests), len(self.answers) - 1)]
                self.requests.append(received)
                self._waiting += 1
                self.most = max(self.most, self._waiting)
            try:
                self._play(connection, answer)
            except OSError:
                return  # the client went away, as it may
            finally:
                with self._lock:
                    self._waiting -= 1

    def _play(self, connection: socket.socket, answer: Answer) -> None:
        for step in answer:
            if isinstance(step, bytes):
                connection.sendall(step)
            elif step == "hang":
                self._hang(connection)
            elif isinstance(step, threading.Event):
                while not step.wait(0.05) and not self._closing.is_set():
                    pass
            elif step == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            else:
                self._closing.wait(float(step))
        connection.shutdown(socket.SHUT_WR)

    def _hang(self, connection: socket.socket) -> None:
        while not self._closing.wait(0.02) and not _gone(connection):
            pass


def _gone(connection: socket.socket) -> bool:
    """Whether the client has closed its side."""
    try:
        return not connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False


def _read(connection: socket.socket) -> Received | None:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    missing = int(headers.get("content-length", "0")) - len(body)
    while missing > 0 and (piece := connection.recv(65536)):
        body += piece
        missing -= len(piece)
    method, path, _ = first.split(" ", 2)
    return Received(method, path, headers, body)


def unused_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port
