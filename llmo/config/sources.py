"""Profile files: their places, their content, and the line of each value."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmo.config.defaults import TREES
from llmo.config.layers import Layer
from llmo.config.problems import Problem, ProfileError
from llmo.errors import ConfigError
from llmo.storage.paths import config_dir
from llmo.types.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST = 1 << 20
_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)\Z")


@dataclass(frozen=True, slots=True)
class Place:
    """A profile's name and its file, which need not exist for a built-in one."""

    name: str
    path: Path
    explicit: bool

    @property
    def built_in(self) -> bool:
        """Whether the profile exists without a file."""
        return not self.explicit and self.name in TREES


def place(name_or_path: str | None, env: Mapping[str, str]) -> Place:
    """
    Where a profile is: a name in the config directory, or a path when it has a separator or ends in `.toml`.

    Never in the working directory by itself: a cloned repository must not redirect keys or start programs.
    """
    given = name_or_path or env.get("LLMO_PROFILE") or "default"
    if any(mark in given for mark in {os.sep, os.altsep or os.sep}) or given.endswith(".toml"):
        return Place(Path(given).stem, Path(given), explicit=True)
    return Place(given, directory(env) / f"{given}.toml", explicit=False)


def directory(env: Mapping[str, str]) -> Path:
    """The directory of named profiles."""
    return config_dir(env) / "profiles"


def known(env: Mapping[str, str]) -> list[str]:
    """The names of all profiles, built-in ones first."""
    try:
        own = sorted(path.stem for path in directory(env).glob("*.toml"))
    except OSError:
        own = []
    return list(dict.fromkeys((*TREES, *own)))


def read(where: Place, env: Mapping[str, str]) -> bytes | None:
    """The file's bytes, None for a built-in profile that has no file. Raises `ConfigError`."""
    found = content(where.path)
    if found is None and not where.built_in:
        raise _unknown(where, env)
    return found


def content(path: Path) -> bytes | None:
    """The bytes of a profile file, None when there is none. Raises `ConfigError` for one that is no such file."""
    try:
        with path.open("rb") as file:
            found = file.read(LARGEST + 1)
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise failed("read", path, exc) from None
    if len(found) > LARGEST:
        raise ConfigError(f"too large for a profile: {path}: more than 1 MiB")
    return found


def failed(verb: str, path: Path, exc: OSError) -> ConfigError:
    """The error of a profile file that can't be read or written."""
    return ConfigError(f"cannot {verb} the profile: {path}: {(exc.strerror or str(exc)).lower()}")


def _unknown(where: Place, env: Mapping[str, str]) -> ConfigError:
    from llmo.types.nearest import suggestion

    if where.explicit:
        names = f"known profiles: {', '.join(known(env))}"
        return ConfigError(f"no such profile file: {where.path}", hint=names)
    hint = suggestion(where.name, known(env), "a path has a slash or ends in .toml; known profiles")
    return ConfigError(f"unknown profile: {where.name}", hint=hint)


def parsed(path: Path | str, content: bytes) -> dict[str, Any]:
    """The parsed TOML of a file. Raises `ProfileError` with line and column when it is invalid."""
    import tomllib

    try:
        return tomllib.loads(text(path, content))
    except tomllib.TOMLDecodeError as exc:
        raise _invalid(path, content, str(exc)) from None
    except (RecursionError, ValueError):
        raise ProfileError([Problem(str(path), "", "not valid TOML: nested too deeply or a number too long")]) from None


def _invalid(path: Path | str, content: bytes, message: str) -> ProfileError:
    found = _PLACE.search(message)
    last = content.rstrip().count(b"\n") + 1
    line, column = found.groups() if found else (None, None)
    what = message[: found.start()] if found else message
    where = f"{path}:{line}:{column}" if line else f"{path}:{last}"
    return ProfileError([Problem(where, "", f"not valid TOML: {what[:1].lower()}{what[1:]}")])


def text(path: Path | str, content: bytes) -> str:
    """The text of a file, without the byte order mark of Windows editors. Raises `ProfileError` for invalid UTF-8."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = content[: exc.start].count(b"\n") + 1
        raise ProfileError([Problem(f"{path}:{line}", "", "not valid UTF-8")]) from None


def layer(path: Path | str, content: bytes, data: Mapping[str, Any]) -> Layer:
    """A parsed file as a layer, with the line of each part."""
    from llmo.config.toml_positions import positions

    lines = positions(text(path, content))
    return Layer(data, {at: f"profile {path}:{line}" for at, line in lines.items()})
