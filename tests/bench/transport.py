"""
Which HTTP engine carries a batch? Run by hand: python tests/bench/transport.py [ENGINE …] [whole|stream] [--quick].

Each case is a fresh process against a server of its own. `ratio` is rows/s against bare aiohttp
in the same mode, so that runs on different machines can be compared. Wants pyreqwest and
httpx-aiohttp beside llmo's own dependencies.

Chosen by it: connections of our own with llhttp (`PooledTransport`), at a third of the CPU of aiohttp. httpx collapses
past 50 connections; pyreqwest 0.15 is fast with whole bodies, but slower with streams, and now and then aborts the
interpreter at exit (134).
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from contextlib import aclosing
from itertools import product
from statistics import median
from typing import Any, ClassVar

from llmo.config.profile import ProviderConfig
from llmo.providers.http import fields
from llmo.providers.http.framing import SseFramer
from llmo.providers.provider import ProviderContext
from llmo.providers.registry import factory
from llmo.providers.transports.transport import HttpRequest
from llmo.types.messages import Message, Request

ENGINES = (
    "aiohttp",
    "httpx",
    "httpx-aiohttp",
    "pyreqwest",
    "HttpxTransport",
    "AiohttpTransport",
    "PooledTransport",
    "openai",
)
MODES = ("whole", "stream")
EVENTS = 40
BURSTS = 8
WORDS = "A photograph of a harbour at dusk with boats. " * 12
HEADERS = {"authorization": "Bearer sk-bench-key", "content-type": "application/json"}
REQUEST = Request((Message("user", "Describe the picture in one short paragraph. " * 6),))
BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": REQUEST.messages[0].text}]}).encode()
USAGE = {"prompt_tokens": 80, "completion_tokens": 120, "total_tokens": 200}


def whole() -> bytes:
    message = {"role": "assistant", "content": WORDS}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    body = json.dumps({"id": "c", "model": "m", "choices": [choice], "usage": USAGE}).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)


def bursts() -> list[bytes]:
    size = len(WORDS) // EVENTS
    deltas: list[tuple[dict[str, str], str | None]] = [
        ({"content": WORDS[n * size : n * size + size]}, None) for n in range(EVENTS - 1)
    ] + [({}, "stop")]
    sent = [
        json.dumps({"id": "c", "model": "m", "choices": [{"index": 0, "delta": d, "finish_reason": f}]}).encode()
        for d, f in deltas
    ]
    sent += [json.dumps({"id": "c", "model": "m", "choices": [], "usage": USAGE}).encode(), b"[DONE]"]
    frames = [b"data: %s\n\n" % data for data in sent]
    chunks = [b"%x\r\n%s\r\n" % (len(frame), frame) for frame in frames] + [b"0\r\n\r\n"]
    per = -(-len(chunks) // BURSTS)
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    packed = [b"".join(chunks[n : n + per]) for n in range(0, len(chunks), per)]
    return [head + packed[0], *packed[1:]]


class Server(asyncio.Protocol):
    """Answers `/whole/SECONDS` and `/stream/SECONDS`, whatever is asked."""

    answers: ClassVar = {"whole": (whole(),), "stream": tuple(bursts())}

    def connection_made(self, transport):
        self.transport, self.rest = transport, b""

    def data_received(self, data):
        self.rest += data
        head, found, body = self.rest.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
        if len(body) < length:
            return
        self.rest = body[length:]
        mode, seconds = head.split(b" ", 2)[1].decode().strip("/").split("/")[:2]
        pieces = self.answers[mode]
        loop = asyncio.get_running_loop()
        first = float(seconds) if mode == "whole" else 0.0
        for n, piece in enumerate(pieces):
            loop.call_later(first + float(seconds) * n / len(pieces), self.write, piece)

    def write(self, piece):
        if not self.transport.is_closing():
            self.transport.write(piece)


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def words(chunks: list[bytes], mode: str) -> int:
    if mode == "whole":
        return len(json.loads(b"".join(chunks))["choices"][0]["message"]["content"])
    framer, count = SseFramer(), 0
    for chunk in chunks:
        for data in framer.feed(chunk):
            if not data.startswith(b"[DONE]"):
                choices = json.loads(data)["choices"]
                count += len(choices[0]["delta"].get("content", "")) if choices else 0
    return count


async def bare_aiohttp(url, mode, limit, drive):
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=limit)) as session:

        async def call():
            async with session.post(url, data=BODY, headers=HEADERS) as reply:
                return words([chunk async for chunk in reply.content.iter_any()], mode)

        return await drive(call)


async def bare_httpx(url, mode, limit, drive, transport=None):
    import httpx

    wide = httpx.Limits(max_connections=limit, max_keepalive_connections=limit)
    async with httpx.AsyncClient(limits=wide, timeout=120, trust_env=False, transport=transport) as client:

        async def call():
            async with client.stream("POST", url, content=BODY, headers=HEADERS) as reply:
                return words([chunk async for chunk in reply.aiter_bytes()], mode)

        return await drive(call)


async def bridged(url, mode, limit, drive):
    import httpx
    from httpx_aiohttp import AiohttpTransport  # type: ignore[import-not-found,unused-ignore]  # only for this bench

    wide = httpx.Limits(max_connections=limit, max_keepalive_connections=limit)
    return await bare_httpx(url, mode, limit, drive, AiohttpTransport(limits=wide))


async def bare_pyreqwest(url, mode, limit, drive):
    from pyreqwest.client import ClientBuilder  # type: ignore[import-not-found,unused-ignore]  # only for this bench

    async with ClientBuilder().default_headers(HEADERS).max_connections(limit).build() as client:

        async def call():
            if mode == "whole":
                reply = await client.post(url).body_bytes(BODY).build().send()
                return words([bytes(await reply.bytes())], mode)
            async with client.post(url).body_bytes(BODY).streamed_read_buffer_limit(0).build_streamed() as reply:
                chunks = []
                while chunk := await reply.body_reader.read_chunk():
                    chunks.append(bytes(chunk))
                return words(chunks, mode)

        return await drive(call)


async def transport(url, mode, drive, made):
    call_ = HttpRequest("POST", url, HEADERS, BODY)

    async def call():
        async with made.exchange(call_) as reply:
            if mode == "whole":
                return words([await reply.read(fields.BODY_LIMIT)], mode)
            async with aclosing(reply.chunks()) as chunks:
                return words([chunk async for chunk in chunks], mode)

    try:
        return await drive(call)
    finally:
        await made.close()


async def dialect(url, mode, drive, made):
    base = url.removesuffix("/chat/completions")
    provider = factory("openai")(ProviderContext("openai", base, "sk-bench-key", ProviderConfig(kind="openai"), made))
    request = Request(REQUEST.messages, stream=mode == "stream")

    async def call():
        texts = []
        await provider.send(request, "m", lambda event: texts.append(getattr(event, "text", "")))
        return len("".join(texts))

    try:
        return await drive(call)
    finally:
        await made.close()


async def engine(name, url, mode, limit, drive):
    from llmo.providers.transports.aiohttp import AiohttpTransport
    from llmo.providers.transports.httpx import HttpxTransport
    from llmo.providers.transports.pooled import PooledTransport

    bare = {
        "aiohttp": bare_aiohttp,
        "httpx": bare_httpx,
        "httpx-aiohttp": bridged,
        "pyreqwest": bare_pyreqwest,
    }
    if name in bare:
        return await bare[name](url, mode, limit, drive)
    if name == "openai":
        return await dialect(url, mode, drive, AiohttpTransport())
    return await transport(
        url,
        mode,
        drive,
        {"HttpxTransport": HttpxTransport, "AiohttpTransport": AiohttpTransport, "PooledTransport": PooledTransport}[
            name
        ](),
    )


async def run(name: str, url: str, mode: str, limit: int, rows: int) -> None:
    async def drive(call):
        left, good = iter(range(rows)), 0

        async def work():
            nonlocal good
            for _ in left:
                length = await call()
                good += length > 0

        await call()
        before, begun = os.times(), time.perf_counter()
        await asyncio.gather(*(work() for _ in range(limit)))
        took, after = time.perf_counter() - begun, os.times()
        cpu = after.user + after.system - before.user - before.system
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"good": good, "rps": rows / took, "cpu": cpu / rows * 1000, "peak": peak}))

    await engine(name, url, mode, limit, drive)


def case(name: str, port: str, shape: tuple[str, str, int], rows: int) -> dict[str, Any]:
    mode, seconds, limit = shape
    url = f"http://127.0.0.1:{port}/{mode}/{seconds}/chat/completions"
    command = [sys.executable, __file__, "--case", name, url, mode, str(limit), str(rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if not done.stdout:
        return {"failed": done.stderr[-200:]}
    return {**json.loads(done.stdout), "aborted": done.returncode != 0}


def played(names: list[str], shape: tuple[str, str, int], rows: int, rounds: int) -> dict[str, list[dict[str, Any]]]:
    """Every engine in turn, several times: a busy moment of the machine hits one round of one engine."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for _, name in product(range(rounds), names):
        with subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout
            found[name].append(case(name, server.stdout.readline().strip(), shape, rows))
            server.terminate()
    return found


