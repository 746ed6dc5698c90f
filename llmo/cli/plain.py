"""
Plain command lines, read without Typer.

Plain are options of known commands, spelled out or in one letter, with values that are valid, and words. Everything
else (help, mistakes, `--`, letters that stand together, groups of commands) is left to Typer, which then reads the line
from its beginning: what this module does not surely read alike, it does not read.
"""

from __future__ import annotations

import importlib
import os
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Union, get_args, get_origin

from llmo.cli.declared import COMMANDS, REQUIRED, Declared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from llmo.cli.declared import Parameter

PLAIN = {"help", "metavar", "rich_help_panel", "show_default", "hidden"}
"""Settings that change nothing about how a value is read."""
BOUNDS = {"min", "max"}
HELP = {"-h", "--help"}
COMPLETE = "_LLMO_COMPLETE"
"""The variable by which shells ask Typer for completions."""


class Flag(NamedTuple):
    """One spelling of an option."""

    name: str
    type: Any
    """`bool`, `str`, `int`, `float`, `list` (of `str`) or a `Literal`."""
    value: bool = True
    """What a switch is set to."""


class NotPlainError(Exception):
    """Only Typer can tell what this line means."""


class PlainLine(NamedTuple):
    """A command with all its values, and the global options before its name."""

    command: Callable[..., int]
    values: dict[str, Any]
    before: dict[str, Any]


def read(args: Sequence[str]) -> PlainLine | None:
    """What `args` call; None where Typer must read them. Imports the command's module."""
    if COMPLETE in os.environ or not HELP.isdisjoint(args):
        return None
    from llmo.cli.options import top

    try:
        globals_ = _Grammar(top.parameters, lenient=True)  # type: ignore[attr-defined]  # of a command
        before = dict(globals_.defaults)
        rest = globals_.take(list(args), before, ahead=True)
        if not rest or rest[0] not in COMMANDS:
            return None
        module = importlib.import_module(f"llmo.cli.commands.{rest[0]}")
        if hasattr(module, "app"):
            return None
        command = getattr(module, rest[0])
        grammar = _Grammar(command.parameters)
        values = dict(grammar.defaults)
        grammar.take(rest[1:], values)
    except NotPlainError:
        return None
    return PlainLine(command, values, before)


class _Grammar:
    """The flags of one command, read from its parameters."""

    def __init__(self, parameters: Iterable[Parameter], *, lenient: bool = False) -> None:
        """Raises `NotPlainError` for a parameter that is not plain; a `lenient` grammar does without it."""
        self.flags: dict[str, Flag] = {}
        self.words: Flag | None = None
        self.defaults: dict[str, Any] = {}
        for parameter in parameters:
            declared = next((m for m in getattr(parameter.annotation, "__metadata__", ()) if type(m) is Declared), None)
            kind = None if declared is None else _type(parameter.annotation.__origin__)
            required = parameter.default is REQUIRED
            if declared is None or kind is None or required or not {*declared.settings} <= PLAIN | BOUNDS:
                if lenient:
                    continue
                raise NotPlainError
            self.defaults[parameter.name] = parameter.default
            if declared.kind == "Argument":
                self.words = Flag(parameter.name, kind)
            else:
                # A number with bounds may be left out; given, it is checked by Typer.
                self._spell(parameter.name, declared, kind if {*declared.settings} <= PLAIN else None)

    def _spell(self, name: str, declared: Declared, kind: Any) -> None:
        for text in declared.names:
            yes, _, no = text.partition("/")
            self.flags[yes.strip()] = Flag(name, kind)
            if no:
                self.flags[no.strip()] = Flag(name, kind, value=False)

    def take(self, args: Sequence[str], values: dict[str, Any], *, ahead: bool = False) -> Sequence[str]:
        """
        Put the values of `args` into `values`; the rest, where only options `ahead` of the first word are read.

        Raises `NotPlainError` where anything is left.
        """
        words: list[str] = []
        place = 0
        while place < len(args):
            arg = args[place]
            place += 1
            if arg[:1] != "-" or arg == "-":
                if ahead:
                    return args[place - 1 :]
                words.append(arg)
                continue
            name, equals, text = arg.partition("=") if arg.startswith("--") else (arg, "", "")
            flag = self.flags.get(name)
            if flag is None or (flag.type is bool and equals):
                raise NotPlainError
            if flag.type is bool:
                values[flag.name] = flag.value
                continue
            if not equals:
                if place == len(args) or (args[place][:1] == "-" and args[place] != "-"):
                    raise NotPlainError
                text = args[place]
                place += 1
            _set(values, flag, text)
        self._put_words(words, values)
        return ()

    def _put_words(self, words: list[str], values: dict[str, Any]) -> None:
        if not words:
            return
        if self.words is None or (self.words.type is not list and len(words) > 1):
            raise NotPlainError
        for word in words:
            _set(values, self.words, word)


def _type(annotation: Any) -> Any:
    """The type of a plain parameter, without `None`; None for all others."""
    if get_origin(annotation) in (Union, UnionType):
        inner = [part for part in get_args(annotation) if part is not NoneType]
        return _type(inner[0]) if len(inner) == 1 else None
    if get_origin(annotation) is list:
        return list if get_args(annotation) == (str,) else None
    if annotation in (bool, str, int, float) or get_origin(annotation) is Literal:
        return annotation
    return None


def _set(values: dict[str, Any], flag: Flag, text: str) -> None:
    if flag.type is list:
        values[flag.name] = [*(values[flag.name] or ()), text]
    elif flag.type is str or (get_origin(flag.type) is Literal and text in get_args(flag.type)):
        values[flag.name] = text
    elif flag.type in (int, float):
        try:
            values[flag.name] = flag.type(text)
        except ValueError:
            raise NotPlainError from None
    else:
        raise NotPlainError


def call(found: PlainLine) -> int:
    """Carry out a command. Exceptions pass, except for those that Typer takes for an end."""
    from llmo.cli.context import current
    from llmo.errors import Cancelled

    current().configure(**found.before)
    try:
        return found.command(**found.values)
    except KeyboardInterrupt:
        return 130
    except EOFError:
        current().err("")
        raise Cancelled from None
