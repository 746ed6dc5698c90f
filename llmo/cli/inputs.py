"""Turns prompt, standard input, files, system prompt and schema into a question."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llmo.errors import UsageError
from llmo.types import jsontext
from llmo.types.jsontext import Json
from llmo.types.messages import Image, Message

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.cli.context import Context
    from llmo.cli.options import SelectionFlags
    from llmo.client.question import Question


Words = Annotated[
    list[str] | None,
    typer.Argument(help="the prompt, best in quotes; - reads standard input", show_default=False, metavar="PROMPT"),
]
"""The prompt as the shell hands it over: one argument, or several when it was not quoted."""


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Inputs of `ask` and `route`."""

    system: Annotated[
        str | None,
        typer.Option(
            "-s",
            "--system",
            help="system prompt; @FILE reads it from a file",
            metavar="TEXT|@FILE",
            rich_help_panel="Input",
        ),
    ] = None
    file: Annotated[
        list[str] | None,
        typer.Option(
            "-f",
            "--file",
            help="text or image to send with the prompt (repeatable)",
            metavar="FILE",
            rich_help_panel="Input",
        ),
    ] = None
    template: Annotated[
        str | None,
        typer.Option(
            "--template",
            help="prompt template: a path or a name in the templates folder",
            metavar="NAME|PATH",
            rich_help_panel="Input",
        ),
    ] = None
    define: Annotated[
        list[str] | None,
        typer.Option(
            "-D",
            "--define",
            help="value of a template field (repeatable)",
            metavar="KEY=VALUE",
            rich_help_panel="Input",
        ),
    ] = None
    schema: Annotated[
        str | None,
        typer.Option(
            "--schema", help="JSON Schema that the answer must match", metavar="FILE|JSON", rich_help_panel="Output"
        ),
    ] = None
    option: Annotated[
        list[str] | None,
        typer.Option(
            "-o",
            "--option",
            help="parameter passed to the provider unchanged (repeatable)",
            metavar="KEY=VALUE",
            rich_help_panel="Parameters",
        ),
    ] = None
    no_stdin: Annotated[
        bool, typer.Option("-n", "--no-stdin", help="do not read standard input", rich_help_panel="Input")
    ] = False


def joined(words: list[str] | None) -> str | None:
    """Return the prompt that an unquoted one was; None when there is none."""
    return " ".join(words) if words else None


def question(
    ctx: Context,
    prompt: str | None,
    inputs: Inputs,
    selection: SelectionFlags,
    *,
    before: tuple[Message, ...] = (),
) -> Question:
    """
    Read the inputs into a question that follows the turns `before`.

    It carries no cap of its own: `--max-cost` is the session's. Raises `UsageError` if there is nothing to ask or an
    input cannot be read.
    """
    from llmo.cli import options
    from llmo.client import question

    given = options.given(selection, inputs.option)
    system = () if inputs.system is None else (Message("system", text_or_file(inputs.system)),)
    messages = (*system, *before, _message(ctx, prompt, inputs))
    given["schema"] = schema(inputs.schema)
    given["max_cost"] = None
    return question.question(messages, given, options.flags())


def _message(ctx: Context, prompt: str | None, inputs: Inputs) -> Message:
    """Join the template or prompt, standard input and files, in this order, with blank lines."""
    if inputs.define and not inputs.template:
        raise UsageError("-D requires --template", hint="it sets a field of a template")
    piped = _stdin(ctx, wanted=prompt == "-", refused=inputs.no_stdin)
    prompt = None if prompt == "-" else prompt
    if inputs.template:
        prompt = _templated(ctx, inputs, {"prompt": prompt or "", "stdin": piped or ""})
        piped = None
    texts, images = _files(inputs.file or ())
    parts = [part for part in (prompt, piped, *texts) if part and part.strip()]
    if not parts and not images:
        raise UsageError(
            "nothing to send: the prompt is empty",
            hint='pass a prompt, as in llmo ask "your question", or pipe text in',
        )
    return Message("user", "\n\n".join(parts), tuple(images))


