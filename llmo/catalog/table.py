"""The shipped price table: finds the entry of a model name, and its price at an instant."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from llmo.catalog.prices import Price, Rates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

Record: TypeAlias = "Mapping[str, Any]"
_RATES = {"input": "in", "output": "out", "cached_input": "read", "cache_write": "write", "reasoning": "think"}
_USES = {"web_search": "search", "file_search": "files"}
_DATED = re.compile(r"(-)(20\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)")
_HOST = re.compile(r"https://([^/?#@:]+)(?::\d+)?(?=[/?#]|$)")
SOON = timedelta(days=1)
SOURCES = {"g": "genai-prices", "l": "litellm"}
"""By the letters in a row's `by`; a row without it comes from the first."""

_TESTS: Mapping[str, Callable[[str, Any], bool]] = {
    "start": str.startswith,
    "end": str.endswith,
    "in": str.__contains__,
    "all": lambda name, parts: all(matches(part, name) for part in parts),
    "re": lambda name, pattern: re.search(pattern, name) is not None,
}


def matches(rule: Any, name: str) -> bool:
    """Whether a lower-case name satisfies a match rule (see `clause` in .ci/build_catalog.py)."""
    if isinstance(rule, str):
        return rule == name
    if isinstance(rule, list):
        return any(matches(part, name) for part in rule)
    ((operator, operand),) = rule.items()
    return _TESTS[operator](name, operand)


def read(data: bytes) -> dict[str, Any]:
    """
    A table as `.ci/build_catalog.py` writes it: a line about it and its vendors, then a line for each model.

    A vendor's models are parsed at first access: most commands need those of one vendor, or of none.
    Raises `ValueError` for lines that are missing or too many.
    """
    first, *lines = data.splitlines()
    body: dict[str, Any] = json.loads(first)
    at = 0
    for facts in body["vendors"].values():
        facts["models"] = _Lines(lines[at : at + facts["rows"]])
        at += facts["rows"]
    if at != len(lines):
        raise ValueError(f"{len(lines)} models, expected {at}")
    return body


class _Lines(Sequence[Any]):
    """JSON values, one per line, parsed at first access."""

    def __init__(self, lines: Sequence[bytes]) -> None:
        self._raw = lines

    @cached_property
    def _values(self) -> list[Any]:
        values: list[Any] = json.loads(b"[%b]" % b",".join(self._raw))
        return values

    def __len__(self) -> int:
        return len(self._raw)

    def __getitem__(self, at: Any) -> Any:
        return self._values[at]


class PriceTable:
    """The vendors with their models; names are looked up by spelling, then by rule."""

    def __init__(self, vendors: Mapping[str, Record]) -> None:
        self.vendors = vendors
        self._indexed: dict[str, _VendorEntries] = {}
        self._hosts = {host: vendor for vendor, facts in vendors.items() for host in facts.get("hosts", ())}

    def find(self, vendor: str, name: str) -> tuple[Record, bool] | None:
        """
        The entry that a name means at a vendor, and whether it is the vendor's own.

        A date without dashes (`gpt-5.2-20251211`, as litellm and OpenRouter write them) is tried
        as it stands first, then with dashes.
        """
        name = name.lower()
        for spelling in dict.fromkeys((name, _DATED.sub(r"\1\2-\3-\4", name))):
            for host in (vendor, *self.vendors[vendor].get("fallback", ())):
                if host in self.vendors and (found := self._entries_of(host).find(spelling)) is not None:
                    return found, host == vendor
        return None

    def vendor_at(self, url: str) -> str | None:
        """The vendor at an address, None when it is unknown."""
        if (host := _HOST.match(url)) and (vendor := self._hosts.get(host[1].lower())):
            return vendor
        rules = ((vendor, facts["api"]) for vendor, facts in self.vendors.items() if "api" in facts)
        return next((vendor for vendor, rule in rules if re.match(rule, url)), None)

    def vendor_called(self, name: str) -> str | None:
        """The vendor that litellm's prefix names: `groq`, `gemini`, `together_ai`."""
        if name in self.vendors:
            return name
        return next(
            (vendor for vendor, facts in self.vendors.items() if matches(facts.get("known_as", ""), name)), None
        )

    def _entries_of(self, vendor: str) -> _VendorEntries:
        if vendor not in self._indexed:
            self._indexed[vendor] = _VendorEntries(self.vendors[vendor]["models"])
        return self._indexed[vendor]


