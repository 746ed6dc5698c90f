"""
What is waited for beside starting up: the request, the pieces of an answer, litellm. start.py prints it.

A server in this process writes down when a request came and when each piece left; the program's output is read here
too, so that all times are of one clock. Every piece is 50 bytes long.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.bench import terminal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

RUNS = 10
PIECE = 50
FEW, MANY, MORE = 1, 20_000, 60_000
PACED, PAUSE_S = 1_000, 0.003
LITELLM_RUNS = 5
PROFILE = """
model = "{name}/{model}"
[providers.{name}]
kind = "{kind}"
base_url = "http://127.0.0.1:{port}/v1"
local = true
models = ["{model}"]
"""


class Sight(NamedTuple):
    """One run: seconds until the request came and until the first byte; seconds of CPU; megabytes; delays of pieces."""

    request: float
    first: float
    cpu: float
    megabytes: float
    delays: Sequence[float]


class Pieces(BaseHTTPRequestHandler):
    """Answers with as many pieces as the prompt says, with as many seconds between them."""

    disable_nagle_algorithm = True
    came: float
    left: list[float]

    def do_POST(self) -> None:
        """Stream."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        type(self).came = time.monotonic()
        count, pause = body["messages"][-1]["content"].split()
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        type(self).left = left = []
        for number in range(int(count)):
            data = _chunk({"content": f"{number:<{PIECE - 1}}\n"})
            left.append(time.monotonic())
            self.wfile.write(data)
            if float(pause):
                time.sleep(float(pause))
        self.wfile.write(_chunk({}, "stop") + b"data: [DONE]\n\n")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _chunk(delta: dict[str, str], reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return b"data: %s\n\n" % json.dumps({"id": "1", "model": "good", "choices": [choice]}).encode()


def seen(*command: str | Path, env: dict[str, str] | None = None) -> Sight:
    """Run a command, and read what it writes as soon as that is there."""
    began = time.monotonic()
    Pieces.came, Pieces.left = began, []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, env=env) as process:
        assert process.stdout is not None
        read: list[float] = []
        size = 0
        while data := os.read(process.stdout.fileno(), 1 << 16):
            now = time.monotonic()
            size += len(data)
            read += [now] * (size // PIECE - len(read))
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    delays = [there - left for there, left in zip(read, Pieces.left, strict=False)]
    first = (read[0] if read else time.monotonic()) - began
    return Sight(Pieces.came - began, first, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, delays)


def median(runs: Sequence[Sight], of: str) -> float:
    """The median of one figure."""
    found: float = statistics.median(getattr(run, of) for run in runs)
    return found


def rows(llmo: str, home: Path, venvs: Path | None) -> list[tuple[str, str, str]]:
    """What was measured, its figure and its target."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pieces)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    profile = home / "pieces.toml"
    profile.write_text(PROFILE.format(name="here", model="good", kind="openai", port=server.server_port), "utf-8")
    ask: tuple[str | Path, ...] = (llmo, "-P", profile, "ask")
    found = [_request(ask), *_pieces(ask), _delay(ask), _markdown()]
    if venvs is not None:
        found.append(_litellm(venvs, home, server.server_port))
    server.shutdown()
    return found


def _request(ask: Sequence[str | Path]) -> tuple[str, str, str]:
    seen(*ask, f"{FEW} 0")
    turns = [(seen(sys.executable, "-c", "import typer"), seen(*ask, f"{FEW} 0")) for _ in range(RUNS)]
    typer, sent = median([one for one, _ in turns], "first"), median([one for _, one in turns], "request")
    return "start to request received", f"{sent * 1000:.0f} ms, {sent / typer:.2f} T of time", "≤ 2 T"


def _pieces(ask: Sequence[str | Path]) -> list[tuple[str, str, str]]:
    turns = [(seen(*ask, f"{FEW} 0"), seen(*ask, f"{MANY} 0")) for _ in range(RUNS // 2)]
    few, many = [one for one, _ in turns], [one for _, one in turns]
    cpu = (median(many, "cpu") - median(few, "cpu")) / (MANY - FEW)
    # A server that is faster than its reader fills buffers, up to a bound: the first pieces do not count.
    grown = seen(*ask, f"{MORE} 0").megabytes - median(many, "megabytes")
    text = (MORE - MANY) * PIECE / 2**20
    return [
        (f"a piece of {PIECE} bytes, as fast as they come", f"{cpu * 1e6:.1f} µs of CPU", "≤ 12 µs"),
        (f"memory for {text:.1f} MB of text", f"{grown:.1f} MB", "the text"),
    ]


def _delay(ask: Sequence[str | Path]) -> tuple[str, str, str]:
    run = seen(*ask, f"{PACED} {PAUSE_S}")
    # The first pieces share the time of the imports that an answer needs.
    later = sorted(run.delays[10:])
    half, most = later[len(later) // 2], later[len(later) * 99 // 100]
    return f"delay of a piece, {1 / PAUSE_S:.0f}/s", f"median {half * 1000:.2f}, p99 {most * 1000:.2f} ms", "p99 ≤ 1 ms"


def _markdown() -> tuple[str, str, str]:
    text = terminal.repeated(terminal.ANSWERS["mixed"], 2_000)
    terminal.live(80, 24)(text[:5_000])
    figure: Any = statistics.median(terminal.per_kb(terminal.live(80, 24), text) for _ in range(3))
    return "markdown on a terminal, pieces of 4 characters", f"{figure:.2f} ms of CPU per kB", "≤ 5 ms"


def _litellm(venvs: Path, home: Path, port: int) -> tuple[str, str, str]:
    """Needs llmo with its extra `litellm` in the environment `litellm`."""
    programs = venvs / "litellm/bin"
    profile = home / "litellm.toml"
    profile.write_text(PROFILE.format(name="lite", model="openai/good", kind="litellm", port=port), "utf-8")
    env = os.environ | {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    ask = (programs / "llmo", "-P", profile, "ask", f"{FEW} 0")
    seen(*ask, env=env)
    turns = [
        (seen(programs / "python", "-c", "import litellm", env=env), seen(*ask, env=env)) for _ in range(LITELLM_RUNS)
    ]
    own, first = median([one for one, _ in turns], "first"), median([one for _, one in turns], "first")
    return "first token through litellm", f"{first:.2f} s, its import {own:.2f} + {first - own:.2f} s", "≤ + 0.3 s"
