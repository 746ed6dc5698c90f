"""Batches on a real Ray cluster: the same rows, the same money and the same pace as in one process."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import raycluster
from tests.patience import LONG, until
from tests.raycluster import Counting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Llmo, Run

PROFILE = """
model = "p/m"
[providers.p]
kind = "openai"
base_url = "URL"
api_key_env = "TEST_KEY"
MORE
[[prices]]
model = "p/*"
input_usd = "100"
output_usd = "100"
"""
"""A row costs $0.002: 20 tokens."""
EXAMPLE = Path(__file__).parents[2] / "examples/cluster"
CAPPED = ("--max-tokens", "10", "--max-cost", "0.2")


@pytest.fixture(scope="module", params=[2], ids=lambda count: f"{count} processors")
def ray(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """A worker for each processor: with two, most of what is tested takes half of the time."""
    with raycluster.started(request.param) as env:
        yield env


four_processors = pytest.mark.parametrize("ray", [4], indirect=True, ids=["4 processors"])
two_and_four = pytest.mark.parametrize("ray", [2, 4], indirect=True, ids=["2 processors", "4 processors"])


@pytest.fixture
def server(ray: dict[str, str]) -> Iterator[Counting]:
    """Made in the network of the cluster."""
    counting = Counting()
    yield counting
    counting.close()


class Home:
    """Runs over the same rows with either engine."""

    def __init__(self, llmo: Llmo, server: Counting, env: dict[str, str], rows: int, more: str) -> None:
        self.llmo, self.env = llmo, env | {"TEST_KEY": "k"}
        self.path = llmo.home
        self.path.joinpath("p.toml").write_text(PROFILE.replace("URL", server.url).replace("MORE", more))
        lines = (json.dumps({"id": f"r{n}", "prompt": f"row {n}"}) for n in range(rows))
        self.path.joinpath("rows.jsonl").write_text("\n".join(lines) + "\n")

    @staticmethod
    def args(engine: str, out: str, *more: str) -> tuple[str, ...]:
        return ("-P", "p.toml", "batch", "rows.jsonl", "-o", out, "--engine", engine, "--progress", "none", *more)

    def start(self, engine: str, *more: str) -> subprocess.Popen[bytes]:
        return self.llmo.start(*self.args(engine, "out.jsonl", *more), env=self.env)

    def finished(self) -> set[str]:
        """Ids of the lines that are in the output or in a part of it, but the last ones, which may be torn."""
        files = [self.path / "out.jsonl", *self.path.glob("out.jsonl.llmo.parts/part-*.jsonl")]
        lines = [line for path in files if path.exists() for line in path.read_bytes().split(b"\n")[:-1]]
        return {json.loads(line)["id"] for line in lines}

    def booked(self, what: str) -> Decimal:
        return Decimal(self.llmo("-P", "p.toml", "cost", "--json").json["total"][what])

    def __call__(self, engine: str, *more: str, out: str = "out.jsonl") -> Run:
        return self.llmo(*self.args(engine, out, *more), env=self.env)


@pytest.fixture
def home(llmo: Llmo, server: Counting, ray: dict[str, str]) -> Any:
    def made(rows: int, more: str = "") -> Home:
        return Home(llmo, server, ray, rows, more)

    return made


def rows(path: Path) -> dict[str, Any]:
    """Lines by their ids, without what differs from run to run."""
    found = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert len(found) == len({row["id"] for row in found})
    return {row.pop("id"): row for row in found if row.pop("duration_s") >= 0}


@two_and_four
def test_the_output_is_that_of_one_process(home: Any, server: Counting) -> None:
    """
    With two workers and with four: each row once, and the same lines.
    """
    place = home(60)
    here = place("local", "--keep", "*", out="local.jsonl")
    ray = place("ray", "--keep", "*", out="ray.jsonl")

    assert (0, 0) == (here.code, ray.code), (here, ray)
    assert rows(place.path / "local.jsonl") == rows(place.path / "ray.jsonl")
    assert set(server.rows.values()) == {2}
    assert not list(place.path.glob("*.parts"))


def test_a_lost_worker_and_a_lost_broker_lose_no_row_and_pay_none_twice(home: Any, server: Counting) -> None:
    """
    Both are killed in the middle: what was finished is not sent again, and every request is booked.
    """
    place = home(300)
    process = place.start("ray", "-j", "8")
    until(lambda: len(server.rows) >= 60, lambda: process.poll() is None)
    os.kill(raycluster.actors("Worker")[0], signal.SIGKILL)
    finished = place.finished()
    until(lambda: len(server.rows) >= 150, lambda: process.poll() is None)
    os.kill(raycluster.actors("Broker")[0], signal.SIGKILL)
    run = place.llmo.finish(process)

    assert (0, True) == (run.code, "a worker was lost" in run.stderr), run
    assert set(rows(place.path / "out.jsonl")) == {f"r{n}" for n in range(300)}
    assert {server.rows[f"row {name[1:]}"] for name in finished} == {1}
    assert server.total - 300 <= 8
    assert 0 <= place.booked("calls") - server.total <= 8


@pytest.mark.parametrize("kill", [False, True])
def test_a_cap_holds_for_all_workers_together(home: Any, server: Counting, kill: bool) -> None:
    """
    To the last row that it pays for; what a worker holds when it is killed counts as spent.
    """
    place = home(300)
    here = place("local", *CAPPED, out="local.jsonl")
    paid = server.total
    server.rows.clear()
    before = place.booked("cost_usd")
    process = place.start("ray", *CAPPED, "-j", "8")
    until(lambda: len(server.rows) >= 30, lambda: process.poll() is None)
    if kill:
        os.kill(raycluster.actors("Worker")[0], signal.SIGKILL)
    run = place.llmo.finish(process)

    assert (3, 3) == (here.code, run.code), run
    spent = place.booked("cost_usd") - before
    assert server.total <= paid if kill else server.total == paid
    assert before <= spent <= Decimal("0.2") if kill else spent == before
    assert place.booked("held_usd") == 0


@four_processors
def test_a_rate_limit_is_that_of_all_workers_together(home: Any, server: Counting) -> None:
    """
    Four workers ask as often as one may, from the first second on.
    """
    place = home(36, "rpm = 600")
    run = place("ray", "-j", "16")
    first, *_, last = server.times
    most = max(sum(at <= one < at + 1 for one in server.times) for at in server.times)

    assert run.code == 0, run
    assert last - first >= (36 - 10 - 4) / 10
    assert most <= 10 + 10 + 4


def test_either_engine_goes_on_where_the_other_was_killed(home: Any, server: Counting) -> None:
    """
    What workers had written is taken over, whether or not it had come into the output.
    """
    place = home(200)
    finished: dict[str, int] = {}
    for engine, enough in (("local", 40), ("ray", 120)):
        process = place.start(engine, "-j", "8")
        while len(server.rows) < enough:
            assert process.poll() is None
            time.sleep(0.005)
        process.kill()
        process.communicate()
        finished |= {name: server.rows[f"row {name[1:]}"] for name in place.finished()}
    run = place("local")

    assert run.code == 0, run
    assert set(rows(place.path / "out.jsonl")) == {f"r{n}" for n in range(200)}
    assert finished == {name: server.rows[f"row {name[1:]}"] for name in finished}
    assert server.total - 200 <= 16
    assert not list(place.path.glob("*.parts"))


def test_rows_that_a_lost_worker_may_have_paid_for_are_not_sent_again_at_most_once(home: Any, server: Counting) -> None:
    """
    They get a line that says so.
    """
    place = home(200)
    process = place.start("ray", "-j", "8", "--at-most-once")
    until(lambda: len(server.rows) >= 60, lambda: process.poll() is None)
    os.kill(raycluster.actors("Worker")[0], signal.SIGKILL)
    run = place.llmo.finish(process)
    found = Counter(row["status"] for row in rows(place.path / "out.jsonl").values())

    assert run.code == 7, run
    assert (200, True) == (found.total(), 1 <= found["unknown"] <= 8)
    assert set(server.rows.values()) == {1}


def test_the_example_runs_on_a_cluster_and_goes_on_without_it(llmo: Llmo, ray: dict[str, str], tmp_path: Path) -> None:
    """
    Six rows there, four here.
    """
    folder = Path(shutil.copytree(EXAMPLE, tmp_path / "cluster"))
    env = llmo.env({**ray, "LLMO_PROFILE": "offline"})
    run = subprocess.run(["sh", folder / "run.sh"], env=env, capture_output=True, text=True, timeout=LONG, check=False)

    assert (0, "10") == (run.returncode, run.stdout.strip()), run
    assert "6 rows are done" in run.stderr


def test_ctrl_c_finishes_what_workers_have_in_flight(home: Any, server: Counting) -> None:
    """
    Each request has its line, and the run says how to resume.
    """
    place = home(300)
    process = place.start("ray", "-j", "8")
    until(lambda: len(server.rows) >= 30, lambda: process.poll() is None)
    process.send_signal(signal.SIGINT)
    run = place.llmo.finish(process)

    assert (130, True) == (run.code, "--engine ray" in run.stderr), run
    assert len(rows(place.path / "out.jsonl")) == server.total
    assert not list(place.path.glob("*.parts"))
