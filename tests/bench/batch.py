"""
How much does `llmo batch` cost per row? Run by hand: python tests/bench/batch.py [FLAGS], see --help.

A raw asyncio server in a process of its own answers chat completions after a latency; each case runs bare aiohttp, the
least a Python client can do, and then the whole of llmo against it: reading, templates, plan, privacy, holds, limits,
journal. They take turns, since a busy machine is busy for both; the first run of each is left out. CPU is the client's,
user and system, per row, with a run of one row subtracted. `ratio` is the median of llmo over that of aiohttp.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

CASES = ["64:0:8000", "1000:0:8000", "64:1:640", "1000:1:20000"]
TEXT = "A photograph of a harbour at dusk with boats. " * 12
PROMPT = "Describe the picture in one short paragraph. " * 12
PIECES = 40
FILES = 4096
PROFILE = """
model = "bench/m"
timeout = 300
[providers.bench]
kind = "openai"
base_url = "{base}"
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
    """Answers `/MODE/LATENCY/…` after so many seconds, whole or as a stream."""

    def connection_made(self, transport):
        self.transport, self.rest = transport, b""

    def data_received(self, data):
        self.rest += data
        head, found, body = self.rest.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
        if not found or len(body) < length:
            return
        self.rest = body[length:]
        mode, latency = head.split(b" ", 2)[1].split(b"/")[1:3]
        if float(latency):
            asyncio.get_running_loop().call_later(float(latency), self.transport.write, ANSWERS[mode])
        else:
            self.transport.write(ANSWERS[mode])


def whole() -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 80, "completion_tokens": 120, "total_tokens": 200}
    body = json.dumps({"id": "c", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage})
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (
        len(body),
        body.encode(),
    )


