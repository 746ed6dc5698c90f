"""`llmo route --eval`: the classifier scored on labelled prompts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from llmo.routing.evaluation import Labelled, evaluate
from llmo.routing.scoring import apgr, auc, rank_correlation

if TYPE_CHECKING:
    from pathlib import Path

OFF = ("-P", "offline")
ROWS = [
    {"prompt": "Translate to French: good morning", "task": "simple", "weak": 1, "strong": 1},
    {
        "prompt": "Fix the spelling: recieve",
        "task": "simple",
        "difficulty": 0.1,
        "outcomes": {"weak": 1, "strong": True},
    },
    {"prompt": "Write a poem about rain", "task": "general", "difficulty": 0.4},
    {
        "prompt": "Prove that there are infinitely many primes",
        "task": "complex",
        "difficulty": 0.9,
        "weak": 0,
        "strong": 1,
    },
]


def written(path: Path, rows: list[Any]) -> str:
    """A file of rows, given as objects or as they stand."""
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), "utf-8")
    return str(path)


def test_labelled_prompts_are_scored(llmo: Any, tmp_path: Path) -> None:
    """
    By task, by outcome and by difficulty, each figure beside what length alone would tell.
    """
    file = written(tmp_path / "rows.jsonl", ROWS)

    body = llmo("route", "--eval", file, "--json", *OFF).json
    table = llmo("route", "--eval", file, *OFF).stdout

    assert (4, 0, 1.0, 0.0, 0.0) == (
        body["prompts"],
        body["skipped"],
        body["accuracy"]["value"],
        body["complex_called_simple"]["value"],
        body["simple_called_complex"]["value"],
    )
    assert body["confusion"] == {
        "simple": {"simple": 2, "general": 0, "complex": 0},
        "general": {"simple": 0, "general": 1, "complex": 0},
        "complex": {"simple": 0, "general": 0, "complex": 1},
    }
    assert [1.0, 5 / 6] == pytest.approx([body["auc"]["value"], body["apgr"]["value"]], abs=0.001)
    assert set(body["time_ms"]) == {"mean", "p99"}
    assert table.startswith("4 prompts, ")
    assert "complex called simple" in table


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "not valid JSON"),
        ("[" * 5000, "not valid JSON"),
        ("[1]", "not a JSON object"),
        ('{"task": "simple"}', "no `prompt` that is a text"),
        ('{"prompt": 5, "task": "simple"}', "no `prompt` that is a text"),
        ('{"prompt": "x"}', "no label"),
        ('{"prompt": "x", "task": "hard"}', "unknown task 'hard': expected simple, general, complex"),
        ('{"prompt": "x", "task": ["simple"]}', "unknown task"),
        ('{"prompt": "x", "difficulty": 2}', "`difficulty` must be a number from 0 to 1, not 2"),
        ('{"prompt": "x", "difficulty": "high"}', "`difficulty` must be a number"),
        ('{"prompt": "x", "weak": 1}', "`weak` and `strong` are given together"),
        ('{"prompt": "x", "weak": 1, "strong": -1}', "`strong` must be a number"),
        ('{"prompt": "x", "outcomes": []}', "`outcomes` must be an object"),
    ],
)
def test_a_bad_line_is_named_and_left_out(llmo: Any, tmp_path: Path, line: str, why: str) -> None:
    """
    One line of error with its number; the others are scored, and the exit code is 2.
    """
    run = llmo("route", "--eval", written(tmp_path / "rows.jsonl", [ROWS[0], "", line]), "--json", *OFF)

    assert (2, 1, 1) == (run.code, run.json["prompts"], run.json["skipped"])
    assert run.stderr.startswith(f"llmo: {tmp_path / 'rows.jsonl'}:3: ")
    assert why in run.stderr
    assert run.stderr.count("\n") == 1


def test_a_file_without_labelled_prompts_is_refused(llmo: Any, tmp_path: Path) -> None:
    """
    There is nothing to print.
    """
    run = llmo("route", "--eval", written(tmp_path / "rows.jsonl", []), *OFF)

    assert (2, "") == (run.code, run.stdout)
    assert run.stderr.startswith("llmo: --eval: no labelled prompt in ")


def test_the_time_is_of_one_prompt() -> None:
    """
    In milliseconds, by the clock that is given.
    """
    ticks = iter(range(100))

    found = evaluate([Labelled("hi", "simple"), Labelled("ho", "simple")], lambda: next(ticks) / 1000)

    assert [1.0, 1.0] == pytest.approx([found.mean_ms, found.p99_ms])


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([(0.9, 0, 1), (0.1, 1, 1)], 0.75, id="the hard one first"),
        pytest.param([(0.1, 0, 1), (0.9, 1, 1)], 0.25, id="the hard one last"),
        pytest.param([(0.5, 0, 1), (0.5, 1, 1)], 0.5, id="a tie is chance"),
        pytest.param([(0.5, 1, 1)], None, id="no gap"),
        pytest.param([(0.5, 1, 0)], None, id="a stronger weak model"),
        pytest.param([], None, id="nothing"),
    ],
)
def test_the_gap_recovered(rows: list[tuple[float, float, float]], expected: float | None) -> None:
    """
    The area under the share of the gap, over the share of strong calls.
    """
    assert apgr(rows) == (expected if expected is None else pytest.approx(expected))


def test_order_and_rank() -> None:
    """
    Ties count half, and where all are alike there is no correlation.
    """
    assert (auc([2, 1], [1, 0]), auc([], [1])) == (0.875, None)
    assert rank_correlation([(0, 1), (1, 2), (2, 3)]) == pytest.approx(1)
    assert rank_correlation([(0, 3), (1, 2), (2, 1)]) == pytest.approx(-1)
    assert rank_correlation([(1, 1), (1, 2)]) is None
