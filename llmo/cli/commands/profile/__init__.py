"""`llmo profile …`: create, show, check and change profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from llmo.cli.app import Command, group
from llmo.cli.commands.profile.flags import Manner
from llmo.cli.options import command
from llmo.types import jsontext
from llmo.types.redact import masked, masked_json

if TYPE_CHECKING:
    from llmo.cli.context import Context
    from llmo.config.problems import ProfileError
    from llmo.config.sources import Place

app = group("Create, show, check and change profiles.")

Json = Annotated[bool, typer.Option("--json", help="print JSON")]


def _place(ctx: Context, name: str | None = None) -> Place:
    from llmo.config import sources

    return sources.place(name or ctx.profile_name, ctx.env)


def _print(ctx: Context, body: object) -> None:
    ctx.json(body, indent=2 if ctx.stdout_tty else None)


@app.command("init", cls=Command)
@command
def init(
    *,
    name: Annotated[str | None, typer.Option("--name", help="name of the profile", metavar="NAME")] = None,
    manner: Manner,
) -> None:
    """Create a profile from the keys, programs and servers found here."""
    from llmo.cli.commands.profile.wizard import write_profile
    from llmo.cli.context import current

    ctx = current()
    write_profile(ctx, _place(ctx, name), manner)


@app.command("show", cls=Command)
@command
def show(*, as_json: Json = False) -> None:
    """Show the effective values and their origin, with secrets masked."""
    from llmo.cli.commands.profile.values import values
    from llmo.cli.context import current

    ctx = current()
    loaded = ctx.loaded
    rows = values(loaded, ctx.env)
    if as_json:
        said = {key: {"value": value, "origin": origin} for key, value, origin in rows}
        _print(ctx, {"name": loaded.name, "source": loaded.source and str(loaded.source), "values": said})
        return
    from llmo.cli import pager
    from llmo.render import tables
    from llmo.render.wrapping import hanging

    file = f"profile {loaded.source}:" if ctx.stdout_tty else ""
    texts = [
        (
            key,
            jsontext.write(value),
            f"line {origin.removeprefix(file)}" if file and origin.startswith(file) else origin,
        )
        for key, value, origin in rows
    ]
    head = ("key", "value", "origin")
    drawn = tables.folded(head, texts, below=("origin",), width=ctx.table_width, bold=ctx.stdout_color)
    if file and loaded.source:
        drawn += "\n" + "\n".join(hanging(f"lines are of {loaded.source}", ctx.width)) + "\n"
    pager.show(ctx, drawn)


@app.command("check", cls=Command)
@command
def check(
    *,
    probe: Annotated[bool, typer.Option("--probe", help="check whether each provider responds")] = False,
    as_json: Json = False,
) -> int:
    """Validate the profile and report every problem with its line."""
    from llmo.cli.commands.profile.idle import warnings
    from llmo.cli.context import current
    from llmo.cli.readiness import examined, found
    from llmo.config.problems import ProfileError
    from llmo.errors import Exit

    ctx = current()
    try:
        loaded = ctx.loaded
    except ProfileError as exc:
        if as_json:
            _print(ctx, _refused(ctx, exc))
            ctx.err(f"llmo: {exc.message}")
            return Exit.CONFIG
        raise
    doubts = warnings(ctx)
    states = examined(ctx) if probe else found(ctx)
    good = not any(state.wrong for state in states) and (not probe or any(state.ready for state in states))
    source = str(loaded.source) if loaded.source else None
    if as_json:
        said = [{"name": s.name, "ready": s.ready, "message": masked(s.message)} for s in states]
        _print(ctx, {"ok": good, "source": source, "problems": [], "warnings": doubts, "providers": said})
    else:
        ctx.out(f"{'ok' if good else 'not ok'}: {loaded.name} ({source or 'built-in'})\n")
        for state in states:
            ctx.out(f"{masked(str(state))}\n")
    for line in doubts:
        ctx.err(f"llmo: warning: {line}")
    if not any(state.ready for state in states):
        ctx.err("hint: no provider is ready: set a key, start Ollama, or try -P offline")
    return Exit.OK if good else Exit.CONFIG


def _refused(ctx: Context, exc: ProfileError) -> dict[str, object]:
    problems = [{"where": p.where, "key": p.key, "message": p.what} for p in exc.problems]
    error = {"kind": exc.kind, "message": exc.message, "hint": exc.hint}
    said: dict[str, object] = masked_json(
        {
            "ok": False,
            "error": error,
            "source": str(_place(ctx).path),
            "problems": problems,
            "warnings": [],
            "providers": [],
        }
    )
    return said


@app.command("path", cls=Command)
@command
def path() -> None:
    """Print the path of the profile file."""
    from llmo.cli.context import current

    ctx = current()
    where = _place(ctx)
    ctx.out(f"{where.path}\n")
    if where.built_in and not where.path.exists():
        ctx.note(f'no profile file; using the built-in profile "{where.name}"')


@app.command("list", cls=Command)
@command
def list_(*, as_json: Json = False) -> None:
    """List profiles; * marks the active one."""
    from llmo.cli.context import current
    from llmo.config import sources

    ctx = current()
    used = _place(ctx)
    places = [sources.place(name, ctx.env) for name in sources.known(ctx.env)]
    places += [used] if used.explicit else []
    if as_json:
        _print(ctx, [_listed(place, used) for place in places])
        return
    for place in places:
        shown = place.path if place.explicit else place.name
        ctx.out(f"{'*' if place == used else ' '} {shown}{'' if place.path.is_file() else '  (built-in)'}\n")


def _listed(place: Place, used: Place) -> dict[str, object]:
    file = str(place.path) if place.path.is_file() else None
    return {"name": place.name, "path": file, "built_in": file is None, "active": place == used}


@app.command("set", cls=Command, context_settings={"ignore_unknown_options": True})  # a value may begin with a minus
@command
def set_(
    key: Annotated[str, typer.Argument(help="dotted key, such as providers.openai.rpm", metavar="KEY")],
    value: Annotated[str, typer.Argument(help="new value; lists and tables in TOML syntax", metavar="VALUE")],
) -> None:
    """Change one value and keep the comments."""
    from llmo.cli.context import current
    from llmo.config.edit import set_value

    ctx = current()
    where = _place(ctx).path
    left, created = set_value(where, key, value, ctx.env)
    for problem in left:
        ctx.err(f"still invalid: {problem}")
    ctx.note(f"{'created' if created else 'changed'} {where}")
    if created and key.startswith("providers."):
        ctx.note("only the providers in this file are used; add those that are found with: llmo profile init")


@app.command("schema", cls=Command)
@command
def schema() -> None:
    """Print the JSON Schema of profiles, for editors."""
    from llmo.cli.context import current
    from llmo.config.validation import schema as described

    ctx = current()
    ctx.json(described(), indent=2)
