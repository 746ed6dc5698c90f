"""
How many calls pass a budget for ten: `python -m tests.bench.overshoot PYTHON`, where PYTHON has litellm 1.106.

Offers 600 calls, 1, 4, 20 and 100 at once, to an upstream that answers after 50 ms with the usage of $0.00045, under a
limit of $0.0045: to `llmo batch --max-cost`, to litellm's Router with `provider_budget_config`, and to `litellm.max_budget`.
What passed is counted upstream. Prints a table.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from threading import Thread

from aiohttp import web

from llmo.routing import tokens
from llmo.types.messages import Message, Request

CALLS, WIDTHS, LIMIT, DELAY = 600, (1, 4, 20, 100), "0.0045", 0.05
IN, OUT = 1000, 500
PROFILE = """
model = "up/gpt-4o-mini"
[providers.up]
kind = "openai"
base_url = "{url}"
api_key_env = "KEY"
concurrency = 100
[[prices]]
model = "up/*"
input_usd = "0.15"
output_usd = "0.60"
"""


class Upstream:
    """Answers everything alike, and counts by the first part of the path."""

    def __init__(self) -> None:
        self.passed: Counter[str] = Counter()
        self.port = 0
        self._loop = asyncio.new_event_loop()

    def begin(self) -> None:
        """Serve in a thread of its own."""
        ready: asyncio.Future[None] = self._loop.create_future()

        async def serve() -> None:
            app = web.Application()
            app.router.add_post("/{who}/v1/chat/completions", self._answer)
            runner = web.AppRunner(app)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self.port = runner.addresses[0][1]
            ready.set_result(None)
            await asyncio.Event().wait()

        Thread(target=self._loop.run_until_complete, args=(serve(),), daemon=True).start()
        asyncio.run_coroutine_threadsafe(asyncio.wait_for(ready, 10), self._loop).result()

    def url(self, who: str) -> str:
        """Its address for one of those who ask."""
        return f"http://127.0.0.1:{self.port}/{who}/v1"

    async def _answer(self, request: web.Request) -> web.Response:
        self.passed[request.match_info["who"]] += 1
        await request.read()
        await asyncio.sleep(DELAY)
        choice = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
        usage = {"prompt_tokens": IN, "completion_tokens": OUT, "total_tokens": IN + OUT}
        body = {
            "id": "x",
            "object": "chat.completion",
            "created": 1,
            "model": "gpt-4o-mini",
            "choices": [choice],
            "usage": usage,
        }
        return web.json_response(body)


def prompt() -> str:
    """A prompt whose bound is the usage: what is held is then what it costs."""
    empty = tokens.bound(Request((Message("user", ""),)), "openai")
    return "x" * (IN - empty)


def llmo(url: str, width: int) -> str:
    """Rows through the program; its exit code."""
    with tempfile.TemporaryDirectory() as home:
        here = Path(home)
        (here / "p.toml").write_text(PROFILE.format(url=url))
        (here / "rows.jsonl").write_text(
            "".join(json.dumps({"id": n, "prompt": prompt()}) + "\n" for n in range(CALLS))
        )
        args = [sys.executable, "-m", "llmo", "-P", "p.toml", "batch", "rows.jsonl", "--max-cost", LIMIT]
        args += ["--max-tokens", str(OUT), "-j", str(width), "-o", "out.jsonl", "--no-dedupe", "--progress", "none"]
        env = {**os.environ, "KEY": "none", **{f"LLMO_{name}_DIR": home for name in ("DATA", "CONFIG", "CACHE")}}
        run = subprocess.run(args, cwd=home, env=env, capture_output=True, text=True, check=False)
        return f"exit {run.returncode}"


def litellm(python: str, url: str, width: int, kind: str) -> str:
    """The same through litellm; what it refused."""
    other = Path(__file__).with_name("overshoot_litellm.py")
    args = [python, str(other), url, LIMIT, str(CALLS), str(width), kind]
    run = subprocess.run(args, capture_output=True, text=True, check=True)
    return f"{run.stdout.split()[-1]} refused"


def main() -> None:
    """Measure and print."""
    python, upstream = sys.argv[1], Upstream()
    upstream.begin()
    print(f"{CALLS} calls offered, money for 10")
    print(f"{'':32}" + "".join(f"{width:>4} in flight{'':14}" for width in WIDTHS))
    rows = {
        "llmo batch --max-cost": llmo,
        "litellm Router provider budget": lambda url, width: litellm(python, url, width, "router"),
        "litellm.max_budget": lambda url, width: litellm(python, url, width, "global"),
    }
    for name, run in rows.items():
        cells = []
        for width in WIDTHS:
            who = f"{name.split()[0]}-{len(name)}-{width}"
            said = run(upstream.url(who), width)
            cells.append(f"{upstream.passed[who]:>4} passed, {said:<14}")
        print(f"{name:32}" + "".join(cells), flush=True)


if __name__ == "__main__":
    main()
