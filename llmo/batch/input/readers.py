"""One reader per input format: each yields a record's line number and its fields."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, NamedTuple

from llmo.errors import UsageError
from llmo.storage.line_reader import LONGEST_LINE, lines
from llmo.types import jsontext

if TYPE_CHECKING:
    from llmo.types.jsontext import Json

Format = Literal["jsonl", "csv", "tsv", "lines", "file", "parquet", "openai-batch"]
BOM = b"\xef\xbb\xbf"
SUFFIXES: Mapping[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".txt": "lines",
    ".parquet": "parquet",
}
CSV_FIELD_LIMIT = 2**31 - 1


class Record(NamedTuple):
    """
    A record as read; `line` is None where the format has no lines.

    One with a `fault` can't be read: it has no fields, and `text` is what stands there.
    """

    line: int | None
    fields: Mapping[str, Json]
    text: str | None = None
    fault: UsageError | None = None


Reader = Callable[[BinaryIO, str], Iterator[Record]]


def place(name: str, line: int | None) -> str:
    """Where a record stands, for messages."""
    return name if line is None else f"{name}:{line}"


def read_jsonl(file: BinaryIO, name: str) -> Iterator[Record]:
    """Objects as they are, strings as the field `text`; blank lines are skipped."""
    return _read_lines(file, name, _json_row)


def read_lines(file: BinaryIO, name: str) -> Iterator[Record]:
    """Each line that isn't blank, as the field `text`."""
    return _read_lines(file, name, _text_row)


def _read_lines(file: BinaryIO, name: str, read: Callable[[str, str, int], Record | None]) -> Iterator[Record]:
    for number, (_, raw) in enumerate(lines(file), 1):
        try:
            record = read(_decode(raw, name, number), name, number)
        except UsageError as exc:
            record = _unread(number, raw, name, exc)
        if record is not None:
            yield record


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


def _text_row(text: str, _name: str, number: int) -> Record | None:
    line = text.rstrip("\r\n")
    return Record(number, {"text": line}) if line and not line.isspace() else None


def _unread(number: int | None, raw: bytes | None, name: str, fault: UsageError) -> Record:
    """What can't be read, as it stands there; what is no line of text as a list of its place, which is no row."""
    text = None if raw is None else raw.decode("utf-8", "surrogateescape").strip("\r\n")
    return Record(number, {}, text or json.dumps([place(name, number)], ensure_ascii=False), fault)


def read_csv(file: BinaryIO, name: str, *, delimiter: str = ",") -> Iterator[Record]:
    """Records under the names of the header line; every record has as many fields as the header."""
    csv.field_size_limit(CSV_FIELD_LIMIT)
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    try:
        header = _header(next(reader), name)
        while (record := _csv_row(reader, header, name)) is not None:
            if record.fields or record.fault:
                yield record
    except StopIteration:
        raise UsageError(f"no header line: {name}", hint="the first line must name the fields") from None
    except csv.Error as exc:
        raise UsageError(f"broken CSV: {name}:{reader.line_num}: {exc}") from None
    except UnicodeDecodeError as exc:
        raise _not_utf8(f"{name} after line {reader.line_num}", exc) from None
    finally:
        text.detach()


def _csv_row(reader: Any, header: list[str], name: str) -> Record | None:
    """The next record, None at the end; one without fields for an empty line."""
    number = reader.line_num + 1
    try:
        values = next(reader, None)
    except csv.Error as exc:
        fault = UsageError(f"broken CSV: {name}:{reader.line_num}: {exc}")
        return _unread(number, None, name, fault)
    if values is None:
        return None
    if not values or len(values) == len(header):
        return Record(number, dict(zip(header, values, strict=False)))
    fault = UsageError(
        f"ragged row: {name}:{number}: {len(values)} fields, the header has {len(header)}",
        hint="quote fields that contain the delimiter or a line break",
    )
    return Record(number, {}, json.dumps(values, ensure_ascii=False), fault)


def read_tsv(file: BinaryIO, name: str) -> Iterator[Record]:
    """As CSV, tabs between."""
    return read_csv(file, name, delimiter="\t")