def main(names: list[str]) -> None:
    rounds = 1 if "--quick" in names else 3
    engines = [name for name in names if name in ENGINES] or list(ENGINES)
    modes = [name for name in names if name in MODES] or MODES
    for mode, seconds, limit in product(modes, "01", (64, 1000)):
        rows = {("0", 64): 1500, ("0", 1000): 2000, ("1", 64): 192, ("1", 1000): 1000}[seconds, limit]
        print(f"\n{mode}, {seconds} s latency, {limit} in flight, {rows} rows, median of {rounds}")
        print(f"{'engine':<18}{'rows/s':>9}{'CPU ms/row':>12}{'ratio':>8}{'peak MB':>9}{'good':>7}")
        base = None
        for name, runs in played(engines, (mode, seconds, limit), rows, rounds).items():
            failed = [run["failed"] for run in runs if "failed" in run]
            if failed:
                print(f"{name:<18} {failed[0]}", flush=True)
                continue
            rps, cpu, peak = (median(run[key] for run in runs) for key in ("rps", "cpu", "peak"))
            base = base or rps
            good = min(run["good"] for run in runs)
            aborted = sum(run["aborted"] for run in runs)
            note = f"  {aborted} of {rounds} aborted at exit" if aborted else ""
            print(f"{name:<18}{rps:>9.0f}{cpu:>12.3f}{rps / base:>8.2f}{peak:>9.0f}{good:>7}{note}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        asyncio.run(serve())
    elif sys.argv[1:2] == ["--case"]:
        name, url, mode, limit, rows = sys.argv[2:]
        asyncio.run(run(name, url, mode, int(limit), int(rows)))
    else:
        main(sys.argv[1:])
