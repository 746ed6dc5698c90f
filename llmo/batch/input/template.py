"""Prompts from rows: a sandboxed template, or the row's own prompt."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from llmo.errors import UsageError
from llmo.types.surrogates import is_whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import NoReturn

    from llmo.batch.input.rows import Row
    from llmo.types.jsontext import Json

FUEL = 5_000_000
"""Steps that one row may take: more than any prompt needs, less than a second."""
WHOLE = "row"
"""The name under which a template sees all fields, for names that are no identifiers."""
_FIELD = re.compile(r"\{\{[ \t\r\n]*([A-Za-z_][A-Za-z0-9_]*)[ \t\r\n]*\}\}")
_SYNTAX = re.compile(r"\{[{%#]|\{\Z")


class Template:
    """A template over the fields of a row; strict, and without access to anything else."""

    def __init__(self, source: str, name: str = "template", line: int = 1) -> None:
        """`source` is the text of a file from its `line` on, which only messages need. Raises `UsageError`."""
        import minijinja

        self.name = name
        self._failure = minijinja.TemplateError
        self._env = minijinja.Environment(
            undefined_behavior="strict",
            auto_escape_callback=lambda _: None,  # type: ignore[arg-type,return-value,unused-ignore]
            keep_trailing_newline=True,
            finalizer=_shown,
        )
        self._env.fuel = FUEL
        try:
            self._env.add_template("prompt", source)
        except minijinja.TemplateError as exc:
            at = (exc.line or 1) + line - 1
            raise UsageError(f"template syntax error: {name}: line {at}: {exc.detail or exc.kind}") from None
        self.fields = frozenset(self._env.undeclared_variables_in_template("prompt"))
        self._plain = self._plainly(source)

    def _plainly(self, source: str) -> tuple[str, Sequence[tuple[str, str]]] | None:
        """The text before the first field, and each field with the text behind it; None if there is more to it."""
        before, *pieces = _FIELD.split(source)
        names, texts = pieces[::2], pieces[1::2]
        if any(map(_SYNTAX.search, (before, *texts))) or set(names) != self.fields or WHOLE in names:
            return None
        fields = tuple(zip(names, texts, strict=True))
        tried = {name: f"<{name}>" for name in names}
        found = self._env.render_template("prompt", **tried)
        return (before, fields) if found == _joined(before, fields, tried) else None

    @property
    def pieces(self) -> tuple[str, ...]:
        """The texts between its fields, in order; empty when there is more to it than fields."""
        return () if self._plain is None else (self._plain[0], *(text for _, text in self._plain[1]))

    def render(self, fields: Mapping[str, Json], row: Row | None = None) -> str:
        """The prompt for these fields of a `row`. Raises `UsageError` naming its place and its fields."""
        if self._plain is not None and (prompt := _joined(*self._plain, fields)) is not None:
            return prompt
        try:
            return self._env.render_template("prompt", **{WHOLE: fields, **fields})
        except self._failure as exc:
            self._explain(exc, fields, f"{row.where}: " if row else "")

    def _explain(self, exc: Exception, fields: Mapping[str, Json], where: str) -> NoReturn:
        unknown = sorted(self.fields - fields.keys() - {WHOLE})
        known = f"known fields: {', '.join(map(str, fields))}"
        if unknown and getattr(exc, "kind", "") == "UndefinedError":
            raise UsageError(f"unknown field: {where}{', '.join(unknown)}", hint=known) from None
        why = getattr(exc, "detail", None) or str(exc).partition("\n")[0]
        raise UsageError(f"template fails: {where}{why}", hint=known) from None


def _joined(before: str, fields: Sequence[tuple[str, str]], row: Mapping[str, Json]) -> str | None:
    """The prompt where each of these fields is a text that can be sent, else None."""
    prompt = before
    for name, after in fields:
        value = row.get(name)
        if type(value) is not str:
            return None
        prompt += value + after
    return prompt if is_whole(prompt) else None


def own_prompt(row: Row) -> str:
    """Without a template: the field `prompt`, else `text`, else the whole line."""
    fields: Mapping[str, Json] = row.fields
    for name in ("prompt", "text"):
        if name in fields:
            value = fields[name]
            if not isinstance(value, str):
                raise UsageError(
                    f"not a text: {row.where}: {name}", hint="--prompt '{{ " + name + " }}' sends it as JSON"
                )
            return value
    return row.line


def _shown(value: object) -> object:
    """How a value is written into the prompt: texts as they are, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
