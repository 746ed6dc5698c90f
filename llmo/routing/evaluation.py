"""How good the classifier of prompts is on labelled prompts, beside what their length alone would tell."""

from __future__ import annotations

import random
from collections import Counter
from statistics import pstdev
from typing import TYPE_CHECKING, TypeVar

from llmo.routing.classifier import TASKS, TRAINED, Thresholds, classify
from llmo.routing.scoring import apgr, auc, rank_correlation
from llmo.types import jsontext
from llmo.types.dataclass import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from llmo.types.jsontext import Json

SAMPLES = 100
"""Samples that a standard deviation is taken over; fewer where prompts are many."""
DRAWN = 300_000
"""Prompts drawn in all of them at most."""
BINS = 10
"""Classes of length that the baseline knows."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Labelled:
    """A prompt with its task, how hard it is, or how well a weak and a strong model did, both from 0 to 1."""

    prompt: str
    task: str | None = None
    difficulty: float | None = None
    outcomes: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure, its standard deviation over samples of the prompts, and the same figure by length; None: undefined."""

    value: float
    sd: float
    by_length: float | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """
    Figures of a file of labelled prompts; None where no prompt has the label.

    `confusion` counts prompts by their task and then by the task found. Times are milliseconds a prompt.
    """

    prompts: int
    mean_ms: float
    p99_ms: float
    confusion: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    accuracy: Figure | None = None
    complex_called_simple: Figure | None = None
    simple_called_complex: Figure | None = None
    auc: Figure | None = None
    apgr: Figure | None = None
    weak: float | None = None
    strong: float | None = None
    rank: Figure | None = None


