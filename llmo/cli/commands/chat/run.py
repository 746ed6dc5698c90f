"""The loop of `llmo chat`: read a prompt, answer it, until the input ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from llmo.cli import signals
from llmo.cli.commands.chat.commands import NAMES, Commands, cost
from llmo.cli.commands.chat.prompts import Prompts
from llmo.cli.commands.chat.talk import Chat
from llmo.cli.files import text_or_file
from llmo.errors import Cancelled, Exit, LlmoError, UsageError
from llmo.render.history import SHORT
from llmo.storage.archive import Archive

if TYPE_CHECKING:
    from llmo.cli.commands.chat.flags import ChatFlags
    from llmo.cli.context import Context
    from llmo.cli.options import SelectionFlags

RECALLED = 500
"""Prompts that the arrow keys go back through."""
ENDING = (Exit.SIGTERM, Exit.SIGHUP)


def chat(ctx: Context, selection: SelectionFlags, flags: ChatFlags) -> int:
    """
    Hold a chat; return the exit code.

    On a terminal a failure is shown and the chat goes on; from a pipe it ends with the failure's code.
    """
    held = Chat(ctx, selection, flags, None if flags.system is None else text_or_file(ctx, flags.system))
    asks = ctx.stdin_tty
    if ctx.stdin_taken_by is not None and not asks:
        raise UsageError(f"{ctx.stdin_taken_by} and the prompts cannot both read standard input")
    plan = held.planned(selection)
    prompts = Prompts(ctx, earlier=Archive(ctx.history).prompts(RECALLED) if asks else (), words=NAMES)
    if asks:
        ctx.note(f"llmo: chat with {plan.ranked[0].target}; /help shows the commands, Ctrl-D leaves")
    with asyncio.Runner() as runner:
        try:
            code = _hold(ctx, held, prompts, runner)
        finally:
            runner.run(held.session.close())
    if asks and held.turns and held.talk.keep:
        name = (held.talk.name or "")[-SHORT:]
        ctx.note(f"llmo: {cost(held)}; continue with: llmo chat --conversation {name}")
    return code


def _hold(ctx: Context, held: Chat, prompts: Prompts, runner: asyncio.Runner) -> int:
    commands = Commands(ctx, held)
    while True:
        try:
            prompt = _next(prompts, commands)
            if prompt is None:
                return int(Exit.OK)
            code = signals.run(held.ask(prompt), runner) if prompt.strip() else int(Exit.OK)
        except KeyboardInterrupt:
            if not ctx.stdin_tty:
                raise
            ctx.err("")
            continue
        except LlmoError as exc:
            if isinstance(exc, Cancelled):
                raise
            code = ctx.failed(exc)
        if code in ENDING or (code and not ctx.stdin_tty):
            return code


def _next(prompts: Prompts, commands: Commands) -> str | None:
    """Return the next prompt, empty after a command that has none; None to leave."""
    prompt = prompts.next()
    if prompt is None or not prompt.startswith("/"):
        return prompt
    try:
        return commands.run(prompt) or ""
    except EOFError:
        return None
