"""
Which task a prompt is: a plain rule, until a measured classifier takes its place.

Short requests whose verb is mechanical are simple; reasoning, code, proof or a long list of
demands is complex; everything else is general (no evidence is not evidence of ease).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from llmo.types.secrets import FOLDED

SHORT = 600
"""Characters up to which a mechanical request counts as simple."""
LONG = 8000
"""Characters from which a prompt without a mechanical verb counts as complex."""
_STEM = re.compile(r"[a-z ]+(?![?*])")


class Phrases:
    """
    Phrases to find in a text, whatever their case: regular expressions that begin with letters, and marks as they are.

    The expressions are tried only where their first letters stand, which is mostly nowhere; trying them everywhere
    takes fifteen times as long.
    """

    def __init__(self, *phrases: str, marks: tuple[str, ...] = ()) -> None:
        words = rf"\b(?:{'|'.join(phrases)})\b"
        self.pattern = re.compile("|".join((words, *map(re.escape, marks))), re.IGNORECASE)
        self.stems = (*(stem[0] for phrase in phrases if (stem := _STEM.match(phrase))), *marks)

    def find(self, text: str) -> list[re.Match[str]]:
        """As `pattern.finditer`."""
        if not text.isascii() and any(letter in text for letter in FOLDED):
            return list(self.pattern.finditer(text))
        lowered = text.lower()
        found: list[re.Match[str]] = []
        there = [stem for stem in self.stems if stem in lowered]
        for at in sorted(at for stem in there for at in _places(stem, lowered)) if there else ():
            if (not found or at >= found[-1].end()) and (match := self.pattern.match(text, at)):
                found.append(match)
        return found


def _places(stem: str, text: str) -> list[int]:
    places, at = [], text.find(stem)
    while at >= 0:
        places.append(at)
        at = text.find(stem, at + 1)
    return places


SIMPLE = Phrases(
    "rewrite", "rephrase", r"fix (the )?(grammar|spelling|typos?)", "correct", "clean ?up", "extract", "format",
    "convert", "translate", "summari[sz]e", "classify", "label", "list", "lowercase", "uppercase", "shorten",
    "proofread", "title",
)  # fmt: skip
COMPLEX = Phrases(
    "prove", "derive", "design", r"architect\w*", "refactor", "debug", "optimi[sz]e", "trade-?offs?", "step by step",
    "why does", "root cause", "analy[sz]e", "compare", "evaluate", "strategy", "decide", "algorithm", "theorem",
    "implement", "essay", "plan", marks=("```",),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Classification:
    """A task with the reason and a score per task, which add up to 1."""

    task: str
    reason: str
    scores: dict[str, float]


def classify(prompt: str) -> Classification:
    """Find the task of a prompt (the user's last turn, without the system prompt)."""
    simple, hard = SIMPLE.find(prompt[:SHORT]), COMPLEX.find(prompt[:LONG])
    if hard and not (simple and len(hard) == 1 and simple[0].start() < hard[0].start()):
        word = hard[0][0].replace("```", "code").lower()
        return Classification(
            "complex", f"asks for reasoning: {word}", {"simple": 0.05, "general": 0.2, "complex": 0.75}
        )
    if simple:
        return Classification(
            "simple", f"mechanical request: {simple[0][0].lower()}", {"simple": 0.75, "general": 0.2, "complex": 0.05}
        )
    if len(prompt) >= LONG:
        return Classification("complex", "long prompt", {"simple": 0.05, "general": 0.35, "complex": 0.6})
    return Classification(
        "general", "no sign of a simple or complex task", {"simple": 0.2, "general": 0.6, "complex": 0.2}
    )
