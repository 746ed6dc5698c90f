"""Reads the files that flags name; `-` is standard input, which one flag alone can have."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from llmo.errors import UsageError
from llmo.storage.paths import expanded
from llmo.types import jsontext

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import BinaryIO

    from llmo.cli.context import Context
    from llmo.types.jsontext import Json

STDIN = "-"
"""Standard input where a file is read, standard output where one is written."""
SHOWN = "standard input"
LARGEST = 1 << 26
"""Bytes of a file, or of a line where lines are read one by one: no model takes more, and a device never ends."""


def read_bytes(ctx: Context, name: str, what: str, *, most: int = LARGEST) -> bytes:
    """
    Read a file. `what` names its flag in the `UsageError` for one that can't be read, or is larger than `most` bytes.
    """
    with _opened(ctx, name, what) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise UsageError(f"{what}: too large: {shown(name)}: more than {most >> 20} MiB")
    return data


def lines(ctx: Context, name: str, what: str) -> Iterator[str]:
    """
    Yield each line without its end.

    Raises `UsageError` as `read_bytes` does, and for a line of more than `LARGEST` bytes: a device has no end.
    """
    number = 0
    with _opened(ctx, name, what) as file:
        while line := file.readline(LARGEST + 1):
            number += 1
            where = f"{shown(name)}:{number}"
            if len(line) > LARGEST:
                raise UsageError(f"{what}: {where}: a line of more than {LARGEST >> 20} MiB")
            yield _text(line, where, what).rstrip("\r\n")


@contextmanager
def _opened(ctx: Context, name: str, what: str) -> Iterator[BinaryIO]:
    """Open a file or standard input for reading; what fails meanwhile is a `UsageError`."""
    if name == STDIN:
        with _standard_input(ctx, f"{what} -") as file:
            yield file
        return
    path = Path(name)
    try:
        with expanded(path).open("rb") as file:
            yield file
    except ValueError:
        raise UsageError(f"{what}: not the name of a file: {path}") from None
    except FileNotFoundError:
        raise UsageError(f"{what}: no such file: {path}") from None
    except IsADirectoryError:
        raise UsageError(f"{what}: is a directory: {path}", hint="llmo batch --files accepts directories") from None
    except OSError as exc:
        raise UsageError(f"{what}: cannot read {path}: {exc.strerror}") from None


def read_text(ctx: Context, name: str, what: str, *, most: int = LARGEST) -> str:
    """Read a UTF-8 text file in the same way."""
    return _text(read_bytes(ctx, name, what, most=most), shown(name), what)


def _text(data: bytes, where: str, what: str) -> str:
    from llmo.requests import attachments

    if b"\0" in data:
        raise UsageError(f"{what}: binary file: {where}", hint="only UTF-8 text can be read here")
    try:
        return attachments.text(where, data)
    except UsageError as exc:
        raise UsageError(f"{what}: {exc.message}", hint=exc.hint) from None


def shown(name: str) -> str:
    """A file's name in a message."""
    return SHOWN if name == STDIN else name


def text_or_file(ctx: Context, text: str) -> str:
    """Return a system prompt given as text, or as `@FILE`."""
    return read_text(ctx, text[1:], "--system") if text.startswith("@") else utf8(text, "--system")


def utf8(text: str, what: str) -> str:
    """Return a text of the command line. Raises `UsageError` for bytes that are not UTF-8, which no model is sent."""
    return decoded(text.encode("utf-8", "surrogateescape"), what)


def decoded(data: bytes, what: str) -> str:
    """The text in bytes that have no name of a file. Raises `UsageError`."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise UsageError(
            f"{what}: not UTF-8 text: byte {exc.start + 1} is 0x{data[exc.start]:02x}", hint="convert it with iconv"
        ) from None


def schema(ctx: Context, given: str | None) -> Mapping[str, Json] | None:
    """Read `--schema`. Raises `UsageError` if answers cannot be validated against it."""
    if given is None:
        return None
    if given.lstrip().startswith("{"):
        return parsed_schema(given, "--schema")
    return parsed_schema(read_text(ctx, given, "--schema"), shown(given))


def parsed_schema(text: str, where: str) -> Mapping[str, Json]:
    """The schema in a text, which `where` names in the `UsageError` for one that answers can't be validated against."""
    from llmo.requests.validator import checked

    try:
        found = jsontext.read(text)
    except ValueError as exc:
        raise UsageError(f"{where} is not JSON: {exc}") from None
    if not isinstance(found, dict):
        raise UsageError(f"--schema is not a JSON object: {where}")
    return checked(found).schema


def stdin(ctx: Context, what: str) -> bytes:
    """Read standard input to its end. Raises `UsageError` naming both when something else has read it."""
    with _standard_input(ctx, what) as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise UsageError(f"{what}: too large: standard input: more than {LARGEST >> 20} MiB")
    return data


@contextmanager
def _standard_input(ctx: Context, what: str) -> Iterator[BinaryIO]:
    before = ctx.stdin_taken_by
    if before is not None:
        raise UsageError(f"{before} and {what} cannot both read standard input", hint="give one of them a file")
    ctx.stdin_taken_by = what
    if ctx.stdin is None:
        raise UsageError(f"{what}: standard input is closed")
    try:
        yield ctx.stdin.buffer
    except OSError as exc:
        raise UsageError(f"{what}: cannot read standard input: {exc.strerror}") from None


def is_piped(ctx: Context) -> bool:
    """Whether standard input is a pipe, a socket or a file that nothing has read: loops and cron jobs don't hang."""
    if ctx.stdin is None or ctx.stdin_taken_by is not None:
        return False
    try:
        mode = os.fstat(ctx.stdin.fileno()).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)
