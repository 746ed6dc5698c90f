"""
Make `llmo/data/classifier.json`, the weights of `-t auto`.

    pip install numpy scipy scikit-learn
    python .ci/classifier/train.py routing_train.jsonl

The sources of `routing_train.jsonl` and their licenses are listed in `sources.py` and printed. No prompt is shipped:
of public prompts, only the weights of a few dozen signs are kept.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

import sources
from model import Reader, Settings, fit

OUT = Path(__file__).parents[2] / "llmo" / "data" / "classifier.json"


def main() -> None:
    """Train on everything but the development prompts."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("data", type=Path, help="labelled public prompts, as the docstring of sources.public says")
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    own, public = sources.own("train"), sources.public(given.data)
    for source, count in Counter(one.source for one in [*own, *public]).items():
        print(f"{source:18} {count:6}  {': '.join(sources.SOURCES[source])}")
    data = fit(own, public, Reader(), Settings())
    given.out.write_text(text(data), "utf-8")
    print(f"{given.out}: {given.out.stat().st_size // 1024} kB, {len(data['grams'])} words, {len(data['signs'])} signs")


def text(data: dict[str, object]) -> str:
    """One line per table, so that a change can be seen."""
    tables = ",\n".join(
        f"{json.dumps(name)}: {json.dumps(table, ensure_ascii=False, separators=(',', ':'))}"
        for name, table in data.items()
    )
    return f"{{\n{tables}\n}}\n"


if __name__ == "__main__":
    main()
