"""Parquet as rows, a slice of a row group at a time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, BinaryIO

from llmo.batch.input.opening import PACKED
from llmo.batch.input.record import Record, header, place, unread
from llmo.errors import UsageError
from llmo.errors.installing import install_command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmo.types.jsontext import Json


def read_parquet(file: BinaryIO, name: str) -> Iterator[Record]:
    """Records, a slice of a row group at a time; the line is the record's number."""
    try:
        from pyarrow import ArrowException, parquet  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        raise UsageError(f"reading Parquet needs pyarrow: {name}", hint=install_command("pyarrow")) from None
    number = 0
    try:
        if file.read(4).startswith(tuple(PACKED.values())):
            raise UsageError(f"compressed Parquet: {name}", hint="decompress it; Parquet compresses its columns itself")
        file.seek(0)
        source = parquet.ParquetFile(file)
        names = header(source.schema_arrow.names, name)
        for batch in source.iter_batches(batch_size=256):
            for values in zip(*map(_values, batch.columns), strict=True):
                number += 1
                yield Record(number, dict(zip(names, map(_plain, values), strict=True)))
    # pyarrow raises OSError for pages that it can't decode, OverflowError for days that Python has none for.
    except (ArrowException, ValueError, KeyError, OSError, OverflowError) as exc:
        why = " ".join(str(exc).split())
        fault = UsageError(f"broken Parquet: {place(name, number or None)}: {why}")
        if not number:
            raise fault from None
        yield unread(number + 1, None, name, fault)


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
