"""
Fits the thresholds of the classifier to answers that are known to be good or bad.

An answer tells of its prompt only what its model can tell: that a model of `simple` was good enough or not, that one of
`general` was or not. That a model of `complex` was good does not tell whether another one would have been.
"""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from math import sqrt
from typing import TYPE_CHECKING, Literal, NamedTuple

from llmo.routing.classifier import TASKS, against_general, classify, logit
from llmo.types.dataclass import dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from llmo.routing.classifier import Thresholds
    from llmo.storage.ratings import SavedAnswer

Evidence = Literal["rating", "schema", "asked_again"]
Verdict = Literal["better", "no_better", "too_few", "no_task"]
NEEDED = 10
"""Good answers, and bad ones, that a threshold is fitted to at least."""
FOLDS = 5
STEPS = tuple(step / 20 for step in range(1, 20))
"""Thresholds that are tried beside the present one: finer ones would claim what so few answers cannot tell."""
DEVIATIONS = 2
"""Standard deviations by which answers set right must outnumber those set wrong."""
SOON = 86_400.0
"""Seconds within which a prompt that is asked again of a stronger model was not well answered."""


class Outcome(NamedTuple):
    """Whether an answer by a model of a task was good, and how that is known."""

    prompts: tuple[str, ...]
    task: str
    good: bool
    because: Evidence


class Sample(NamedTuple):
    """A prompt for one threshold: its logit against general, whether it should pass, and its fold."""

    logit: float
    passes: bool
    fold: int


@dataclass(frozen=True, slots=True)
class ThresholdFit:
    """
    What outcomes say of one threshold.

    `before` and `after` are shares of the outcomes that the present threshold, and one fitted without the fold that it
    is judged on, agree with; `fixed` and `broken` count those where only the latter does, or only the former.
    """

    name: str
    now: float
    good: int
    bad: int
    verdict: Verdict
    fitted: float | None = None
    before: float | None = None
    after: float | None = None
    fixed: int = 0
    broken: int = 0


@dataclass(frozen=True, slots=True)
class Calibration:
    """All that was found: answers, outcomes by how they are known, those of models that no task names, and the fits."""

    answers: int
    evidence: Mapping[str, int]
    unused: int
    fits: tuple[ThresholdFit, ...]

    @property
    def better(self) -> tuple[ThresholdFit, ...]:
        """The thresholds that are worth changing."""
        return tuple(one for one in self.fits if one.verdict == "better")


def calibrated(answers: Sequence[SavedAnswer], tasks: Mapping[str, str], now: Thresholds) -> Calibration:
    """Fit both thresholds; `tasks` is the task whose model each target is."""
    found, unused = outcomes(answers, tasks)
    samples: dict[str, list[tuple[Sample, bool]]] = {"simple": [], "complex": []}
    for one in found:
        simple, hard = against_general(classify(*one.prompts).scores)
        name, value = ("simple", simple) if simple >= hard else ("complex", hard)
        passes = _passes(name, one)
        if passes is not None:
            samples[name].append((Sample(value, passes, _fold(one.prompts)), one.good))
    known = set(tasks.values())
    fits = []
    for name, those in samples.items():
        counted = Counter(good for _, good in those)
        empty = ThresholdFit(name, getattr(now, name), counted[True], counted[False], "too_few")
        if not {name, "general"} <= known:
            fits.append(replace(empty, verdict="no_task"))
        else:
            fits.append(fitted(empty, [sample for sample, _ in those]))
    return Calibration(len(answers), Counter(one.because for one in found), unused, tuple(fits))


def outcomes(answers: Sequence[SavedAnswer], tasks: Mapping[str, str]) -> tuple[list[Outcome], int]:
    """
    The answers that are known to be good or bad, and how many more are of models that no task names.

    A rating counts most, then that the answer did not match its schema, then that the prompt, the first of its
    conversation, was asked again of a model of a stronger task within a day.
    """
    again: dict[str, list[tuple[float, int]]] = {}
    for one in answers:
        if one.target in tasks and len(one.prompts) == 1:
            again.setdefault(_same(one.prompts), []).append((one.at, TASKS.index(tasks[one.target])))
    found, unused = [], 0
    for one in answers:
        task = tasks.get(one.target)
        if task is None:
            unused += _stated(one) is not None
            continue
        known = _stated(one)
        first = known is None and len(one.prompts) == 1
        if first and _asked_again(one.at, TASKS.index(task), again[_same(one.prompts)]):
            known = (False, "asked_again")
        if known is not None:
            found.append(Outcome(one.prompts, task, *known))
    return found, unused


def _stated(one: SavedAnswer) -> tuple[bool, Evidence] | None:
    """What is on record of an answer itself."""
    if one.rating is not None:
        return one.rating == "good", "rating"
    return (False, "schema") if one.error == "invalid_output" else None


def fitted(empty: ThresholdFit, samples: Sequence[Sample]) -> ThresholdFit:
    """The threshold that agrees with most samples, and how such ones do on folds that they were not fitted to."""
    if min(empty.good, empty.bad) < NEEDED:
        return empty
    before = [_right(empty.now, one) for one in samples]
    of_fold = {fold: _best([one for one in samples if one.fold != fold], empty.now) for fold in range(FOLDS)}
    after = [_right(of_fold[one.fold], one) for one in samples]
    fixed = sum(new and not old for old, new in zip(before, after, strict=True))
    broken = sum(old and not new for old, new in zip(before, after, strict=True))
    best = _best(samples, empty.now)
    sure = best != empty.now and fixed - broken > DEVIATIONS * sqrt(fixed + broken)
    return replace(
        empty,
        verdict="better" if sure else "no_better",
        fitted=best,
        before=sum(before) / len(samples),
        after=sum(after) / len(samples),
        fixed=fixed,
        broken=broken,
    )


def _best(samples: Sequence[Sample], now: float) -> float:
    """The threshold that most samples agree with; of several, the one nearest to the present one."""
    return max(
        (now, *STEPS), key=lambda step: (sum(_right(step, one) for one in samples), -abs(step - now), step == now)
    )


def _right(threshold: float, one: Sample) -> bool:
    return (one.logit > logit(threshold)) == one.passes


def _passes(name: str, one: Outcome) -> bool | None:
    """Whether the prompt should pass a threshold; None where the answer does not tell."""
    if one.task == "simple":
        # A bad answer of a simple model to a harder prompt does not tell whether a general one would do.
        return one.good if name == "simple" else False if one.good else None
    if one.task == "general":
        return not one.good if name == "complex" else None if one.good else False
    return None


def _asked_again(at: float, strength: int, others: Iterable[tuple[float, int]]) -> bool:
    return any(0 < then - at <= SOON and stronger > strength for then, stronger in others)


def _same(prompts: Sequence[str]) -> str:
    """The last prompt, however it is spaced."""
    return " ".join(prompts[-1].split())


def _fold(prompts: Sequence[str]) -> int:
    """The same for equal prompts: what was fitted to one must not be judged on its twin."""
    said = _same(prompts).encode("utf-8", "surrogatepass")
    return int.from_bytes(sha256(said).digest()[:8], "big") % FOLDS
