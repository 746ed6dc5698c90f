"""
The limits of providers, shared out to the workers of a cluster.

A worker holds a part of them for as long as its lease, and renews it twice a second. The parts of a provider never
come to more than all of it: who is to have more waits until others have taken less.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from llmo.engine.pace_notice import LEASE_S, Said, fraction
from llmo.types.dataclass import dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Sequence

PART_S = 10.0
"""Seconds for which a part is leased. A worker that is gone without a word keeps its part from others for so long."""
NEW_S = 2.0
"""Seconds for which a new worker counts as one that will ask."""
LEAST = 1e-6
"""A smaller part is none."""


@dataclass(frozen=True, slots=True)
class _Lease:
    said: Said
    part: float
    until: float


class Shares:
    """Leases by provider and worker; times are those of one clock, of the broker's machine."""

    def __init__(self, careful_until: float = 0.0) -> None:
        """Until `careful_until` nobody gets more than it holds: leases of an earlier broker may not be over."""
        self._careful_until = careful_until
        self.whole: dict[str, float] = defaultdict(lambda: 1.0)
        """The part of each provider's limits that other runs leave to all workers together."""
        self._hired: dict[str, float] = {}
        self._leases: dict[str, dict[str, _Lease]] = defaultdict(dict)

    def hire(self, worker: str, now: float) -> None:
        """Expect a worker to ask for its part."""
        self._hired[worker] = now

    def leave(self, worker: str) -> None:
        """Give the parts of a worker that is gone to others."""
        self._hired.pop(worker, None)
        for leases in self._leases.values():
            leases.pop(worker, None)

    def lease(
        self, provider: str, worker: str, said: Said, *, holds: float, now: float
    ) -> tuple[Sequence[Said], float]:
        """What other workers say, and the part of all limits that this one may take for `PART_S` from `now`."""
        whole, leases = self.whole[provider], self._leases[provider]
        for other in [name for name, lease in leases.items() if lease.until <= now]:
            del leases[other]
        others = {name: lease for name, lease in leases.items() if name != worker}
        heard = [lease.said for lease in others.values() if lease.said.until > now]
        taken = sum(lease.part for lease in others.values())
        part = min(whole * fraction([*heard, *self._expected(leases, worker, said, now)]), whole - taken)
        if now < self._careful_until:
            part = min(part, holds)
        part = part if part > LEAST else 0.0
        leases[worker] = _Lease(replace(said, until=now + LEASE_S), part, now + PART_S)
        return heard, part

    def together(self, provider: str, now: float) -> Said:
        """What all workers of a provider say, as one; somebody has a lease."""
        said = [lease.said for lease in self._leases[provider].values()]
        found = max(said, key=lambda one: one.found_at)
        used = min(1.0, sum(one.used for one in said if one.until > now))
        waits = any(one.waits for one in said if one.until > now)
        return Said(now + LEASE_S, used, waits, found.gain, found.claims, found.found_at)

    def _expected(self, leases: dict[str, _Lease], worker: str, said: Said, now: float) -> list[Said]:
        """What new workers would say, who have not asked yet."""
        new = (name for name, at in self._hired.items() if name not in leases and now - at < NEW_S)
        return [replace(said, waits=True) for name in new if name != worker]
