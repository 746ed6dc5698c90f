"""The signs in a prompt that its task is told by; its length is none of them."""

from __future__ import annotations

import re
from functools import cache
from math import log2, sqrt
from typing import TYPE_CHECKING

from llmo.routing.lexicon import WIDE
from llmo.types.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llmo.routing.instruction import Instruction
    from llmo.routing.lexicon import Lexicon

FIRST = 96
LAST = 32
"""Words of the request that are looked at, from either end."""
ABOUT = 64
"""Words of the material that are looked at."""
WEIGHT = 0.3
"""How much a word of the material counts."""
OPENING = 5
"""A word among the first so many opens the request."""
REPLY = 8
"""Words of the longest prompt that only continues what was asked before."""
CHOICES = 3
"""Lines that begin with a letter, from which on they are answers to choose from."""
LONG = 9
"""Letters of a long word."""
NO_TASK = frozenset({"followup", "explain", "brief", "constraint", "several hard", "only simple", "hard and simple"})
"""Signs that say nothing of what is to be done."""
SEVERAL = 0.4
"""The level of three numbers."""
_LETTERS = re.compile(r"[^\W_]+")
_MIXED = r"[^\W_\u2e80-\uffff]+|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af々ー]{1,24}"
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_OPTION = re.compile(r"^\(?[A-J][).．、:]? ", re.MULTILINE)
_NUMERIC = re.compile(r"^\(?[A-J][).．、:]? [$€£-]?\d", re.MULTILINE)
_NEGATED = re.compile(r"\b(?:NOT|EXCEPT|LEAST|FALSE|nicht|KEINE?)\b|不正确|不属于|誤って|正しくない")
_BLANK = re.compile(r"_{3,}|…{2,}|＿{2,}|（ *）")
_ITEM = re.compile(r"^[ \t]*(?:\d+[.)]|[-*•])\s", re.MULTILINE)
_CLAUSE = re.compile(r"[.?!,;](?=\s|$)|[。，、；？！]")
_NAME = re.compile(r"(?<=[a-z,;] )[A-ZÀ-Þ][a-zà-ÿ]+")
_FORMULA = re.compile(r"[=^√∑∫≤≥∈∀∃≠∞±×²³|\\]|\b[a-z]\([a-z0-9]\)")
SIMPLE = frozenset({"translate", "correct", "extract", "classify", "count", "reformat", "shorten", "lookup"})
"""Concepts of mechanical work."""
HARD = frozenset(
    {
        "proof", "derive", "design", "debug", "analyze", "argue", "tradeoff", "optimize", "implement", "refactor",
        "tests", "justify", "math", "puzzle", "algorithm", "systems", "experts",
    }
)  # fmt: skip
"""Concepts of work that takes thought or knowledge."""
GENERAL = frozenset({"draft", "creative", "advice", "explain", "summarize", "compare", "code", "followup"})
"""Concepts of everyday work."""
OF_TASK = dict.fromkeys(SIMPLE | {"brief"}, "simple")
OF_TASK |= dict.fromkeys(HARD | {"calculate"}, "complex")
OF_TASK |= dict.fromkeys(GENERAL, "general")
"""The task that a concept is a reason for; others may be one for any."""


@dataclass(frozen=True, slots=True)
class Cues:
    """
    What speaks for a task.

    `signs` are named and worth up to about 1 each; `grams` are the words of the request and of its material, each list
    with the worth of one of them, whose squares add up to 1 whatever the length. `script` is the writing that most of
    the request is in. `counts` say how many facts must be put together: they tell how hard an exercise is, and no task.
    `continues` says that the prompt asks nothing by itself.
    """

    signs: Mapping[str, float]
    counts: Mapping[str, float]
    grams: Sequence[tuple[Sequence[str], float]]
    script: str
    constraints: int
    continues: bool

    @property
    def exercise(self) -> bool:
        """Whether something is to be calculated from several numbers."""
        mechanical = self.signs["only simple"] or self.signs["material"]
        return bool(self.signs["question"]) and self.counts["quantities"] >= SEVERAL and not mechanical


def words(text: str) -> list[str]:
    """The words of a text in lower case, numbers as 0; letters of Chinese and Japanese stay together in runs."""
    text = text.lower()
    found = _LETTERS if not text or max(text) < WIDE else _mixed()
    return ["0" if word.isdigit() else word for word in found.findall(text)]


@cache
def _mixed() -> re.Pattern[str]:
    """The words of texts with Chinese and Japanese; its ranges take longer to compile than all other patterns here."""
    return re.compile(_MIXED)


