"""
What the command line is made of, declared without Typer: importing that is half of a short command's time.

Modules with flags import this one as `typer`. `llmo.cli.plain` reads plain command lines by the declarations, and
`llmo.cli.app` makes Typer's own of them for all others.
"""

from __future__ import annotations

from typing import Any, Literal

from llmo.types.dataclass import dataclass

REQUIRED: Any = object()
"""The default of a parameter that has none."""

COMMANDS = {
    "ask": "Send one prompt and stream the answer.",
    "chat": "Talk with a model, prompt by prompt.",
    "batch": "Run a prompt over many rows or files, and resume where it stopped.",
    "runs": "List, show, fetch, cancel and resume batch runs.",
    "route": "Show which model would answer and why, without sending anything.",
    "history": "List, search, show, rate, export and delete saved conversations.",
    "templates": "List, show and edit prompt templates.",
    "cost": "Show spending and budgets.",
    "models": "List models with prices, context and readiness.",
    "profile": "Create, show, check and change profiles.",
    "completion": "Set up Tab completion in your shell.",
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a command; `inspect`, whose class would do, is a twentieth of a short command's time."""

    name: str
    annotation: Any
    default: Any = REQUIRED


class Declared:
    """An option or argument: its names, and settings that Typer knows."""

    __slots__ = ("kind", "names", "settings")

    def __init__(self, kind: Literal["Option", "Argument"], names: tuple[str, ...], settings: dict[str, Any]) -> None:
        self.kind = kind
        self.names = names
        self.settings = settings


def Option(*names: str, **settings: Any) -> Declared:  # noqa: N802 - Typer's name
    """Declare an option, as `typer.Option` does."""
    return Declared("Option", names, settings)


def Argument(**settings: Any) -> Declared:  # noqa: N802 - Typer's name
    """Declare a positional argument, as `typer.Argument` does."""
    return Declared("Argument", (), settings)
