"""
Which task a prompt is: a plain rule, until a measured classifier takes its place.

Short requests whose verb is mechanical are simple; reasoning, code, proof or a long list of
demands is complex; everything else is general (no evidence is not evidence of ease).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

SIMPLE = re.compile(
    r"\b(rewrite|rephrase|fix (the )?(grammar|spelling|typos?)|correct|clean ?up|extract|format|convert|translate"
    r"|summari[sz]e|classify|label|list|lowercase|uppercase|shorten|proofread|title)\b",
    re.IGNORECASE,
)
COMPLEX = re.compile(
    r"\b(prove|derive|design|architect\w*|refactor|debug|optimi[sz]e|trade-?offs?|step by step"
    r"|why does|root cause|analy[sz]e|compare|evaluate|strategy|decide|algorithm|theorem|implement|essay|plan)\b|```",
    re.IGNORECASE,
)
SHORT = 600
"""Characters up to which a mechanical request counts as simple."""
LONG = 8000
"""Characters from which a prompt without a mechanical verb counts as complex."""


@dataclass(frozen=True, slots=True)
class Classification:
    """A task with the reason and a score per task, which add up to 1."""

    task: str
    reason: str
    scores: dict[str, float]


def classify(prompt: str) -> Classification:
    """Find the task of a prompt (the user's last turn, without the system prompt)."""
    simple, hard = SIMPLE.search(prompt[:SHORT]), list(COMPLEX.finditer(prompt[:LONG]))
    if hard and not (simple and len(hard) == 1 and simple.start() < hard[0].start()):
        word = hard[0][0].replace("```", "code").lower()
        return Classification(
            "complex", f"asks for reasoning: {word}", {"simple": 0.05, "general": 0.2, "complex": 0.75}
        )
    if simple:
        return Classification(
            "simple", f"mechanical request: {simple[0].lower()}", {"simple": 0.75, "general": 0.2, "complex": 0.05}
        )
    if len(prompt) >= LONG:
        return Classification("complex", "long prompt", {"simple": 0.05, "general": 0.35, "complex": 0.6})
    return Classification(
        "general", "no sign of a simple or a complex task", {"simple": 0.2, "general": 0.6, "complex": 0.2}
    )
