"""
CPU and memory of starting programs, and of what comes until an answer is there.

`python tests/bench/start.py --venvs DIR` prints the table of llmo's usual commands with their targets: B is `python -c
pass`, T is `python -c 'import typer'`, L is `llm` asked the same of the same server, all measured in the same run. The
ledger holds 10,000 calls; `ask` is measured on the provider `offline`, and against a server on this machine that answers
at once. The rows below it are of first.py. `llm` and llmo with its extra `litellm` (370 MB) are installed below DIR, once;
without --venvs, what needs them is left out. `python tests/bench/start.py "llm --help" "llmo --help"` measures other
command lines.

Printed are the medians of ten runs each, in turns, after one that is not counted. Compare within one run. Bytecode is
cached, whatever the environment says: only a first start compiles.
"""

from __future__ import annotations

import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
RUNS = 10
CALLS = 10_000
CHILD = """
import json, resource, subprocess, sys, time
began = time.perf_counter()
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
wall = time.perf_counter() - began
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1024]))
"""
BARE, TYPER = f"{sys.executable} -c pass", f"{sys.executable} -c 'import typer'"
LLMO = str(Path(sys.executable).with_name("llmo"))
PROFILE = """
model = "here/good"
[providers.here]
kind = "openai"
base_url = "http://127.0.0.1:{port}/v1"
local = true
models = ["good"]
"""
ANSWER = b"".join(
    b"data: %s\n\n" % part
    for part in (
        b'{"id":"1","model":"good","choices":[{"index":0,"delta":{"role":"assistant","content":"Hello."}}]}',
        b'{"id":"1","model":"good","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}',
        b'{"id":"1","model":"good","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}',
        b"[DONE]",
    )
)


class Row(NamedTuple):
    """A command of the table; the most that it should use, in CPU of B or T and in megabytes."""

    args: str
    most: float | None = None
    of: str = "T"
    megabytes: float | None = None


TABLE = (
    Row("--version", 2.0, "B"),
    Row("--help", 1.3),
    Row("ask --help", 1.3),
    Row("-P offline models --names", 1.3),
    Row("-P offline cost --json", 1.5),
    Row("-P offline route hello --json", 1.6),
    Row("-P offline route hello -t auto --json"),
    Row("-P offline ask hello", megabytes=55),
    Row("-P {local} ask hello", 0.25, "L", 55),
)
LLM = "- model_id: here\n  model_name: good\n  api_base: http://127.0.0.1:{port}/v1\n"
PACKAGES = {"llm": ("llm",), "litellm": (f"{ROOT}[litellm]", "litellm==1.106.2")}
"""What is installed into the environments of these names."""


class Server(BaseHTTPRequestHandler):
    """Answers at once."""

    def do_POST(self) -> None:
        """Send the same stream every time."""
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("content-length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def once(command: str) -> tuple[float, float, float]:
    """Seconds of CPU and of time, and megabytes at the peak."""
    run = subprocess.run([sys.executable, "-c", CHILD, *shlex.split(command)], capture_output=True, check=True)
    cpu, wall, megabytes = json.loads(run.stdout)
    return cpu, wall, megabytes


def measured(commands: list[str]) -> list[tuple[float, float, float]]:
    """The medians of each command: CPU, time and memory."""
    for command in commands:
        once(command)
    found = [[once(command) for command in commands] for _ in range(RUNS)]
    return [
        (
            statistics.median(run[number][0] for run in found),
            statistics.median(run[number][1] for run in found),
            statistics.median(run[number][2] for run in found),
        )
        for number in range(len(commands))
    ]


def fill(home: Path) -> None:
    """Put `CALLS` calls into the ledger, as an export of another machine."""
    subprocess.run([LLMO, "-P", "offline", "-q", "ask", "hello"], check=True, stdout=subprocess.DEVNULL)
    line = subprocess.run([LLMO, "cost", "--export", "-"], check=True, capture_output=True).stdout
    call = json.loads(line.splitlines()[0])
    ids = (f"{call['id'][:-5]}{number:05}" for number in range(CALLS))
    text = "".join(f"{json.dumps(call | {'id': one})}\n" for one in ids)
    path = home / "calls.jsonl"
    path.write_text(text, "utf-8")
    subprocess.run([LLMO, "cost", "--import", path], check=True, capture_output=True)


def install(venvs: Path) -> None:
    """Make the environments that are missing."""
    for name, packages in PACKAGES.items():
        if not (venvs / name).exists():
            subprocess.run([sys.executable, "-m", "venv", venvs / name], check=True)
            subprocess.run([venvs / name / "bin/pip", "install", "-q", *packages], check=True)


def table(home: Path, venvs: Path | None) -> None:
    """Measure the table in a home of its own, and print it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    local = home / "local.toml"
    local.write_text(PROFILE.format(port=server.server_port), "utf-8")
    os.environ |= {f"LLMO_{name}_DIR": str(home / name.lower()) for name in ("CONFIG", "DATA", "CACHE")}
    fill(home)
    others = {"B": BARE, "T": TYPER}
    if venvs is not None:
        os.environ |= {"LLM_USER_PATH": str(home), "OPENAI_API_KEY": "sk-none"}
        (home / "extra-openai-models.yaml").write_text(LLM.format(port=server.server_port), "utf-8")
        others["L"] = f"{shlex.quote(str(venvs / 'llm/bin/llm'))} -m here hello"
    commands = [f"{shlex.quote(LLMO)} {row.args.format(local=local)}" for row in TABLE]
    found = measured([*others.values(), *commands])
    server.shutdown()
    base = {name: cpu for name, (cpu, _, _) in zip(others, found, strict=False)}
    print(
        ", ".join(f"{name} = {cpu * 1000:.0f}" for name, cpu in base.items()), "ms of CPU; calls in the ledger:", CALLS
    )
    print(f"\n{'CPU':>7} {'time':>9} {'ratio':>9} {'target':>9} {'RSS':>7} {'target':>8}  llmo …")
    for row, (cpu, wall, megabytes) in zip(TABLE, found[len(others) :], strict=True):
        ratio = f"{cpu / base[row.of]:.2f} {row.of}" if row.of in base else ""
        most = "" if row.most is None else f"≤ {row.most} {row.of}"
        room = "" if row.megabytes is None else f"≤ {row.megabytes:.0f} MB"
        print(
            f"{cpu * 1000:4.0f} ms {wall * 1000:6.0f} ms {ratio:>9} {most:>9} {megabytes:4.0f} MB {room:>8}"
            f"  {row.args.format(local='local')}"
        )
    print()
    sys.path.insert(0, str(ROOT))
    from tests.bench.first import rows

    for what, figure, target in rows(LLMO, home, venvs):
        print(f"{what:<46} {figure:<42} {target}")


def main() -> None:
    """Measure what the command line names, or the table."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    venvs = Path(sys.argv[2]).absolute() if sys.argv[1:2] == ["--venvs"] else None
    if venvs is None and (commands := sys.argv[1:]):
        for command, (cpu, wall, megabytes) in zip(commands, measured(commands), strict=True):
            print(f"{cpu * 1000:8.0f} ms {wall * 1000:8.0f} ms {megabytes:6.0f} MB  {command}")
        return
    if venvs is not None:
        install(venvs)
    with tempfile.TemporaryDirectory() as home:
        table(Path(home), venvs)


if __name__ == "__main__":
    main()