def grams(of: Sequence[str]) -> list[str]:
    """Words and pairs of words; pairs of letters in Chinese and Japanese."""
    found: list[str] = []
    before = "^"
    for word in of:
        if word[0] >= WIDE:
            found.extend(word[at : at + 2] for at in range(len(word)))
            before = "^"
        else:
            found.append(word)
            found.append(f"{before} {word}")
            before = word
    return found


def cues(prompt: Instruction, lexicon: Lexicon) -> Cues:
    """Look for everything that speaks for a task."""
    asked = words(prompt.asked)
    if len(asked) > FIRST + LAST:
        asked = [*asked[:FIRST], *asked[-LAST:]]
    about = words(prompt.material)[:ABOUT]
    signs, constraints = _concepts(asked, lexicon)
    continues = not about and _continues(signs, sum(len(word) if word[0] >= WIDE else 1 for word in asked))
    signs.update(_shape(prompt, asked))
    here, there = grams(asked), grams(about)
    norm = sqrt(len(here) + WEIGHT * WEIGHT * len(there)) or 1.0
    return Cues(
        signs,
        _counts(prompt.asked, asked, lexicon),
        ((here, 1 / norm), (there, WEIGHT / norm)),
        script(prompt.asked),
        constraints,
        continues,
    )


def _continues(concepts: Mapping[str, float], size: int) -> bool:
    """Whether a short prompt without a task of its own stands for the one before."""
    own = any(value and name.removesuffix("^") not in NO_TASK for name, value in concepts.items())
    return not own and size <= (REPLY if "followup" in concepts else REPLY // 2)


def _concepts(asked: Sequence[str], lexicon: Lexicon) -> tuple[dict[str, float], int]:
    signs: dict[str, float] = {}
    constraints = 0
    for at, concept in lexicon.find(asked):
        signs[concept] = 1.0
        constraints += concept == "constraint"
        if at < OPENING:
            signs[f"{concept}^"] = 1.0
    simple, hard = len(SIMPLE & signs.keys()), len(HARD & signs.keys())
    signs["constraint"] = min(constraints, 4) / 4
    signs["several hard"] = max(min(hard, 5) - 1, 0) / 4
    signs["only simple"] = float(simple > 0 and not hard)
    signs["hard and simple"] = float(simple > 0 and hard > 0)
    return signs, constraints


def _shape(prompt: Instruction, asked: Sequence[str]) -> Mapping[str, float]:
    """How the prompt is built."""
    text = prompt.asked
    letters = [word for word in asked if word[0] < WIDE and word != "0"]
    long = sum(len(word) >= LONG for word in letters) / len(letters) if letters else 0.0
    options = len(_OPTION.findall(text))
    return {
        "code": float(prompt.code > 1),
        "logs": float(prompt.logs > 1),
        "rows": float(prompt.rows > 1),
        "material": float(bool(prompt.material)),
        "options": float(options >= CHOICES),
        "numeric options": float(options >= CHOICES and len(_NUMERIC.findall(text)) * 2 >= options),
        "negated": float(_NEGATED.search(text) is not None),
        "blank": float(_BLANK.search(text) is not None),
        "items": float(len(_ITEM.findall(text)) > 1),
        "formula": _level(len(_FORMULA.findall(text)), 4),
        "numbers": _level(len(_NUMBER.findall(text)), 4),
        "question": float("?" in text or "？" in text),
        "long words": long,
    }


def _counts(text: str, asked: Sequence[str], lexicon: Lexicon) -> Mapping[str, float]:
    return {
        "facts": _level(len(_CLAUSE.findall(text)), 5),
        "names": _level(len(set(_NAME.findall(text))), 4),
        "relations": _level(sum(word in lexicon.relations for word in asked), 5),
        "quantities": _level(len(_NUMBER.findall(text)), 5),
    }


def _level(count: int, doublings: int) -> float:
    """A count as a share of so many doublings."""
    return min(log2(1 + count), doublings) / doublings


def script(text: str) -> str:
    """The writing of a text: kana, han, latin, or another one."""
    if text.isascii():
        return "latin"
    if any("\u3040" <= letter <= "\u30ff" for letter in text):
        return "kana"
    wide = sum("\u3400" <= letter <= "\u9fff" for letter in text)
    if wide * 4 > len(text):
        return "han"
    narrow = sum(letter < "\u0250" for letter in text)
    return "latin" if narrow * 2 >= len(text) else "other"