def read_file(file: BinaryIO, name: str) -> Iterator[Record]:
    """The whole file as one row: `path`, `name`, `text`."""
    data = file.read()
    hint = "only UTF-8 text can be a row; remove it or convert it"
    text = fault = None
    if b"\0" in data:
        fault = UsageError(f"binary file: {name}", hint=hint)
    else:
        try:
            text = data.removeprefix(BOM).decode()
        except UnicodeDecodeError as exc:
            fault = UsageError(f"not UTF-8: {name}: byte {exc.start}", hint=hint)
    if fault is not None:
        yield _unread(None, None, name, fault)
    else:
        yield Record(None, {"path": name, "name": name.replace("\\", "/").rpartition("/")[2], "text": text})


def read_parquet(file: BinaryIO, name: str) -> Iterator[Record]:
    """Records, a slice of a row group at a time; the line is the record's number."""
    try:
        from pyarrow import ArrowException, parquet  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        raise UsageError(f"reading Parquet needs pyarrow: {name}", hint="pip install 'llmo[parquet]'") from None
    number = 0
    try:
        source = parquet.ParquetFile(file)
        header = _header(source.schema_arrow.names, name)
        for batch in source.iter_batches(batch_size=256):
            for values in zip(*map(_values, batch.columns), strict=True):
                number += 1
                yield Record(number, dict(zip(header, map(_plain, values), strict=True)))
    # pyarrow raises OSError for pages that it can't decode, OverflowError for days that Python has none for.
    except (ArrowException, ValueError, KeyError, OSError, OverflowError) as exc:
        why = " ".join(str(exc).split())
        raise UsageError(f"broken Parquet: {place(name, number or None)}: {why}") from None


READERS: Mapping[Format, Reader] = {
    "jsonl": read_jsonl,
    "openai-batch": read_jsonl,
    "csv": read_csv,
    "tsv": read_tsv,
    "lines": read_lines,
    "file": read_file,
    "parquet": read_parquet,
}


def sniff(head: bytes) -> Format:
    """What a stream without a telling name holds: JSON lines if its first line is an object or a string."""
    first = next((line for line in head.removeprefix(BOM).splitlines() if line.strip()), b"").strip()
    if first.startswith((b"{", b"[")):
        return "jsonl"
    if first.startswith(b'"'):
        try:
            return "jsonl" if isinstance(json.loads(first), str) else "lines"
        except ValueError:
            return "lines"
    return "lines"


def _decode(raw: bytes | None, name: str, number: int) -> str:
    if raw is None:
        raise UsageError(f"a line of more than {LONGEST_LINE >> 20} MB: {place(name, number)}")
    try:
        return (raw.removeprefix(BOM) if number == 1 else raw).decode()
    except UnicodeDecodeError as exc:
        raise _not_utf8(place(name, number), exc) from None


def _not_utf8(where: str, exc: UnicodeDecodeError) -> UsageError:
    return UsageError(f"not UTF-8: {where}: byte 0x{exc.object[exc.start]:02x}", hint="convert it with iconv -t UTF-8")


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


def _header(values: list[str], name: str) -> list[str]:
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise UsageError(f"column named twice: {name}: {', '.join(twice) or 'empty name'}")
    return values


def _values(column: Any) -> list[Any]:
    """A column's values; maps as objects, times as text where Python's are too coarse or too few."""
    try:
        values: list[Any] = column.to_pylist(maps_as_pydicts="strict")
    except (ValueError, OverflowError):
        values = column.cast(_as_text(column.type)).to_pylist(maps_as_pydicts="strict")
    return values


def _as_text(kind: Any) -> Any:
    """An Arrow type with text in the place of times."""
    import pyarrow as pa

    if pa.types.is_temporal(kind) and not pa.types.is_duration(kind):
        return pa.string()
    if pa.types.is_duration(kind):
        return pa.int64()
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_as_text(field.type)) for field in kind])
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.list_(kind.value_field.with_type(_as_text(kind.value_type)))
    if pa.types.is_map(kind):
        return pa.map_(_as_text(kind.key_type), _as_text(kind.item_type))
    return kind


def _plain(value: Any) -> Json:
    """A Parquet value as JSON; what JSON lacks (dates, decimals) as text, numbers that are not finite as null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)
