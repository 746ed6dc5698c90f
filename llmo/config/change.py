"""A value of a profile file changed, all or nothing, whoever else is changing it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.config import edit, sources
from llmo.config.load import problems
from llmo.config.problems import Problem, ProfileError
from llmo.errors import ConfigError
from llmo.storage.files import exclusive, replace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def set_value(path: Path, key: str, value: str, env: Mapping[str, str]) -> tuple[list[Problem], bool]:
    """
    Set one key of the file, which need not exist; what was wrong before and still is, and whether it is new.

    Raises `ConfigError` and leaves the file alone when the change would make something wrong.
    """
    edit.split(key)  # a wrong key is named before anything is locked or created
    with exclusive(path, env):
        before, created = _content(path)
        sources.parsed(path, before)
        after = edit.changed(sources.text(path, before), key, value).encode()
        old = {(problem.key, problem.what) for problem in problems(path, before, env)}
        found = problems(path, after, env)
        new = [problem for problem in found if (problem.key, problem.what) not in old]
        if new:
            raise ProfileError([Problem("", problem.key, problem.what) for problem in new], hint="nothing was written")
        store(path, after)
    return found, created


def _content(path: Path) -> tuple[bytes, bool]:
    try:
        return path.read_bytes(), False
    except FileNotFoundError:
        return b"", True
    except OSError as exc:
        raise ConfigError(f"cannot read the profile: {path}: {(exc.strerror or str(exc)).lower()}") from None


def store(path: Path, content: bytes) -> None:
    """Write a profile file in one step."""
    try:
        replace(path, content)
    except OSError as exc:
        raise ConfigError(f"cannot write the profile: {path}: {(exc.strerror or str(exc)).lower()}") from None
