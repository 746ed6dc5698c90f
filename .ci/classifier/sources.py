"""The data that the classifier learns from, where it comes from, and under which license."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PROMPTS = Path(__file__).with_name("prompts")
OWN = "own"
SOURCES = {
    OWN: ("prompts/train.jsonl, written for this project", "as this repository"),
    "routellm_mmlu": ("lm-sys/RouteLLM: answers of Mixtral-8x7B and GPT-4-1106 to MMLU", "Apache-2.0; MMLU MIT"),
    "routellm_gsm8k": ("lm-sys/RouteLLM, WildEval/ZeroEval: answers to GSM8K", "Apache-2.0; GSM8K MIT"),
    "mmlu_pro": ("TIGER-AI-Lab/MMLU-Pro: eval_results of 22 models", "Apache-2.0"),
    "llmrouter": ("ulab-uiuc/LLMRouter: answers of 8 models to 14 sets", "MIT; the sets have licenses of their own"),
    "zeroeval_math-l5": ("WildEval/ZeroEval: MATH level 5", "Apache-2.0"),
    "zeroeval_crux": ("WildEval/ZeroEval: CRUX", "Apache-2.0"),
    "agieval": ("ruixiangcui/AGIEval", "MIT"),
    "p3_t0": ("yizhongw/self-instruct: t0_train_50k", "Apache-2.0"),
    "open_assistant": ("LAION-AI/Open-Assistant", "Apache-2.0"),
    "mt_bench": ("lm-sys/FastChat: MT-Bench", "Apache-2.0"),
    "japanese_mt_bench": ("Stability-AI/FastChat: Japanese MT-Bench", "Apache-2.0"),
}
"""Where each source is public, and its license as read there. Whatever is not listed is not used."""

_TASKS = {
    "classify": "simple", "extract": "simple", "paraphrase": "simple", "summarise": "simple",
    "competition math": "complex", "logic": "complex", "code reasoning": "complex",
    "coding": "complex", "math": "complex", "reasoning": "complex", "stem": "complex",
    "writing": "general", "roleplay": "general", "humanities": "general", "extraction": "general",
    "general": "general", "trivia_qa": "simple", "natural_qa": "simple",
}  # fmt: skip
"""Tasks of the kinds of prompts that sources name; math, stem and so on only where the source is a chat."""


@dataclass(frozen=True, slots=True)
class Example:
    """A prompt with what is known of it: its task, how hard it is, or how well small and large models did."""

    prompt: str
    source: str
    language: str
    task: str | None = None
    difficulty: float | None = None
    weak: float | None = None
    strong: float | None = None
    groups: frozenset[str] = frozenset()


def own(part: str) -> list[Example]:
    """The prompts of this project: `train` or `dev`."""
    return [
        Example(row["prompt"], OWN, row["language"], row["task"], row["difficulty"])
        for row in _rows(PROMPTS / f"{part}.jsonl")
    ]


def public(path: Path) -> list[Example]:
    """The rows of `routing_train.jsonl` (its README tells the fields) whose source is listed."""
    return [
        Example(
            prompt=row["prompt"],
            source=row["source"],
            language=row["lang"],
            task=_TASKS.get(row["kind"] or ""),
            weak=row["weak"],
            strong=row["strong"],
            groups=frozenset({row["group"], row.get("also") or row["group"]}),
        )
        for row in _rows(path)
        if row["source"] in SOURCES
    ]


def _rows(path: Path) -> Iterator[dict[str, str]]:
    return (json.loads(line) for line in path.read_text("utf-8").split("\n") if line)
