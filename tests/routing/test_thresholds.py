"""How sure the classifier must be that a prompt is simple or complex: `[thresholds]` of a profile."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmo.routing.classifier import TASKS, TRAINED, Thresholds, classify

if TYPE_CHECKING:
    from tests.conftest import Llmo

SHARE = st.integers(0, 10_000)


@given(SHARE, SHARE, SHARE)
def test_thresholds_as_trained_choose_the_highest_score(simple: int, general: int, hard: int) -> None:
    """
    Whatever the scores, those that are rounded to nothing too.
    """
    total = max(simple + general + hard, 1)
    scores = {task: round(one / total, 4) for task, one in zip(TASKS, (simple, general, hard), strict=True)}

    assert scores[TRAINED.task(scores)] == max(scores.values())


@pytest.mark.parametrize(
    ("thresholds", "task"),
    [
        pytest.param(Thresholds(simple=1, complex=1), "general", id="never simple nor complex"),
        pytest.param(Thresholds(simple=0, complex=0), "simple", id="simple is likelier"),
        pytest.param(Thresholds(simple=1, complex=0), "general", id="not complex for want of being simple enough"),
        pytest.param(Thresholds(simple=0.7), "simple", id="sure enough"),
        pytest.param(Thresholds(simple=0.8), "general", id="not sure enough"),
    ],
)
def test_a_share_that_is_passed_decides(thresholds: Thresholds, task: str) -> None:
    """
    Of 0.6 for simple against 0.2 for general, the share is 0.75.
    """
    assert task == thresholds.task({"simple": 0.6, "general": 0.2, "complex": 0.2})


def test_the_reason_says_that_thresholds_decided() -> None:
    """
    What speaks for simple stays the reason, and that it was not enough is said.
    """
    usual = classify("Translate to French: good morning")
    moved = classify("Translate to French: good morning", thresholds=Thresholds(simple=1))

    assert ("simple", "general") == (usual.task, moved.task)
    assert moved.reason == f"{usual.reason}; not simple by the thresholds of the profile"
    assert (usual.scores, usual.difficulty) == (moved.scores, moved.difficulty)


def test_a_profile_sets_them_for_routing_and_for_the_figures(llmo: Llmo) -> None:
    """
    `route`, its rows and `--eval` go by the same thresholds.
    """
    path, rows = llmo.home / "p.toml", llmo.home / "rows.jsonl"
    path.write_text("[thresholds]\nsimple = 1\n", "utf-8")
    rows.write_text(json.dumps({"prompt": "Translate to French: hello", "task": "general"}) + "\n", "utf-8")
    plain = llmo("route", "Translate to French: hello", "--json").json
    bodies = [
        llmo("route", "-P", path, "Translate to French: hello", "--json").json,
        llmo("route", "-P", path, "--rows", rows, "--json").json,
    ]

    assert ["simple", "general", "general"] == [one["task"] for one in (plain, *bodies)]
    assert llmo("route", "-P", path, "--eval", rows, "--json").json["accuracy"]["value"] == 1
    assert llmo("route", "--eval", rows, "--json").json["accuracy"]["value"] == 0


@pytest.mark.parametrize("value", ["-0.1", "1.1", "nan", "inf", '"0.5"', "true", "[]"])
def test_a_threshold_that_is_no_share_is_refused(llmo: Llmo, value: str) -> None:
    """
    With the line of the file and what is expected.
    """
    path = llmo.home / "p.toml"
    path.write_text(f"[thresholds]\nsimple = {value}\n", "utf-8")
    run = llmo("route", "-P", path, "hello")

    assert (4, "") == (run.code, run.stdout)
    assert "thresholds.simple" in run.stderr
    assert "internal" not in run.stderr
