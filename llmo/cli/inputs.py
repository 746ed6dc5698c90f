"""Turns prompt, standard input, files, system prompt and schema into a question."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from llmo.cli import declared as typer
from llmo.cli import files
from llmo.errors import UsageError
from llmo.types.dataclass import dataclass
from llmo.types.messages import Image, Message

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llmo.cli.context import Context
    from llmo.cli.options import SelectionFlags
    from llmo.cli.templates import TemplateFile
    from llmo.client.question import Question
    from llmo.types.jsontext import Json


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
            help="prompt template, by name (llmo templates) or path",
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


@dataclass(frozen=True, slots=True)
class Sources:
    """What a question is made of besides the prompt: the flags, and below them the front matter of a template."""

    flags: Inputs
    template: TemplateFile | None

    @property
    def has_system(self) -> bool:
        """Whether there is a system prompt."""
        return self.flags.system is not None or (self.template is not None and self.template.system is not None)

    def system(self, ctx: Context) -> str | None:
        """The system prompt. Raises `UsageError` for a file that can't be read."""
        if self.flags.system is not None:
            return files.text_or_file(ctx, self.flags.system)
        return None if self.template is None else self.template.system

    def schema(self, ctx: Context) -> Mapping[str, Json] | None:
        """The schema. Raises `UsageError` for one that answers can't be validated against."""
        if self.flags.schema is not None:
            return files.schema(ctx, self.flags.schema)
        return None if self.template is None else self.template.schema


def opened(ctx: Context, inputs: Inputs, selection: SelectionFlags) -> tuple[Sources, SelectionFlags]:
    """Read the template, and put what its front matter chooses below the flags. Raises `UsageError`."""
    template = None
    if inputs.template is not None:
        from llmo.cli import templates

        template = templates.opened(ctx, inputs.template)
        selection = templates.under(ctx, selection, template)
    return Sources(inputs, template), selection


def question(
    ctx: Context,
    prompt: str | None,
    sources: Sources,
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

    given = options.given(selection, sources.flags.option)
    system = sources.system(ctx)
    given["schema"] = sources.schema(ctx)
    given["max_cost"] = None
    messages = (*(() if system is None else (Message("system", system),)), *before, _message(ctx, prompt, sources))
    return question.question(messages, given, options.flags())


def _message(ctx: Context, prompt: str | None, sources: Sources) -> Message:
    """Join the template or prompt, standard input and files, in this order, with blank lines."""
    inputs, template = sources.flags, sources.template
    if inputs.define and template is None:
        raise UsageError("-D requires --template", hint="it sets a field of a template")
    texts, images = _files(ctx, inputs.file or ())
    piped = _stdin(ctx, wanted=prompt == files.STDIN, refused=inputs.no_stdin)
    prompt = None if prompt in (None, files.STDIN) else files.utf8(prompt, "the prompt")
    if template is not None and (template.text or inputs.define):
        prompt = _templated(template, inputs.define or (), {"prompt": prompt or "", "stdin": piped or ""})
        piped = None
    parts = [part for part in (prompt, piped, *texts) if part and part.strip()]
    if not parts and not images:
        raise UsageError(
            "nothing to send: the prompt is empty",
            hint="pass a prompt in quotes, or pipe text in",
        )
    return Message("user", "\n\n".join(parts), tuple(images))


def _stdin(ctx: Context, *, wanted: bool, refused: bool) -> str | None:
    """Read standard input; unless `wanted`, only where something was piped that no flag has read."""
    if wanted and not refused:
        data = files.stdin(ctx, "the prompt -")
    elif refused or not files.is_piped(ctx):
        return None
    else:
        data = files.stdin(ctx, "the prompt")
    return files.decoded(data, files.SHOWN)


def _files(ctx: Context, names: Sequence[str]) -> tuple[list[str], list[Image]]:
    from llmo.requests import attachments

    texts, images = [], []
    for name in names:
        data = files.read_bytes(ctx, name, "--file")
        try:
            found = attachments.read(files.shown(name), data)
        except UsageError as exc:
            raise UsageError(f"--file: {exc.message}", hint=exc.hint) from None
        if isinstance(found, str):
            told = "stdin" if name == files.STDIN else Path(name).name
            texts.append(f'<file name="{told}">\n{found.rstrip()}\n</file>')
        else:
            images.append(found)
    return texts, images


def _templated(template: TemplateFile, define: Sequence[str], given: dict[str, str]) -> str:
    """
    Render the template.

    Raises `UsageError` for a prompt, standard input or -D that the template does not use and would silently drop.
    """
    from llmo.batch.input.template import WHOLE, Template
    from llmo.cli.options import pair

    made = Template(template.text, template.path, template.line)
    defined = dict(pair("--define", files.utf8(text, "--define")) for text in define)
    try:
        prompt = made.render({**given, **defined})
    except UsageError as exc:
        if made.fields <= {*given, *defined, WHOLE}:
            raise
        raise UsageError(exc.message, hint=f"{exc.hint}; set another with -D NAME=VALUE") from None
    said = {**{field: text for field, text in given.items() if text.strip()}, **defined}
    unused = [] if WHOLE in made.fields else [field for field in said if field not in made.fields]
    if unused:
        what = {"prompt": "the prompt", "stdin": "standard input"} if not defined.keys() & set(unused) else {}
        known = ", ".join(sorted(made.fields)) or "none"
        raise UsageError(
            f"not used by the template: {what.get(unused[0], f'-D {unused[0]}')}", hint=f"its fields: {known}"
        )
    return prompt
