"""
Which task a prompt is, how hard it is, and why: a linear model over the signs of `llmo.routing.cues`.

Its weights are in `llmo/data/classifier.json`, made by `.ci/classifier/train.py`.
"""

from __future__ import annotations

import json
from functools import cache
from math import exp, log
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmo.routing.cues import OF_TASK, Cues, cues
from llmo.routing.instruction import read
from llmo.routing.lexicon import Lexicon
from llmo.types.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PATH = Path(__file__).parent.parent / "data" / "classifier.json"
TASKS = ("simple", "general", "complex")
"""In the order of the strength that a model for them needs."""
CHOSEN = 0.3
WORKED = 0.6
"""How complex a question with answers to choose from is, and an exercise with numbers."""
REASONS = 3
"""Reasons that are given at most."""
TELLING = 25
"""Hundredths of a logit that a sign must be worth to be given as a reason."""
LEAST = 0.00005
"""What a score that is rounded to 0 counts as."""
_BOUND = 30.0
"""Logits beyond which a probability is 0 or 1, and where `exp` is still far from its limits."""
_SHAPES = {
    "code": "pasted code",
    "logs": "a pasted log",
    "rows": "pasted rows",
    "formula": "formulas",
    "items": "a list of points",
}
"""How signs that no word shows are said."""


@dataclass(frozen=True, slots=True)
class Classification:
    """
    A task with the reason and a score per task, which add up to 1.

    `difficulty` is between 0 (any model will do) and 1: how likely small models are to fail.
    """

    task: str
    reason: str
    scores: dict[str, float]
    difficulty: float


@dataclass(frozen=True, slots=True)
class Failures:
    """
    How hard signs make a prompt for a small model.

    A node of `trees` is `[sign, threshold, at most, above]`, with the place of the sign in `signs`, or the value of a
    leaf; `count` is what facts and relations are worth.
    """

    signs: Sequence[str]
    trees: Sequence[Any]
    count: float


@dataclass(frozen=True, slots=True)
class Weights:
    """
    What a sign, a word or a script is worth, in hundredths of a logit: for simple and for complex against general.

    `blend` are the offset of the difficulty, and the shares that the task and the failures have in it.
    """

    lexicon: Lexicon
    said: Mapping[str, str]
    signs: Mapping[str, Sequence[float]]
    grams: Mapping[str, Sequence[float]]
    scripts: Mapping[str, Sequence[float]]
    hard: Failures
    blend: Sequence[float]

    def tasks(self, cue: Cues) -> tuple[float, float]:
        """The logits of simple and of complex against general."""
        simple, hard = self.of_signs(cue)
        for grams, value in cue.grams:
            ease, weight = self.of_grams(grams)
            simple += value * ease
            hard += value * weight
        return simple / 100, hard / 100

    def of_signs(self, cue: Cues) -> tuple[float, float]:
        """What its script and signs are worth, in hundredths of these logits."""
        simple, hard = self.scripts[cue.script]
        for name, value in cue.signs.items():
            if value and (worth := self.signs.get(name)) is not None:
                simple += value * worth[0]
                hard += value * worth[1]
        return simple, hard

    def of_grams(self, grams: Sequence[str]) -> tuple[float, float]:
        """What words and pairs of words are worth, in hundredths of these logits."""
        ease = weight = 0.0
        for gram in grams:
            if (worth := self.grams.get(gram)) is not None:
                ease += worth[0]
                weight += worth[1]
        return ease, weight

    def failure(self, cue: Cues) -> float:
        """How much speaks for the failure of a small model; only the order means something."""
        values = [cue.signs.get(name, 0.0) for name in self.hard.signs]
        found = self.hard.count * (cue.counts["facts"] + cue.counts["relations"])
        for tree in self.hard.trees:
            node = tree
            while isinstance(node, list):
                node = node[2] if values[node[0]] <= node[1] else node[3]
            found += node
        return found

    def difficulty(self, cue: Cues) -> float:
        """Between 0 and 1."""
        return self.blended(self.lean(cue), self.failure(cue))

    def blended(self, lean: float, failure: float) -> float:
        """The difficulty that a task and a failure come to."""
        offset, task, fails = self.blend
        return _logistic(offset + task * lean + fails * failure)

    def lean(self, cue: Cues, scores: Mapping[str, float] | None = None) -> float:
        """
        From -1, simple, to 1, complex.

        How a question of an exam or an exercise is worded says nothing of how hard it is; its subject and steps do.
        """
        if cue.signs.get("options"):
            return CHOSEN
        if cue.exercise:
            return WORKED
        scores = scores or shares(*self.tasks(cue))
        return scores["complex"] - scores["simple"]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """
    Shares, against general, above which a prompt is simple, and complex; from 0 to 1.

    With both at 0.5 the task is the one of the highest score. A prompt may only be the likelier of simple and complex,
    or general: it is not complex for want of being simple enough.
    """

    simple: float = 0.5
    complex: float = 0.5

    def task(self, scores: Mapping[str, float]) -> str:
        """The task of a prompt with these scores."""
        simple, hard = against_general(scores)
        if simple >= hard:
            return "simple" if simple > logit(self.simple) else "general"
        return "complex" if hard > logit(self.complex) else "general"


