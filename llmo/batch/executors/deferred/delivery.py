"""The lines of a run to where its output is: each once, the last of every row."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from llmo.batch.input.hash_table import HashTable
from llmo.batch.input.identity import short
from llmo.batch.output.journal import encoded
from llmo.batch.output.lines import Last, trusted
from llmo.storage.line_reader import lines as lines_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from llmo.batch.executors.deferred.context import DeferredContext
    from llmo.types.jsontext import Json


def deliver(
    ctx: DeferredContext,
    *,
    to: str,
    begin: int,
    append: Callable[[bytes], object],
    count: Callable[[dict[str, Any]], None],
) -> None:
    """
    Append what is new since `begin`, a place in the run's own lines, and remember that for the output `to`.

    `count` gets each. After a crash some may be there twice, which resuming and `fetch` clear away.
    """
    end = ctx.lines.size
    if end > begin:
        for line, row in _last(ctx.folder.lines, begin):
            append(line)
            count(row)
    if to:
        ctx.state.delivered[to] = end
        ctx.save()


def _last(path: Path, begin: int) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """The last line of each id, and what it says, of those from a place on: what is before it is not read."""
    places = HashTable()
    with path.open("rb") as file:
        for sought in (True, False):
            file.seek(begin)
            for offset, line in lines_of(file):
                row = None if line is None else trusted(line)
                if line is None or row is None:
                    continue
                if sought:
                    places.set(short(row["id"]), offset)
                elif places.get(short(row["id"])) == offset:
                    yield line, row


def failed(ctx: DeferredContext) -> Iterator[bytes]:
    """The rows whose last line is a failure, as --errors gets them."""
    if not ctx.folder.failed.exists():
        return
    wrong: set[int] = set()
    for kept in Last(ctx.folder.lines):
        if json.loads(kept.line)["error"] is not None:
            wrong.add(short(kept.name))
    with ctx.folder.failed.open("rb") as file:
        for line in file:
            content = json.loads(line)
            if short(content["id"]) in wrong:
                wrong.discard(short(content["id"]))
                yield _apart(content["row"])


def _apart(row: Json) -> bytes:
    if isinstance(row, str):
        return row.encode("utf-8", "surrogateescape") + b"\n"
    assert isinstance(row, dict)
    return encoded(row)
