"""
Real `llmo ask` and `llmo batch`, killed at random instants: `python -m tests.killed KILLS SEED`, in a home of its own.

Everything is imported once and forked, so that a kill hits the work and not the start. Each child writes a byte into
`sent-PID` when it calls the provider: that call may have been billed. Prints one JSON object a child.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmo.cli import app, context
from llmo.providers import offline

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from llmo.types import Event, Request

AT_ONCE = 3
ASK = ["-P", "paid.toml", "ask", "--json", "--max-tokens", "30", "one two three four five six"]
BATCH = ["-P", "paid.toml", "batch", "rows.jsonl", "-j", "8", "--progress", "none", "--max-tokens", "30", "-q", "-o"]
RECONCILE = ["-P", "paid.toml", "cost", "--reconcile", "--json"]
LONGEST = {"ask": 0.15, "batch": 0.45, "reconcile": 0.1}


class Witnessed(offline.Offline):
    """The offline provider, which notes outside of llmo that it was called."""

    async def stream(self, request: Request, model: str) -> AsyncGenerator[Event]:
        with Path(f"sent-{os.getpid()}").open("ab", buffering=0) as note:  # noqa: ASYNC230 - one byte, now
            note.write(b".")
        async for event in super().stream(request, model):
            yield event


def child(args: list[str], out: Path) -> None:
    """Be one llmo; never returns."""
    code = 70
    try:
        log = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(os.open(f"{out}.err", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
        context._CURRENT.clear()
        code = app.run(args)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def begin(number: int, rand: random.Random) -> dict[str, Any]:
    """Fork one."""
    kind = rand.choices(["ask", "batch", "reconcile"], weights=[6, 4, 1])[0]
    out = Path(f"{kind}-{number}")
    args = {"ask": ASK, "batch": [*BATCH, f"{out}.jsonl"], "reconcile": RECONCILE}[kind]
    assert threading.active_count() == 1
    pid = os.fork()
    if pid == 0:
        child(args, out)
    return {"pid": pid, "kind": kind, "out": str(out), "until": time.monotonic() + rand.uniform(0, LONGEST[kind])}


def main() -> None:
    """Warm up, then kill until it is enough."""
    kills, rand = int(sys.argv[1]), random.Random(int(sys.argv[2]))
    offline.Offline = Witnessed  # type: ignore[misc]
    for args in (ASK, [*BATCH, "warm.jsonl"], RECONCILE):
        context._CURRENT.clear()
        assert app.run(args) == 0, args
    sys.stdout.flush()
    killed, number = 0, 0
    living: list[dict[str, Any]] = []
    while killed < kills or living:
        if killed < kills and len(living) < AT_ONCE:
            number += 1
            living.append(begin(number, rand))
            continue
        one = min(living, key=lambda of: of["until"])
        time.sleep(max(0.0, one["until"] - time.monotonic()))
        living.remove(one)
        one["killed"] = os.waitpid(one["pid"], os.WNOHANG) == (0, 0)
        if one["killed"]:
            os.kill(one["pid"], signal.SIGKILL)
            os.waitpid(one["pid"], 0)
            killed += 1
        print(json.dumps(one), file=sys.stderr)


if __name__ == "__main__":
    main()
