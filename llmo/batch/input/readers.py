"""One reader per input format: each yields a record's line number and its fields."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO, Literal

from llmo.batch.input.csv_table import read_csv, read_tsv
from llmo.batch.input.parquet_table import read_parquet
from llmo.batch.input.record import LONGEST_ROW, Record, damaged, no_text, not_utf8, place, too_long, unread
from llmo.errors import UsageError
from llmo.requests import attachments
from llmo.storage.line_reader import lines
from llmo.types import jsontext
from llmo.types.messages import Image

Format = Literal["jsonl", "csv", "tsv", "lines", "file", "parquet", "openai-batch"]
SUFFIXES: Mapping[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".txt": "lines",
    ".parquet": "parquet",
}

OPENAI = ("custom_id", "method", "url", "body")
"""The keys by which a line of OpenAI's batch files is known."""

Reader = Callable[[BinaryIO, str], Iterator[Record]]


def read_jsonl(file: BinaryIO, name: str) -> Iterator[Record]:
    """Objects as they are, strings as the field `text`; blank lines are skipped."""
    return _read_lines(file, name, _json_row)


def read_openai(file: BinaryIO, name: str) -> Iterator[Record]:
    """Lines of OpenAI's batch files: objects with their four keys."""
    return _read_lines(file, name, _openai_row)


def read_lines(file: BinaryIO, name: str) -> Iterator[Record]:
    """Each line that isn't blank, as the field `text`."""
    return _read_lines(file, name, _text_row)


def _read_lines(file: BinaryIO, name: str, read: Callable[[str, str, int], Record | None]) -> Iterator[Record]:
    number = 0
    try:
        for number, (_, raw) in enumerate(lines(file, LONGEST_ROW), 1):
            try:
                record = read(_decode(raw, name, number), name, number)
            except UsageError as exc:
                record = unread(number, raw, name, exc)
            if record is not None:
                yield record
    except UsageError as exc:
        yield damaged(number, name, exc)


def _json_row(text: str, name: str, number: int) -> Record | None:
    line = text.strip()
    if not line:
        return None
    try:
        value = jsontext.read(line)
    except ValueError as exc:
        raise _broken(exc, place(name, number)) from None
    if isinstance(value, dict):
        return Record(number, value, line)
    if isinstance(value, str):
        return Record(number, {"text": value})
    raise _not_a_row(value, place(name, number))


def _openai_row(text: str, name: str, number: int) -> Record | None:
    record = _json_row(text, name, number)
    missing = [] if record is None else [key for key in OPENAI if key not in record.fields]
    if missing:
        raise UsageError(f"not a request: {place(name, number)}: no {', '.join(missing)}")
    return record


def _text_row(text: str, name: str, number: int) -> Record | None:
    line = text.rstrip("\r\n")
    if "\0" in line:
        raise no_text(place(name, number))
    return Record(number, {"text": line}) if line and not line.isspace() else None


def read_file(file: BinaryIO, name: str) -> Iterator[Record]:
    """The whole file as one row: `path`, `name`, `text`; an image is sent as one."""
    try:
        data = file.read(LONGEST_ROW + 1)
        if len(data) > LONGEST_ROW:
            raise too_long(name)
        found = attachments.read(name, data)
    except UsageError as exc:
        yield unread(None, None, name, exc)
        return
    image, text = (found, "") if isinstance(found, Image) else (None, found)
    yield Record(None, {"path": name, "name": attachments.last(name), "text": text}, image=image)


READERS: Mapping[Format, Reader] = {
    "jsonl": read_jsonl,
    "openai-batch": read_openai,
    "csv": read_csv,
    "tsv": read_tsv,
    "lines": read_lines,
    "file": read_file,
    "parquet": read_parquet,
}


def sniff(line: bytes) -> Format:
    """What a stream without a telling name holds: JSON lines if its first line is an object or a string."""
    first = line.removeprefix(codecs.BOM_UTF8).strip()
    if first.startswith((b"{", b"[")):
        return "jsonl"
    try:
        return "jsonl" if first.startswith(b'"') and isinstance(json.loads(first), str) else "lines"
    except ValueError:
        return "lines"


def _decode(raw: bytes | None, name: str, number: int) -> str:
    if raw is None:
        raise too_long(place(name, number))
    try:
        return (raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw).decode()
    except UnicodeDecodeError as exc:
        raise not_utf8(place(name, number), exc.object[exc.start]) from None


def _broken(exc: Exception, where: str) -> UsageError:
    why = f"{exc.msg} at column {exc.colno}" if isinstance(exc, json.JSONDecodeError) else str(exc)
    return UsageError(
        f"broken JSON: {where}: {why}", hint="use one JSON object per line, or --input-format lines for plain text"
    )


def _not_a_row(value: object, where: str) -> UsageError:
    if isinstance(value, list):
        return UsageError(
            f"a row must be an object or a string: {where}: a list", hint="split the list with jq -c '.[]'"
        )
    return UsageError(
        f"a row must be an object or a string: {where}: {json.dumps(value)}",
        hint="use --input-format lines for plain text",
    )
