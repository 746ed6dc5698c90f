"""
Lines that workers of a cluster have written, each into a file of its own, before they are in the output.

A part is named after its worker and its epoch: a run that resumes another one, and a worker in the place of a lost one,
write into new files. What is in a part and not in the output was paid for when its run was killed.
"""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING

from llmo.batch.output.lines import trusted
from llmo.batch.resume import manifest
from llmo.errors import UsageError
from llmo.storage.line_reader import lines
from llmo.storage.locks import locked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any

    from llmo.batch.output.journal import Journal
    from llmo.batch.resume.recorded import Recorded

GONE_S = 15.0
"""Seconds that workers of a killed run have to end."""
POLL_S = 0.1


def folder(output: Path) -> Path:
    """Where the parts of an output are."""
    return manifest.beside(output, "parts")


def part(directory: Path, worker: str) -> Path:
    """The file of a worker; `worker` ends with its epoch."""
    return directory / f"part-{worker}.jsonl"


def parts(directory: Path) -> list[Path]:
    """All parts, in a fixed order."""
    return sorted(directory.glob("part-*.jsonl"))


def whole(path: Path) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """The lines of a part as they stand and as rows: a torn one at its end was not finished."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for _, line in lines(file):
            if line is not None and line.endswith(b"\n") and (row := trusted(line)) is not None:
                yield line, row


def gone(directory: Path, wait: Callable[[float], None] = time.sleep) -> None:
    """Wait until the workers of an earlier run have ended. Raises `UsageError` when they don't."""
    for path in sorted(directory.glob("*.jsonl")):
        for _ in range(int(GONE_S / POLL_S)):
            if not _is_written(path):
                break
            wait(POLL_S)
        else:
            raise UsageError(
                f"workers of another run are still writing to {path}", hint="wait for it, or use another -o"
            )


def merge(directory: Path, journal: Journal, recorded: Recorded) -> tuple[int, int]:
    """
    Append to the output what only parts have; how many lines, and how many take the place of one that is there.

    A part is newer than the output: it is merged before anything else is done with that.
    """
    fresh = superseding = 0
    for path in parts(directory):
        for line, row in whole(path):
            if recorded.has(row):
                continue
            journal.append(line)
            superseding += recorded.note(row)
            fresh += 1
    journal.sync()
    return fresh, superseding


def empty(directory: Path) -> bool:
    """Whether nothing was ever written."""
    return not any(path.stat().st_size for path in parts(directory))


def remove(directory: Path) -> None:
    """Remove the parts, once the output has all that they have."""
    shutil.rmtree(directory, ignore_errors=True)


def _is_written(path: Path) -> bool:
    fd = os.open(path, os.O_RDWR)
    try:
        locked(fd, path)
    except UsageError:
        return True
    finally:
        os.close(fd)
    return False
