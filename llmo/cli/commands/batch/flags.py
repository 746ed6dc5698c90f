"""The flags of `llmo batch`, and the run that they ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from llmo.cli import declared as typer
from llmo.cli.files import STDIN
from llmo.cli.options import SelectionFlags
from llmo.config import parameters
from llmo.types.dataclass import dataclass

if TYPE_CHECKING:
    from llmo.cli.templates import TemplateFile

STDOUT = (None, "-", "/dev/stdout")


@dataclass(frozen=True, kw_only=True)
class InputOptions:
    """What a row is, and what is asked about it."""

    prompt: Annotated[
        str | None,
        typer.Option(
            "--prompt",
            help="prompt template, with {{ field }} for fields of the row",
            metavar="TEMPLATE",
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
    files: Annotated[
        bool,
        typer.Option("--files", help="treat each file as one row (paths, globs, directories)", rich_help_panel="Input"),
    ] = False
    input_format: Annotated[
        Literal["auto", "jsonl", "csv", "tsv", "lines", "parquet", "openai-batch"],
        typer.Option(
            "--input-format", help="format of the inputs (auto: from their names and keys)", rich_help_panel="Input"
        ),
    ] = "auto"
    id_field: Annotated[
        str | None,
        typer.Option(
            "--id-field",
            help="field with the id of a row (default: custom_id or id)",
            metavar="FIELD",
            rich_help_panel="Input",
        ),
    ] = None
    limit: Annotated[
        int | None, typer.Option("--limit", help="process only the first N rows", metavar="N", rich_help_panel="Input")
    ] = None
    sample: Annotated[
        int | None,
        typer.Option("--sample", help="random sample of N rows (reproducible)", metavar="N", rich_help_panel="Input"),
    ] = None
    schema: Annotated[
        str | None,
        typer.Option(
            "--schema", help="JSON Schema that each answer must match", metavar="FILE|JSON", rich_help_panel="Output"
        ),
    ] = None
    repair: Annotated[
        int | None,
        typer.Option(
            "--repair",
            help="paid requests to repair one answer (default: 1)",
            metavar="N",
            rich_help_panel="Output",
        ),
    ] = None
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--option",
            help="parameter passed to the provider unchanged (repeatable)",
            metavar="KEY=VALUE",
            rich_help_panel="Parameters",
        ),
    ] = None

    def __post_init__(self) -> None:
        """Refuse numbers that can't be meant."""
        for name in ("limit", "sample", "repair"):
            parameters.whole(name, getattr(self, name), f"--{name}")


@dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """Where answers go and how much is said."""

    output: Annotated[
        str | None,
        typer.Option("-o", "--output", help="file to append results to", metavar="FILE", rich_help_panel="Output"),
    ] = None
    output_format: Annotated[
        Literal["jsonl", "csv", "parquet", "openai-batch"] | None,
        typer.Option(
            "--output-format",
            help="format of the output (default: from its name, else jsonl)",
            rich_help_panel="Output",
        ),
    ] = None
    errors: Annotated[
        str | None,
        typer.Option(
            "--errors", help="file for failed rows, usable as an input", metavar="FILE", rich_help_panel="Output"
        ),
    ] = None
    keep: Annotated[
        list[str] | None,
        typer.Option(
            "--keep",
            help="input field to copy to the output; '*': all (repeatable)",
            metavar="FIELD",
            rich_help_panel="Output",
        ),
    ] = None
    ordered: Annotated[
        bool, typer.Option("--ordered", help="write rows in the order of the input", rich_help_panel="Output")
    ] = False
    progress: Annotated[
        Literal["auto", "bar", "log", "none"],
        typer.Option("--progress", help="progress display on standard error", rich_help_panel="Output"),
    ] = "auto"
    report: Annotated[
        str | None,
        typer.Option("--report", help="write a summary of the run as JSON", metavar="FILE", rich_help_panel="Output"),
    ] = None
    as_json: Annotated[
        bool, typer.Option("--json", help="with --dry-run: print one JSON object", rich_help_panel="Output")
    ] = False


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How fast, how safely, and when to stop."""

    concurrency: Annotated[
        str,
        typer.Option(
            "-j",
            "--concurrency",
            help="rows in flight; auto adapts to rate and latency",
            metavar="N",
            rich_help_panel="Run",
        ),
    ] = "auto"
    rpm: Annotated[
        float | None, typer.Option("--rpm", help="maximum requests per minute", metavar="N", rich_help_panel="Run")
    ] = None
    tpm: Annotated[
        float | None, typer.Option("--tpm", help="maximum tokens per minute", metavar="N", rich_help_panel="Run")
    ] = None
    share: Annotated[
        float,
        typer.Option(
            "--share", help="fraction of the rate limits to use (0 to 1)", metavar="FRACTION", rich_help_panel="Run"
        ),
    ] = 1.0
    retry_errors: Annotated[
        str | None,
        typer.Option(
            "--retry-errors",
            help="retry failed rows; =KIND retries only that error",
            metavar="[=KIND]",
            show_default=False,
            rich_help_panel="Resume",
        ),
    ] = None
    restart: Annotated[
        bool, typer.Option("--restart", help="discard the existing output and start over", rich_help_panel="Resume")
    ] = False
    at_most_once: Annotated[
        bool,
        typer.Option(
            "--at-most-once", help="never resend rows that were in flight during a crash", rich_help_panel="Resume"
        ),
    ] = False
    durable: Annotated[bool, typer.Option("--durable", help="sync every row to disk", rich_help_panel="Resume")] = False
    max_failures: Annotated[
        str | None,
        typer.Option(
            "--max-failures", help="stop after more than N failed rows, or N%", metavar="N", rich_help_panel="Run"
        ),
    ] = None
    compare: Annotated[
        bool,
        typer.Option("--compare", help="send each row to every -m and compare the answers", rich_help_panel="Model"),
    ] = False
    no_dedupe: Annotated[
        bool, typer.Option("--no-dedupe", help="do not deduplicate identical requests", rich_help_panel="Run")
    ] = False
    cache: Annotated[
        str | None,
        typer.Option("--cache", help="reuse answers up to this age (7d)", metavar="TIME", rich_help_panel="Run"),
    ] = None
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="show rows, tokens and cost without sending anything", rich_help_panel="Run"),
    ] = False
    check: Annotated[
        bool, typer.Option("--check", help="validate all rows before sending any", rich_help_panel="Run")
    ] = False
    yes: Annotated[bool, typer.Option("-y", "--yes", help="skip confirmation prompts", rich_help_panel="Run")] = False
    confirm_over: Annotated[
        str | None,
        typer.Option(
            "--confirm-over",
            help="ask for confirmation if the run may cost more",
            metavar="USD",
            rich_help_panel="Budget",
        ),
    ] = None
    run: Annotated[
        str | None, typer.Option("--run", help="name of the run in llmo cost", metavar="NAME", rich_help_panel="Run")
    ] = None
    reparse: Annotated[
        str | None,
        typer.Option(
            "--reparse",
            help="re-validate the answers in OUT without calling a model",
            metavar="OUT",
            rich_help_panel="Resume",
        ),
    ] = None
    engine: Annotated[
        Literal["local", "ray"],
        typer.Option(
            "--engine", help="where rows are sent from: this process, or a Ray cluster", rich_help_panel="Run"
        ),
    ] = "local"
    deferred: Annotated[
        bool,
        typer.Option(
            "--deferred", help="send the rows to the vendor's half-price batch service", rich_help_panel="Deferred"
        ),
    ] = False
    wait: Annotated[
        bool, typer.Option("--wait", help="with --deferred: wait for the answers", rich_help_panel="Deferred")
    ] = False
    fallback_after: Annotated[
        str | None,
        typer.Option(
            "--fallback-after",
            help="with --wait: then cancel, and send the rest one by one",
            metavar="TIME",
            rich_help_panel="Deferred",
        ),
    ] = None

    def __post_init__(self) -> None:
        """Refuse numbers that can't be meant."""
        for name in ("rpm", "tpm", "share"):
            parameters.real(name, getattr(self, name), f"--{name}")
        self.in_flight()
        self.failures()
        if self.confirm_over is not None:
            parameters.dollars(self.confirm_over, "--confirm-over")

    def in_flight(self) -> int | None:
        """`--concurrency`; None for auto."""
        text = self.concurrency
        return None if text == "auto" else parameters.parsed("concurrency", text, "--concurrency")

    def failures(self) -> tuple[int | None, int | None]:
        """`--max-failures` as a number of rows, or as a percentage of them."""
        text = self.max_failures
        if text is None:
            return None, None
        if text.endswith("%"):
            return None, parameters.parsed("percent", text[:-1], "--max-failures")
        return parameters.parsed("limit", text, "--max-failures"), None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFlags:
    """The command line; `selection` has what the front matter of the template chooses below the flags."""

    inputs: tuple[str, ...]
    selection: SelectionFlags
    source: InputOptions
    output: OutputOptions
    manner: RunOptions
    template: TemplateFile | None = None

    @property
    def reads_stdin(self) -> bool:
        """Whether rows come from standard input."""
        return not self.inputs or STDIN in self.inputs
