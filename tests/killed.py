"""
Real `llmo ask` and `llmo batch`, killed at random places: `python -m tests.killed KILLS SEED`, in a home of its own.

Everything is imported once and forked, so that a kill hits the work and not the start. Each child writes a byte into
`sent-PID` when it calls the provider: that call may have been billed. Prints one JSON object a child.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import random
import signal
import sys
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmo.cli import context, running
from llmo.providers.offline import provider as offline

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmo.types.events import Emit
    from llmo.types.messages import Request

AT_ONCE = 3
ASK = ["-P", "paid.toml", "ask", "--json", "--max-tokens", "30", "one two three four five six"]
BATCH = ["-P", "paid.toml", "batch", "rows.jsonl", "-j", "8", "--progress", "none", "--max-tokens", "30", "-q", "-o"]
RECONCILE = ["-P", "paid.toml", "cost", "--reconcile", "--json"]
MOMENT_S = 0.003


class Witnessed(offline.Offline):
    """The offline provider, which notes outside of llmo that it was called."""

    async def send(self, request: Request, model: str, emit: Emit) -> None:
        SENDING.append(-FATES[-1].left)
        with Path(f"sent-{os.getpid()}").open("ab", buffering=0) as note:  # noqa: ASYNC230 - one byte, now
            note.write(b".")
        await super().send(request, model, emit)


class Fate:
    """
    Dies at a call of a function, the n-th that the process makes, or a moment after it: on any machine in the same places.

    With no n it counts.
    """

    def __init__(self, number: int = 0, moment: float = 0.0) -> None:
        self.left, self.moment = number, moment

    def begin(self) -> None:
        """From now on, in threads to come too."""
        FATES.append(self)
        SENDING.clear()
        threading.setprofile(self._called)
        sys.setprofile(self._called)

    def end(self) -> int:
        """Stop; how many there were."""
        sys.setprofile(None)
        threading.setprofile(None)
        return -self.left

    def _called(self, *_: object) -> None:
        self.left -= 1
        if self.left == 0:
            if not self.moment:
                os.kill(os.getpid(), signal.SIGKILL)
            # Nobody handles it, so it ends the process as SIGKILL does: also inside a write to the disk.
            signal.setitimer(signal.ITIMER_REAL, self.moment)


FATES: list[Fate] = []
SENDING: list[int] = []
"""How many calls had been made when something was sent."""


def child(args: list[str], out: Path, fate: Fate) -> None:
    """Be one llmo; never returns."""
    code = 70
    try:
        log = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(os.open(f"{out}.err", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
        context._CURRENT.clear()
        fate.begin()
        code = running.run(args)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def begin(number: int, rand: random.Random, calls: dict[str, list[int]]) -> dict[str, Any]:
    """Fork one; two of three die while they send or book, which is the smaller part of their work."""
    kind = rand.choices(list(calls), weights=[6, 4, 1])[0]
    out = Path(f"{kind}-{number}")
    args = {"ask": ASK, "batch": [*BATCH, f"{out}.jsonl"], "reconcile": RECONCILE}[kind]
    sending, total = calls[kind]
    fate = Fate(
        rand.randint(rand.choice([1, sending, sending]), total), rand.choice([0.0, rand.uniform(1e-6, MOMENT_S)])
    )
    assert threading.active_count() == 1
    pid = os.fork()
    if pid == 0:
        child(args, out, fate)
    return {"pid": pid, "kind": kind, "out": str(out)}


def measured() -> dict[str, list[int]]:
    """
    Calls of functions that each kind makes before it sends and in all; all that they import is imported.

    Each runs in a process of its own, as the ones that are killed do: what llmo makes when it first needs it is made there.
    """
    kinds = {"ask": ASK, "batch": [*BATCH, "counted.jsonl"], "reconcile": RECONCILE}

    def imported() -> list[str]:
        Fate().begin()
        for args in (ASK, [*BATCH, "imported.jsonl"], RECONCILE):
            context._CURRENT.clear()
            assert running.run(args) == 0, args
        return list(sys.modules)

    def counted(args: list[str]) -> list[int]:
        context._CURRENT.clear()
        fate = Fate()
        fate.begin()
        assert running.run(args) == 0, args
        return [SENDING[0] if SENDING else 1, fate.end()]

    for name in apart(imported):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    return {kind: apart(partial(counted, args)) for kind, args in kinds.items()}


def apart(work: Callable[[], list[Any]]) -> list[Any]:
    """What something comes to in another process: a connection of SQLite's must not be there when one is forked."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.write(writer, json.dumps(work()).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as told:
        found: list[Any] = json.load(told)
    os.wait()
    return found


def main() -> None:
    """Warm up, then kill until it is enough."""
    kills, rand = int(sys.argv[1]), random.Random(int(sys.argv[2]))
    offline.Offline = Witnessed  # type: ignore[misc]
    calls = measured()
    killed, number = 0, 0
    living: dict[int, dict[str, Any]] = {}
    while killed < kills or living:
        if killed < kills and len(living) < AT_ONCE:
            number += 1
            one = begin(number, rand, calls)
            living[one["pid"]] = one
            continue
        pid, status = os.wait()
        one = living.pop(pid)
        one["killed"] = os.WIFSIGNALED(status)
        killed += one["killed"]
        print(json.dumps(one), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
