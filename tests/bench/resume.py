"""
What does a batch cost that comes again when it is finished? Run by hand: python tests/bench/resume.py [ROWS].

Input and output are made as a run would have made them, and the command comes twice: the first time everything is read,
the second time the seal of the first one holds. CPU, time by the clock, and memory at the peak.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from llmo.batch.input.requests import RequestBuilder
from llmo.batch.input.rows import Row
from llmo.batch.input.template import Template
from llmo.types.messages import Params

TEXT, PROMPT = "A photograph of a harbor. " * 7, "Describe it. " * 11
PROFILE = """
model = "bench/m"
[providers.bench]
kind = "openai"
base_url = "http://127.0.0.1:9/v1"
api_key_env = "BENCH_KEY"
[[prices]]
model = "bench/*"
input_usd = "1"
output_usd = "2"
"""
USAGE = {
    "input_tokens": 80,
    "cached_input_tokens": 0,
    "cache_write_tokens": 0,
    "output_tokens": 120,
    "reasoning_tokens": 0,
}
REST: dict[str, Any] = {
    "status": "ok",
    "text": TEXT,
    "data": None,
    "tool_calls": [],
    "provider": "bench",
    "model": "m",
    "finish_reason": "stop",
    "usage": USAGE,
    "cost_usd": "0.00032",
    "cost_source": "computed",
    "attempts": 1,
    "duration_s": 0.05,
    "error": None,
    "input": None,
}


def made(folder: Path, rows: int) -> None:
    """The files of a finished run."""
    choice: dict[str, Any] = {"models": ["bench/m"], "task": "auto", "private": False}
    build = RequestBuilder(
        template=Template("{{ q }}", "--prompt"), system=None, params=Params(), schema=None, choice=choice
    )
    with (folder / "rows.jsonl").open("w") as source, (folder / "out.jsonl").open("w") as output:
        for number in range(rows):
            row = {"id": f"r{number}", "q": f"{number} {PROMPT}"}
            source.write(json.dumps(row) + "\n")
            key = build(Row(number, row, name="rows.jsonl", number=number, text=None)).key
            output.write(json.dumps({"id": row["id"], "index": number, "key": key, **REST}) + "\n")
    (folder / "bench.toml").write_text(PROFILE)


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made(folder, rows)
        env = os.environ | {f"LLMO_{kind}_DIR": str(folder / kind) for kind in ("CONFIG", "DATA", "CACHE")}
        env["BENCH_KEY"] = "k"
        command = [sys.executable, "-m", "llmo", "-P", "bench.toml", "batch", "rows.jsonl", "--prompt", "{{ q }}"]
        for what in ("read", "sealed"):
            began = time.monotonic()
            with subprocess.Popen([*command, "-o", "out.jsonl"], cwd=folder, env=env, stderr=subprocess.PIPE) as child:
                assert child.stderr is not None
                said = child.stderr.read().decode()
                _, status, used = os.wait4(child.pid, 0)
                child.returncode = os.waitstatus_to_exitcode(status)
            assert child.returncode == 0, said
            assert f"{rows:,} rows are done" in said, said
            print(
                f"{what:8} {used.ru_utime + used.ru_stime:6.2f} s of CPU, {time.monotonic() - began:6.2f} s, "
                f"{used.ru_maxrss / 1024:.0f} MiB",
                flush=True,
            )


if __name__ == "__main__":
    main()