class _VendorEntries:
    """One vendor's entries; a name means the first whose rule it satisfies."""

    def __init__(self, entries: Sequence[Record]) -> None:
        self._entries = entries
        self._spelled: dict[str, int] = {}
        self._ruled: list[tuple[int, Any]] = []
        for at, entry in enumerate(entries):
            rule = entry.get("match", entry["id"].lower())
            parts = rule if isinstance(rule, list) else [rule]
            for part in parts:
                if isinstance(part, str):
                    self._spelled.setdefault(part, at)
                else:
                    self._ruled.append((at, part))

    def find(self, name: str) -> Record | None:
        best = self._spelled.get(name, len(self._entries))
        ruled = (at for at, rule in self._ruled if at < best and matches(rule, name))
        at = next(ruled, best)
        return self._entries[at] if at < len(self._entries) else None


def price(entry: Record, at: datetime, *, own: bool = True) -> Price | None:
    """The price of an entry at an instant; service tiers only for the vendor's own."""
    if "prices" not in entry:
        return None
    standard = _standard(entry, at)
    service = {}
    for tier in dict.fromkeys(one["tier"] for one in entry.get("tiers", ()) if own):
        variants = [one for one in entry["tiers"] if one["tier"] == tier and _valid(one, at)]
        if variants:
            merged = {key: value for one in reversed(variants) for key, value in one.items()}
            service[tier] = _build({**standard, **merged})
    near = [one for one in entry["prices"] if "hours" in one and one is not standard]
    if (later := _standard(entry, at + SOON)) is not standard:
        near.append(later)
    return _build(standard, near, MappingProxyType(service))


def by_source(entry: Record) -> Mapping[str, Price]:
    """The price of each source where they disagree: input, output, and whatever differs."""
    return {SOURCES[letter]: _build(record) for letter, record in entry.get("says", {}).items()}


def _standard(entry: Record, at: datetime) -> Record:
    found: Record = next((one for one in reversed(entry["prices"]) if _valid(one, at)), entry["prices"][0])
    return found


def _build(record: Record, near: Iterable[Record] = (), service: Mapping[str, Price] = MappingProxyType({})) -> Price:
    flat, *tiers = _ladder(record)
    tops = [(record.get("top_in", 0), record.get("top_out", 0))]
    tops += [rates.dearest for other in near for _, rates in _ladder(other)]
    return Price(
        **{name: getattr(flat[1], name) for name in _RATES},
        request=record.get("request", 0),
        uses={name: record[key] for name, key in _USES.items() if key in record},
        tiers=tuple(tiers),
        service=service,
        peak=(max(top[0] for top in tops), max(top[1] for top in tops)),
    )


def _ladder(record: Record) -> Iterator[tuple[int, Rates]]:
    """The rates from each threshold on; a kind of token without a tier there keeps its last rate."""
    kinds = {name: record[key] for name, key in _RATES.items() if key in record}
    starts = sorted({tier[0] for value in kinds.values() if isinstance(value, list) for tier in value[1:]})
    for start in (-1, *starts):
        yield start, Rates(**{name: _step(value, start) for name, value in kinds.items()})


def _step(value: int | Sequence[Any], start: int) -> int:
    if isinstance(value, int):
        return value
    base: int = value[0]
    return next((rate for threshold, rate in reversed(value[1:]) if threshold <= start), base)


def _valid(entry: Record, at: datetime) -> bool:
    since: str = entry.get("from", "")
    if since:
        return since <= at.date().isoformat()
    start, end = entry.get("hours", ("00:00", "24:00"))
    now = f"{at:%H:%M}"
    return bool(start <= now < end) if start <= end else bool(now >= start or now < end)
