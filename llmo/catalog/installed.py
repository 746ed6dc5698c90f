"""
A price table that the user brings: newer prices without a newer program.

No vendor signs its prices and no source of them is signed either, so nothing is fetched: the user names a file and
its SHA-256, from wherever he trusts it (`llmo/data/catalog.json` of a newer release, or `.ci/build_catalog.py`).
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from llmo.catalog import table
from llmo.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def checked(data: bytes, sha256: str) -> str:
    """The date of a table. Raises `UsageError` when it is another file, or no table."""
    found = hashlib.sha256(data).hexdigest()
    if found != sha256.strip().lower():
        raise UsageError(f"the price table is not the one that --sha256 names: its SHA-256 is {found}")
    try:
        return _date(json.loads(data))
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise UsageError(
            f"not a price table of llmo: {exc}", hint="llmo/data/catalog.json of a newer release is one"
        ) from None


def _date(body: Any) -> str:
    """Look at everything that is read later: a table that breaks is found here."""
    day = date.fromisoformat(body["date"]).isoformat()
    [str(version) for version in body["sources"].items()]
    shelves = table.Table(body["vendors"])
    now = datetime.now(UTC)
    for vendor, facts in body["vendors"].items():
        shelves.vendor_at(facts["api"])
        for entry in facts["models"]:
            shelves.find(vendor, entry["id"])
            table.price(entry, now)
    return day


def newer(path: Path, than: str) -> dict[str, Any] | None:
    """The installed table, None without one that is newer than a date."""
    try:
        body: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return body if str(body.get("date", "")) > than else None
