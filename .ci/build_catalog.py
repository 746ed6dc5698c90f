"""
Generate `llmo/data/catalog.jsonl` from two price libraries, and list where they disagree.

Prices and match rules are those of `genai-prices` (installed, MIT) and of litellm's model map (MIT), a file inside its
wheel, which also knows context windows, output limits, abilities and shutdown dates:

    pip download --no-deps litellm==1.106.2 && unzip litellm-*.whl 'litellm/model_prices*.json'
    python .ci/build_catalog.py --litellm litellm/model_prices_and_context_window_backup.json --litellm-version 1.106.2

Rates are picodollars a token (1000000 = one dollar per million tokens). The first line is about the table and its
vendors; each vendor's `rows` says how many of the lines that follow are its models. `.ci/prices/disputes.txt` lists the
names that the sources price differently: read what a new table adds to it. `--check` writes nothing and fails when the
sources don't give what is there.
"""

from __future__ import annotations

import argparse
import datetime as dt
import difflib
import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from prices import genai, litellm
from prices.shape import steps
from prices.union import Dispute, as_text, joined

from llmo.catalog.prices import LONG

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from prices.shape import Record

OUT = Path(__file__).parent.parent / "llmo" / "data" / "catalog.jsonl"
DISPUTES = Path(__file__).parent / "prices" / "disputes.txt"


def built(source: Path, litellm_version: str, date: dt.date) -> tuple[str, str]:
    """The table, and the list of disputes."""
    entries = litellm.read(source)
    theirs = litellm.rows(entries)
    vendors: dict[str, tuple[Record, list[Record]]] = {}
    disputes: list[Dispute] = []
    for vendor, head, models in genai.vendors(litellm.Facts(entries), date):
        rows, found = joined(vendor, models, theirs.get(vendor, {}), date)
        vendors[vendor] = (head, rows)
        disputes += found
    for vendor, head in litellm.heads():
        rows = [row for _, row in sorted(theirs.get(vendor, {}).items()) if litellm.new(vendor, row, date)]
        vendors[vendor] = (head, rows)
    for _, rows in vendors.values():
        without_hours(rows)
    sources = {"genai-prices": version("genai-prices"), "litellm": litellm_version}
    return rendered({"date": date.isoformat(), "sources": sources}, vendors), listed(disputes)


def without_hours(rows: Iterable[Record]) -> None:
    """Drop what a cache entry of an hour costs: `LONG`, the rule of `llmo/catalog/prices.py`, says it of all."""
    for price in (price for row in rows for price in (*row.get("prices", ()), *row.get("tiers", ()))):
        base, *rest = sorted(steps(price.get("in", 0)).items())
        twice = [LONG * base[1], *([start, LONG * rate] for start, rate in rest)] if rest else LONG * base[1]
        if price.pop("long", twice) != twice:
            raise SystemExit(f"an hour in the cache is not {LONG} times the input rate: {rows}")


def rendered(head: Record, vendors: Mapping[str, tuple[Record, list[Record]]]) -> str:
    """One JSON value a line, so that a change of price is a change of one line."""
    ordered = sorted((vendor, facts, models) for vendor, (facts, models) in vendors.items())
    first = {**head, "vendors": {vendor: {**facts, "rows": len(models)} for vendor, facts, models in ordered}}
    rows = [model for _, _, models in ordered for model in models]
    return "".join(f"{json.dumps(line, ensure_ascii=False, separators=(',', ':'))}\n" for line in [first, *rows])


def listed(disputes: Iterable[Dispute]) -> str:
    """A line a component: dollars per million tokens (or per use), genai-prices against litellm."""
    lines = [
        f"{one.vendor}/{one.model} {f'{one.tier} ' * bool(one.tier)}{key}: "
        f"{as_text(key, ours)} | {as_text(key, one.litellm[key])}"
        for one in disputes
        for key, ours in one.genai.items()
    ]
    return "".join(f"{line}\n" for line in sorted(lines))


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--litellm", type=Path, required=True, help="litellm's model map")
    parser.add_argument("--litellm-version", required=True)
    parser.add_argument("--date", type=dt.date.fromisoformat, help="day of the prices; --check takes the table's own")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--disputes", type=Path, default=DISPUTES)
    parser.add_argument("--check", action="store_true", help="write nothing, fail when anything would change")
    return parser.parse_args()


def main() -> int:
    """Write both files, or compare them."""
    options = arguments()
    there = json.loads(options.out.read_text().partition("\n")[0])["date"] if options.check else None
    date = dt.date.fromisoformat(there) if there else options.date or dt.datetime.now(dt.UTC).date()
    table, disputes = built(options.litellm, options.litellm_version, date)
    before = options.disputes.read_text() if options.disputes.exists() else ""
    sys.stdout.writelines(
        difflib.unified_diff(
            before.splitlines(keepends=True), disputes.splitlines(keepends=True), "reviewed", "built", n=0
        )
    )
    if options.check:
        return int((options.out.read_text(), before) != (table, disputes))
    options.out.write_text(table, encoding="utf-8")
    options.disputes.write_text(disputes, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
