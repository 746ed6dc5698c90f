"""
A price table that the user installs: newer prices without a newer program.

No vendor signs its prices and no source of them is signed either, so nothing is fetched: the user names a file and
its SHA-256, from wherever he trusts it (`llmo/data/catalog.jsonl` of a newer release, or `.ci/build_catalog.py`).
"""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from llmo.catalog import table
from llmo.errors import UsageError
from llmo.types.money import DOLLAR, MOST

if TYPE_CHECKING:
    from pathlib import Path


def checked(data: bytes, sha256: str) -> str:
    """The date of a table. Raises `UsageError` when its hash is another, or it is no table."""
    found = hashlib.sha256(data).hexdigest()
    if found != sha256.strip().lower():
        raise UsageError(f"the price table does not match --sha256: its SHA-256 is {found}")
    try:
        return _date(table.read(data))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as exc:
        raise UsageError(
            f"not an llmo price table: {exc}", hint="use llmo/data/catalog.jsonl of a newer release"
        ) from None


def _date(body: Any) -> str:
    """The date of a table. Everything that is read later is looked at once, so that a broken table fails here."""
    day = date.fromisoformat(body["date"]).isoformat()
    [str(version) for version in body["sources"].items()]
    prices = table.PriceTable(body["vendors"])
    prices.vendor_at("")
    now = datetime.now(UTC)
    for vendor, facts in body["vendors"].items():
        for entry in facts["models"]:
            for record in (*entry.get("prices", ()), *entry.get("tiers", ())):
                _sound(record, f"{vendor}/{entry['id']}")
            prices.find(vendor, entry["id"])
            table.price(entry, now)
            table.by_source(entry)
    return day


def _sound(record: table.Record, model: str) -> None:
    """Refuse a rate that would turn a hold into credit, that the ledger can't hold, or that is no whole number."""
    for key, value in record.items():
        if key not in {"from", "hours", "tier"}:
            base, *steps = value if isinstance(value, list) else [value]
            for rate in (base, *(rate for _, rate in steps)):
                if type(rate) is not int or not 0 <= rate <= MOST * DOLLAR:
                    raise ValueError(f"{model} has a price of {rate!r}")


def newer(path: Path, than: str) -> dict[str, Any] | None:
    """The installed table if it is newer than a date, else None."""
    try:
        body = table.read(path.read_bytes())
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
    return body if str(body.get("date", "")) > than else None
