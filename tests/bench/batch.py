"""
How much does `llmo batch` cost per row? Run by hand: python tests/bench/batch.py [--quick].

A raw asyncio server in a process of its own answers chat completions after a latency; each case
runs bare aiohttp, the least a Python client can do, and then the whole of llmo against it:
reading, templates, plan, holds, limits, journal. `ratio` is aiohttp's rows/s over llmo's; CPU is
the client's, per row.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CASES = [(64, 0.0, 8000), (1000, 0.0, 8000), (64, 1.0, 640), (1000, 1.0, 6000)]
TEXT = "A photograph of a harbour at dusk with boats. " * 12
PROMPT = "Describe the picture in one short paragraph. " * 6
FILES = 4096
PROFILE = """
model = "bench/m"
timeout = 300
privacy.detect = []
[providers.bench]
kind = "openai"
base_url = "http://127.0.0.1:{port}/{latency}/v1"
api_key_env = "BENCH_KEY"
concurrency = {flight}
[[prices]]
model = "bench/*"
input_usd = "1"
output_usd = "2"
[[budgets]]
name = "bench"
limit_usd = "1000000"
"""


class Server(asyncio.Protocol):
    """Answers `/LATENCY/…` after so many seconds."""

    def connection_made(self, transport):
        self.transport, self.rest = transport, b""

    def data_received(self, data):
        self.rest += data
        head, found, body = self.rest.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
        if not found or len(body) < length:
            return
        self.rest = body[length:]
        latency = float(head.split(b" ", 2)[1].split(b"/")[1])
        if latency:
            asyncio.get_running_loop().call_later(latency, self.transport.write, ANSWER)
        else:
            self.transport.write(ANSWER)


def answer() -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 80, "completion_tokens": 120, "total_tokens": 200}
    body = json.dumps({"id": "c", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage})
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (
        len(body),
        body.encode(),
    )


ANSWER = answer()


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def bare(port: int, flight: int, latency: float, rows: int) -> None:
    import aiohttp

    left = iter(range(rows))
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def worker() -> None:
            for n in left:
                body = {"model": "m", "messages": [{"role": "user", "content": f"{n} {PROMPT}"}]}
                url = f"http://127.0.0.1:{port}/{latency}/v1/chat/completions"
                async with session.post(url, json=body) as reply:
                    json.loads(await reply.read())["choices"][0]["message"]["content"]

        await asyncio.gather(*(worker() for _ in range(flight)))


def client(command: list[str], env: dict[str, str], cwd: str) -> tuple[float, float]:
    """Seconds and CPU seconds of a client process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    done = subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, check=False)
    took = time.monotonic() - began
    if done.returncode:
        sys.exit(f"{command}: {done.returncode}\n{done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def start_up(command: list[str], env: dict[str, str], cwd: str) -> tuple[float, float]:
    """What a run of one row takes, to subtract."""
    return client(command, env, cwd)


def case(port: int, folder: str, flight: int, latency: float, rows: int) -> None:
    env = os.environ | {f"LLMO_{kind}_DIR": f"{folder}/{kind}" for kind in ("CONFIG", "DATA", "CACHE")}
    env["BENCH_KEY"] = "sk-bench"
    Path(folder, "bench.toml").write_text(PROFILE.format(port=port, latency=latency, flight=flight))
    with Path(folder, "rows.jsonl").open("w") as file:
        file.writelines(json.dumps({"id": f"r{n}", "prompt": f"{n} {PROMPT}"}) + "\n" for n in range(rows))
    ours = [sys.executable, "-m", "llmo", "-q", "-P", "bench.toml", "batch", "rows.jsonl", "-j", str(flight)]
    ours += ["--progress", "none", "-y", "--restart", "-o", "out.jsonl"]
    theirs = [sys.executable, __file__, "bare", str(port), str(flight), str(latency)]
    results = []
    for command, one in ((theirs, [*theirs, "1"]), (ours, [*ours, "--limit", "1"])):
        idle = client(one, env, folder)
        full = [*command, str(rows)] if command is theirs else command
        took, cpu = client(full, env, folder)
        results.append((rows / (took - idle[0] + latency), 1e6 * (cpu - idle[1]) / rows))
    (bare_rate, bare_cpu), (rate, cpu) = results
    print(
        f"{flight:>5} in flight, {latency:g} s: aiohttp {bare_rate:7.0f} rows/s {bare_cpu:5.0f} µs CPU   "
        f"llmo {rate:7.0f} rows/s {cpu:5.0f} µs CPU   ratio {bare_rate / rate:.2f}",
        flush=True,
    )


def main() -> None:
    if sys.argv[1:2] == ["serve"]:
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        return asyncio.run(serve())
    if sys.argv[1:2] == ["bare"]:
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        at, count, seconds, total = sys.argv[2:6]
        return asyncio.run(bare(int(at), int(count), float(seconds), int(total)))
    with subprocess.Popen([sys.executable, __file__, "serve"], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        try:
            for flight, latency, rows in CASES:
                with tempfile.TemporaryDirectory() as folder:
                    case(port, folder, flight, latency, rows // 4 if "--quick" in sys.argv else rows)
        finally:
            server.terminate()
    return None


if __name__ == "__main__":
    main()
