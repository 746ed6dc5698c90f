"""Templates: where they are found by name, and what their front matter says below the flags."""

from __future__ import annotations

import os
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from llmo.cli import files
from llmo.errors import LlmoError, UsageError
from llmo.storage.paths import config_dir
from llmo.types.dataclass import dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llmo.cli.context import Context
    from llmo.cli.options import SelectionFlags
    from llmo.requests.front_matter import FrontMatter
    from llmo.types.jsontext import Json

ENDINGS = (".txt", ".md")
"""What a name leaves out, in the order in which they are tried."""
AUTO = "auto"
LARGEST = 16 << 20
"""Bytes of a template: more than any model reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateFile:
    """
    A template that was read: `text` begins in `line` of the file, and is empty when there is only front matter.

    `system` and `schema` are those of the front matter; `files` are all that it was read from.
    """

    path: str
    front: FrontMatter
    text: str
    line: int
    system: str | None
    schema: Mapping[str, Json] | None
    files: tuple[Path, ...]


def folder(env: Mapping[str, str]) -> Path:
    """Where templates with a name are."""
    return config_dir(env) / "templates"


def named(env: Mapping[str, str]) -> dict[str, Path]:
    """The templates of the folder by name, in the order of the names; with its ending what a shorter name hides."""
    found: dict[str, Path] = {}
    try:
        paths = sorted(path for path in folder(env).iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError:
        return {}
    for path in sorted(paths, key=lambda path: _rank(path.name)):
        found.setdefault(_name(path.name), path)
        if found[_name(path.name)] != path:
            found[path.name] = path
    return dict(sorted(found.items()))


def _name(file: str) -> str:
    return next((file.removesuffix(end) for end in ENDINGS if file.endswith(end) and file != end), file)


def _rank(file: str) -> int:
    return next((n for n, end in enumerate(ENDINGS, 1) if file.endswith(end)), 0)


def located(env: Mapping[str, str], given: str) -> Path:
    """
    The file of a template: a path with a separator, a file here, or a name in the folder.

    Raises `UsageError` for a name that nothing has.
    """
    if is_path(given) or os.path.isfile(given) or _is_stream(given):  # noqa: PTH113 - a long name is False, no error
        return Path(given)
    found = in_folder(env, given)
    if found is None:
        from llmo.types.nearest import suggestion

        names = f"there is no file of that name here either; templates in {folder(env)}"
        raise UsageError(f"no such template: {given}", hint=suggestion(given, named(env), names))
    return found


def is_path(given: str) -> bool:
    """Whether a template is given by its path."""
    return any(mark in given for mark in {os.sep, os.altsep or os.sep})


def in_folder(env: Mapping[str, str], name: str) -> Path | None:
    """The file of a name in the folder, None when there is none."""
    paths = (folder(env) / f"{name}{end}" for end in ("", *ENDINGS))
    return next((path for path in paths if os.path.isfile(path)), None)  # noqa: PTH113 - as above


def _is_stream(given: str) -> bool:
    return os.path.exists(given) and not os.path.isdir(given)  # noqa: PTH110, PTH112 - as above


def opened(ctx: Context, given: str | None) -> TemplateFile | None:
    """Read `--template`; None without it. Raises `UsageError` naming the file, and the line where that helps."""
    if given is None:
        return None
    path = Path(given) if given == files.STDIN else located(ctx.env, given)
    if given != files.STDIN:
        ctx.told(f"template: {path}")
    return read(ctx, str(path))


def read(ctx: Context, path: str) -> TemplateFile:
    """Read a template with the files that its front matter names."""
    from llmo.requests.front_matter import divided

    front, text, line = divided(files.shown(path), files.read_text(ctx, path, "--template", most=LARGEST))
    if not text.strip() and not front.lines:
        raise UsageError(f"--template: the file is empty: {files.shown(path)}")
    found = _Beside(ctx, path, front)
    return TemplateFile(
        path=files.shown(path),
        front=front,
        text=text if text.strip() else "",
        line=line,
        system=found.system(),
        schema=found.schema(),
        files=(Path(path), *found.paths()),
    )


def front_of(ctx: Context, path: Path) -> FrontMatter:
    """What a template of the folder says of itself, without the files that it names. Raises `UsageError`."""
    from llmo.requests.front_matter import divided

    return divided(path.name, files.read_text(ctx, str(path), "--template", most=LARGEST)).front


def described(ctx: Context, path: Path) -> str:
    """The description of a template in one line; empty when it has none, or can't be read."""
    try:
        return one_line(front_of(ctx, path).description)
    except UsageError:
        return ""


