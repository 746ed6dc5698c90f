"""
Do two versions of llmo say the same? Run by hand: python tests/bench/outputs.py OLD_PYTHON NEW_PYTHON.

Each argument is the interpreter of an environment in which one version is installed. Both run the same commands, in
homes of their own, against one local server whose models are scripted; stdout, stderr, exit codes and the files
written are compared, with what differs from run to run (ids, times, durations, ports, paths) replaced by its name.
Exit code 1 when anything differs.
"""

# ruff: noqa: C901, PERF401 - a list of commands, loop by loop

from __future__ import annotations

import difflib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).parents[2] / "examples" / "support"
PROFILE = """
model = "s/good"
[providers.s]
kind = "openai"
base_url = "http://127.0.0.1:{port}/v1"
models = ["good", "long", "cut", "busy", "broken", "tool", "refusal", "empty"]
[providers.l]
kind = "openai"
base_url = "http://127.0.0.1:{port}/v1"
local = true
models = ["good"]
[providers.offline]
kind = "offline"
[[prices]]
model = "s/*"
input_usd = "1"
output_usd = "2"
[tasks.simple]
primary = "l/good"
[tasks.complex]
primary = "s/long"
fallback = ["s/good"]
[[budgets]]
name = "day"
limit_usd = "100"
window = "day"
"""
MESSAGE: dict[str, dict[str, Any]] = {
    "good": {"content": "Paris is the capital.", "finish": "stop"},
    "long": {"content": "word " * 40, "finish": "length"},
    "refusal": {"content": None, "refusal": "No.", "finish": "stop"},
    "empty": {"content": "", "finish": "stop"},
    "tool": {"content": None, "finish": "tool_calls", "tool_calls": [
        {"index": 0, "id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"a": 1}'}}]},
}  # fmt: skip
USAGE = {"prompt_tokens": 12, "completion_tokens": 7, "total_tokens": 19}


class Handler(BaseHTTPRequestHandler):
    """An OpenAI-like server; the model says what it does."""

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.answer(200, {"object": "list", "data": [{"id": name, "object": "model"} for name in MESSAGE]})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        model = asked["model"]
        if model == "busy":
            return self.answer(429, {"error": {"message": "slow down", "type": "rate_limit_error"}}, retry="0")
        if model == "broken":
            return self.answer(400, {"error": {"message": "no such thing", "type": "invalid_request_error"}})
        said = dict(MESSAGE.get(model, MESSAGE["good"]))
        finish = said.pop("finish")
        if not asked.get("stream"):
            message = {"role": "assistant", **said}
            if model == "cut":
                return self.answer(200, None, raw=b'{"choices": [{"message"')
            return self.answer(200, {"id": "x", "object": "chat.completion", "model": model, "usage": USAGE,
                                     "choices": [{"index": 0, "message": message, "finish_reason": finish}]})  # fmt: skip
        parts = (
            [{**said, "content": piece} for piece in (said["content"] or "").split(" ")] if said["content"] else [said]
        )
        lines = [self.line(model, delta=one) for one in parts]
        if model != "cut":
            lines += [self.line(model, finish=finish), self.line(model, usage=True), "data: [DONE]\n\n"]
        return self.answer(200, None, raw="".join(lines).encode(), kind="text/event-stream")

    @staticmethod
    def line(model: str, *, delta: object = None, finish: str | None = None, usage: bool = False) -> str:
        choices = [] if usage else [{"index": 0, "delta": delta or {}, "finish_reason": finish}]
        body = {"id": "x", "object": "chat.completion.chunk", "model": model, "choices": choices}
        return f"data: {json.dumps(body | ({'usage': USAGE} if usage else {}))}\n\n"

    def answer(
        self, status: int, body: object, *, raw: bytes | None = None, kind: str = "application/json", retry: str = ""
    ) -> None:
        data = json.dumps(body).encode() if raw is None else raw
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        if retry:
            self.send_header("retry-after", retry)
        self.end_headers()
        self.wfile.write(data)


def commands(work: Path) -> list[tuple[str, list[str], str | None]]:
    """Name, arguments and standard input of every command."""
    (work / "rows.jsonl").write_text(
        "".join(json.dumps({"id": f"r{i}", "prompt": f"Say {i}"}) + "\n" for i in range(6))
    )
    (work / "mixed.jsonl").write_text(
        "".join(json.dumps({"custom_id": f"m{i}", "method": "POST", "url": "/v1/chat/completions", "body": {
            "model": model, "messages": [{"role": "user", "content": "hi"}]}}) + "\n"
            for i, model in enumerate(["good", "long", "broken", "cut", "refusal", "empty"]))
    )  # fmt: skip
    (work / "bad.jsonl").write_text('{"prompt": "a"}\n{"prompt": \n[1]\n{"prompt": 5}\n')
    (work / "schema.json").write_text('{"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}')
    csv, template, schema = EXAMPLES / "messages.csv", EXAMPLES / "prompt.txt", EXAMPLES / "schema.json"
    asks = [[f"s/{model}"] for model in ("good", "long", "cut", "busy", "broken", "tool", "refusal", "empty")]
    found: list[tuple[str, list[str], str | None]] = []
    for (model,) in asks:
        for more in (
            [],
            ["--json"],
            ["--ndjson"],
            ["--no-stream", "--json"],
            ["--max-tokens", "5", "--fit", "--max-cost", "0.01"],
        ):
            found.append((f"ask {model} {more}", ["ask", "hello", "-m", model, "--retries", "0", *more], None))
    for more in (
        ["-s", "be brief"], ["--private"], ["--max-cost", "0.000001"], ["--max-cost", "-1"], ["--timeout", "0"], ["--temperature", "9"],
        ["-t", "nosuch"], ["-t", "complex"], ["-t", "simple"], ["--dry-run"], ["--dry-run", "--json"], ["--schema", str(schema), "--json"],
        ["-o", "stream=true"], ["-o", "n=3", "--max-cost", "1"], ["--retries", "-1"], ["-f", "/no/such"], ["-m", "x/y"], ["-P", "nosuch"],
        ["-m", "s/good", "-m", "l/good", "--compare", "--json"], ["-c"], ["--conversation", "nosuch"], ["--cache", "1d", "--json"],
        ["--fallback", "s/busy"], ["-m", "s/busy", "--fallback", "s/good", "--retries", "0", "--json"], ["--strict", "-m", "s/long"],
    ):  # fmt: skip
        found.append((f"ask {more}", ["ask", "hello", *more], None))
    found += [
        ("ask pipe", ["ask", "count"], "one two three\n"),
        ("ask nothing", ["ask", ""], None),
        ("ask stdin", ["ask", "-"], "prompt"),
    ]
    for prompt in (
        "hi",
        "prove the theorem step by step and write a compiler in Rust " * 20,
        "my key is sk-ant-api03-abcdefghijklmnop",
        "+49 170 1234567",
    ):
        for more in (
            [],
            ["--json"],
            ["-m", "s/good", "--max-tokens", "100", "--json"],
            ["--strategy", "cheapest", "--json"],
            ["--max-cost", "0.0001", "--json"],
        ):
            found.append((f"route {prompt[:12]} {more}", ["route", prompt, *more], None))
    out = str(work / "out.jsonl")
    for name, args in (
        ("rows", ["rows.jsonl", "-o", out]), ("resume", ["rows.jsonl", "-o", out]), ("report", ["rows.jsonl", "-o", out, "--report", "report.json", "--fresh", "--yes"]),
        ("mixed", ["mixed.jsonl", "-P", "p.toml", "-o", "mixed.out.jsonl", "--retries", "0", "--errors", "mixed.err.jsonl", "-j", "1"]),
        ("mixed again", ["mixed.jsonl", "-o", "mixed.out.jsonl", "--retries", "0", "-j", "1"]),
        ("mixed retry", ["mixed.jsonl", "-o", "mixed.out.jsonl", "--retries", "0", "--retry-errors", "-j", "1"]),
        ("bad", ["bad.jsonl", "-o", "bad.out.jsonl", "-j", "1"]), ("bad skip", ["bad.jsonl", "-o", "bad2.jsonl", "-j", "1", "--keep", "all"]),
        ("dry", ["rows.jsonl", "--dry-run"]), ("dry json", ["rows.jsonl", "--dry-run", "--json"]), ("dry csv", [str(csv), "--template", str(template), "--dry-run"]),
        ("csv", [str(csv), "-m", "offline/echo", "--template", str(template), "--schema", str(schema), "-o", "c.csv", "-j", "1"]),
        ("cap", ["rows.jsonl", "-o", "cap.jsonl", "--max-cost", "0.00001", "-j", "1"]), ("compare", ["rows.jsonl", "-m", "s/good", "-m", "l/good", "--compare", "-o", "cmp.jsonl", "-j", "1"]),
        ("stdout", ["rows.jsonl", "-j", "1"]), ("schema", ["rows.jsonl", "-m", "s/good", "--schema", "schema.json", "-o", "s.jsonl", "-j", "1"]),
        ("reparse", ["--reparse", "s.jsonl", "--schema", "schema.json"]), ("xlsx", ["rows.jsonl", "-o", "x.xlsx"]), ("none", ["nosuch.jsonl"]),
        ("other", ["bad.jsonl", "-o", out]), ("sample", ["rows.jsonl", "--sample", "2", "--dry-run", "--json"]), ("limit", ["rows.jsonl", "--limit", "2", "-o", "l.jsonl", "-j", "1"]),
    ):  # fmt: skip
        found.append((f"batch {name}", ["batch", *args], None))
    for more in ([], ["--json"], ["--csv"], ["--by", "task", "--json"], ["--budgets"], ["--check"], ["--check", "--max", "0.01"], ["--since", "7d", "--json"], ["--as-if", "openai/gpt-4o"], ["--by", "nope"], ["--since", "90"]):  # fmt: skip
        found.append((f"cost {more}", ["cost", *more], None))
    for more in (
        [],
        ["--json"],
        ["--names"],
        ["--ready"],
        ["--provider", "s"],
        ["gpt-4o", "-P", "default"],
        ["--refresh", "--provider", "s"],
        ["--sort", "price"],
    ):
        found.append((f"models {more}", ["models", *more], None))
    for more in (
        ["path"],
        ["list"],
        ["show"],
        ["check"],
        ["show", "--json"],
        ["set", "timeout", "60"],
        ["get", "timeout"],
        ["set", "nosuch", "1"],
        ["check", "--probe"],
    ):
        found.append((f"profile {more}", ["profile", *more], None))
    found += [
        (f"help {name}", [*name.split(), "--help"], None)
        for name in ("", "ask", "batch", "route", "cost", "models", "profile")
    ]
    found += [("version", ["--version"], None), ("no command", ["asks"], None), ("nothing", [], None)]
    return found


CHANGING = [
    (r"\b01[0-9A-HJKMNP-TV-Z]{24}\b", "ULID"),
    (r"\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?", "INSTANT"),
    (r'"(duration_s|total_s|first_token_s|first_token_p50_s|tokens_per_s_p50|wall_s|p50_s|p95_s|elapsed_s|rows_per_s|cooling_s|saved_s|p50|p95|p99|seconds|resets_at|started_at|ended_at|created)": [^,}\n]+', r'"\1": X'),
    (r"\b\d[\d,]*(\.\d+)? ?(ms|s|tok/s|tokens/s|rows/s|min)\b( \d+ s)?", "TIME"),
    (r"\b\d+(\.\d+)? (token|row|answer)s?/s", "RATE"),
    (r"127\.0\.0\.1:\d+", "ADDRESS"),
    (r'"(created|pid|mtime)": ?\d+', r'"\1": N'),
]  # fmt: skip


def cleaned(text: str, home: Path) -> str:
    """A text without what differs from run to run."""
    text = text.replace(str(home), "HOME")
    for pattern, name in CHANGING:
        text = re.sub(pattern, name, text)
    return text


def played(python: str, port: int) -> dict[str, str]:
    """Everything that one version says, by the name of the command and the stream or file."""
    found: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "p.toml").write_text(PROFILE.format(port=port))
        env = {
            "PATH": os.environ["PATH"],
            "HOME": folder,
            "LLMO_PROFILE": str(home / "p.toml"),
            "LANG": "C.UTF-8",
            "NO_PROXY": "*",
            "COLUMNS": "100",
        }
        for name, args, said in commands(home):
            run = subprocess.run(
                [python, "-m", "llmo", *args], env=env, cwd=home, input=said, stdin=None if said is not None else subprocess.DEVNULL,
                capture_output=True, text=True, check=False, timeout=120,
            )  # fmt: skip
            found[f"{name}: exit"] = str(run.returncode)
            found[f"{name}: stdout"] = cleaned(run.stdout, home)
            found[f"{name}: stderr"] = cleaned(run.stderr, home)
            for path in sorted(home.iterdir()):
                if path.is_file() and path.name != "p.toml":
                    lines = cleaned(path.read_text("utf-8", "replace"), home).splitlines()
                    found[f"{name}: {path.name}"] = "\n".join(sorted(lines))
    return found


def main() -> None:
    """Compare, and print what differs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    old, new = (played(python, server.server_port) for python in sys.argv[1:3])
    different = [name for name in dict.fromkeys([*old, *new]) if old.get(name) != new.get(name)]
    for name in different:
        print(f"== {name}")
        print(
            "\n".join(
                difflib.unified_diff(
                    old.get(name, "").splitlines(), new.get(name, "").splitlines(), "old", "new", lineterm="", n=0
                )
            )
        )
    print(f"{len(old)} outputs compared, {len(different)} differ")
    raise SystemExit(1 if different else 0)


if __name__ == "__main__":
    main()
