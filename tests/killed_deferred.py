"""
Deferred runs, killed at every step: `python -m tests.killed_deferred URL KIND EVERY`, in a directory of its own.

A step is a call that leaves something behind: bytes in a file, a file in the place of another, a statement to the ledger. The
process dies just before or just after it. Everything is imported once and forked. Each case has a home and prompts of its
own; after the kill the same command runs again, and then `llmo runs fetch` until nothing is missing. Prints one JSON object a
case.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from llmo.batch.executors.deferred import lifecycle
from llmo.cli import context, running
from llmo.ledger.reports import Spending
from llmo.ledger.sqlite.ledger import SQLiteLedger
from llmo.types.clock import SystemClock

STEPS = frozenset({"write", "replace", "rename", "fsync", "unlink", "execute", "executemany", "commit", "ftruncate"})
ROWS = 5
PROFILE = """
model = "peer/m"
[providers.peer]
kind = "{kind}"
base_url = "{url}"
api_key_env = "PEER_KEY"
[[prices]]
model = "peer/*"
input_usd = "1"
output_usd = "2"
"""
SUBMIT = ["-P", "p.toml", "batch", "rows.jsonl", "--deferred", "-o", "out.jsonl", "--progress", "none"]
TURNS = 12
"""Times that answers are fetched before a run counts as stuck."""


class Death:
    """Ends the process at the n-th step, before or after it; without an n it counts."""

    def __init__(self, number: int = 0, *, after: bool = False) -> None:
        self.number, self.event, self.seen, self.names = number, "c_return" if after else "c_call", 0, list[str]()

    def begin(self) -> None:
        sys.setprofile(self._called)

    def _called(self, frame: Any, event: str, arg: Any) -> None:
        if event != self.event or getattr(arg, "__name__", "") not in STEPS:
            return
        name = frame.f_code.co_filename
        if "/llmo/" not in name.replace(os.sep, "/") and "pathlib" not in name:
            return
        self.seen += 1
        self.names.append(arg.__name__)
        if self.seen == self.number:
            os.kill(os.getpid(), signal.SIGKILL)


def child(home: Path, args: list[str], death: Death | None = None) -> tuple[int, int]:
    """Run llmo in a process of its own; its exit code (-9 when it was killed) and how many steps it took."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 70
        try:
            os.chdir(home)
            os.environ |= {f"LLMO_{what}_DIR": str(home / what.lower()) for what in ("DATA", "CONFIG", "CACHE")}
            os.environ |= {"PEER_KEY": "sk-peer-0123456789abcdefghij", "HOME": str(home)}
            log = os.open(home / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(log, 1)
            os.dup2(log, 2)
            sys.argv = ["llmo", *args]
            context._CURRENT.clear()
            if death is not None:
                death.begin()
            code = running.run(args)
            sys.setprofile(None)
            os.write(writer, str(death.seen if death else 0).encode())
            Path("modules").write_text("\n".join(sys.modules))
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader) as told:
        steps = told.read()
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), int(steps or 0)


def home_of(name: str, url: str, kind: str) -> Path:
    """A home with a profile and rows whose prompts nobody else has."""
    home = Path.cwd() / name
    home.mkdir()
    (home / "p.toml").write_text(PROFILE.format(kind=kind, url=url))
    rows = (json.dumps({"id": f"r{n}", "prompt": f"{name} {n}"}) + "\n" for n in range(ROWS))
    (home / "rows.jsonl").write_text("".join(rows))
    return home


def fetch(home: Path, death: Death | None = None) -> tuple[int, int]:
    """`llmo runs fetch` of the only run."""
    (identifier,) = [path.name for path in (home / "data/runs").iterdir() if (path / "run.json").exists()]
    return child(home, ["-P", "p.toml", "runs", "fetch", identifier], death)


def case(name: str, url: str, kind: str, death: Death, *, fetching: bool) -> dict[str, Any]:
    """One run that is killed while it submits or fetches, and what became of it."""
    home = home_of(name, url, kind)
    killed = 0
    if not fetching:
        killed = child(home, SUBMIT, death)[0]
    again = child(home, SUBMIT)[0]
    if fetching:
        killed = fetch(home, death)[0]
    code = 5
    for _ in range(TURNS):
        if code != 5:
            break
        code = fetch(home)[0]
    lines = [json.loads(line) for line in (home / "out.jsonl").read_bytes().splitlines()]
    ledger = SQLiteLedger(home / "data/ledger.db", SystemClock())
    total = next(iter(ledger.spending()), Spending())
    ledger.close()
    return {
        "name": name,
        "killed": killed,
        "codes": [again, code],
        "rows": sorted((line["id"], line["text"]) for line in lines),
        "money": [total.calls, total.cost, total.held, total.in_doubt],
        "log": (home / "log").read_text()[-2000:],
    }


def counted(url: str, kind: str) -> dict[str, int]:
    """Steps of a run that nobody kills, while it submits and while it fetches; all that they import is imported then."""
    found: dict[str, int] = {}
    for turn in ("imports", "counts"):
        home = home_of(turn, url, kind)
        found = {"submit": child(home, SUBMIT, Death())[1], "fetch": fetch(home, Death())[1]}
        for name in (home / "modules").read_text().split():
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
    return found


def main() -> None:
    """Kill at every `EVERY`-th step."""
    url, kind, every = sys.argv[1], sys.argv[2], int(sys.argv[3])
    lifecycle.SETTLE_S = 0.2
    steps = counted(url, kind)
    print(json.dumps(steps), flush=True)
    places = [
        (phase, step, after) for phase, most in steps.items() for step in range(1, most + 1) for after in (False, True)
    ]
    for phase, step, after in places[every - 1 :: every]:
        name = f"{phase}-{step}-{'after' if after else 'before'}"
        done = case(name, url, kind, Death(step, after=after), fetching=phase == "fetch")
        print(json.dumps(done), flush=True)


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        main()
