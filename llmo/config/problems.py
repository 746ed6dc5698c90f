"""Problems of a profile: all at once, one line each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmo.config.schema import Path, choices, declared, expected, given, names
from llmo.errors import ConfigError
from llmo.types.dataclass import dataclass
from llmo.types.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SECRET = "keys do not belong in the profile: use api_key_env, api_key_cmd or api_key_keyring"  # noqa: S105 - advice
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than_equal": ("le", "at most"),
}
FEW = 8
"""Keys that are listed where another one is not known."""
_UNKNOWN = {"unexpected_keyword_argument", "extra_forbidden"}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to fix: its place (`file:line`, `environment NAME`, `flag --x`), its key, and what is wrong."""

    where: str
    key: str
    what: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.where, self.key, self.what) if part)


class ProfileError(ConfigError):
    """A profile that can't be used; each problem is a line of the message."""

    def __init__(self, problems: Sequence[Problem], *, hint: str | None = None) -> None:
        super().__init__("\n".join(dict.fromkeys(map(str, problems))), hint=hint)
        self.problems = tuple(problems)


def what(path: Path, error: Mapping[str, Any]) -> str:
    """The message for an error of pydantic; values that may be secrets are not repeated."""
    kind, value = str(error["type"]), error["input"]
    if kind in _UNKNOWN:
        return unknown(path)
    if kind == "missing":
        return f"missing, {expected(path)}"
    if kind in _BOUNDS:
        bound, words = _BOUNDS[kind]
        return f"expected {words} {error['ctx'][bound]:,.0f}, got {given(value)}"
    if choices(path) and isinstance(value, str):
        known = choices(path)
        if path[-1] == "kind":
            return f"unknown kind: {value}{nearest(value, known)} (kinds: {', '.join(known)})"
        return f"expected {expected(path)}, got {given(value)}{nearest(value, known)}"
    return f"expected {expected(path)}, got {_shown(path, value)}"


def unknown(path: Path) -> str:
    """A key that is not declared, with the nearest that is."""
    name = str(path[-1])
    if name == "api_key":
        return f"unknown key; {SECRET}"
    near = nearest(name, names(path[:-1]))
    if near or not declared(path[:-1]):
        return f"unknown key{near}"
    known = names(path[:-1])
    return f"unknown key (keys: {', '.join(known) if len(known) <= FEW else 'see man 5 llmo-profile'})"


def _shown(path: Path, value: object) -> str:
    if "headers" in path or str(path[-1]).startswith("api_key"):
        # Not repeated: people put the key itself here.
        return "a string" if isinstance(value, str) else "a number" if isinstance(value, int | float) else given(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and "dollars" in expected(path):
        return f"{given(value)} without quotes"
    return given(value)
