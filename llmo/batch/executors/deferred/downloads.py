"""Results of batches on the disk: whole, or not there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from llmo.errors import LlmoError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path
    from typing import Any

    from llmo.batch.executors.deferred.state import RunFolder, Shard
    from llmo.providers.batches import BatchService, BatchStatus

DOWNLOADS = 3
"""Times that results are downloaded which seem to lack lines; they are free."""


async def fetched(
    shard: Shard,
    status: BatchStatus,
    service: BatchService,
    folder: RunFolder,
    *,
    tried: Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]],
) -> int | None:
    """
    Get the files of a batch that has ended; how many there are, None when the batch turns out to be somebody else's.

    A file that is cut, or that lacks lines which the batch counts, is downloaded again. Raises `ProviderError`.
    """
    for number in range(DOWNLOADS):
        lines = 0
        for part, name in enumerate(status.results):
            path = folder.results(shard.number, part)
            found = await tried(lambda path=path, name=name: _downloaded(path, name, service))  # type: ignore[misc]
            if shard.perhaps and found and not _first(path, service).startswith(f"{shard.nonce}-"):
                path.unlink()
                return None
            lines += found
        if status.finished is None or lines >= status.finished or number == DOWNLOADS - 1:
            break
    return len(status.results)


async def _downloaded(path: Path, name: str, service: BatchService) -> int:
    """Download one file; how many lines it has. Raises `Unavailable` for one that is cut."""
    part = path.with_name(f"{path.name}.part")
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:  # noqa: ASYNC230, PTH123
            await service.download(name, out)
            out.flush()
            os.fsync(out.fileno())
        lines = _checked(part, service)
        part.replace(path)
    except OSError as exc:
        raise LlmoError(f"cannot write {part}: {exc.strerror}", hint="free some space") from None
    return lines


def _checked(path: Path, service: BatchService) -> int:
    lines = 0
    with path.open("rb") as file:
        for line in file:
            if not line.strip():
                continue
            try:
                service.read(line)
            except ValueError:
                raise Unavailable("the results of a batch came incomplete: the download is cut") from None
            lines += 1
    return lines


def _first(path: Path, service: BatchService) -> str:
    with path.open("rb") as file:
        return service.read(file.readline()).id
