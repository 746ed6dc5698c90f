"""Reads the files that flags name; `-` is standard input, which one flag alone can have."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from llmo.errors import UsageError
from llmo.storage.paths import expanded
from llmo.types import jsontext

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.cli.context import Context
    from llmo.types.jsontext import Json

STDIN = "-"
"""Standard input where a file is read, standard output where one is written."""
SHOWN = "standard input"


def read_bytes(ctx: Context, name: str, what: str, *, most: int | None = None) -> bytes:
    """
    Read a file. `what` names its flag in the `UsageError` for one that can't be read, or is larger than `most` bytes.
    """
    size = -1 if most is None else most + 1
    data = stdin(ctx, f"{what} -") if name == STDIN else _read(Path(name), what, size)
    if most is not None and len(data) > most:
        raise UsageError(f"{what}: too large: {shown(name)}: more than {most >> 20} MiB")
    return data


def _read(path: Path, what: str, size: int) -> bytes:
    try:
        with expanded(path).open("rb") as file:
            return file.read(size)
    except ValueError:
        raise UsageError(f"{what}: not the name of a file: {path}") from None
    except FileNotFoundError:
        raise UsageError(f"{what}: no such file: {path}") from None
    except IsADirectoryError:
        raise UsageError(f"{what}: is a directory: {path}", hint="llmo batch --files accepts directories") from None
    except OSError as exc:
        raise UsageError(f"{what}: cannot read {path}: {exc.strerror}") from None


def read_text(ctx: Context, name: str, what: str, *, most: int | None = None) -> str:
    """Read a UTF-8 text file in the same way."""
    from llmo.requests import attachments

    data = read_bytes(ctx, name, what, most=most)
    try:
        return attachments.text(shown(name), data)
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
    before = ctx.stdin_taken_by
    if before is not None:
        raise UsageError(f"{before} and {what} cannot both read standard input", hint="give one of them a file")
    ctx.stdin_taken_by = what
    if ctx.stdin is None:
        raise UsageError(f"{what}: standard input is closed")
    try:
        return ctx.stdin.buffer.read()
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