def streamed() -> bytes:
    size = len(TEXT) // PIECES
    pieces = [TEXT[n : n + size] for n in range(0, len(TEXT), size)]
    chunks: list[dict[str, Any]] = [
        {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]}
        for piece in pieces
    ]
    chunks.append({"id": "c", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    usage = {"prompt_tokens": 80, "completion_tokens": 120, "total_tokens": 200}
    chunks.append({"id": "c", "model": "m", "choices": [], "usage": usage})
    frames = [b"data: %s\n\n" % json.dumps(chunk).encode() for chunk in chunks] + [b"data: [DONE]\n\n"]
    body = b"".join(b"%x\r\n%s\r\n" % (len(frame), frame) for frame in frames) + b"0\r\n\r\n"
    return b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n" + body


ANSWERS = {b"whole": whole(), b"stream": streamed()}


def prompt(number: int) -> str:
    """The prompt of a row: of many lengths, 300 characters on average."""
    return f"{number} {PROMPT[: 60 + number * 37 % 480]}"


def files() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


async def serve(certificate: str | None) -> None:
    files()
    secure = None
    if certificate:
        secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        secure.load_cert_chain(certificate, certificate.replace("cert", "key"))
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0, backlog=4096, ssl=secure)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def bare(base: str, flight: int, rows: int, *, lines: bool = False) -> None:
    """Send rows over aiohttp and nothing else; take the text of the answer out of its JSON."""
    import aiohttp

    left = iter(range(rows))
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def worker() -> None:
            for n in left:
                body = {"model": "m", "messages": [{"role": "user", "content": prompt(n)}]}
                async with session.post(f"{base}/chat/completions", json=body) as reply:
                    answer = await reply.read()
                if not lines:
                    json.loads(answer)["choices"][0]["message"]["content"]
                    continue
                said = [json.loads(line[6:]) for line in answer.split(b"\n") if line.startswith(b"data: {")]
                "".join(one["choices"][0]["delta"].get("content", "") for one in said if one["choices"])

        await asyncio.gather(*(worker() for _ in range(flight)))


class Used(NamedTuple):
    """Seconds by the clock and of the CPU, and MiB at the peak."""

    took: float
    cpu: float
    peak: float


def client(command: list[str], env: dict[str, str], cwd: str) -> Used:
    """Run a client process."""
    began = time.monotonic()
    with Path(cwd, "said").open("w+") as said:
        child = subprocess.Popen(command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        _, status, usage = os.wait4(child.pid, 0)
        took = time.monotonic() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            said.seek(0)
            sys.exit(f"{command}: {child.returncode}\n{said.read()}")
    return Used(took, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


class Measured:
    """One client of a case, and what its runs took."""

    def __init__(self, name: str, command: list[str], one: list[str]) -> None:
        self.name, self.command, self.one = name, command, one
        self.idle: list[Used] = []
        self.full: list[Used] = []

    def run(self, env: dict[str, str], folder: str) -> None:
        # A version may not read what another one has written.
        env = env | {"LLMO_DATA_DIR": f"{folder}/{self.name}"}
        self.idle.append(client(self.one, env, folder))
        self.full.append(client(self.command, env, folder))

    def cpu(self, rows: int) -> list[float]:
        """Microseconds a row of each run but the first."""
        idle = min(one.cpu for one in self.idle)
        return [1e6 * (one.cpu - idle) / (rows - 1) for one in self.full[1:]]

    def rate(self, rows: int, latency: float) -> float:
        """Rows a second of the best run."""
        idle = min(one.took for one in self.idle)
        return (rows - 1) / (min(one.took for one in self.full[1:]) - idle + latency)


def case(flags: argparse.Namespace, base: str, folder: str, numbers: tuple[int, float, int]) -> None:
    flight, latency, rows = numbers
    env = os.environ | {f"LLMO_{kind}_DIR": f"{folder}/{kind}" for kind in ("CONFIG", "DATA", "CACHE")}
    env["BENCH_KEY"] = "sk-bench"
    Path(folder, "bench.toml").write_text(PROFILE.format(base=base, flight=flight))
    with Path(folder, "rows.jsonl").open("w") as file:
        file.writelines(json.dumps({"id": f"r{n}", "text": prompt(n)}) + "\n" for n in range(rows))
    arguments = ["-m", "llmo", "-q", "-P", "bench.toml", "batch", "rows.jsonl", "--prompt", "{{text}}"]
    arguments += ["-j", str(flight), "--progress", "none", "-y", "--restart", "-o", "out.jsonl"]
    theirs = [sys.executable, __file__, "--bare", f"{base} {flight} {int(flags.stream)}"]
    clients = [Measured("aiohttp", [*theirs, "--rows", str(rows)], [*theirs, "--rows", "1"])]
    for python in (sys.executable, *flags.other):
        ours = [python, *arguments]
        name = "llmo" if python == sys.executable else python.split("/.venv")[0].rpartition("/")[2]
        clients.append(Measured(name, ours, [*ours, "--limit", "1"]))
    for _ in range(flags.runs + 1):
        for one in clients:
            one.run(env, folder)
    print(f"{flight} in flight, {latency:g} s, {rows} rows, {flags.runs} runs", flush=True)
    peer = clients[0].cpu(rows)
    for one in clients:
        cpu = one.cpu(rows)
        print(
            f"  {one.name:10} {one.rate(rows, latency):7.0f} rows/s   CPU {min(cpu):6.0f} µs least, {median(cpu):6.0f} "
            f"median   ratio {min(cpu) / min(peer):.2f} and {median(cpu) / median(peer):.2f}   "
            f"peak {max(used.peak for used in one.full):.0f} MiB",
            flush=True,
        )


def certificate(folder: str) -> str:
    """A self-signed certificate for 127.0.0.1."""
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1"]
    made += ["-addext", "subjectAltName=IP:127.0.0.1", "-out", f"{folder}/cert.pem", "-keyout", f"{folder}/key.pem"]
    subprocess.run(made, check=True, capture_output=True)
    return f"{folder}/cert.pem"


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("cases", nargs="*", default=CASES, help="FLIGHT:SECONDS:ROWS")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--stream", action="store_true", help="answers come as streams")
    parser.add_argument("--tls", action="store_true", help="over TLS")
    parser.add_argument("--other", action="append", default=[], help="the Python of another llmo to compare with")
    parser.add_argument("--serve", nargs="?", const="", help=argparse.SUPPRESS)
    parser.add_argument("--bare", help=argparse.SUPPRESS)
    parser.add_argument("--rows", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    flags = parsed()
    if flags.serve is not None:
        return asyncio.run(serve(flags.serve or None))
    if flags.bare:
        files()
        base, flight, lines = flags.bare.split()
        return asyncio.run(bare(base, int(flight), flags.rows, lines=lines == "1"))
    with tempfile.TemporaryDirectory() as home:
        cert = certificate(home) if flags.tls else ""
        if cert:
            os.environ["SSL_CERT_FILE"] = cert
        command = [sys.executable, __file__, "--serve", cert]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            port = int(server.stdout.readline())
            try:
                for numbers in flags.cases:
                    flight, latency, rows = numbers.split(":")
                    mode = "stream" if flags.stream else "whole"
                    base = f"http{'s' * flags.tls}://127.0.0.1:{port}/{mode}/{latency}/v1"
                    with tempfile.TemporaryDirectory() as folder:
                        case(flags, base, folder, (int(flight), float(latency), int(rows)))
            finally:
                server.terminate()
    return None


if __name__ == "__main__":
    main()
