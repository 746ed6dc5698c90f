"""`llmo ask`: one prompt, one answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.cli.commands.ask.flags import AskOutput
from llmo.cli.inputs import Inputs, Words, joined, opened
from llmo.cli.options import SelectionFlags, command

if TYPE_CHECKING:
    from llmo.cli.context import Context


@command
def ask(
    words: Words = None,
    *,
    selection: SelectionFlags,
    inputs: Inputs,
    output: AskOutput,
) -> int:
    """Send one prompt and stream the answer."""
    from llmo.cli.context import current

    ctx = current()
    ctx.online = not output.dry_run
    sources, selection = opened(ctx, inputs, selection)
    prompt = joined(words)
    if output.edit:
        prompt = _edited(ctx, prompt)
    if output.compare:
        from llmo.cli.commands.ask import compare as comparing

        return comparing.compare(ctx, prompt, selection=selection, sources=sources, output=output)
    from llmo.cli.commands.ask import run

    return run.ask(ctx, prompt, selection=selection, sources=sources, output=output)


def _edited(ctx: Context, prompt: str | None) -> str:
    from llmo.cli.editor import edited
    from llmo.errors import UsageError

    if prompt == "-":
        raise UsageError("--edit and - cannot be combined", hint="a pipe is sent after the prompt anyway")
    return edited(ctx, prompt or "")
