"""
Batches that are killed at random, against a server that counts what it answered: `python -m tests.bench.kills 300 1 [KIND]`.

Each run draws its flags (-j 1 to 64, JSONL, CSV, --ordered, --compare, --errors, --schema, --at-most-once, a file or a
pipe as input), is killed with SIGKILL after a random number of answers, resumed and killed again, and at last runs to its
end. Printed is, per kind of run: kills, rows, answers that were lost in flight (sent again), rows that stay in doubt,
finished rows that were lost, and finished rows that were sent again. The last two must be 0, and with --at-most-once
nothing is ever sent again; the exit code says so.
"""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROWS = 120
KILLED_BY = 4
"""Kills that one output suffers at most."""
ONCE = "at-most-once"
KINDS = ("plain", "csv", "ordered", "compare", "errors", "schema", "pipe", ONCE)
SCHEMA = '{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}'


class Server(ThreadingHTTPServer):
    """Chat completions: counts the answers by model and prompt; `reached` is set after so many more."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: Counter[str] = Counter()
        self.lock, self.left, self.reached = threading.Lock(), 0, threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def expect(self, answers: int) -> None:
        """Set `reached` after so many."""
        with self.lock:
            self.left = answers
            self.reached.clear()

    def count(self, key: str) -> None:
        """One more is billed."""
        with self.lock:
            self.asked[key] += 1
            self.left -= 1
            if self.left == 0:
                self.reached.set()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is no news."""


