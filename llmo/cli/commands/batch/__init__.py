"""`llmo batch`: many rows, each paid once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import typer

from llmo.cli.options import SelectionFlags, command
from llmo.config import parameters


@dataclass(frozen=True, kw_only=True)
class InputOptions:
    """What a row is, and what is asked about it."""

    prompt: Annotated[
        str | None, typer.Option("--prompt", help="Prompt with {{ field }} of the row.", metavar="TEMPLATE")
    ] = None
    template: Annotated[str | None, typer.Option("--template", help="File with such a prompt.", metavar="FILE")] = None
    system: Annotated[
        str | None, typer.Option("-s", "--system", help="System prompt; @FILE reads a file.", metavar="TEXT|@FILE")
    ] = None
    files: Annotated[
        bool, typer.Option("--files", help="Each input is a file, a pattern or a directory; a file is a row.")
    ] = False
    input_format: Annotated[
        Literal["auto", "jsonl", "csv", "tsv", "lines", "parquet", "openai-batch"],
        typer.Option("--input-format", help="What the inputs hold; auto: by their names and keys."),
    ] = "auto"
    id_field: Annotated[
        str | None, typer.Option("--id-field", help="Field that names a row (else custom_id or id).", metavar="FIELD")
    ] = None
    limit: Annotated[int | None, typer.Option("--limit", help="Only the first N rows.", metavar="N")] = None
    sample: Annotated[
        int | None, typer.Option("--sample", help="N rows by chance, the same ones each time.", metavar="N")
    ] = None
    schema: Annotated[
        str | None,
        typer.Option("--schema", help="JSON Schema that each answer must match.", metavar="FILE|JSON"),
    ] = None
    repair: Annotated[
        int | None, typer.Option("--repair", help="Times an answer that does not match it is sent back.", metavar="N")
    ] = None
    option: Annotated[
        list[str] | None,
        typer.Option("--option", help="KEY=VALUE sent to the provider as it is; repeatable.", metavar="K=V"),
    ] = None

    def __post_init__(self) -> None:
        """Refuse numbers that can't be meant."""
        for name in ("limit", "sample", "repair"):
            parameters.whole(name, getattr(self, name), f"--{name}")


@dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """Where answers go and how much is said."""

    output: Annotated[
        str | None, typer.Option("-o", "--output", help="File that rows are appended to.", metavar="FILE")
    ] = None
    output_format: Annotated[
        Literal["jsonl", "csv", "parquet", "openai-batch"] | None,
        typer.Option("--output-format", help="Shape of the output (else by its name, else jsonl)."),
    ] = None
    errors: Annotated[
        str | None, typer.Option("--errors", help="Failed rows apart, ready to be an input.", metavar="FILE")
    ] = None
    keep: Annotated[
        list[str] | None,
        typer.Option("--keep", help="Input field to copy to the output; '*' is all; repeatable.", metavar="FIELD"),
    ] = None
    ordered: Annotated[bool, typer.Option("--ordered", help="Rows in the order of the input.")] = False
    progress: Annotated[
        Literal["auto", "bar", "log", "none"], typer.Option("--progress", help="How progress is shown on stderr.")
    ] = "auto"
    report: Annotated[
        str | None, typer.Option("--report", help="Write a summary of the run as JSON.", metavar="FILE")
    ] = None
    as_json: Annotated[bool, typer.Option("--json", help="With --dry-run: print one JSON object.")] = False


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How fast, how safely, and when to stop."""

    concurrency: Annotated[
        str, typer.Option("-j", "--concurrency", help="Rows in flight: a number, or auto.", metavar="N|auto")
    ] = "auto"
    rpm: Annotated[float | None, typer.Option("--rpm", help="Requests a minute, at most.", metavar="N")] = None
    tpm: Annotated[float | None, typer.Option("--tpm", help="Tokens a minute, at most.", metavar="N")] = None
    share: Annotated[
        float, typer.Option("--share", help="Share of the limits to use; the rest is for others.", metavar="0..1")
    ] = 1.0
    retry_errors: Annotated[
        str | None,
        typer.Option(
            "--retry-errors",
            help="Of failed rows, run those =KIND again (without: all, rows in doubt too).",
            metavar="[=KIND]",
            show_default=False,
        ),
    ] = None
    restart: Annotated[bool, typer.Option("--restart", help="Throw the output away and begin anew.")] = False
    at_most_once: Annotated[
        bool, typer.Option("--at-most-once", help="Never send a row again that was in flight at a crash.")
    ] = False
    durable: Annotated[bool, typer.Option("--durable", help="Sync every row to the disk.")] = False
    max_failures: Annotated[
        str | None, typer.Option("--max-failures", help="Stop after more failed rows than this.", metavar="N|P%")
    ] = None
    compare: Annotated[bool, typer.Option("--compare", help="Ask every -m for each row; a line has all answers.")] = (
        False
    )
    no_dedupe: Annotated[bool, typer.Option("--no-dedupe", help="Send equal requests each for itself.")] = False
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show rows, tokens and cost, send nothing.")] = False
    check: Annotated[bool, typer.Option("--check", help="Refuse a bad row anywhere before anything is sent.")] = False
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Ask nothing.")] = False
    confirm_over: Annotated[
        str | None, typer.Option("--confirm-over", help="Ask when it may cost more.", metavar="USD")
    ] = None
    run: Annotated[str | None, typer.Option("--run", help="Name of the run in `llmo cost`.", metavar="NAME")] = None
    reparse: Annotated[
        str | None,
        typer.Option(
            "--reparse", help="Hold an output's answers against --schema again, without a call.", metavar="OUT"
        ),
    ] = None
    engine: Annotated[
        Literal["local", "ray"],
        typer.Option("--engine", help="Where the work runs; ray is not built yet.", hidden=True),
    ] = "local"
    deferred: Annotated[
        bool, typer.Option("--deferred", help="The providers' own batch services; not built yet.", hidden=True)
    ] = False

    def __post_init__(self) -> None:
        """Refuse numbers that can't be meant."""
        for name in ("rpm", "tpm", "share"):
            parameters.real(name, getattr(self, name), f"--{name}")
        self.in_flight()
        self.failures(100)
        if self.confirm_over is not None:
            parameters.dollars(self.confirm_over, "--confirm-over")

    def in_flight(self) -> int | None:
        """`--concurrency`; None for auto."""
        text = self.concurrency
        return None if text == "auto" else parameters.parsed("concurrency", text, "--concurrency")

    def failures(self, total: int) -> int | None:
        """`--max-failures` of so many rows; None without it."""
        text = self.max_failures
        if text is None or not text.endswith("%"):
            return None if text is None else parameters.parsed("limit", text, "--max-failures")
        return parameters.parsed("percent", text[:-1], "--max-failures") * total // 100


@command
def batch(
    inputs: Annotated[
        list[str] | None, typer.Argument(metavar="INPUT", help="Files; `-` is standard input.", show_default=False)
    ] = None,
    *,
    selection: SelectionFlags,
    source: InputOptions,
    output: OutputOptions,
    manner: RunOptions,
) -> int:
    """Run a prompt over many rows or files; the same command again goes on where it stopped."""
    from llmo.cli.commands.batch import run as batching
    from llmo.cli.commands.batch.job import BatchSpec
    from llmo.cli.context import current

    flags = BatchSpec(inputs=tuple(inputs or ()), selection=selection, source=source, output=output, manner=manner)
    return batching.batch(current(), flags)
