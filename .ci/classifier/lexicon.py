"""concepts.toml as the run time looks words up."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from llmo.routing.cues import words
from llmo.routing.lexicon import STEM

PATH = Path(__file__).with_name("concepts.toml")
LANGUAGES = ("en", "de", "es", "fr")


def read(path: Path = PATH) -> tuple[dict[str, Any], dict[str, str]]:
    """The tables of the lexicon, and how each concept is said to a person. The first concept of a word keeps it."""
    known: dict[str, str] = {}
    stems: dict[str, list[list[str]]] = {}
    signs: dict[str, list[list[str]]] = {}
    said: dict[str, str] = {}
    tables = tomllib.loads(path.read_text("utf-8"))
    relations = tables.pop("relations")["words"].split()
    for concept, entry in tables.items():
        said[concept] = entry["say"]
        for language in LANGUAGES:
            for shown in _shown(entry.get(language, "")):
                if shown.endswith("*"):
                    stem = shown[:-1]
                    if len(stem) < STEM:
                        raise ValueError(f"{concept}: a beginning of a word has {STEM} letters or more: {shown}")
                    stems.setdefault(stem[:STEM], []).append([stem, concept])
                else:
                    known.setdefault(" ".join(words(shown)), concept)
        for sign in entry.get("cjk", "").split():
            signs.setdefault(sign[0], []).append([sign, concept])
    heads = sorted({word.split()[0] for word in known if " " in word})
    return {"words": known, "heads": heads, "stems": stems, "signs": signs, "relations": relations}, said


def _shown(text: str) -> list[str]:
    """Single words first, then phrases between bars."""
    first, *phrases = text.split("|")
    return [*first.lower().split(), *(phrase.strip().lower() for phrase in phrases if phrase.strip())]
