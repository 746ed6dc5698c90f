"""
What a cluster costs, and what it brings: `python -m tests.bench.ray [ROWS] [LARGE]`, as root, where Ray is installed.

Small rows show the overhead per row against one process. Large ones (100 kB of prompt, 20 ms of processor time to look for
private data and to tell the task) show what more workers bring: never more than the machine has processors. Answers come
from the offline provider, at once. `cpu` is milliseconds a row, of llmo itself and of all processes of Ray.
"""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.conftest import Llmo
from tests.raycluster import only_loopback, started

if TYPE_CHECKING:
    from collections.abc import Iterator

PROFILE = """
model = "offline/echo"
[providers.offline]
kind = "offline"
concurrency = 64
[providers.offline.offline]
first_token_delay = 0
input_usd = "1"
output_usd = "2"
"""
TICK = os.sysconf("SC_CLK_TCK")


class Processors:
    """
    Processor time of the processes in this network that are not ours, while it is open.

    They are looked at ten times a second: the raylet does not wait for its children, so their time is lost with them.
    """

    def __init__(self) -> None:
        self._here = Path("/proc/thread-self/ns/net").stat().st_ino
        self._last: dict[tuple[str, str], int] = {}
        self._before: dict[tuple[str, str], int] = {}
        self._over = threading.Event()
        self._look()
        self._before = dict(self._last)
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            self._look()

    def _look(self) -> None:
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if int(entry.name) != os.getpid() and (entry / "ns/net").stat().st_ino == self._here:
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                    llmo = any(word.endswith(b"/llmo") for word in words[:2])
                    who = "llmo" if llmo else "workers" if words[0].startswith(b"ray::") else "ray"
                    fields = (entry / "stat").read_text().rpartition(")")[2].split()
                    self._last[who, entry.name] = sum(map(int, fields[11:13]))

    def seconds(self, who: str) -> float:
        return sum(now - self._before.get(key, 0) for key, now in self._last.items() if key[0] == who) / TICK


def write(path: Path, count: int, words: int) -> None:
    rand = random.Random(1)
    known = [
        "the",
        "quick",
        "brown",
        "fox",
        "jumps",
        "over",
        "a",
        "lazy",
        "dog",
        "invoice",
        "meeting",
        "total",
        "server",
        "error",
        "request",
        "token",
        "budget",
    ]
    with path.open("w") as file:
        for number in range(count):
            text = " ".join(rand.choices(known, k=words))
            file.write(json.dumps({"id": f"r{number}", "prompt": f"{number} {text}"}) + "\n")


def measure(llmo: Llmo, rows: Path, engine: str, env: dict[str, str]) -> tuple[float, dict[str, float]]:
    """Seconds that it ran; processor time of llmo, of workers and broker, and of the rest of Ray."""
    out, report = llmo.home / "out.jsonl", llmo.home / "report.json"
    out.unlink(missing_ok=True)
    args = ("batch", rows, "-o", out, "--engine", engine, "-t", "auto", "--progress", "none", "--report", report)
    with Processors() as processors:
        run = llmo("-P", "p.toml", *args, env=env)
    assert run.code == 0, run
    return json.loads(report.read_text())["seconds"], {
        who: processors.seconds(who) for who in ("llmo", "workers", "ray")
    }


def main(count: int = 4000, large: int = 200) -> None:
    with tempfile.TemporaryDirectory() as place:
        llmo = Llmo(Path(place))
        llmo.home.joinpath("p.toml").write_text(PROFILE)
        kinds = {"one": (1, 10), "small": (count, 10), "large": (large, 15_000)}
        for name, (rows, words) in kinds.items():
            write(llmo.home / f"{name}.jsonl", rows, words)
        for workers in (0, 1, 2, 4):
            engine = "ray" if workers else "local"
            with started(workers) if workers else no_cluster() as env:
                print(f"{engine}, {workers} workers; {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
                for name, (rows, _) in kinds.items():
                    seconds, used = measure(llmo, llmo.home / f"{name}.jsonl", engine, env)
                    each = ", ".join(f"{who} {time / rows * 1000:.2f}" for who, time in used.items())
                    print(
                        f"  {name:<5} {rows:5} rows {seconds:6.2f} s {rows / seconds:7.0f} rows/s; ms of processor a row: {each}",
                        flush=True,
                    )


@contextmanager
def no_cluster() -> Iterator[dict[str, str]]:
    with only_loopback():
        yield {}


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
