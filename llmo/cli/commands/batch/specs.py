"""The run that the flags of `llmo batch` ask for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from llmo.batch.output.export import shape_of
from llmo.batch.spec import REPAIRS, BatchSpec, OutputSpec
from llmo.cli import files, options
from llmo.cli.commands.batch.flags import STDOUT
from llmo.cli.files import STDIN
from llmo.config import parameters
from llmo.types.dataclass import replace

if TYPE_CHECKING:
    from llmo.cli.commands.batch.flags import BatchFlags
    from llmo.cli.context import Context
    from llmo.routing.model_names import ModelNames


def output_spec(flags: BatchFlags, names: ModelNames) -> OutputSpec:
    """Where the run writes. Raises `LlmoError` for a name whose format is not known, and for less than two models."""
    output = flags.output
    target = None if output.output in STDOUT else Path(str(output.output))
    compared = options.compared_targets(flags.selection, names) if flags.manner.compare else ()
    return OutputSpec(
        target=target,
        shape=output.output_format or shape_of(target),
        compared_targets=tuple(map(str, compared)),
        keep=tuple(output.keep or ()),
        ordered=output.ordered,
        errors=None if output.errors is None else Path("/dev/stdout" if output.errors == STDIN else output.errors),
        report=None if output.report in (None, STDIN) else Path(str(output.report)),
    )


def batch_spec(ctx: Context, flags: BatchFlags, output: OutputSpec) -> BatchSpec:
    """The run; reads the files that flags name. Raises `UsageError` for one that can't be used."""
    source, manner, template = flags.source, flags.manner, flags.template
    timeout, retries = options.clocks(flags.selection, ctx.profile)
    most, percent = manner.failures()
    return BatchSpec(
        inputs=flags.inputs,
        files=source.files,
        input_format=None if source.input_format == "auto" else source.input_format,
        id_field=source.id_field,
        limit=source.limit,
        sample=source.sample,
        check_all=manner.check,
        schema=template.schema if source.schema is None and template else files.schema(ctx, source.schema),
        prompt=None if source.prompt is None else files.utf8(source.prompt, "--prompt"),
        template=template.text or None if template else None,
        template_name=template.path if template else "",
        template_line=template.line if template else 1,
        system=template.system if source.system is None and template else _system(ctx, source.system),
        params=options.params(flags.selection, source.option),
        repair=REPAIRS if source.repair is None else source.repair,
        selection=replace(options.choice(flags.selection), deferred=manner.deferred),
        timeout=timeout,
        retries=retries,
        output=output,
        run=manner.run,
        retry_errors=manner.retry_errors,
        restart=manner.restart,
        at_most_once=manner.at_most_once,
        durable=manner.durable,
        dedupe=not manner.no_dedupe,
        max_failures=most,
        max_failures_percent=percent,
        confirm_over=None if manner.confirm_over is None else parameters.dollars(manner.confirm_over, "--confirm-over"),
        assume_yes=manner.yes,
        concurrency=manner.in_flight(),
        rpm=manner.rpm,
        tpm=manner.tpm,
        share=manner.share,
    )


def _system(ctx: Context, given: str | None) -> str | None:
    return None if given is None else files.text_or_file(ctx, given)
