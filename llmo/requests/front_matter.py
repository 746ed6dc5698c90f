"""What a template asks for besides its text: TOML between two lines `+++` at its beginning."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from llmo.config import parameters, schema, sources
from llmo.config.problems import ProfileError
from llmo.config.toml_positions import positions
from llmo.errors import UsageError
from llmo.types.dataclass import dataclass, field
from llmo.types.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

FENCE = "+++"
LARGEST = 1 << 20
"""Characters of front matter."""
KEYS = ("description", "model", "task", "system", "schema", "max_tokens", "temperature")
_FENCE = re.compile(r"^\+\+\+[ \t]*\r?$", re.MULTILINE)
_YAML = re.compile(rf"---[ \t]*\r?\n(?:{'|'.join(KEYS)})[ \t]*:.*?^---[ \t]*\r?$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontMatter:
    """
    What is said before the text; None is left to flags and the profile.

    `schema` is as it was written: a table, JSON, or the name of a file. `lines` has the line of each key.
    """

    description: str = ""
    model: tuple[str, ...] = ()
    task: str | None = None
    system: str | None = None
    schema: Mapping[str, Any] | str | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    lines: Mapping[str, int] = field(default_factory=dict)


class Divided(NamedTuple):
    """A template's front matter, its text, and the line of the file in which the text begins."""

    front: FrontMatter
    text: str
    line: int


def divided(name: str, content: str) -> Divided:
    """Take a template apart; `name` is its file in the `UsageError` for front matter that can't be used."""
    first = _FENCE.match(content)
    if first is None:
        if _YAML.match(content):
            hint = "begin the file with an empty line to send it as it is"
            raise UsageError(f"{name}:1: front matter is TOML between lines {FENCE}, not YAML", hint=hint)
        return Divided(FrontMatter(), content, 1)
    last = _FENCE.search(content, first.end())
    if last is None:
        raise UsageError(f"{name}:1: front matter is not closed: no second line {FENCE}")
    begin = last.end() + content.startswith("\n", last.end())
    text = len(content) - len(content[begin:].lstrip(" \t\r\n"))
    begin = max(begin, content.rfind("\n", begin, text) + 1)
    # A blank line in place of the first fence: lines are those of the file.
    front = _read(name, content[first.end() : last.start()])
    return Divided(front, content[begin:], content.count("\n", 0, begin) + 1)


def _read(name: str, text: str) -> FrontMatter:
    if len(text) > LARGEST:
        raise UsageError(f"{name}:1: front matter is too large: {len(text):,} characters, the maximum is {LARGEST:,}")
    try:
        data = sources.parsed(name, text.encode("utf-8", "surrogatepass"))
    except ProfileError as exc:
        raise UsageError(exc.message) from None
    lines = {str(path[0]): line for path, line in positions(text).items() if len(path) == 1}
    read = _Values(name, data, lines)
    for key in data:
        if key not in KEYS:
            known = nearest(key, KEYS) or f" (keys: {', '.join(KEYS)})"
            read.fail(key, f"unknown key{known}")
    return FrontMatter(
        description=read.text("description") or "",
        model=read.texts("model"),
        task=read.text("task"),
        system=read.text("system"),
        schema=read.schema(),
        max_tokens=read.number("max_tokens"),
        temperature=read.number("temperature"),
        lines=lines,
    )


@dataclass(frozen=True, slots=True)
class _Values:
    """The values of front matter by their types; each error names the file and the line."""

    name: str
    data: Mapping[str, Any]
    lines: Mapping[str, int]

    def fail(self, key: str, what: str) -> NoReturn:
        raise UsageError(f"{self.name}:{self.lines.get(key, 1)}: {schema.dotted((key,))}: {what}")

    def text(self, key: str) -> str | None:
        value = self.data.get(key)
        if value is not None and not isinstance(value, str):
            self.fail(key, f"expected a string, got {schema.given(value)}")
        return None if value is None else self._said(key, value)

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.data.get(key, [])
        several = [value] if isinstance(value, str) else value
        if not isinstance(several, list) or not all(isinstance(one, str) for one in several):
            self.fail(key, f"expected a string or a list of strings, got {schema.given(value)}")
        return tuple(self._said(key, one) for one in several)

    def _said(self, key: str, value: str) -> str:
        if not value.strip():
            self.fail(key, "is empty; leave it out")
        return value

    def schema(self) -> Mapping[str, Any] | str | None:
        value = self.data.get("schema")
        if value is not None and not isinstance(value, str | dict):
            self.fail("schema", f"expected a table, JSON or the name of a file, got {schema.given(value)}")
        return value if isinstance(value, dict) else self.text("schema")

    def number(self, key: str) -> Any:
        check = parameters.whole if key == "max_tokens" else parameters.real
        try:
            return check(key, self.data.get(key))
        except UsageError as exc:
            raise UsageError(f"{self.name}:{self.lines.get(key, 1)}: {exc.message}") from None