TRAINED = Thresholds()


def against_general(scores: Mapping[str, float]) -> tuple[float, float]:
    """Logits of simple and of complex against general."""
    simple, general, hard = (log(max(scores[task], LEAST)) for task in TASKS)
    return simple - general, hard - general


@cache
def weights() -> Weights:
    """The shipped weights, read once."""
    return parse(json.loads(PATH.read_text("utf-8")))


def parse(data: Mapping[str, Any]) -> Weights:
    """Weights as their file has them."""
    return Weights(
        lexicon=lexicon(data["lexicon"]),
        said=data["said"],
        signs=data["signs"],
        grams=data["grams"],
        scripts=data["scripts"],
        hard=Failures(**data["hard"]),
        blend=data["blend"],
    )


def lexicon(tables: Mapping[str, Any]) -> Lexicon:
    """The words as their file has them."""
    return Lexicon(**{**tables, "heads": frozenset(tables["heads"]), "relations": frozenset(tables["relations"])})


def classify(*turns: str, thresholds: Thresholds = TRAINED) -> Classification:
    """
    Find the task of a prompt: of the last of the user's turns, without the system prompt.

    A turn that only continues ("yes, do it") has the task of the one before.
    """
    known = weights()
    for number, turn in enumerate(reversed(turns)):
        cue = cues(read(turn), known.lexicon)
        if not cue.continues or number + 1 == len(turns):
            return _classified(cue, known, thresholds, continued=number > 0)
    return _classified(cues(read(""), known.lexicon), known, thresholds, continued=False)


def _classified(cue: Cues, known: Weights, thresholds: Thresholds, *, continued: bool) -> Classification:
    scores = shares(*known.tasks(cue))
    task, reason = verdict(cue, known, scores, thresholds)
    difficulty = round(known.difficulty(cue), 3)
    return Classification(task, f"continues: {reason}" if continued else reason, scores, difficulty)


def verdict(cue: Cues, known: Weights, scores: Mapping[str, float], thresholds: Thresholds) -> tuple[str, str]:
    """The task of a prompt with these scores, and why."""
    likely = task = max(TASKS, key=scores.__getitem__)
    reason = _reason(cue, known, likely)
    if thresholds != TRAINED and (task := thresholds.task(scores)) != likely:
        reason = f"{reason}; not {likely} by the thresholds of the profile"
    return task, reason


def shares(simple: float, hard: float) -> dict[str, float]:
    """The score of each task; its logits are those of simple and of complex against general."""
    odds = [exp(max(-_BOUND, min(logit, _BOUND))) for logit in (simple, 0.0, hard)]
    total = sum(odds)
    return {task: round(one / total, 4) for task, one in zip(TASKS, odds, strict=True)}


def logit(share: float) -> float:
    """The logarithm of the odds of a share; for 0 and 1, beyond that of any score."""
    return -_BOUND if share <= 0 else _BOUND if share >= 1 else log(share / (1 - share))


def _logistic(logit: float) -> float:
    return 1 / (1 + exp(-max(-_BOUND, min(logit, _BOUND))))


def _reason(cue: Cues, known: Weights, task: str) -> str:
    """What a person sees that speaks for the task: the signs of its kind, those that weigh most first."""
    worth: dict[str, float] = {}
    for name, value in cue.signs.items():
        concept = name.removesuffix("^")
        if not value or (concept in OF_TASK and OF_TASK[concept] != task):
            continue
        said, speaks = _said(concept, cue, known), value * _speaks(known.signs.get(name, (0, 0)), task)
        if said and (concept in OF_TASK or speaks >= TELLING):
            worth[said] = worth.get(said, 0.0) + speaks
    return ", ".join(sorted(worth, key=worth.__getitem__, reverse=True)[:REASONS]) or _UNTOLD[task]


def _speaks(pair: Sequence[float], task: str) -> float:
    """How much weights against general speak for a task."""
    simple, hard = pair
    if task == "general":
        return -max(simple, hard)
    return simple - max(hard, 0.0) if task == "simple" else hard - max(simple, 0.0)


_UNTOLD = {
    "simple": "worded like a mechanical request",
    "general": "no sign of a simple or complex task",
    "complex": "worded like a demanding request",
}


def _said(name: str, cue: Cues, known: Weights) -> str:
    """A sign in words; empty for one that a person would not call a reason."""
    if name == "constraint":
        return f"{cue.constraints} constraints" if cue.constraints > 1 else ""
    return known.said.get(name) or _SHAPES.get(name, "")
