"""
What a deferred run takes beside the service: `python tests/bench/deferred.py [ROWS]`.

Rows a second and the most memory while rows are submitted and while answers are fetched, beside a local run of the same rows
with answers at once (`offline`). The service is the fake one of the tests, in a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from multiprocessing import Process, Queue
from pathlib import Path
from threading import Event
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent.parent))
from tests.servers.batch_service import BatchServer

PROFILE = """
[providers.peer]
kind = "openai"
base_url = "{url}/v1"
api_key_env = "PEER_KEY"
[[prices]]
model = "peer/*"
input_usd = "1"
output_usd = "2"
"""


def serve(urls: Queue[str]) -> None:
    """A service until the end of the program."""
    with BatchServer() as server:
        urls.put(server.url)
        Event().wait()


def timed(home: Path, *args: str) -> tuple[float, float]:
    """Seconds and megabytes of one llmo."""
    env = {**os.environ, "PEER_KEY": "sk-0123456789abcdefghij", "LLMO_DATA_DIR": str(home / "data")}
    began = time.perf_counter()
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("llmo")), "-P", "p.toml", *args],
        cwd=home, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    _, _, used = os.wait4(process.pid, 0)
    return time.perf_counter() - began, used.ru_maxrss / 1024


def main() -> None:
    """Measure and print."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    urls: Any = Queue()
    service = Process(target=serve, args=(urls,), daemon=True)
    service.start()
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        (home / "p.toml").write_text(PROFILE.format(url=urls.get()))
        lines = (json.dumps({"id": f"r{n}", "prompt": f"row {n} " + "word " * 50}) + "\n" for n in range(rows))
        (home / "rows.jsonl").write_text("".join(lines))
        local = timed(home, "batch", "rows.jsonl", "-m", "offline/echo", "-o", "local.jsonl")
        submitted = timed(home, "batch", "rows.jsonl", "-m", "peer/m", "--deferred", "-o", "out.jsonl")
        run = max(path.name for path in (home / "data/runs").iterdir())
        fetched = timed(home, "runs", "fetch", run)
        done = sum(1 for _ in (home / "out.jsonl").open("rb"))
    for name, (seconds, memory) in {"local": local, "submit": submitted, "fetch": fetched}.items():
        ratio = seconds / local[0]
        print(f"{name:7} {rows / seconds:8,.0f} rows/s  {memory:6.0f} MB  {ratio:5.2f} of a local run")
    print(f"{done:,} of {rows:,} rows have their lines")


if __name__ == "__main__":
    main()
