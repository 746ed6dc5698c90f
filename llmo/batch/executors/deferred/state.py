"""
What is kept of a run whose rows are in batches of a vendor: one folder, whose `state.json` is replaced at once.

Every step that costs or gains something is in the state before it is taken: a nonce before a batch is created, its id
before anything else happens. A file of the folder that the state does not name belongs to a shard that was not whole.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal, get_args

from llmo.batch.registry import OPEN
from llmo.errors import LlmoError
from llmo.storage import files
from llmo.types import jsontext
from llmo.types.dataclass import dataclass, field
from llmo.types.messages import Target

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from llmo.types.jsontext import Json

VERSION = 1
Step = Literal["sealed", "creating", "created", "ended", "taken"]
STEPS: tuple[str, ...] = get_args(Step)


@dataclass(slots=True, kw_only=True)
class Shard:
    """
    One batch, from its file to its answers.

    `sealed`: its file is whole. `creating`: the call may have left, at the instant `since`. `created`: `batch` is its
    id, unless it is only `perhaps`: then its results tell. `ended`: `results` of its files are on the disk. `taken`:
    every row has its line.
    `tokens` is an upper bound of what it enqueues. `strangers` are batches that turned out to be somebody else's.
    `tries` counts creations that ended since too many tokens waited, `not_before` is when the next one may be made.
    `faults` are line (0 for none) and message of what made a whole batch fail, `crowded` says that these are too many
    tokens. `word` is the service's last word of it.
    """

    number: int
    provider: str
    model: str
    nonce: str
    count: int
    tokens: int
    step: Step = "sealed"
    after: str = ""
    upload: str = ""
    since: float = 0.0
    batch: str = ""
    perhaps: bool = False
    strangers: list[str] = field(default_factory=list)
    cancelled: bool = False
    results: int = 0
    tries: int = 0
    not_before: float = 0.0
    faults: list[tuple[int, str]] = field(default_factory=list)
    crowded: bool = False
    word: str = ""

    @property
    def target(self) -> Target:
        """Who answers it."""
        return Target(self.provider, self.model)

    @property
    def waiting(self) -> bool:
        """Whether it is at the service, or may be."""
        return self.step in ("creating", "created")


@dataclass(slots=True, kw_only=True)
class RunState:
    """
    A run.

    `settings` is what answers are judged and written by, see `settings` in `run.py`. `delivered` says, by output, how
    many bytes of the run's own lines are there. `allowed` is how many tokens a provider said may wait.
    `copied` is how many bytes of the list of duplicates have their lines. `whole` says that all of the input is in it.
    """

    settings: dict[str, Json]
    shards: list[Shard] = field(default_factory=list)
    delivered: dict[str, int] = field(default_factory=dict)
    allowed: dict[str, int] = field(default_factory=dict)
    copied: int = 0
    whole: bool = False

    @property
    def open(self) -> list[Shard]:
        """The shards whose rows have no lines yet."""
        return [shard for shard in self.shards if shard.step != "taken"]

    @property
    def left(self) -> int:
        """How many rows of shards have no lines yet."""
        return sum(shard.count for shard in self.open)

    def begin(self, to: str, size: int) -> int:
        """Where in the run's own lines those begin that an output of this size lacks: an emptied one lacks all."""
        return self.delivered.get(to, 0) if size else 0


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The files of a run."""

    path: Path

    @property
    def lines(self) -> Path:
        """Lines of rows, as an output has them."""
        return self.path / "rows.jsonl"

    @property
    def failed(self) -> Path:
        """Rows of the input that failed, for --errors."""
        return self.path / "failed.jsonl"

    @property
    def copies(self) -> Path:
        """Rows whose request is that of another row."""
        return self.path / "copies.jsonl"

    def requests(self, number: int) -> Path:
        """The file that a batch is made of."""
        return self.path / f"shard-{number:04}.jsonl"

    def rows(self, number: int) -> Path:
        """Which row each of its requests is."""
        return self.path / f"shard-{number:04}.rows"

    @property
    def holds(self) -> Path:
        """Calls that may hold money for rows of shards that are not whole yet."""
        return self.path / "holds"

    def results(self, number: int, part: int) -> Path:
        """What came back."""
        return self.path / f"shard-{number:04}.results-{part}"

    def load(self) -> RunState | None:
        """The state, None where there is none. Raises `LlmoError` for one that can't be read: nothing is guessed."""
        path = self.path / "state.json"
        try:
            body = json.loads(path.read_text("utf-8"))
            if body["version"] != VERSION:
                raise LlmoError(
                    f"written by another version of llmo: {path}", hint="use the version that began the run"
                )
            return _state(body)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as exc:
            raise LlmoError(f"cannot read {path}: {exc}") from None

    def save(self, state: RunState) -> None:
        """Replace the state, durably. Raises `LlmoError`; whatever the state allows must then not be done."""
        path, marker = self.path / "state.json", self.path / OPEN
        try:
            if state.open:
                marker.touch(0o600)
            files.replace(path, jsontext.write({"version": VERSION, **asdict(state)}).encode() + b"\n")
            if not state.open:
                marker.unlink(missing_ok=True)
        except OSError as exc:
            raise LlmoError(f"cannot write {path}: {exc.strerror}", hint="free some space") from None

    def loose(self, state: RunState) -> list[int]:
        """Numbers of shards that have files and are not in the state: they were not whole when a process ended."""
        known = {shard.number for shard in state.shards}
        found = {int(path.name[6:10]) for path in self.path.glob("shard-[0-9][0-9][0-9][0-9].*")}
        return sorted(found - known)

    def discard(self, number: int) -> None:
        """Remove the files of a shard."""
        for path in self.path.glob(f"shard-{number:04}.*"):
            path.unlink(missing_ok=True)


def batches(folders: Iterable[Path]) -> frozenset[str]:
    """The ids of all batches that these folders know; a state that can't be read has none."""
    found: set[str] = set()
    for path in folders:
        try:
            state = RunFolder(path).load()
        except LlmoError:
            continue
        found |= {shard.batch for shard in state.shards if shard.batch and not shard.perhaps} if state else set()
    return frozenset(found)


def _state(body: dict[str, Any]) -> RunState:
    del body["version"]
    shards = [Shard(**shard) for shard in body.pop("shards")]
    if any(shard.step not in STEPS for shard in shards):
        raise ValueError("unknown step")
    return RunState(shards=shards, **body)
