"""`llmo route --calibrate`: thresholds fitted to rated answers, and written only when told."""

from __future__ import annotations

import json
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from llmo.routing.classifier import against_general, classify, logit
from llmo.storage import ratings
from llmo.storage.history import History
from llmo.types.messages import Message
from tests.virtual import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Llmo

PROMPTS = Path(__file__).parents[2] / ".ci" / "classifier" / "prompts" / "train.jsonl"
CUT = 0.9
"""The share above which the small model is good enough here."""
PROFILE = """
# mine
[providers.here]
kind = "offline"
[tasks.simple]
primary = ["here/small"]
secondary = ["here/middle"]
[tasks.general]
primary = ["here/middle"]
[tasks.complex]
primary = ["here/large", "here/middle"]
"""


@cache
def prompts(task: str, most: int = 60) -> list[tuple[str, float]]:
    """Prompts that the classifier takes for a task, with their logit against general; half on each side of the cut."""
    found = []
    for line in PROMPTS.read_text("utf-8").splitlines():
        text = json.loads(line)["prompt"]
        one = classify(text)
        if one.task == task:
            found.append((text, against_general(one.scores)[task == "complex"]))
    found.sort(key=lambda pair: pair[1])
    weak, strong = ([pair for pair in found if (pair[1] > logit(CUT)) is above] for above in (False, True))
    return weak[-most // 2 :] + strong[: most // 2]


@pytest.fixture
def profile(llmo: Llmo) -> Path:
    """A profile with a model for each task."""
    path = llmo.home / "p.toml"
    path.write_text(PROFILE, "utf-8")
    return path


class Past:
    """The history of a home, written as the program writes it."""

    def __init__(self, llmo: Llmo) -> None:
        self._clock = VirtualClock()
        self._history = History(llmo.home / "data" / "history.db", self._clock)
        self._number = 0

    def answered(self, prompt: str, target: str, *, error: str | None = None, within: str | None = None) -> str:
        """An answer, in a conversation of its own or within one, a minute after the one before; the conversation."""
        self._number += 1
        self._clock.elapsed += 60
        name = within or f"{self._number:026}"
        turns = [Message("user", prompt), Message("assistant", "so be it")]
        self._history.append(name, turns, target=target, retention_days=0, error=error)
        return name

    def rated(self, task: str, target: str, good: Callable[[float], bool]) -> None:
        """Answers to prompts of a task by one model, rated by how sure the classifier is of the task."""
        for prompt, sure in prompts(task):
            ratings.rate(self._history, self.answered(prompt, target), "good" if good(sure) else "bad")


def calibrate(llmo: Llmo, profile: Path, *more: str) -> Any:
    """What it finds."""
    run = llmo("-P", profile, "route", "--calibrate", "--json", *more)
    assert run.stdout, run.stderr
    return run


def test_a_threshold_is_fitted_to_ratings(llmo: Llmo, profile: Path) -> None:
    """
    Where the small model fails on all but the surest prompts, the threshold rises to about there; the others stay.
    """
    Past(llmo).rated("simple", "here/small", lambda sure: sure > logit(CUT))
    run = calibrate(llmo, profile)
    simple, hard = run.json["thresholds"]["simple"], run.json["thresholds"]["complex"]

    assert (0, "better", 0.5) == (run.code, simple["verdict"], simple["now"])
    assert 0.85 <= simple["fitted"] <= 0.95
    assert simple["after"] > 0.9 > simple["before"]
    assert (simple["good"] + simple["bad"], 0) == (60, simple["broken"])
    assert ("too_few", None) == (hard["verdict"], hard["fitted"])
    assert {"rating": 60, "schema": 0, "asked_again": 0} == run.json["outcomes"]
    assert PROFILE == profile.read_text("utf-8")
    assert "nothing was written; change the profile with --write" in run.stderr


def test_write_changes_only_the_thresholds_and_routing_follows(llmo: Llmo, profile: Path) -> None:
    """
    Comments stay, a second run finds nothing more to do, and a prompt that was doubtful is general from then on.
    """
    Past(llmo).rated("simple", "here/small", lambda sure: sure > logit(CUT))
    first, second = calibrate(llmo, profile, "--write"), calibrate(llmo, profile, "--write")
    text = profile.read_text("utf-8")
    doubtful = min(prompts("simple"), key=lambda pair: pair[1])[0]

    assert (0, ["simple"]) == (first.code, first.json["written"])
    assert text.startswith(PROFILE)
    assert {"simple": first.json["thresholds"]["simple"]["fitted"]} == tomllib.loads(text)["thresholds"]
    assert "general" == llmo("-P", profile, "route", doubtful, "--json", "-n").json["task"]
    assert (1, [], text) == (second.code, second.json["written"], profile.read_text("utf-8"))
    assert "llmo: nothing was written: no threshold is surely better\n" in second.stderr
    assert "kept: no other agrees with more\n" in llmo("-P", profile, "route", "--calibrate").stdout


def test_a_threshold_that_the_environment_overrides_is_said_to_be(llmo: Llmo, profile: Path) -> None:
    """
    It is written all the same, and has no effect before the variable is gone.
    """
    Past(llmo).rated("simple", "here/small", lambda sure: sure > logit(CUT))
    args = ("-P", profile, "route", "--calibrate", "--write")
    run = llmo(*args, env={"LLMO_THRESHOLDS__SIMPLE": "0.6"})

    assert (0, True) == (run.code, "simple" in tomllib.loads(profile.read_text("utf-8"))["thresholds"])
    assert run.stderr.endswith("\nllmo: warning: LLMO_THRESHOLDS__SIMPLE overrides thresholds.simple\n")


def test_the_other_threshold_is_fitted_to_models_of_general(llmo: Llmo, profile: Path) -> None:
    """
    A general model that was good enough for all but the hardest raises the threshold of complex.
    """
    Past(llmo).rated("complex", "here/middle", lambda sure: sure <= logit(CUT))
    found = calibrate(llmo, profile).json["thresholds"]

    assert ("too_few", "better") == (found["simple"]["verdict"], found["complex"]["verdict"])
    assert 0.85 <= found["complex"]["fitted"] <= 0.95


def test_ratings_that_tell_nothing_change_nothing(llmo: Llmo, profile: Path) -> None:
    """
    Good and bad whatever the prompt: held-out folds say so, and `--write` is exit code 1.
    """
    turn = iter(range(1000))
    Past(llmo).rated("simple", "here/small", lambda _: next(turn) % 2 == 0)
    run = calibrate(llmo, profile, "--write")

    assert (1, "no_better", []) == (run.code, run.json["thresholds"]["simple"]["verdict"], run.json["written"])
    assert PROFILE == profile.read_text("utf-8")


def test_too_few_ratings_say_how_many_are_missing(llmo: Llmo, profile: Path) -> None:
    """
    No figure is given for them; an empty history is no error.
    """
    empty = llmo("-P", profile, "route", "--calibrate")
    past = Past(llmo)
    name = past.answered("Translate to French: hello", "here/small")
    llmo("history", "rate", name, "bad")
    run = llmo("-P", profile, "route", "--calibrate")

    assert (0, 0) == (empty.code, run.code)
    assert empty.stdout.startswith("0 outcomes of 0 answers\n")
    assert run.stdout.startswith("1 outcome of 1 answer: 1 rated\n")
    assert "too few: needs 10 more good and 10 more bad of models of tasks.simple" in empty.stdout
    assert "too few: needs 10 more good and 9 more bad of models of tasks.simple" in run.stdout


def test_answers_that_failed_or_were_asked_again_count_as_bad(llmo: Llmo, profile: Path) -> None:
    """
    One that did not match its schema, and one whose prompt a stronger model got within a day; not a weaker one.
    """
    past = Past(llmo)
    past.answered("Extract the date: 3 May", "here/small", error="invalid_output")
    past.answered("Extract the name: Ada", "here/small", error="timeout")
    past.answered("Translate to French: hello", "here/small")
    past.answered("Translate  to French: hello\n", "here/large")
    past.answered("Translate to French: thanks", "here/large")
    past.answered("Translate to French: thanks", "here/small")
    liked = past.answered("Translate to French: bye", "here/small")
    past.answered("Translate to French: bye", "here/large")
    unknown = past.answered("Translate to French: yes", "elsewhere/x")
    for name in (liked, unknown):
        llmo("history", "rate", name, "good")
    found = calibrate(llmo, profile).json
    lines = llmo("-P", profile, "route", "--calibrate").stdout.splitlines()

    assert lines[:2] == [
        "3 outcomes of 9 answers: 1 rated, 1 not matching their schema, 1 asked again of a stronger model",
        "1 more of models that no task of the profile names",
    ]
    assert {"rating": 1, "schema": 1, "asked_again": 1} == found["outcomes"]
    assert (9, 1) == (found["answers"], found["unused"])
    assert (1, 2) == (found["thresholds"]["simple"]["good"], found["thresholds"]["simple"]["bad"])


@pytest.mark.parametrize(
    ("args", "told"),
    [
        pytest.param(("--write",), "llmo: --write requires --calibrate", id="write alone"),
        pytest.param(("--calibrate", "--eval", "x"), "llmo: --calibrate and --eval cannot be combined", id="two"),
        pytest.param(("--calibrate", "--rows", "x"), "llmo: --calibrate and --rows cannot be combined", id="rows"),
        pytest.param(("--eval", "x", "--diff"), "llmo: --eval and --diff cannot be combined", id="diff"),
        pytest.param(("--calibrate", "hello"), "llmo: --calibrate takes no prompt", id="a prompt"),
    ],
)
def test_flags_that_exclude_each_other_are_refused(llmo: Llmo, args: tuple[str, ...], told: str) -> None:
    """
    Exit code 2, before anything is read.
    """
    run = llmo("route", *args)

    assert (2, "") == (run.code, run.stdout)
    assert run.stderr.startswith(told)


def test_a_profile_without_tasks_has_nothing_to_fit(llmo: Llmo) -> None:
    """
    It says which models are missing.
    """
    path = llmo.home / "p.toml"
    path.write_text('[providers.here]\nkind = "offline"\n[tasks.general]\nprimary = ["here/echo"]\n', "utf-8")
    run = llmo("-P", path, "route", "--calibrate")

    assert run.code == 0
    assert "the profile has no models for tasks.simple and tasks.general" in run.stdout


def test_a_follow_up_is_not_the_same_prompt_asked_again(llmo: Llmo, profile: Path) -> None:
    """
    "go on" in two conversations are two prompts; the task of a follow-up that is rated is that of its conversation.
    """
    past = Past(llmo)
    for target in ("here/small", "here/large"):
        name = past.answered(f"Translate to French: {target}", target)
        past.answered("go on", target, within=name)
    llmo("history", "rate", f"{1:026}", "bad")
    found = calibrate(llmo, profile).json

    assert (4, {"rating": 1, "schema": 0, "asked_again": 0}) == (found["answers"], found["outcomes"])
    assert (0, 1) == (found["thresholds"]["simple"]["good"], found["thresholds"]["simple"]["bad"])
