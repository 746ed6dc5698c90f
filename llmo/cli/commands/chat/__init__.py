"""`llmo chat`: prompts and answers in turn, on one conversation."""

from __future__ import annotations

from llmo.cli.commands.chat.flags import ChatFlags
from llmo.cli.options import SelectionFlags, command


@command
def chat(*, selection: SelectionFlags, flags: ChatFlags) -> int:
    """Talk with a model, prompt by prompt."""
    from llmo.cli.commands.chat import run
    from llmo.cli.context import current

    ctx = current()
    ctx.online = True
    return run.chat(ctx, selection, flags)
