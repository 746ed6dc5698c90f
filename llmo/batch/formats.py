"""One reader per input format: each yields a record's line number and its fields."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, NamedTuple, NoReturn

from llmo.errors import UsageError

if TYPE_CHECKING:
    from llmo.types import Json

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
    """A record as read; `line` is None where the format has no lines."""

    line: int | None
    fields: Mapping[str, Json]
    text: str | None = None


Reader = Callable[[BinaryIO, str], Iterator[Record]]


def place(name: str, line: int | None) -> str:
    """Where a record stands, for messages."""
    return name if line is None else f"{name}:{line}"


def read_jsonl(file: BinaryIO, name: str) -> Iterator[Record]:
    """Objects as they are, strings as the field `text`; blank lines are skipped."""
    scan = json.JSONDecoder(parse_constant=_no_constant).decode
    for number, raw in enumerate(file, 1):
        line = _decode(raw.removeprefix(BOM) if number == 1 else raw, name, number).strip()
        if not line:
            continue
        try:
            value = scan(line)
        except (ValueError, RecursionError) as exc:
            raise _broken(exc, place(name, number)) from None
        if isinstance(value, dict):
            yield Record(number, value, line)
        elif isinstance(value, str):
            yield Record(number, {"text": value})
        else:
            _not_a_row(value, place(name, number))


def read_lines(file: BinaryIO, name: str) -> Iterator[Record]:
    """Each line that isn't blank, as the field `text`."""
    for number, raw in enumerate(file, 1):
        line = _decode(raw.removeprefix(BOM) if number == 1 else raw, name, number).rstrip("\r\n")
        if line and not line.isspace():
            yield Record(number, {"text": line})


def read_csv(file: BinaryIO, name: str, *, delimiter: str = ",") -> Iterator[Record]:
    """Records under the names of the header line; every record has as many fields as the header."""
    csv.field_size_limit(CSV_FIELD_LIMIT)
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    header: list[str] | None = None
    try:
        number = 1
        for values in reader:
            if header is None:
                header = _header(values, name)
            elif len(values) == len(header):
                yield Record(number, dict(zip(header, values, strict=True)))
            elif values:
                raise UsageError(
                    f"ragged row: {name}:{number}: {len(values)} fields, the header has {len(header)}",
                    hint="quote fields that hold the delimiter or a line break",
                )
            number = reader.line_num + 1
        if header is None:
            raise UsageError(f"no header line: {name}", hint="the first line names the fields")
    except csv.Error as exc:
        raise UsageError(f"broken CSV: {name}:{reader.line_num}: {exc}") from None
    except UnicodeDecodeError as exc:
        raise _not_utf8(f"{name} after line {reader.line_num}", exc) from None
    finally:
        text.detach()


def read_tsv(file: BinaryIO, name: str) -> Iterator[Record]:
    """As CSV, tabs between."""
    return read_csv(file, name, delimiter="\t")


def read_file(file: BinaryIO, name: str) -> Iterator[Record]:
    """The whole file as one row: `path`, `name`, `text`."""
    data = file.read()
    hint = "only UTF-8 text can be a row; leave it out or convert it"
    if b"\0" in data:
        raise UsageError(f"binary file: {name}", hint=hint)
    try:
        text = data.removeprefix(BOM).decode()
    except UnicodeDecodeError as exc:
        raise UsageError(f"not UTF-8: {name}: byte {exc.start}", hint=hint) from None
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


def _decode(raw: bytes, name: str, number: int) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as exc:
        raise _not_utf8(place(name, number), exc) from None


def _not_utf8(where: str, exc: UnicodeDecodeError) -> UsageError:
    return UsageError(f"not UTF-8: {where}: byte 0x{exc.object[exc.start]:02x}", hint="iconv -t UTF-8 converts it")


def _broken(exc: Exception, where: str) -> UsageError:
    if isinstance(exc, json.JSONDecodeError):
        why = f"{exc.msg} at column {exc.colno}"
    else:
        why = "nested too deeply" if isinstance(exc, RecursionError) else str(exc)
    return UsageError(
        f"broken JSON: {where}: {why}", hint="one JSON object a line; --input-format lines takes it as text"
    )


def _not_a_row(value: object, where: str) -> NoReturn:
    if isinstance(value, list):
        raise UsageError(f"a row must be an object or a string: {where}: a list", hint="jq -c '.[]' makes lines of it")
    raise UsageError(
        f"a row must be an object or a string: {where}: {json.dumps(value)}",
        hint="--input-format lines takes it as text",
    )


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


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