def one_line(description: str) -> str:
    """A description for a list."""
    return " ".join(description.split())


@dataclass(frozen=True, slots=True)
class _Beside:
    """The files that front matter names, relative to its own."""

    ctx: Context
    path: str
    front: FrontMatter

    def system(self) -> str | None:
        text = self.front.system
        if text is None or not text.startswith("@"):
            return text
        return files.read_text(self.ctx, str(self._file("system", text[1:])), self._where("system"))

    def schema(self) -> Mapping[str, Json] | None:
        given, where = self.front.schema, self._where("schema")
        try:
            if isinstance(given, str):
                name = self._schema_file()
                text = given if name is None else files.read_text(self.ctx, str(name), where)
                return files.parsed_schema(text, where if name is None else f"{where}: {name}")
            if given is None:
                return None
            from llmo.requests.validator import checked

            return checked(given).schema
        except UsageError as exc:
            told = exc.message if exc.message.startswith(where) else f"{where}: {exc.message}"
            raise UsageError(told, hint=exc.hint) from None

    def paths(self) -> list[Path]:
        """All of them."""
        text, name = self.front.system or "", self._schema_file()
        found = [self._file("system", text[1:])] if text.startswith("@") else []
        return found if name is None else [*found, name]

    def _schema_file(self) -> Path | None:
        given = self.front.schema
        return self._file("schema", given) if isinstance(given, str) and not given.lstrip().startswith("{") else None

    def _file(self, key: str, name: str) -> Path:
        """A file beside or below the template: a template from elsewhere must not send any file of this user."""
        pure = PurePath(name)
        if pure.is_absolute() or ".." in pure.parts or name.startswith("~") or self.path == files.STDIN:
            why = "a template from standard input has none" if self.path == files.STDIN else name
            raise UsageError(f"{self._where(key)}: expected a file beside the template: {why}")
        return Path(self.path).parent / pure

    def _where(self, key: str) -> str:
        return f"{files.shown(self.path)}:{self.front.lines.get(key, 1)}: {key}"


def under(ctx: Context, selection: SelectionFlags, template: TemplateFile | None) -> SelectionFlags:
    """
    The flags with what a template says where they are silent.

    Model and task are one choice: a task that is asked for is not answered by the template's model. Raises `LlmoError`
    naming the line for a model or task that the profile does not have.
    """
    if template is None:
        return selection
    front = template.front
    model = front.model if not (selection.model or selection.task) else ()
    task = front.task if selection.task is None else None
    _known(ctx, template, model=model if model != (AUTO,) else (), task=None if task == AUTO else task)
    return replace(
        selection,
        model=list(model) if model else selection.model,
        task=task or selection.task,
        max_tokens=front.max_tokens if selection.max_tokens is None else selection.max_tokens,
        temperature=front.temperature if selection.temperature is None else selection.temperature,
    )


def _known(ctx: Context, template: TemplateFile, *, model: Sequence[str], task: str | None) -> None:
    from llmo.routing.chains import check_task

    key = "model"
    try:
        for name in model:
            ctx.names.resolve(name)
        key = "task"
        if task is not None:
            check_task(ctx.profile, task)
    except LlmoError as exc:
        exc.message = f"{template.path}:{template.front.lines.get(key, 1)}: {key}: {exc.message}"
        raise
