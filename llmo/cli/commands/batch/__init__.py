"""`llmo batch`: many rows, each paid once."""

from __future__ import annotations

from typing import Annotated

from llmo.cli import declared as typer
from llmo.cli.commands.batch.flags import BatchFlags, InputOptions, OutputOptions, RunOptions
from llmo.cli.options import SelectionFlags, command


@command
def batch(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(metavar="INPUT", help="input files; - reads standard input", show_default=False),
    ] = None,
    *,
    selection: SelectionFlags,
    source: InputOptions,
    output: OutputOptions,
    manner: RunOptions,
) -> int:
    """Run a prompt over many rows or files, and resume where it stopped."""
    from llmo.cli.commands.batch import run
    from llmo.cli.context import current

    flags = BatchFlags(inputs=tuple(inputs or ()), selection=selection, source=source, output=output, manner=manner)
    return run.batch(current(), flags)
