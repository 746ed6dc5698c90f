"""
Completions for bash, zsh, fish and PowerShell, written from the surface of the program.

Commands, options and fixed values stand in the scripts; names are read from the lists in llmo's cache (see
`llmo/storage/name_lists.py`), so that a Tab starts no Python. `llmo completion words` writes lists that are missing or
out of date. What Typer generates would ask Python for every Tab, loses the first Tab of a zsh session, and breaks words
at a colon in bash.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from llmo.ledger.sql.spending import DATES, FACTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from surface import Command

HEADER = "# Completion of llmo for {}. Written by .ci/generate.py from the program: do not edit."
HELP = ("help", "show the help of a command")
"""No command of its own, and typed like one."""


class Words(NamedTuple):
    """Where the names of a value come from: always these, then lists, of the profile or shared by all, then files."""

    of: str
    lists: tuple[str, ...]
    fixed: Mapping[str, str] = {}
    files: str | None = None
    """A pattern of files that may be given by path instead."""


_MODELS = ("aliases", "ready", "models")
WORDS = {
    "model": Words("profile", _MODELS, {"auto": "choose by the task"}),
    "target": Words("profile", _MODELS),
    "task": Words("profile", ("tasks",)),
    "provider": Words("profile", ("providers",)),
    "key": Words("profile", ("keys",)),
    "profile": Words("shared", ("profiles",), files="*.toml"),
    "template": Words("shared", ("templates",), files="*"),
    "run": Words("shared", ("runs",)),
    "tag": Words("shared", ("tags",)),
    "conversation": Words("shared", ("conversations",)),
    "grouping": Words("shared", ("tag-keys",), dict.fromkeys((*DATES, *FACTS), "")),
}
"""By the kind of value (`surface.Listed`)."""


def commands(command: Command) -> list[tuple[str, str]]:
    """What may follow a group, with its help."""
    below = [(child.path[-1], child.help.rstrip(".")) for child in command.children]
    return below if command.path else [*below, HELP]


def quoted(text: str) -> str:
    """A word of bash or zsh."""
    return "'" + text.replace("'", "'\\''") + "'"
