"""The rows of one pass: a head before the run, the rest as they are needed, and a pipe that nobody waits for."""

from __future__ import annotations

import asyncio
import gzip
import io
import os
from typing import TYPE_CHECKING, BinaryIO

import pytest

from llmo.batch.input.reading import Reading
from llmo.batch.input.rows import Input, inputs
from llmo.batch.input.stream import AHEAD, RowStream, Waiting
from llmo.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from llmo.batch.input.rows import Row


def memory(*lines: str, size: int | None = None) -> Input:
    data = "".join(f"{line}\n" for line in lines).encode()
    return Input("rows", "lines", lambda: io.BytesIO(data), size=size)


def texts(rows: Iterator[Row | Waiting]) -> list[object]:
    return [None if isinstance(row, Waiting) else row.fields["text"] for row in rows]


def piped() -> tuple[BinaryIO, RowStream]:
    """The end that is written to, and the rows of the other."""
    reader, writer = os.pipe()
    source = Input("pipe", "lines", lambda: os.fdopen(reader, "rb"), once=True)
    return os.fdopen(writer, "wb", buffering=0), RowStream(Reading([source]))


def test_the_head_is_read_once_and_comes_again_in_the_run() -> None:
    """The rows of the head, then those after it; the number is known at the end."""
    stream = RowStream(Reading([memory("a", "b", "c")]))
    head = stream.head(2, 9.0, now=lambda: 0.0)

    assert (["a", "b"], False) == (texts(iter(head)), stream.ended)
    assert ["a", "b", "c"] == texts(iter(stream))
    assert (3, False) == stream.total()


def test_an_input_that_ends_within_the_head_is_known_whole() -> None:
    """Then nothing about it is an estimate."""
    stream = RowStream(Reading([memory("a"), memory("b")]))
    stream.head(1000, 9.0, now=lambda: 0.0)

    assert (True, (2, False)) == (stream.ended, stream.total())


def test_the_head_takes_no_longer_than_it_may() -> None:
    """One row is read however long it takes."""
    times = iter([0.0, 0.1, 0.2, 0.4, 9.9])
    stream = RowStream(Reading([memory(*"abcdef")]))

    assert ["a", "b", "c"] == texts(iter(stream.head(1000, 0.3, now=lambda: next(times))))
    assert list("abcdef") == texts(iter(stream))


def test_the_number_of_rows_is_estimated_from_the_bytes_that_were_read(tmp_path: Path) -> None:
    """Of all inputs together; --limit is never exceeded; a file that is a row is counted."""
    path = tmp_path / "rows"
    path.write_bytes(b"12345678\n" * 100_000)
    source = Input("rows", "lines", lambda: path.open("rb", buffering=0), size=900_000)
    stream, limited = RowStream(Reading([source, source])), RowStream(Reading([source, source]), limit=1500)
    for one in (stream, limited):
        one.head(90_000, 9.0, now=lambda: 0.0)
    files = RowStream(Reading([Input(name, "file", lambda: io.BytesIO(b"x")) for name in "abc"]))

    assert [(pytest.approx(200_000, rel=0.1), True), (1500, False), (3, False)] == [
        one.total() for one in (stream, limited, files)
    ]
    assert (True, False) == (stream.known, RowStream(Reading([memory("a")])).known)


def test_a_limit_ends_the_stream() -> None:
    """Also in the head; what comes after is not read."""
    stream = RowStream(Reading([memory("a", "b", "c")]), limit=2)

    assert ["a", "b"] == texts(iter(stream.head(1000, 9.0)))
    assert (["a", "b"], (2, False)) == (texts(iter(stream)), stream.total())


def test_a_pipe_has_no_row_yet_rather_than_none() -> None:
    """Rows come as they are written; the end is the end of the pipe."""
    pipe, stream = piped()
    pipe.write(b"one\ntwo\n")
    found = [row.fields["text"] for row in stream.head(2, 60.0)]
    rows = iter(stream)
    first = texts(iter([next(rows), next(rows), next(rows)]))
    pipe.close()

    async def rest() -> list[object]:
        seen: list[object] = []
        for row in rows:
            if isinstance(row, Waiting):
                await stream.more()
            else:
                seen.append(row.fields["text"])
        return seen

    assert (["one", "two"], ["one", "two", None], []) == (found, first, asyncio.run(rest()))
    assert (2, False) == stream.total()


def test_whoever_waits_for_a_pipe_is_woken_by_a_row_and_by_the_end_of_the_run() -> None:
    """Nothing polls."""
    pipe, stream = piped()

    async def main() -> list[object]:
        rows = iter(stream)
        seen: list[object] = []
        waiting = [asyncio.create_task(stream.more()) for _ in range(3)]
        await asyncio.sleep(0)
        seen.append([task.done() for task in waiting])
        pipe.write(b"one\n")
        await asyncio.gather(*waiting)
        seen.append(texts(iter([next(rows), next(rows)])))
        waiting = [asyncio.create_task(stream.more()) for _ in range(3)]
        await asyncio.sleep(0)
        stream.wake()
        await asyncio.gather(*waiting)
        return seen

    assert [[False] * 3, ["one", None]] == asyncio.run(main())
    pipe.close()


def test_a_pipe_is_not_read_far_ahead() -> None:
    """Memory is bounded by what is in flight: the writer waits."""
    pipe, stream = piped()
    taken = [row.fields["text"] for row in stream.head(1, 60.0)] if pipe.write(b"first\n") else []
    rows = iter(stream)
    assert next(rows) is not None
    lines = b"".join(b"%d\n" % n for n in range(AHEAD + 50))
    pipe.write(lines)
    pipe.close()

    async def rest() -> int:
        count = 0
        for row in rows:
            if isinstance(row, Waiting):
                await stream.more()
            count += not isinstance(row, Waiting)
            assert stream._thread is not None
            assert len(stream._thread._rows) <= AHEAD
        return count

    assert (["first"], AHEAD + 50) == (taken, asyncio.run(rest()))


def test_what_reading_raises_is_raised_where_rows_are_taken() -> None:
    """Also when a thread reads."""

    def broken() -> BinaryIO:
        raise OSError(5, "Input/output error")

    for once in (False, True):
        stream = RowStream(Reading([Input("gone", "lines", broken, once=once)]))
        with pytest.raises(UsageError, match="cannot read gone: Input/output error"):
            stream.head(1, 60.0)


@pytest.mark.parametrize("name", ["rows.txt", "rows.jsonl", "rows.csv", "rows.jsonl.gz", "rows.csv.gz"])
@pytest.mark.parametrize("row", ["row %d", "a row that is longer, as rows mostly are, number %d"])
def test_the_number_of_rows_is_guessed_from_those_that_were_read_and_not_from_what_is_held(
    tmp_path: Path, name: str, row: str
) -> None:
    """Also of a small file, most of which is held when the first of its rows have been read."""
    data = "".join(f'"{row % number}"\n' for number in range(5000)).encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    stream = RowStream(Reading(inputs([str(tmp_path / name)], None)))
    stream.head(1000, 9.0, now=lambda: 0.0)

    rows, estimated = stream.total()

    assert estimated
    assert 3000 < rows < 7000
