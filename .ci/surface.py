"""The command line as values: what the generators of completions and man pages, and the tests of README, need of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from llmo.cli.app import program
from llmo.cli.help import group
from llmo.cli.tab_words import Lists
from llmo.ledger.sql.spending import DATES, FACTS

Listed = Literal[
    "model", "target", "profile", "provider", "task", "grouping", "run", "tag", "conversation", "key", "template"
]
"""What llmo lists by name; `target` is a model of `cost`, which routes nothing, `grouping` what costs are summed by."""
Values = Literal["none", "any", "choice", "file", "directory", Listed]


@dataclass(frozen=True)
class Option:
    """One option, all its spellings."""

    names: tuple[str, ...]
    """`-m`, `--model`."""
    help: str
    metavar: str
    """Empty for a flag."""
    values: Values
    choices: tuple[str, ...]
    repeats: bool
    default: str = ""
    group: str = ""
    """The section of the help that it stands in."""

    @property
    def takes_value(self) -> bool:
        """Whether the next word belongs to it; not of `--retry-errors[=KIND]`."""
        return self.values != "none" and not self.metavar.startswith("[")


@dataclass(frozen=True)
class Argument:
    """One positional argument."""

    metavar: str
    help: str
    values: Values
    required: bool
    repeats: bool
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Command:
    """A command; a group has `children`."""

    path: tuple[str, ...]
    """`("profile", "init")`; empty for llmo itself."""
    help: str
    options: tuple[Option, ...]
    arguments: tuple[Argument, ...]
    children: tuple[Command, ...] = ()

    @property
    def name(self) -> str:
        """`llmo profile init`."""
        return " ".join(("llmo", *self.path))


def surface() -> Command:
    """The whole program."""
    return _command(program(), ())


def everything(command: Command) -> list[Command]:
    """A command and all below it, in the order of the help."""
    return [command, *(found for child in command.children for found in everything(child))]


def _command(command: Any, path: tuple[str, ...]) -> Command:
    names = command.list_commands(None) if hasattr(command, "list_commands") else []
    params = [param for param in command.params if not getattr(param, "hidden", False)]
    return Command(
        path,
        " ".join((command.help or "").split()),
        (*(_option(p) for p in params if p.param_type_name == "option"), HELP),
        tuple(_argument(p) for p in params if p.param_type_name == "argument"),
        tuple(_command(command.get_command(None, name), (*path, name)) for name in names),
    )


NAMED = {
    "by": (*DATES, *FACTS, "tag:"),
    "lists": get_args(Lists),
    "supports": ("vision", "schema", "tools", "reasoning"),
}
"""Values of options that Typer can't declare as a choice, because they repeat."""
HELP = Option(("-h", "--help"), "show this help and exit", "", "none", (), repeats=False, group="Global")


def _option(param: Any) -> Option:
    names = (*param.opts, *param.secondary_opts)
    if param.is_flag or getattr(param, "count", False):
        counted = bool(getattr(param, "count", False))
        return Option(names, param.help or "", "", "none", (), repeats=counted, group=group(param))
    choices = _choices(param) or NAMED.get(param.opts[-1].lstrip("-"), ())
    metavar = param.metavar or ("|".join(choices) if choices else param.name.upper())
    default = param.default if isinstance(param.default, str | int | float) else ""
    name = names[-1].lstrip("-")
    values: Values = "choice" if choices and name not in NAMES else _values(name, metavar)
    return Option(names, param.help or "", metavar, values, choices, bool(param.multiple), str(default), group(param))


def _argument(param: Any) -> Argument:
    metavar = (param.metavar or param.name.upper()).strip("[].")
    choices = _choices(param) or NAMED.get(param.name, ())
    values: Values = "choice" if choices else _values(param.name, metavar)
    return Argument(metavar, param.help or "", values, bool(param.required), param.nargs != 1, choices)


def _choices(param: Any) -> tuple[str, ...]:
    annotation = getattr(getattr(param, "type_descriptor", None), "annotation", None)
    if get_origin(annotation) is Literal:
        return tuple(map(str, get_args(annotation)))
    return tuple(map(str, getattr(getattr(param, "type", None), "choices", ())))


NAMES: dict[str, Values] = {
    **{name: name for name in get_args(Listed)},
    "as-if": "target",
    "by": "grouping",
}
METAVARS: dict[str, Values] = {"ID": "conversation", "MODEL": "model", "PROVIDER": "provider"}


def _values(name: str, metavar: str) -> Values:
    """What a value is, read from the words that the help uses."""
    if (known := NAMES.get(name) or METAVARS.get(metavar)) and (name, metavar) != ("run", "NAME"):
        return known
    if "DIR" in metavar:
        return "directory"
    return "file" if {"FILE", "PATH", "INPUT", "OUT", "OUTPUT"} & set(metavar.split("|")) else "any"
