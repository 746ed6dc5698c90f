"""Batches on a real Ray cluster: the same rows, the same money and the same pace as in one process."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests import raycluster
from tests.raycluster import Counting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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


@pytest.fixture(scope="module")
def ray() -> Iterator[dict[str, str]]:
    with raycluster.started() as env:
        yield env


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


@pytest.mark.parametrize("width", [2, 8])
def test_the_output_is_that_of_one_process(home: Any, server: Counting, width: int) -> None:
    """
    With two workers and with four: each row once, and the same lines.
    """
    place = home(60)
    here = place("local", "--keep", "*", out="local.jsonl")
    ray = place("ray", "-j", str(width), "--keep", "*", out="ray.jsonl")

    assert (0, 0) == (here.code, ray.code), (here, ray)
    assert rows(place.path / "local.jsonl") == rows(place.path / "ray.jsonl")
    assert set(server.rows.values()) == {2}
    assert not (place.path / "ray.jsonl.llmo.parts").exists()
