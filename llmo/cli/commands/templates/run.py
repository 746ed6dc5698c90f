"""Lists, shows and edits templates."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from llmo.cli import editor, files, templates
from llmo.errors import UsageError
from llmo.render.tables import folded
from llmo.requests.front_matter import FrontMatter
from llmo.storage.paths import ensure_private, expanded

if TYPE_CHECKING:
    from llmo.cli.context import Context

NEW = """\
+++
# description = "what it is for"
# model = "auto"
# system = "You are a careful editor."
# schema = "schema.json"
+++

{{ prompt }}
{{ stdin }}
"""
"""What a new template begins as."""


class Listed(NamedTuple):
    """A template of the folder; `error` says why it can't be used."""

    name: str
    path: Path
    front: FrontMatter
    error: str | None = None


def listing(ctx: Context, *, as_json: bool) -> int:
    """Print all templates; one that is broken does not hide the others."""
    found = [_listed(ctx, name, path) for name, path in templates.named(ctx.env).items()]
    if as_json:
        ctx.json([_object(one) for one in found])
        return 0
    rows = [(one.name, _model(one.front), one.error or templates.one_line(one.front.description)) for one in found]
    ctx.show(folded(("NAME", "MODEL", "DESCRIPTION"), rows, width=ctx.table_width, bold=ctx.stdout_color))
    if not found:
        ctx.note(f"llmo: no templates in {templates.folder(ctx.env)}; create one with: llmo templates edit NAME")
    return 0


def _listed(ctx: Context, name: str, path: Path) -> Listed:
    try:
        return Listed(name, path, templates.front_of(ctx, path))
    except UsageError as exc:
        return Listed(name, path, FrontMatter(), exc.message)


def _model(front: FrontMatter) -> str:
    return ", ".join(front.model) or (f"task {front.task}" if front.task else "")


def _object(one: Listed) -> dict[str, object]:
    front = one.front
    return {
        "name": one.name,
        "path": str(one.path),
        "description": front.description or None,
        "model": list(front.model),
        "task": front.task,
        "system": front.system,
        "schema": front.schema,
        "max_tokens": front.max_tokens,
        "temperature": front.temperature,
        "error": one.error,
    }


def show(ctx: Context, name: str) -> None:
    """Print a template's file."""
    text = files.read_text(ctx, str(templates.located(ctx.env, name)), "template", most=templates.LARGEST)
    ctx.out(text if text.endswith("\n") or not text else f"{text}\n")


def path(ctx: Context, name: str | None) -> None:
    """Print where the folder or a template is."""
    ctx.out(f"{templates.folder(ctx.env) if name is None else templates.located(ctx.env, name)}\n")


def edit(ctx: Context, name: str) -> None:
    """
    Let the user change a template's file.

    A new one that was left as it began is removed again. Raises `UsageError` for an editor that fails, and for a file
    that can't be used as it is now.
    """
    file = _to_edit(ctx, name)
    new = not os.path.exists(file)  # noqa: PTH110 - a long name is False, no error
    try:
        if new:
            if not templates.is_path(name):
                ensure_private(file.parent)
            file.write_text(NEW, "utf-8")
        editor.run(ctx, file)
    except OSError as exc:
        raise UsageError(f"cannot write {file}: {exc.strerror}") from None
    finally:
        with suppress(OSError):
            if new and file.read_bytes() == NEW.encode():
                file.unlink()
    if not file.exists():
        ctx.note("llmo: nothing was saved")
        return
    _check(ctx, file)
    ctx.note(f"llmo: {'created' if new else 'saved'} {file}")


def _to_edit(ctx: Context, name: str) -> Path:
    if templates.is_path(name):
        return expanded(name)
    if not name or name.startswith("."):
        raise UsageError(f"not a name for a template: {name or 'it is empty'}")
    found = templates.in_folder(ctx.env, name)
    ending = "" if name.endswith(templates.ENDINGS) else ".md"
    return found or templates.folder(ctx.env) / f"{name}{ending}"


def _check(ctx: Context, file: Path) -> None:
    from llmo.batch.input.template import Template

    try:
        read = templates.read(ctx, str(file))
        Template(read.text, read.path, read.line)
    except UsageError as exc:
        raise UsageError(f"saved, but it cannot be used: {exc.message}", hint=exc.hint) from None
