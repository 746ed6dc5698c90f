"""A record as a reader yields it, and what is said of one that can't be read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from llmo.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.types.jsontext import Json
    from llmo.types.messages import Image

LONGEST_ROW = 1 << 26
"""Bytes; no model takes as much, and a longer row is not read into memory."""


class Record(NamedTuple):
    """
    A record as read; `line` is None where the format has no lines.

    One with a `fault` can't be read: it has no fields, and `text` is what stands there. An `image` is sent beside the
    prompt.
    """

    line: int | None
    fields: Mapping[str, Json]
    text: str | None = None
    fault: UsageError | None = None
    image: Image | None = None


def place(name: str, line: int | None) -> str:
    """Where a record stands, for messages."""
    return name if line is None else f"{name}:{line}"


def unread(number: int | None, raw: bytes | None, name: str, fault: UsageError) -> Record:
    """What can't be read, as it stands there; what is no line of text as a list of its place, which is no row."""
    text = None if raw is None else raw.decode("utf-8", "surrogateescape").strip("\r\n")
    return Record(number, {}, text or json.dumps([place(name, number)], ensure_ascii=False), fault)


def damaged(number: int, name: str, fault: UsageError) -> Record:
    """The last record of an input whose bytes end in the midst: all before it are good."""
    fault = named(fault, name)
    after = f"{fault.message} (after line {number})" if number else fault.message
    return unread(number + 1, None, name, UsageError(after, hint=fault.hint))


def named(fault: UsageError, name: str) -> UsageError:
    """The error of an input with its name, which what reads the bytes doesn't know."""
    return fault if name in fault.message else UsageError(f"{fault.message}: {name}", hint=fault.hint)


def too_long(where: str) -> UsageError:
    """The error for a row that is not read into memory."""
    return UsageError(f"a row of more than {LONGEST_ROW >> 20} MiB: {where}")


def no_text(where: str) -> UsageError:
    """The error for text with a NUL byte."""
    return UsageError(f"a NUL byte: {where}", hint="binary data can not be a row; remove it or convert it to text")


def not_utf8(where: str, byte: int) -> UsageError:
    """The error for a byte that is no part of a character."""
    return UsageError(f"not UTF-8: {where}: byte 0x{byte:02x}", hint="convert it with iconv -t UTF-8")


def header(values: list[str], name: str) -> list[str]:
    """The names of a table's columns. Raises `UsageError` when two are equal."""
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise UsageError(f"column named twice: {name}: {', '.join(twice) or 'empty name'}")
    return values
