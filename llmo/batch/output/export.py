"""The output in another shape: each id once, in order, as a table, as lines of OpenAI's batch output."""

from __future__ import annotations

import json
import os
import time
from array import array
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from llmo.batch.input import remote
from llmo.batch.input.identity import short
from llmo.batch.input.opening import PACKED
from llmo.batch.output import openai_lines
from llmo.batch.output.lines import Last, entries
from llmo.errors import UsageError
from llmo.errors.installing import install_command
from llmo.storage.files import replaced
from llmo.storage.line_reader import PIECE
from llmo.types import cells, jsontext

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import BinaryIO

    from llmo.types.jsontext import Json

Shape = Literal["jsonl", "csv", "parquet", "openai-batch"]
SHAPES: dict[str, Shape] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
    ".txt": "jsonl",
    ".log": "jsonl",
    "": "jsonl",
}
"""Shapes by the ending of the output's name."""
COLUMNS = (
    "id",
    "index",
    "key",
    "status",
    "text",
    "data",
    "tool_calls",
    "provider",
    "model",
    "finish_reason",
    "input_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost_usd",
    "cost_source",
    "attempts",
    "duration_s",
    "error_kind",
    "error_message",
)
SLICE = 1000


def rewrite(journal: Path, old: Path, *, ordered: bool) -> None:
    """
    Leave each id its last line only, in the order of the input if wanted; replaced at once.

    Answers that a later line replaces were paid for, and lines that can't be trusted may hold one: they go to the
    end of `old`.
    """
    set_aside(journal, old)
    with replaced(journal) as out:
        out.writelines(lines(journal, ordered=ordered))


def export(journal: Path, target: Path, shape: Shape, *, kept: Sequence[str]) -> None:
    """Write the whole output in another shape, in the order of the input; replaced at once."""
    rows = (json.loads(line) for line in lines(journal, ordered=True))
    with replaced(target) as out:
        if shape == "parquet":
            _parquet(out, rows, kept)
            return
        # The same output has the same bytes whenever it is written again.
        shaped = shaper(shape, kept, now=lambda: journal.stat().st_mtime)
        out.write(shaped(None))
        for row in rows:
            out.write(shaped(row))


def writable(shape: Shape) -> None:
    """Raise `UsageError` when a shape needs a library that is not there: at the end it would be too late to say."""
    if shape == "parquet":
        _pyarrow()


def shape_of(path: Path | None) -> Shape:
    """The shape that an output's name asks for. Raises `UsageError` for an ending that llmo does not write."""
    suffix = "" if path is None or (path.exists() and not path.is_file()) else path.suffix.lower()
    if suffix not in SHAPES:
        endings = ", ".join(list(SHAPES)[:4])
        raise UsageError(
            f"unknown output format: {path}",
            hint=f"known extensions: {endings}; or use --output-format jsonl",
        )
    return SHAPES[suffix]


def local(flag: str, name: str | None) -> None:
    """Raise `UsageError` for a name that would not become what it says: a URL, a compressed file."""
    if name is None:
        return
    if remote.is_url(name):
        hint = "write to a local file, and copy it when the run has ended"
        raise UsageError(f"{flag} cannot write to a URL: {remote.shown(name)}", hint=hint)
    path = Path(name)
    if path.suffix.lower() in PACKED and (path.is_file() or not path.exists()):
        hint = f"use {path.with_suffix('')}, and compress it when the run has ended"
        raise UsageError(f"{flag} cannot write a compressed file: {name}", hint=hint)


def lines_only(flag: str, name: str | None) -> None:
    """Raise `UsageError` for a name that would be read as another format than the JSON lines that go there."""
    path = Path(name or "")
    if path.suffix.lower() not in (".jsonl", ".ndjson", "") and (path.is_file() or not path.exists()):
        raise UsageError(f"{flag} writes JSON lines: {name}", hint=f"use {path.with_suffix('.jsonl')}")


