"""The seam to the storage of the ledger: an SQLite file, or a PostgreSQL server that machines share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import tzinfo

    from llmo.ledger.breakers import Breaker, Circuit
    from llmo.ledger.records import Billed, BudgetStatus, Doubt, Entry, ImportedCall, Latency, Limit, RecentCall
    from llmo.ledger.reports import Spending, Times
    from llmo.types.messages import Target
    from llmo.types.money import Pico


class TargetHistory(Protocol):
    """What earlier calls tell of a target: all that routing needs of the ledger."""

    def latency(self, target: Target) -> Latency | None:
        """Medians in seconds over the target's last successful calls; None without any whose answer was streamed."""
        ...

    def breaker(self, circuit: Circuit) -> Breaker | None:
        """What failures of a target left, None when nothing of note."""
        ...


class Ledger(TargetHistory, Protocol):
    """
    The calls of every process of this user, and what they leave of the limits.

    Units: amounts are whole picodollars (1e-12 US dollars) and never negative. Instants are seconds since the
    epoch. Calendar windows, days of reports and wall-clock times without an offset are in `zone`.

    Atomicity: what a method changes is stored as a whole or not at all (`import_calls`: in groups of calls). Once a
    method has returned, every process sees the change, and it survives a crash of this one; a power failure may undo
    the last changes, never parts of one.

    Concurrency: any number of processes use the ledger at once; each thread has an object of its own (`clone`). A hold
    is checked against its limits and recorded in one step: two processes never take the same dollars, or the same
    last call, twice. Of several settlements and releases of a call the first one counts (but see `reconcile`).

    Errors: `ConfigError` when the storage can't be used, `Locked` when others kept it locked for the time allowed.
    Either way nothing was changed. Nothing is created before it is needed: a ledger without calls answers every
    question.
    """

    patience: float
    """Seconds that each use waits for other processes at most; the backend may wait for less."""
    until: float | None
    """The instant (`time.monotonic`) at which all waiting ends; None sets no such instant."""

    @property
    def zone(self) -> tzinfo | None:
        """The time zone of the profile; None is the system's. Raises `ConfigError` for an unknown name."""
        ...

    def apply(self, entries: Sequence[Entry], *, patience: float | None = None) -> list[Exception | None]:
        """
        Apply holds, settlements and releases in order, in one transaction; one result per entry.

        None means applied. A hold that a limit refuses changes nothing, and its result is the `OverBudget`; later
        entries are still applied, against the sums that it left alone. An entry that can't be stored (an amount out of
        range) has its exception as the result and affects no other: each is then applied in a transaction of its own.
        A single such entry raises its exception. A storage on another machine may keep settlements and releases here
        while it can't be reached (`spooled`): they count as applied, and a hold beside them gets the error.
        `patience` replaces the default wait for other processes, in seconds.
        """
        ...

    def status(self, limits: Sequence[Limit], run: str = "", *, live: bool = False) -> list[BudgetStatus]:
        """
        What each limit has spent, held and in doubt in its current window; limits of a run count calls of `run`.

        With `live` also how much of what is held belongs to processes that are still running, all in one snapshot.
        """
        ...

    def new_alerts(self, limits: Sequence[Limit], run: str) -> list[tuple[int, BudgetStatus]]:
        """
        Limits that are used to 80 or 95 percent and have not been reported at that level in this window.

        Each level of a limit is returned once, to a single process.
        """
        ...

    def cooling(self, provider: str) -> float:
        """Seconds until the latest Retry-After of a provider is over, whichever model it was for."""
        ...

    def change_breaker(self, circuit: Circuit, change: Callable[[Breaker | None], Breaker | None]) -> Breaker | None:
        """
        Replace a breaker by what `change` makes of it, and return that; None is no breaker.

        Of many processes that change one, each sees what the one before it made. `change` may be called again, and
        waits for nothing.
        """
        ...

    def reconcile(self, run: str | None = None) -> list[tuple[str, Pico | None]]:
        """
        Settle the holds of crashed processes, of one run or of all, at the held amount, marked `estimated`.

        Returns run and amount of each. Holds of processes that are running, or can't be looked at, stay. A process
        that was alive after all corrects the amount with its own settlement.
        """
        ...

    def stranded(self, run: str | None = None) -> tuple[int, Pico]:
        """How many calls `reconcile` would settle, and what they hold together."""
        ...

    def lost_rows(self, run: str) -> list[str]:
        """Rows of a batch run whose calls `reconcile` has settled."""
        ...

    def doubts(self, run: str | None = None) -> list[Doubt]:
        """Calls that may have cost more than is known, of one run or of all, oldest first."""
        ...

    def resolve(self, billed: Mapping[str, Billed]) -> None:
        """Settle calls in doubt, by id, at what was billed; calls that are not in doubt are left alone."""
        ...

    def recent_calls(self, most: int) -> list[RecentCall]:
        """The latest `most` calls, latest first."""
        ...

    def spending(
        self,
        by: Sequence[str] = (),
        *,
        since: float | None = None,
        until: float | None = None,
        run: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> list[Spending]:
        """
        Sums per group of the calls held from `since` up to, not including, `until`, of one run, with all these tags.

        Keys are day, week, month, provider, model, task, run, outcome, billing and tag:NAME; any other raises
        `UsageError`. Groups are sorted; without keys there is one group, or none when no call counts.
        """
        ...

    def times(self, targets: Sequence[tuple[str, str]], since: float | None, until: float | None) -> list[Times]:
        """How long the last successful calls of each target (provider, model) took; those without any are left out."""
        ...

    def export_calls(
        self,
        since: float | None = None,
        until: float | None = None,
        run: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Iterator[str]:
        """Calls as lines of JSON without line ends, oldest first, as `llmo.ledger.transfer.read` takes them."""
        ...

    def import_calls(self, calls: Iterable[ImportedCall]) -> tuple[int, int]:
        """
        Add calls of another ledger; returns how many there were, and how many were new or have ended since.

        Importing the same calls again changes nothing. One that was still held is settled as lost, until its end
        is imported. An error in the middle leaves what was stored before it.
        """
        ...

    def clone(self) -> Ledger:
        """The same ledger for another thread."""
        ...

    def spooled(self) -> int:
        """How many calls have an end that is kept on this machine only, until the storage can be reached."""
        ...

    def checkpoint(self) -> None:
        """Do what the storage has postponed, at a moment when no call waits for it."""
        ...

    def close(self) -> None:
        """Free connections; the next use opens them again."""
        ...
