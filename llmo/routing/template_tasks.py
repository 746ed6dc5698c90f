"""The tasks of prompts that one template made: its instruction is read once, of each prompt what was put into it."""

from __future__ import annotations

from functools import lru_cache
from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

from llmo.routing.classifier import TRAINED, Classification, shares, verdict, weights
from llmo.routing.cues import ABOUT, NO_TASK, OF_TASK, WEIGHT, Cues, cues, grams, words
from llmo.routing.instruction import HEAD, pasted, read
from llmo.types.dataclass import replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmo.routing.classifier import Thresholds

TEMPLATES = 16
"""Templates that are remembered: a run has one."""
WORDS_IN = 1536
"""Characters that have all the words of a value which are looked at."""


class _Shape(NamedTuple):
    """What is the same for all prompts with the same kinds of pasted lines."""

    cue: Cues
    worth: tuple[float, float]
    failure: float
    reasons: dict[str, str]


class TemplateTasks:
    """
    Classifies prompts of a template, whose texts between the values are `pieces`.

    A template that asks nothing by itself, such as `Q: {{ question }}`, leaves the task to its values: it has no
    `instruction`, and nothing is classified here.
    """

    def __init__(self, pieces: Sequence[str], thresholds: Thresholds = TRAINED) -> None:
        self._first, *self._others = pieces
        self._thresholds, self._known = thresholds, weights()
        self._text = read(" … ".join(pieces))
        base = cues(self._text, self._known.lexicon)
        own = (name.removesuffix("^") for name, value in base.signs.items() if value)
        self.instruction = any(name in OF_TASK and name not in NO_TASK for name in own)
        self._here, self._about = base.grams[0][0], words(self._text.material)[:ABOUT]
        self._worth = self._known.of_grams(self._here)
        self._base = base
        self._shapes: dict[tuple[bool, ...], _Shape] = {}

    def classify(self, prompt: str) -> Classification | None:
        """The task of a prompt; None where the template does not tell it, or has not made it."""
        values = self._values(prompt) if self.instruction else None
        if values is None:
            return None
        known, shape, there = self._known, self._shape(values), self._grams(values)
        norm = sqrt(len(self._here) + WEIGHT * WEIGHT * len(there)) or 1.0
        ease, weight = known.of_grams(there)
        simple, hard = (
            (worth + (here + WEIGHT * value) / norm) / 100
            for worth, here, value in zip(shape.worth, self._worth, (ease, weight), strict=True)
        )
        scores = shares(simple, hard)
        difficulty = known.blended(known.lean(shape.cue, scores), shape.failure)
        return Classification(*self._told(shape, scores), scores, round(difficulty, 3))

    def _told(self, shape: _Shape, scores: dict[str, float]) -> tuple[str, str]:
        if self._thresholds != TRAINED:
            return verdict(shape.cue, self._known, scores, self._thresholds)
        likely = max(scores, key=scores.__getitem__)
        if likely not in shape.reasons:
            shape.reasons[likely] = verdict(shape.cue, self._known, scores, self._thresholds)[1]
        return likely, shape.reasons[likely]

    def _values(self, prompt: str) -> list[str] | None:
        """What stands between the pieces."""
        if not prompt.startswith(self._first):
            return None
        at, values = len(self._first), []
        for number, piece in enumerate(self._others, 1):
            end = len(prompt) if not piece else prompt.find(piece, at)
            if number == len(self._others) and piece:
                end = len(prompt) - len(piece) if prompt.endswith(piece) else -1
            if end < at:
                return None
            values.append(prompt[at:end])
            at = end + len(piece)
        return values

    def _grams(self, values: Sequence[str]) -> list[str]:
        room = ABOUT - len(self._about)
        added = [word for value in values for word in words(value[:WORDS_IN])[:room]][:room] if room else []
        return grams([*self._about, *added])

    def _shape(self, values: Sequence[str]) -> _Shape:
        counts = {"code": self._text.code, "logs": self._text.logs, "rows": self._text.rows}
        for value in values:
            lines = value[:HEAD].split("\n") if "\n" in value else ()
            for line in lines:
                if kind := pasted(line):
                    counts[kind] += 1
        key = tuple(count > 1 for count in counts.values())
        if key not in self._shapes:
            signs = {**self._base.signs, **dict(zip(counts, map(float, key), strict=True)), "material": 1.0}
            cue = replace(self._base, signs=signs, continues=False)
            self._shapes[key] = _Shape(cue, self._known.of_signs(cue), self._known.failure(cue), {})
        return self._shapes[key]


@lru_cache(TEMPLATES)
def tasks_of(pieces: tuple[str, ...], thresholds: Thresholds) -> TemplateTasks:
    """Of a template, read once."""
    return TemplateTasks(pieces, thresholds)
