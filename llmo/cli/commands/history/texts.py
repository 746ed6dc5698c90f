"""Shows, exports and deletes whole conversations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from llmo.errors import Cancelled, UsageError
from llmo.render import history as shown
from llmo.storage.archive import Archive
from llmo.storage.paths import expanded
from llmo.types import jsontext
from llmo.types.format import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmo.cli.context import Context
    from llmo.storage.archive import Rating


def show(ctx: Context, name: str | None, *, as_json: bool) -> int:
    """Print a conversation or an answer, rendered on a terminal; return the exit code."""
    found, turns = Archive(ctx.history).find(name)
    if as_json:
        ctx.json(shown.conversation_object(found, turns))
        return 0
    text = shown.markdown(found, turns)
    if ctx.stdout_tty and ctx.env.get("TERM") != "dumb":
        from llmo.render.stream import Markdown

        writer = Markdown(ctx.stdout, color=ctx.color, width=min(ctx.width, 100), terminal=True)
        writer.text(text)
        writer.end()
    else:
        ctx.out(text)
    return 0


def export(
    ctx: Context, names: list[str], *, everything: bool, form: Literal["markdown", "json"], output: str | None
) -> int:
    """Write conversations to a file or standard output; return the exit code."""
    chosen = _chosen(ctx, names, everything=everything)
    pieces = _exported(ctx, chosen, form)
    if output in (None, "-"):
        for piece in pieces:
            (ctx.spelled if form == "json" else ctx.out)(piece)
        return 0
    _write(ctx, expanded(output or ""), pieces)
    ctx.note(f"llmo: wrote {counted(len(chosen), 'conversations')} to {output}")
    return 0


def delete(ctx: Context, names: list[str], *, everything: bool, yes: bool) -> int:
    """Delete conversations once that is confirmed; return the exit code."""
    chosen = _chosen(ctx, names, everything=everything)
    if not yes:
        _confirm(ctx, counted(len(chosen), "conversations") if len(chosen) > 1 else _one(ctx, chosen))
    gone = ctx.history.erase_all() if everything else ctx.history.erase(chosen)
    ctx.note(f"llmo: deleted {counted(len(chosen), 'conversations')} ({counted(gone, 'texts')}); costs are kept")
    return 0


def rate(ctx: Context, name: str, rating: Rating) -> int:
    """Keep what the reader says of an answer; return the exit code."""
    from llmo.storage import ratings

    answer = ratings.rate(ctx.history, name, rating)
    text = shown.clipped(shown.line(answer.text), 40)
    ctx.note(f'llmo: rated {rating}: "{text}" by {answer.target or "an unknown model"}')
    return 0


def _chosen(ctx: Context, names: list[str], *, everything: bool) -> list[str]:
    if everything and names:
        raise UsageError("--all and ID cannot be combined")
    if everything:
        return [one.id for one in Archive(ctx.history).summaries()]
    if not names:
        raise UsageError("no conversation named", hint="pass an ID from llmo history, or --all")
    return list(dict.fromkeys(map(ctx.history.resolve, names)))


def _one(ctx: Context, chosen: list[str]) -> str:
    if not chosen:
        return "all cached answers"
    prompt = next((one.text for one in Archive(ctx.history).turns(chosen[0]) if one.role == "user"), "")
    return f'conversation {chosen[0]} ("{shown.clipped(shown.line(prompt), 40)}")'


def _confirm(ctx: Context, what: str) -> None:
    if not ctx.stdin_tty:
        raise UsageError(f"delete {what}?", hint="confirm with --yes")
    ctx.ask(f"Delete {what}? [y/N] ")
    if ctx.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Cancelled("nothing was deleted")


def _exported(ctx: Context, names: list[str], form: Literal["markdown", "json"]) -> Iterator[str]:
    archive = Archive(ctx.history)
    for number, name in enumerate(names):
        turns = archive.turns(name)
        if form == "json":
            yield jsontext.write(shown.conversation_object(name, turns)) + "\n"
        else:
            yield ("\n" if number else "") + shown.markdown(name, turns)


def _write(ctx: Context, path: Path, pieces: Iterator[str]) -> None:
    from llmo.cli import output_files
    from llmo.storage.files import replaced

    output_files.writable("--output", str(path))
    output_files.apart([output_files.Named("--output", path)], output_files.own(ctx))
    if path.exists() and not path.is_file():
        with path.open("w", encoding="utf-8") as pipe:
            pipe.writelines(pieces)
        return
    with replaced(path) as file:
        file.writelines(piece.encode() for piece in pieces)
