"""Prints lists of conversations and of the turns of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmo.cli import pager
from llmo.render import history as shown
from llmo.storage.archive import Archive
from llmo.storage.search_index import matches
from llmo.types.nearest import close

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmo.cli.context import Context

SUBCOMMANDS = ("show", "export", "delete", "rate")
SEARCHES = ("search", "find", "grep")
"""Words that are tried as a subcommand before the words to find."""


def conversations(ctx: Context, query: str, *, limit: int, as_json: bool) -> int:
    """Print the conversations that have all words of the query; return the exit code."""
    found = Archive(ctx.history).summaries(query)
    some = found[:limit] if limit else found
    if as_json:
        ctx.json([shown.summary_object(one) for one in some])
    else:
        pager.show(ctx, shown.conversations(some, now=ctx.clock.now(), width=ctx.table_width, bold=ctx.stdout_color))
    _told(ctx, query, found, some, "conversations")
    return 0


def turns(ctx: Context, name: str, query: str, *, limit: int, as_json: bool) -> int:
    """Print the turns of a conversation that have all words of the query; return the exit code."""
    every = Archive(ctx.history).turns(ctx.history.resolve(name))
    found = [one for one in every if matches(query, one.text)]
    some = found[-limit:] if limit else found
    if as_json:
        ctx.json([shown.turn_object(one) for one in some])
    else:
        pager.show(ctx, shown.answers(some, now=ctx.clock.now(), width=ctx.table_width, bold=ctx.stdout_color))
    _told(ctx, query, found, some, "turns")
    return 0


def _told(ctx: Context, query: str, found: Sequence[Any], some: Sequence[Any], what: str) -> None:
    """Say why nothing was listed, or that there is more."""
    if len(some) < len(found):
        ctx.note(f"llmo: {len(some)} of {len(found):,} {what}; show all with --limit 0")
    elif not found and query:
        word, *others = query.split(maxsplit=1)
        meant = "" if not others else others[0] if word in SEARCHES else close(word, SUBCOMMANDS)
        ctx.note(f"llmo: no {what} match: {query}" + (f"; did you mean llmo history {meant}?" if meant else ""))
    elif not found:
        ctx.note("llmo: no conversations; llmo ask saves them, unless store_texts is off or --no-log is given")