def schema(given: str | None) -> Mapping[str, Json] | None:
    """Read `--schema`. Raises `UsageError` if answers cannot be validated against it."""
    from llmo.requests.validator import checked

    if given is None:
        return None
    inline = given.lstrip().startswith("{")
    text = given if inline else read_text(Path(given), "--schema")
    try:
        found = jsontext.read(text)
    except ValueError as exc:
        where = "--schema" if inline else given
        raise UsageError(f"{where} is not JSON: {exc}") from None
    if not isinstance(found, dict):
        raise UsageError(f"--schema is not a JSON object: {given}")
    return checked(found).schema


def read_text(path: Path, what: str) -> str:
    """Read a UTF-8 text file. Raises `UsageError` naming it as `what`."""
    from llmo.requests import attachments

    data = _read(path, what)
    try:
        return attachments.text(str(path), data)
    except UsageError as exc:
        raise UsageError(f"{what}: {exc.message}", hint=exc.hint) from None


def _read(path: Path, what: str) -> bytes:
    try:
        return path.expanduser().read_bytes()
    except FileNotFoundError:
        raise UsageError(f"{what}: no such file: {path}") from None
    except IsADirectoryError:
        raise UsageError(f"{what}: is a directory: {path}", hint="llmo batch --files accepts directories") from None
    except OSError as exc:
        raise UsageError(f"{what}: cannot read {path}: {exc.strerror}") from None


def _utf8(data: bytes, what: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise UsageError(
            f"{what}: not UTF-8 text: byte {exc.start + 1} is 0x{data[exc.start]:02x}", hint="convert it with iconv"
        ) from None


def _stdin(ctx: Context, *, wanted: bool, refused: bool) -> str | None:
    """Read standard input; unless `wanted`, only from a pipe, socket or file, so loops and cron jobs don't hang."""
    if refused or ctx.stdin is None:
        return None
    if not wanted:
        try:
            mode = os.fstat(ctx.stdin.fileno()).st_mode
        except (OSError, ValueError):
            return None
        if not (stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)):
            return None
    return _utf8(ctx.stdin.buffer.read(), "standard input")


def text_or_file(text: str) -> str:
    """Return a system prompt given as text, or as `@FILE`."""
    return read_text(Path(text[1:]), "--system") if text.startswith("@") else text


def _files(paths: list[str] | tuple[str, ...]) -> tuple[list[str], list[Image]]:
    from llmo.requests import attachments

    texts, images = [], []
    for name in paths:
        path = Path(name)
        data = _read(path, "--file")
        try:
            found = attachments.read(str(path), data)
        except UsageError as exc:
            raise UsageError(f"--file: {exc.message}", hint=exc.hint) from None
        if isinstance(found, str):
            texts.append(f'<file name="{path.name}">\n{found.rstrip()}\n</file>')
        else:
            images.append(found)
    return texts, images


def _templated(ctx: Context, inputs: Inputs, given: dict[str, str]) -> str:
    """
    Render the template.

    Raises `UsageError` for a prompt, standard input or -D that the template does not use and would silently drop.
    """
    from llmo.batch.input.template import WHOLE, Template
    from llmo.cli.options import pair
    from llmo.storage.paths import config_dir

    name = inputs.template or ""
    path = Path(name)
    if not path.exists() and os.sep not in name:
        folder = config_dir(ctx.env) / "templates"
        path = next((p for p in (folder / name, folder / f"{name}.txt", folder / f"{name}.md") if p.exists()), path)
    template = Template(read_text(path, "--template"))
    defined = dict(pair("--define", text) for text in inputs.define or ())
    prompt = template.render({**given, **defined})
    said = {**{field: text for field, text in given.items() if text.strip()}, **defined}
    unused = [] if WHOLE in template.fields else [field for field in said if field not in template.fields]
    if unused:
        what = {"prompt": "the prompt", "stdin": "standard input"} if not defined.keys() & set(unused) else {}
        known = ", ".join(sorted(template.fields)) or "none"
        raise UsageError(
            f"not used by the template: {what.get(unused[0], f'-D {unused[0]}')}", hint=f"its fields: {known}"
        )
    return prompt