def shaper(
    shape: Shape, kept: Sequence[str], *, now: Callable[[], float] = time.time
) -> Callable[[dict[str, Any] | None], bytes]:
    """A function from a row to its bytes; of None to what comes before all rows."""
    if shape == "csv":
        return lambda row: line_of([*COLUMNS, *named(kept)] if row is None else flat(row, kept))
    if shape == "openai-batch":
        return lambda row: b"" if row is None else jsontext.write(openai_lines.line(row, int(now()))).encode() + b"\n"
    if shape == "parquet":
        raise UsageError("--output-format parquet requires a file", hint="use -o FILE")
    return lambda row: b"" if row is None else jsontext.write(row).encode() + b"\n"


def lines(journal: Path, *, ordered: bool) -> Iterator[bytes]:
    """The last line of each id; lines that can't be trusted are left out."""
    last = Last(journal)
    if not ordered:
        yield from (found.line for found in last)
        return
    with journal.open("rb") as file:
        for begin in last.ordered():
            file.seek(begin)
            yield file.readline()


def set_aside(journal: Path, old: Path) -> None:
    """Put answers that later lines replace, and lines that can't be trusted, at the end of `old`."""
    last = Last(journal)
    replaced = array("Q")
    for entry in entries(journal, lambda begin, _: replaced.append(begin)):
        if entry.row["status"] != "error" and last.begins.get(short(entry.name)) != entry.begin:
            replaced.append(entry.begin)
    if not replaced:
        return
    with journal.open("rb") as file, old.open("ab") as kept:
        for begin in replaced:
            file.seek(begin)
            while piece := file.readline(PIECE):
                kept.write(piece)
                if piece.endswith(b"\n"):
                    break
        kept.flush()
        os.fsync(kept.fileno())


def flat(row: dict[str, Any], kept: Sequence[str]) -> list[Json]:
    """A row as the values of a table's columns."""
    used, failure, given = row["usage"] or {}, row["error"] or {}, row["input"] or {}
    values = {
        **row,
        **used,
        "tool_calls": row.get("tool_calls") or None,
        "error_kind": failure.get("kind"),
        "error_message": failure.get("message"),
    }
    return [cell(values.get(name)) for name in COLUMNS] + [cell(given.get(name)) for name in kept]


def named(kept: Sequence[str]) -> list[str]:
    """Names of the columns of kept fields: their own, unless that is taken."""
    return [f"input.{name}" if name in COLUMNS else name for name in kept]


def cell(value: Json) -> Json:
    """A value as a table takes it."""
    return jsontext.write(value) if isinstance(value, dict | list | bool) else value


def line_of(values: Sequence[Json]) -> bytes:
    """A line of CSV."""
    return _encodable(cells.line(values)).encode()


def _encodable(text: str) -> str:
    """Text that any reader takes: half of a surrogate pair, which JSON can spell and UTF-8 can't, becomes U+FFFD."""
    return jsontext.LONE.sub("\ufffd", text)


def _pyarrow() -> Any:
    try:
        import pyarrow.parquet  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        raise UsageError("writing Parquet needs pyarrow", hint=install_command("pyarrow")) from None
    return pyarrow


def _parquet(out: BinaryIO, rows: Iterator[dict[str, Any]], kept: Sequence[str]) -> None:
    """Counts are numbers, everything else is text: data and kept fields have a type of their own in each row."""
    pa = _pyarrow()
    whole = {"index", "attempts", "input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens"}
    kinds = [pa.int64() if name in {*whole, "reasoning_tokens"} else pa.string() for name in COLUMNS]
    kinds[COLUMNS.index("duration_s")] = pa.float64()
    schema = pa.schema(list(zip([*COLUMNS, *named(kept)], [*kinds, *[pa.string()] * len(kept)], strict=True)))
    with pa.parquet.ParquetWriter(out, schema) as writer:
        batch: list[list[Json]] = []
        for row in rows:
            values = zip(flat(row, kept), schema, strict=True)
            batch.append([_typed(value) if field.type == pa.string() else value for value, field in values])
            if len(batch) == SLICE:
                writer.write_table(_table(pa, schema, batch))
                batch = []
        if batch:
            writer.write_table(_table(pa, schema, batch))


def _typed(value: Json) -> str | None:
    """A value for a column of text: text as it is, null as null, everything else as JSON."""
    return None if value is None else _encodable(value if isinstance(value, str) else jsontext.write(value))


def _table(pa: Any, schema: Any, batch: list[list[Json]]) -> Any:
    columns = zip(*batch, strict=True)
    return pa.table([pa.array(list(c), f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)
