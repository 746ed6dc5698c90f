"""
How much of a limit is used over HTTP, and how much refused? By hand: PYTHONPATH=. python tests/bench/limits_http.py [SECONDS].

Real time. `llmo batch` against a local server that enforces 30 requests a second and states 1,800 a minute in the headers
of each dialect; nothing is configured. Then two batches with one key at once, configured with all of it. Used is what was
admitted from the first request to the last, and a second's burst more would be possible.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.process.conftest import KEY, profile
from tests.process.test_limits import CHAT, MESSAGE, PER_SECOND, Enforced, anthropic, counted, openai
from tests.servers.raw import RawServer

DIALECTS = {
    "openai": (CHAT, openai),
    "anthropic": (MESSAGE, anthropic),
    "openrouter": (CHAT, openai),
    "litellm-proxy": (CHAT, counted),
}


class Timed(Enforced):
    """Remembers when requests came."""

    def __init__(self, *args):
        super().__init__(*args)
        self.times = []

    def __getitem__(self, number):
        self.times.append(time.monotonic())
        return super().__getitem__(number)


def measure(kind, rows, *, batches=1, provider=""):
    answers = Timed(*DIALECTS[kind])
    with RawServer() as server, tempfile.TemporaryDirectory() as home:
        server.answers = answers  # type: ignore[assignment]  # made as they are asked for
        path = Path(home, "profile.toml")
        path.write_text(profile(server.url, kind, provider=provider), "utf-8")
        places = {f"LLMO_{name}_DIR": f"{home}/{name.lower()}" for name in ("CONFIG", "DATA", "CACHE")}
        runs = []
        for number in range(batches):
            lines = "".join(
                json.dumps({"id": f"{number}-{n}", "text": f"hello {n}"}) + "\n" for n in range(rows // batches)
            )
            rows_file = Path(home, f"{number}.jsonl")
            rows_file.write_text(lines)
            command = [sys.executable, "-m", "llmo", "-P", path, "batch", rows_file, "-o", f"{home}/{number}.out.jsonl"]
            runs.append(
                subprocess.Popen(
                    [*map(str, command), "--max-tokens", "100", "-y"],
                    env={**os.environ, **places, "PEER_KEY": KEY},
                    stderr=subprocess.DEVNULL,
                )
            )
        codes = [run.wait() for run in runs]
    admitted = len(answers.times) - answers.refused
    used = admitted / ((answers.times[-1] - answers.times[0]) * PER_SECOND)
    print(f"{kind:14s} {batches:7d} {used:7.1%} {1000 * answers.refused / admitted:10.2f} {codes}", flush=True)


def main(seconds):
    print(f"{'dialect':14s} {'batches':>7s} {'used':>7s} {'429/1,000':>10s}")
    for kind in DIALECTS:
        measure(kind, seconds * PER_SECOND)
    measure("openai", seconds * PER_SECOND, batches=2, provider=f"rpm = {60 * PER_SECOND}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
