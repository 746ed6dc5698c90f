"""
Deferred runs that are killed: no batch is created twice, none is lost, no row is paid twice, no money stays held.

`LLMO_TEST_EVERY=1` kills at every step of a run (twenty minutes), instead of some.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from llmo.ledger.sqlite.ledger import SQLiteLedger
from llmo.types.clock import SystemClock
from tests.killed_deferred import PROFILE, SUBMIT
from tests.servers.batch_service import BatchServer, said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Llmo

ROOT = Path(__file__).parent.parent.parent
EVERY = os.environ.get("LLMO_TEST_EVERY", "61")
PRICE = 10_000_000
"""Picodollars of a row: 10 tokens in and 5 out, at half of $1 and $2 a million."""
KINDS = pytest.mark.parametrize("kind", ["openai", "anthropic"])


@pytest.fixture
def server() -> Iterator[BatchServer]:
    with BatchServer() as found:
        yield found


def url(server: BatchServer, kind: str) -> str:
    return f"{server.url}/v1" if kind == "openai" else server.url


@KINDS
def test_a_kill_at_any_step_loses_nothing_and_buys_nothing_twice(
    server: BatchServer, kind: str, tmp_path: Path
) -> None:
    """
    Between any two calls that leave something in a file, in the ledger or at the service; by counting at the service.
    """
    command = [sys.executable, "-m", "tests.killed_deferred", url(server, kind), kind, EVERY]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    cases = [json.loads(line) for line in run.stdout.splitlines()[1:]]

    assert sum(case["killed"] == -signal.SIGKILL for case in cases) >= len(cases) - 1 > 0
    for case in cases:
        prompts = [f"{case['name']} {n}" for n in range(5)]
        batches = [one for one in server.batches.values() if said(one.lines[0]).startswith(f"{case['name']} ")]

        assert case["rows"] == [[f"r{n}", f"echo: {prompt}"] for n, prompt in enumerate(prompts)], case
        assert [1] * 5 == [server.bought[prompt] for prompt in prompts], case
        assert len(batches) == 1, case
        assert case["money"] == [5, 5 * PRICE, 0, 0], case


class Killer:
    """Kills whoever makes the n-th request, before it is carried out or before it is answered."""

    def __init__(self, number: int, when: str) -> None:
        self.number, self.when, self.seen, self.victim = number, when, 0, 0

    def __call__(self, _method: str, _path: str, when: str) -> None:
        if when == self.when and self.victim:
            self.seen += 1
            if self.seen == self.number:
                os.kill(self.victim, signal.SIGKILL)


@KINDS
@pytest.mark.parametrize("where", list(product(("submit", "fetch"), (1, 2), ("before", "after"))), ids=str)
def test_a_kill_at_a_request_is_one_too(
    server: BatchServer, llmo: Llmo, kind: str, where: tuple[str, int, str]
) -> None:
    """
    Upload and create, or status and results: also where the service has done it and nobody heard.
    """
    (llmo.home / "p.toml").write_text(PROFILE.format(kind=kind, url=url(server, kind)))
    (llmo.home / "rows.jsonl").write_text("".join(f'{{"id": "r{n}", "prompt": "{n}"}}\n' for n in range(3)))
    env = {"PEER_KEY": "sk-peer-0123456789abcdefghij"}
    phase, number, when = where
    killer = server.at = Killer(number, when)

    def doomed(*args: str) -> None:
        process = llmo.start(*args, env=env)
        killer.victim = process.pid
        process.communicate()
        killer.victim = 0
        assert process.returncode == -signal.SIGKILL

    def fetch_args() -> tuple[str, ...]:
        (name,) = (path.name for path in (llmo.home / "data/runs").iterdir())
        return ("-P", "p.toml", "runs", "fetch", name)

    if phase == "submit":
        doomed(*SUBMIT)
        llmo(*SUBMIT, env=env)
    else:
        llmo(*SUBMIT, env=env)
        doomed(*fetch_args())
    while (run := llmo(*fetch_args(), env=env)).code == 5:
        pass
    lines: list[dict[str, Any]] = [json.loads(line) for line in (llmo.home / "out.jsonl").read_bytes().splitlines()]
    ledger = SQLiteLedger(llmo.home / "data/ledger.db", SystemClock())
    (total,) = ledger.spending()
    ledger.close()

    assert run.code == 0, run
    assert [("r0", "echo: 0"), ("r1", "echo: 1"), ("r2", "echo: 2")] == sorted(
        (one["id"], one["text"]) for one in lines
    )
    assert (len(server.batches), dict(server.bought)) == (1, {"0": 1, "1": 1, "2": 1})
    assert (total.cost, total.held, total.in_doubt) == (3 * PRICE, 0, 0)