def parsed(line: str) -> Labelled:
    """
    Read a line: `prompt` with `task`, `difficulty`, or `weak` and `strong` (also inside `outcomes`).

    Raises `ValueError` that says what is wrong.
    """
    try:
        row = jsontext.read(line)
    except ValueError as exc:
        raise ValueError(f"not valid JSON: {exc}") from None
    if not isinstance(row, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - as other bad rows
    prompt, task = row.get("prompt"), row.get("task")
    if not isinstance(prompt, str):
        raise ValueError("no `prompt` that is a text")  # noqa: TRY004 - as other bad rows
    if task is not None and task not in TASKS:
        raise ValueError(f"unknown task {task!r}: expected {', '.join(TASKS)}")
    outcomes = row.get("outcomes")
    if outcomes is not None and not isinstance(outcomes, dict):
        raise ValueError("`outcomes` must be an object with `weak` and `strong`")
    held = outcomes or row
    pair = _share(held, "weak"), _share(held, "strong")
    if (pair[0] is None) != (pair[1] is None):
        raise ValueError("`weak` and `strong` are given together")
    both = None if pair[0] is None or pair[1] is None else (pair[0], pair[1])
    found = Labelled(prompt, None if task is None else str(task), _share(row, "difficulty"), both)
    if found.task is None and found.difficulty is None and both is None:
        raise ValueError("no label: give `task`, `difficulty`, or `weak` and `strong`")
    return found


def _share(row: Mapping[str, Json], name: str) -> float | None:
    value = row.get(name)
    if value is None:
        return None
    if not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ValueError(f"`{name}` must be a number from 0 to 1, not {value!r}")
    return float(value)


def evaluate(of: Sequence[Labelled], clock: Callable[[], float], thresholds: Thresholds = TRAINED) -> Evaluation:
    """Classify every prompt and score what was found; `clock` tells seconds."""
    classify("")  # the weights are read once, not per prompt
    tasks, hard, times = [], [], []
    for one in of:
        begun = clock()
        found = classify(one.prompt, thresholds=thresholds)
        times.append(1000 * (clock() - begun))
        tasks.append(found.task)
        hard.append(found.difficulty)
    long = [float(len(one.prompt)) for one in of]
    by_task = [at for at, one in enumerate(of) if one.task]
    by_outcome = [at for at, one in enumerate(of) if one.outcomes]
    gaps = [of[at].outcomes or (0.0, 0.0) for at in by_outcome]
    return Evaluation(
        prompts=len(of),
        mean_ms=sum(times) / max(len(times), 1),
        p99_ms=sorted(times)[int(0.99 * (len(times) - 1))] if times else 0.0,
        confusion=_confusion([of[at] for at in by_task], [tasks[at] for at in by_task]),
        **_of_tasks([of[at].task or "" for at in by_task], [tasks[at] for at in by_task], [long[at] for at in by_task]),
        auc=_ordered(of, hard, long),
        apgr=_figure(
            [(hard[at], *gap) for at, gap in zip(by_outcome, gaps, strict=True)],
            [(long[at], *gap) for at, gap in zip(by_outcome, gaps, strict=True)],
            apgr,
        ),
        weak=sum(weak for weak, _ in gaps) / len(gaps) if gaps else None,
        strong=sum(strong for _, strong in gaps) / len(gaps) if gaps else None,
        rank=_ranked(of, hard, long),
    )


def _confusion(of: Sequence[Labelled], found: Sequence[str]) -> dict[str, dict[str, int]]:
    if not of:
        return {}
    counts = Counter((one.task, task) for one, task in zip(of, found, strict=True))
    return {task: {as_: counts[task, as_] for as_ in TASKS} for task in TASKS}


def _of_tasks(truth: Sequence[str], found: Sequence[str], long: Sequence[float]) -> dict[str, Figure | None]:
    guess = by_length(truth, long)
    ours, base = list(zip(truth, found, strict=True)), list(zip(truth, guess, strict=True))

    def wrong(task: str, called: str) -> Figure | None:
        return _figure(
            [pair for pair in ours if pair[0] == task],
            [pair for pair in base if pair[0] == task],
            lambda pairs: sum(as_ == called for _, as_ in pairs) / len(pairs) if pairs else None,
        )

    return {
        "accuracy": _figure(ours, base, lambda pairs: sum(a == b for a, b in pairs) / len(pairs) if pairs else None),
        "complex_called_simple": wrong("complex", "simple"),
        "simple_called_complex": wrong("simple", "complex"),
    }


def by_length(truth: Sequence[str], long: Sequence[float]) -> list[str]:
    """The best guess from length alone: the most frequent task of the tenth of prompts that are about as long."""
    order = sorted(range(len(long)), key=long.__getitem__)
    guess = [""] * len(long)
    for part in range(BINS):
        inside = order[part * len(order) // BINS : (part + 1) * len(order) // BINS]
        if inside:
            task = Counter(truth[at] for at in inside).most_common(1)[0][0]
            for at in inside:
                guess[at] = task
    return guess


def _ordered(of: Sequence[Labelled], hard: Sequence[float], long: Sequence[float]) -> Figure | None:
    """How often a complex prompt is said to be harder than another one."""

    def among(pairs: Sequence[tuple[bool, float]]) -> float | None:
        return auc([one for yes, one in pairs if yes], [one for yes, one in pairs if not yes])

    known = [at for at, one in enumerate(of) if one.task]
    told = [of[at].task == "complex" for at in known]
    return _figure(
        [(yes, hard[at]) for yes, at in zip(told, known, strict=True)],
        [(yes, long[at]) for yes, at in zip(told, known, strict=True)],
        among,
    )


def _ranked(of: Sequence[Labelled], hard: Sequence[float], long: Sequence[float]) -> Figure | None:
    known = [(at, one.difficulty) for at, one in enumerate(of) if one.difficulty is not None]
    return _figure(
        [(label, hard[at]) for at, label in known], [(label, long[at]) for at, label in known], rank_correlation
    )


def _figure(ours: Sequence[T], base: Sequence[T], of: Callable[[Sequence[T]], float | None]) -> Figure | None:
    value = of(ours) if ours else None
    if value is None:
        return None
    draw = random.Random(1)  # noqa: S311 - samples, no secrets
    samples = (of(draw.choices(ours, k=len(ours))) for _ in range(max(min(SAMPLES, DRAWN // len(ours)), 10)))
    return Figure(value, pstdev([one for one in samples if one is not None] or [0.0]), of(base))
