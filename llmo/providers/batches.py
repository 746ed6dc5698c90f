"""The seam to a vendor's batch service: a file of requests goes in, and its results come within a day."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from llmo.types.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path
    from typing import BinaryIO

    from llmo.errors import ProviderError
    from llmo.types.events import Emit
    from llmo.types.messages import Request

_ENQUEUED = re.compile(r"enqueued token", re.IGNORECASE)
_LIMIT = re.compile(r"limit:\s*([\d,]{1,18})", re.IGNORECASE)
TOO_MANY_TOKENS = frozenset({"token_limit_exceeded", "enqueued_token_limit_exceeded"})
"""Codes of a batch that failed since too many tokens wait in others: it may be created again later."""


class BatchLimits(NamedTuple):
    """What one batch may hold: requests, and bytes of its file."""

    requests: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """
    A batch that is about to be created, or may have been.

    `path` has its lines, `count` of them. The `nonce` is in its metadata, or at the beginning of each of its ids.
    `upload` is what `upload` returned. `after` is the newest batch that there was before, empty for none.
    """

    run: str
    nonce: str
    path: Path
    count: int
    upload: str = ""
    after: str = ""


class BatchFault(NamedTuple):
    """Why a whole batch failed before any of it ran; `line` counts from 1, None where the fault is in none."""

    code: str
    message: str
    line: int | None = None

    @property
    def crowded(self) -> bool:
        """Whether it failed only because too many tokens wait in batches at once."""
        return self.code in TOO_MANY_TOKENS or _ENQUEUED.search(self.message) is not None

    @property
    def allowed(self) -> int | None:
        """How many tokens may wait, if that is told."""
        found = _LIMIT.search(self.message)
        return int(found[1].replace(",", "")) if found and found[1].strip(",") else None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchStatus:
    """
    A batch as the service tells of it.

    `word` is its own word for the state; an `ended` one changes no more. `finished` of `total` requests have an answer
    or an error, None where that is not told before the end. `results` name the files that `download` gets, in which
    every finished request has a line. `faults` are the reasons of one that failed as a whole.
    """

    id: str
    word: str
    ended: bool
    total: int | None = None
    finished: int | None = None
    results: tuple[str, ...] = ()
    faults: tuple[BatchFault, ...] = ()


class FoundBatch(NamedTuple):
    """A batch that may be a submission; not `certain` where only its results can tell."""

    id: str
    certain: bool


class BatchItem(NamedTuple):
    """One line of the results: the body of an answer, or the error in its place."""

    id: str
    body: dict[str, Any] | None
    error: ProviderError | None = None
    request_id: str | None = None


class BatchService(Protocol):
    """
    A vendor's batches. Raises `ProviderError`; nothing is tried again inside.

    The error of `create` may leave a batch behind: whoever gets one looks for it with `find` before creating again.
    """

    limits: BatchLimits

    def line(self, name: str, request: Request, model: str) -> bytes:
        """A request as one line of a batch's file. Raises `ProviderError` for one that can't be expressed or sent."""
        ...

    async def newest(self) -> str:
        """The newest batch of the account, where `find` needs it; else empty."""
        ...

    async def upload(self, submission: Submission) -> str:
        """Send the file, where that is a step of its own; the name that it got there, else empty."""
        ...

    async def create(self, submission: Submission) -> str:
        """Create the batch; its id."""
        ...

    async def find(self, submission: Submission, *, known: Collection[str]) -> list[FoundBatch]:
        """The batches that a submission may have become, certain ones first; `known` ones are not among them."""
        ...

    async def status(self, batch: str) -> BatchStatus:
        """What has become of a batch."""
        ...

    async def download(self, results: str, out: BinaryIO) -> None:
        """Write a file of results as it comes."""
        ...

    async def cancel(self, batch: str) -> None:
        """Ask to end a batch; what is finished stays. One that has ended is left alone."""
        ...

    def read(self, line: bytes) -> BatchItem:
        """One line of a file of results. Raises `ValueError` for one that is none."""
        ...

    def decode(self, item: BatchItem, emit: Emit) -> None:
        """Emit the events of an item's answer. Raises the error in its place, or what is wrong with the answer."""
        ...