class Handler(BaseHTTPRequestHandler):
    """One answer: the prompt in JSON."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        """Answer."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        prompt = body["messages"][-1]["content"]
        self.server.count(f"{body['model']} {prompt}")
        answer = {
            "id": "x",
            "object": "chat.completion",
            "model": body["model"],
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "message": {"role": "assistant", "content": f'{{"n": {len(prompt)}}}'},
                }
            ],
            "usage": {"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10},
        }
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Wreck:
    """One output, killed several times."""

    def __init__(self, home: Path, server: Server, rand: random.Random) -> None:
        self.home, self.server, self.rand = home, server, rand
        self.kind = (sys.argv[3:] or [rand.choice(KINDS)])[0]
        self.lost = self.again = self.resent = self.doubtful = self.kills = 0
        self.models = ["m1", "m2"] if self.kind == "compare" else ["m1"]
        self.out = home / ("out.csv" if self.kind == "csv" else "out.jsonl")
        self.journal = (
            self.out.with_name(f"{self.out.name}.llmo.jsonl") if self.kind in ("csv", "compare") else self.out
        )
        profile = (
            f'[providers.s]\nkind = "openai"\nbase_url = "http://127.0.0.1:{server.server_port}/v1"\nlocal = true\n'
        )
        (home / "p.toml").write_text(profile, "utf-8")
        (home / "schema.json").write_text(SCHEMA, "utf-8")
        rows = [{"id": f"r{n}", "prompt": f"{rand.random()} row {n}"} for n in range(ROWS)]
        self.prompts = {row["id"]: row["prompt"] for row in rows}
        if self.kind == "csv":
            with (home / "in.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, ["id", "prompt"])
                writer.writeheader()
                writer.writerows(rows)
        (home / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")

    def start(self) -> subprocess.Popen[bytes]:
        """Run it."""
        source = {"pipe": "-", "csv": "in.csv"}.get(self.kind, "in.jsonl")
        more = {
            "ordered": ["--ordered"],
            "compare": ["--compare"],
            "errors": ["--errors", "failed.jsonl"],
            "schema": ["--schema", "schema.json"],
            ONCE: ["--at-most-once", "--errors", "failed.jsonl"],
        }
        models = [word for model in self.models for word in ("-m", f"s/{model}")]
        command = [sys.executable, "-m", "llmo", "-P", "p.toml", "batch", source, "-o", self.out.name, *models]
        command += ["-j", str(self.rand.choice([1, 2, 8, 64])), "--progress", "none", *more.get(self.kind, [])]
        env = {**os.environ, "HOME": str(self.home), "XDG_DATA_HOME": str(self.home / "data")}
        with (self.home / "in.jsonl").open("rb") as rows, (self.home / "log").open("ab") as log:
            piped = subprocess.Popen(["cat"], stdin=rows, stdout=subprocess.PIPE) if self.kind == "pipe" else None
            stdin = subprocess.DEVNULL if piped is None else piped.stdout
            return subprocess.Popen(command, cwd=self.home, env=env, stdin=stdin, stdout=log, stderr=log)

    def lines(self) -> dict[str, dict[str, Any]]:
        """What is written and whole, by id."""
        data = self.journal.read_bytes() if self.journal.exists() else b""
        whole = data[: data.rfind(b"\n") + 1].splitlines()
        return {row["id"]: row for row in map(json.loads, whole)}

    def billed(self, name: str) -> int:
        """How often the request of a line was answered."""
        row, _, target = name.partition("@")
        return self.server.asked[f"{target.partition('/')[2] or 'm1'} {self.prompts[row]}"]

    def kill(self) -> None:
        """Start, kill after some answers, and look at what is left."""
        before = self.lines()
        counts = {name: self.billed(name) for name in before}
        left = ROWS * len(self.models) - len(before)
        self.server.expect(self.rand.randint(1, max(1, left)))
        process = self.start()
        while not self.server.reached.wait(0.005) and process.poll() is None:
            pass
        time.sleep(self.rand.choice([0, self.rand.uniform(0, 0.004)]))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            self.kills += 1
        process.wait()
        self.judge(before, counts)

    def judge(self, before: dict[str, dict[str, Any]], counts: dict[str, int]) -> None:
        """Compare with what was there."""
        now = self.lines()
        self.lost += sum(now.get(name) != row for name, row in before.items())
        self.again += sum(self.billed(name) > count for name, count in counts.items())

    def finish(self) -> None:
        """Run to the end."""
        before = self.lines()
        counts = {name: self.billed(name) for name in before}
        code = self.start().wait()
        wanted = {
            name if len(self.models) == 1 else f"{name}@s/{model}" for name in self.prompts for model in self.models
        }
        lines = self.lines()
        self.doubtful = sum(line["status"] == "unknown" for line in lines.values())
        if code != (7 if self.doubtful else 0) or lines.keys() != wanted or (self.doubtful and self.kind != ONCE):
            said = (self.home / "log").read_text()[-2000:]
            raise SystemExit(f"{self.kind}: exit {code}, {len(lines)} lines, {self.doubtful} in doubt: {said}")
        self.judge(before, counts)
        # One in doubt may not have left before the kill.
        self.resent = sum(max(0, self.billed(name) - 1) for name in lines)


def main() -> int:
    """Kill until it is enough; 1 when a finished row was lost or sent again."""
    kills, rand = int(sys.argv[1]), random.Random(int(sys.argv[2]))
    server, table = Server(), dict[str, Counter[str]]()
    while sum(counts["kills"] for counts in table.values()) < kills:
        with tempfile.TemporaryDirectory() as home:
            wreck = Wreck(Path(home), server, rand)
            for _ in range(rand.randint(1, KILLED_BY)):
                wreck.kill()
            wreck.finish()
        counts = table.setdefault(wreck.kind, Counter())
        counts.update(runs=1, kills=wreck.kills, rows=ROWS * len(wreck.models))
        counts.update({"sent again in flight": wreck.resent, "in doubt": wreck.doubtful})
        counts.update({"finished, lost": wreck.lost, "finished, sent again": wreck.again})
    columns = ["runs", "kills", "rows", "sent again in flight", "in doubt", "finished, lost", "finished, sent again"]
    print(f"{'':12}" + "".join(f"{name:>22}" for name in columns))
    for kind, counts in sorted(table.items()):
        print(f"{kind:12}" + "".join(f"{counts[name]:>22}" for name in columns))
    broken = any(counts["finished, lost"] or counts["finished, sent again"] for counts in table.values())
    return int(broken or table.get(ONCE, Counter())["sent again in flight"] > 0)


if __name__ == "__main__":
    sys.exit(main())
