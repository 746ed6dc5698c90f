"""
The broker of a cluster: the one process that reads and writes the ledger, and shares out what providers allow.

It is one actor on the machine of the driver. A new one takes the place of one that is lost: the money is in the
ledger, whose hold it is in the run's directory, and nobody gets a greater part of the limits until all old leases are
over.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from llmo.batch.executors.ray.shares import PART_S, Shares
from llmo.engine.pace_notice import Said, fraction
from llmo.engine.shared_pace import TELL_S
from llmo.errors import LlmoError, UsageError
from llmo.ledger.records import LOST, Held, Settled, Settlement
from llmo.storage.locks import locked
from llmo.types import jsontext

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from llmo.batch.executors.ray.orders import OpensSessions
    from llmo.engine.shared_pace import Swaps
    from llmo.ledger.breakers import Breaker, Circuit
    from llmo.ledger.records import Entry
    from llmo.types.jsontext import Json

HOLDS = "holds.jsonl"
"""Which worker took which hold, and which holds have ended."""


class Broker:
    """Answers one question at a time; a failure is returned, since Ray would wrap what is raised."""

    def __init__(self, opens: OpensSessions, directory: Path) -> None:
        """`directory` is the run's, where the broker before left what it knew."""
        self._ledger, self._opens = opens.ledger(), opens
        self._outside: dict[str, _Outside] = {}
        self._path = directory / HOLDS
        again = self._path.exists()
        self._open = _still_open(self._path) if again else {}
        self._journal = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with suppress(UsageError):  # by which the next run sees that this one has ended
            locked(self._journal, self._path)
        self._shares = Shares(careful_until=time.time() + PART_S if again else 0.0)

    def pid(self) -> int:
        """Its process."""
        return os.getpid()

    def hire(self, worker: str) -> None:
        """Expect a worker."""
        self._shares.hire(worker, time.time())

    def lease(self, provider: str, worker: str, said: Said, holds: float) -> tuple[Sequence[Said], float]:
        """See `Shares.lease`; what other runs of this user leave is shared out."""
        now = time.time()
        outside = self._outside.get(provider)
        if outside is None:
            outside = self._outside[provider] = _Outside(self._opens.notices(provider))
        self._shares.whole[provider] = outside.left
        found = self._shares.lease(provider, worker, said, holds=holds, now=now)
        outside.tell(self._shares.together(provider, now), now)
        return found

    def apply(self, worker: str, entries: Sequence[Entry]) -> list[Exception | None] | LlmoError:
        """Apply entries to the ledger, and note whose holds they are: before, so that none is forgotten."""
        held = [entry.call.id for entry in entries if isinstance(entry, Held)]
        if held:
            self._note({"worker": worker, "held": [*held]})
            self._open.update(dict.fromkeys(held, worker))
        try:
            results = self._ledger.apply(entries)
        except LlmoError as exc:
            return exc
        over = [
            entry.call.id if isinstance(entry, Held) else entry.id
            for entry, result in zip(entries, results, strict=True)
            if isinstance(entry, Held) == (result is not None)
        ]
        for identifier in over:
            self._open.pop(identifier, None)
        if over:
            self._note({"ended": [*over]})
        return results

    def ask(self, name: str, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Call another method of the ledger."""
        try:
            return getattr(self._ledger, name)(*given, **named)
        except LlmoError as exc:
            return exc

    def swap_breaker(self, circuit: Circuit, before: Breaker | None, after: Breaker | None) -> Any:
        """Replace a breaker, if nobody else has since it was `before`; what it is then."""
        return self.ask("change_breaker", (circuit, lambda found: after if found == before else found), {})

    def lose(self, worker: str) -> int | LlmoError:
        """A worker is gone: book what it held, and give its parts to others; how many holds there were."""
        self._shares.leave(worker)
        lost = [identifier for identifier, of in self._open.items() if of == worker]
        done = self.apply(worker, [Settled(identifier, _LOST) for identifier in lost])
        return done if isinstance(done, LlmoError) else len(lost)

    def close(self) -> None:
        """Close the ledger."""
        self._ledger.close()

    def _note(self, what: dict[str, Json]) -> None:
        os.write(self._journal, jsontext.write(what).encode() + b"\n")


class _Outside:
    """Other runs with the same key on this machine, which take the whole crew for one process; `left` is its part."""

    def __init__(self, notices: Swaps) -> None:
        self._notices, self._told, self.left = notices, 0.0, 1.0

    def tell(self, mine: Said, now: float) -> None:
        """Tell them, and hear what they leave; twice a second at most. What can't be told changes nothing."""
        if now - self._told < TELL_S:
            return
        self._told = now
        with suppress(OSError):
            heard = [Said.decoded(notice, now) for notice in self._notices.swap(mine.encoded())]
            self.left = fraction([one for one in heard if one is not None])


_LOST = Settlement(cost=None, source="estimated", outcome=LOST)


def _still_open(path: Path) -> dict[str, str]:
    """The workers that took holds which have not ended, by hold."""
    found: dict[str, str] = {}
    for line in path.read_bytes().splitlines():
        try:
            what = json.loads(line)
        except ValueError:
            continue  # torn when the broker was killed: that hold was not taken
        found.update(dict.fromkeys(what.get("held", ()), what.get("worker")))
        for identifier in what.get("ended", ()):
            found.pop(identifier, None)
    return found
