"""Changes one value of a profile file: comments and order are kept, the file is replaced at once."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from llmo.config import sources
from llmo.config.load import problems
from llmo.config.problems import Problem, ProfileError, unknown
from llmo.config.schema import Path, declared, decoded, dotted, is_list, is_table
from llmo.errors import ConfigError
from llmo.storage.files import replace
from llmo.storage.locks import exclusive

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Mapping, MutableMapping


def set_value(path: pathlib.Path, key: str, value: str, env: Mapping[str, str]) -> tuple[list[Problem], bool]:
    """
    Set one key of a file, which need not exist; the problems that it already had, and whether it is new.

    Raises `ConfigError` and leaves the file alone when the change would add a problem.
    """
    split(key)  # a wrong key is reported before anything is locked or created
    with exclusive(path, env):
        content = sources.content(path)
        before, created = content or b"", content is None
        sources.parsed(path, before)
        after = changed(sources.text(path, before), key, value).encode()
        old = {(problem.key, problem.what) for problem in problems(path, before, env)}
        found = problems(path, after, env)
        new = [problem for problem in found if (problem.key, problem.what) not in old]
        if new:
            raise ProfileError([Problem("", problem.key, problem.what) for problem in new], hint="nothing was written")
        store(path, after)
    return found, created


def store(path: pathlib.Path, content: bytes) -> None:
    """Write a profile file in one step."""
    try:
        replace(path, content)
    except OSError as exc:
        raise sources.failed("write", path, exc) from None


def changed(text: str, key: str, value: str) -> str:
    """
    The text with `key` (dotted, as TOML writes it; list items by number) set to `value`.

    Scalars are taken literally, lists and tables are TOML. Raises `ConfigError` for a key that profiles
    do not have; the value is checked by the validation of the whole file.
    """
    import tomlkit

    path = split(key)
    document = tomlkit.parse(text)
    table: Any = document
    for n, part in enumerate(path[:-1]):
        table = _inner(table, part, path[: n + 1], last=n == len(path) - 2)
    name = path[-1]
    if isinstance(table, list):
        table[_number(table, name, path)] = read(path, value)
    else:
        table[str(name)] = read(path, value)
    return tomlkit.dumps(document)


def split(key: str) -> Path:
    """The parts of a dotted key. Raises `ConfigError` where nothing is declared."""
    try:
        tree: Any = tomllib.loads(f"{key} = 0")
    except (ValueError, RecursionError):
        raise ConfigError(f"not a key: {key}", hint="keys are dotted, as in providers.openai.rpm") from None
    path: Path = ()
    while isinstance(tree, dict) and len(tree) == 1:
        [(name, tree)] = tree.items()
        path = (*path, name)
        if declared(path) is None:
            raise ConfigError(f"{dotted(path)}: {unknown(path)}", hint="all keys: llmo profile schema")
    if tree != 0:
        raise ConfigError(f"not one key: {key}", hint="keys are dotted, as in providers.openai.rpm")
    return path


def read(path: Path, value: str) -> object:
    """The value that a text means, by the type declared at `path`."""
    kind = declared(path)
    if is_table(kind) or is_list(kind) or value[:1] in {'"', "'"}:
        try:
            tree = tomllib.loads(f"value = {value}")
        except (ValueError, RecursionError):
            return value
        return tree["value"] if len(tree) == 1 else value
    return decoded(path, value)


def _inner(table: Any, part: str | int, path: Path, *, last: bool) -> Any:
    import tomlkit

    if isinstance(table, list):
        return table[_number(table, part, path)]
    there: MutableMapping[str, Any] = table
    if str(part) not in there:
        there[str(part)] = tomlkit.table(is_super_table=not last)
    inner = there[str(part)]
    if not isinstance(inner, dict | list):
        raise ConfigError(f"{dotted(path)}: not a table in this file")
    return inner


def _number(items: list[Any], part: str | int, path: Path) -> int:
    if not (str(part).isdigit() and int(part) < len(items)):
        raise ConfigError(f"{dotted(path)}: no such item", hint=f"there are {len(items)}, counted from 0")
    return int(part)
