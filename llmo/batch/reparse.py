"""Validate answers again that are already paid for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from llmo.batch.output.export import lines, set_aside
from llmo.batch.output.journal import Journal, encoded
from llmo.batch.resume import manifest
from llmo.storage.files import replaced

if TYPE_CHECKING:
    from pathlib import Path

    from llmo.requests.validator import Validator


def reparse(path: Path, validator: Validator) -> tuple[int, int]:
    """Validate every answer of an output without a call; returns how many match and how many do not."""
    journal = Journal(path)
    good = bad = 0
    try:
        set_aside(path, manifest.beside(path, "old.jsonl"))
        with replaced(path) as out:
            for line in lines(path, ordered=False):
                row = json.loads(line)
                if row["status"] in ("ok", "invalid") and row["text"] is not None:
                    fits = _checked(row, validator)
                    good, bad = good + fits, bad + (not fits)
                out.write(encoded(row))
    finally:
        journal.close()
    return good, bad


def _checked(row: dict[str, Any], validator: Validator) -> bool:
    data, problems, mended = validator.check(row["text"])
    row["status"] = "invalid" if problems else "ok"
    row["data"] = None if problems else data
    message = f"the answer does not match the schema: {problems[0]}" if problems else ""
    row["error"] = {"kind": "invalid_output", "message": message} if problems else None
    before = row.pop("repaired", None)
    by = "model" if before == "model" else "local" if mended else None
    if by is not None and not problems:
        row["repaired"] = by
    return not problems
