"""
Settlements that the database could not take: kept in files of this user until it is back.

A file has the entries of one transaction that failed. It is removed once they are stored. Applying it twice changes
nothing, since only the first end of a call counts, so a crash in between books nothing double.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from llmo.errors import ConfigError
from llmo.ledger.records import Released, Settled, Settlement
from llmo.storage import files
from llmo.types import jsontext
from llmo.types.events import Usage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from llmo.ledger.records import Entry

DAMAGED = ".damaged"
"""The ending of files that nobody can read."""


class Spool:
    """The directory of these files: one folder per ledger, by the ledger's id."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def keep(self, ledger: str, entries: Sequence[Settled | Released]) -> None:
        """Store the entries of one transaction. Raises `ConfigError` when the file can't be written."""
        name = f"{time.time_ns():020}-{uuid4().hex}.json"
        content = jsontext.write([asdict(entry) for entry in entries])
        try:
            files.replace(self.directory / ledger / name, content.encode("utf-8", "replace"))
        except OSError as exc:
            where = exc.filename or self.directory
            raise ConfigError(f"cannot keep a settlement: {where}: {exc.strerror}", hint="free some space") from exc

    def waiting(self, ledger: str) -> list[Path]:
        """The files of a ledger, oldest first."""
        try:
            return sorted(path for path in (self.directory / ledger).iterdir() if path.suffix == ".json")
        except OSError:
            return []

    def read(self, path: Path) -> list[Entry]:
        """The entries of a file; none where another process has stored them. Raises `ValueError` for a damaged one."""
        try:
            return [_entry(facts) for facts in jsontext.read(path.read_bytes())]
        except FileNotFoundError:
            return []
        except (OSError, LookupError, TypeError, AttributeError) as exc:
            raise ValueError(str(exc)) from exc

    def done(self, path: Path) -> None:
        """Forget a file whose entries are stored."""
        path.unlink(missing_ok=True)

    def set_aside(self, path: Path) -> None:
        """Keep a file that can't be read out of the way of the others."""
        with suppress(FileNotFoundError):
            path.replace(path.with_suffix(DAMAGED))

    def count(self, ledger: str) -> int:
        """How many calls of a ledger have an end that is not stored yet; of all while its id is not known ("")."""
        found = 0
        for path in self.waiting(ledger) if ledger else self.directory.glob("*/*.json"):
            with suppress(ValueError):
                found += len(self.read(path))
        return found


def _entry(facts: dict[str, Any]) -> Entry:
    if "outcome" in facts:
        return Released(facts["id"], facts["outcome"])
    end = facts["settlement"]
    usage = None if end["usage"] is None else Usage(**end["usage"])
    return Settled(facts["id"], Settlement(**{**end, "usage": usage}))
