"""
A real Ray cluster for tests, in a network namespace that has only `lo`: Ray listens on all addresses of its machine.

The main thread of the tests enters the namespace, so that every server and process which it starts is in it too, and
leaves it at the end.
"""

from __future__ import annotations

import ctypes
import fcntl
import importlib.util
import json
import os
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.patience import LONG, until
from tests.peers import missing

if TYPE_CHECKING:
    from collections.abc import Iterator

CLONE_NEWNET = 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
ADDRESS = "127.0.0.1:6379"
PROCESSORS = 4


@contextmanager
def only_loopback() -> Iterator[None]:
    """This thread, and what it starts, in a network that has only `lo`. Skips where that can't be made."""
    if sys.platform != "linux" or os.getuid() != 0:
        pytest.skip("Ray listens on all addresses, and a network with only lo needs root on Linux")
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    if libc.unshare(CLONE_NEWNET) != 0:
        os.close(before)
        pytest.skip("Ray listens on all addresses, and this system makes no network with only lo")
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as some:
            asked = struct.pack("16sh14x", b"lo", 0)
            (flags,) = struct.unpack_from("16xh", fcntl.ioctl(some, SIOCGIFFLAGS, asked))
            fcntl.ioctl(some, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))
        yield
    finally:
        assert libc.setns(before, CLONE_NEWNET) == 0
        os.close(before)


@contextmanager
def started(processors: int = PROCESSORS) -> Iterator[dict[str, str]]:
    """A cluster; the variables by which a run finds it."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip(missing("ray"))
    with only_loopback():
        # Names of sockets are short: not below the directory of a test.
        place = tempfile.mkdtemp(prefix="llmo-ray-")
        env = {"RAY_ADDRESS": ADDRESS, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        head = _head(place, processors, env)
        try:
            until(_listens, lambda: head.poll() is None)
            yield env
        finally:
            # It ends what it has started; whatever is left of its group goes with it.
            head.terminate()
            with suppress(subprocess.TimeoutExpired):
                head.wait(LONG)
            with suppress(ProcessLookupError):
                os.killpg(head.pid, signal.SIGKILL)
            shutil.rmtree(place, ignore_errors=True)


def _head(place: str, processors: int, env: dict[str, str]) -> subprocess.Popen[bytes]:
    flags = [f"--num-cpus={processors}", "--node-ip-address=127.0.0.1", "--port=6379", f"--temp-dir={place}"]
    quiet = ["--include-dashboard=false", "--object-store-memory=80000000", "--disable-usage-stats", "--block"]
    script = Path(sys.executable).with_name("ray")
    return subprocess.Popen(
        [script, "start", "--head", *flags, *quiet],
        env=os.environ | env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _listens() -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", 6379)) == 0


def actors(kind: str) -> list[int]:
    """Processes of the actors of a class that are running in this network."""
    here, found = Path("/proc/thread-self/ns/net").stat().st_ino, []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            named = (entry / "cmdline").read_bytes().startswith(f"ray::{kind}".encode())
            if named and (entry / "ns/net").stat().st_ino == here:
                found.append(int(entry.name))
    return found


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Say nothing of clients that were killed."""


class Counting:
    """A provider that counts the requests of each row, and knows when each came; `delay` seconds before an answer."""

    def __init__(self, delay: float = 0.05) -> None:
        self.delay = delay
        self.rows: Counter[str] = Counter()
        self.times: list[float] = []
        lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
                with lock:
                    outer.rows[asked["messages"][-1]["content"]] += 1
                    outer.times.append(time.monotonic())
                time.sleep(outer.delay)
                self.wfile.write(_answer(asked))

            def log_message(self, *_: Any) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    @property
    def total(self) -> int:
        return self.rows.total()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _answer(asked: dict[str, Any]) -> bytes:
    text = asked["messages"][-1]["content"].upper()
    body = json.dumps(
        {
            "id": "x",
            "object": "chat.completion",
            "model": asked["model"],
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20},
        }
    ).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
