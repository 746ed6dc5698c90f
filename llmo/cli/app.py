"""The program as Typer sees it: global options, and commands loaded when they are called."""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
import typer.main
from typer.core import TyperCommand, TyperGroup
from typer.models import CommandInfo

from llmo.cli.declared import COMMANDS, REQUIRED, Declared
from llmo.cli.lean_params import lighten
from llmo.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

SETTINGS = {"help_option_names": ["-h", "--help"]}
LIST = "list"


class Sections:
    """Help as wide as the terminal, with the options in groups and examples at the end."""

    def get_help(self, ctx: Any) -> str:
        """The whole text."""
        from llmo.cli import help as pages

        ctx.terminal_width = pages.width()
        text: str = super().get_help(ctx)  # type: ignore[misc]  # of the class that this one is mixed into
        return text

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Arguments, options by group, and the commands of a group."""
        from llmo.cli import help as pages

        pages.options(self, ctx, formatter)
        if hasattr(self, "format_commands"):
            self.format_commands(ctx, formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Two examples."""
        from llmo.cli import help as pages

        pages.examples(ctx, formatter)


class Command(Sections, TyperCommand):
    """A command of llmo."""


class Group(Sections, TyperGroup):
    """A command with subcommands."""

    command_class = Command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """What each does, never shortened: a summary that is too long is wrapped."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.commands[name].help or "") for name in self.list_commands(ctx)])


class Listing(Group):
    """A group whose subcommand `list` may be left out."""

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        """Insert `list` where it is meant."""
        return super().parse_args(ctx, [LIST, *args] if self.means_list(ctx, args) else args)

    def means_list(self, ctx: Any, args: list[str]) -> bool:
        """Whether nothing is given, or an option that is no wish for help: `llmo templates --json`."""
        return not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names)


def group(summary: str, cls: type[Group] = Group) -> typer.Typer:
    """A command to which subcommands can be added; without one it shows its help, unless `cls` knows better."""
    return typer.Typer(
        cls=cls,
        help=summary,
        rich_markup_mode=None,
        add_completion=False,
        no_args_is_help=cls is Group,
        pretty_exceptions_enable=False,
        context_settings=SETTINGS,
    )


class Lazy(Group):
    """A group that imports a command's module when the command is called."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the signature of the base
        """All names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - the signature of the base
        """Import and build one command."""
        if cmd_name not in COMMANDS:
            return None
        if cmd_name not in self.commands:
            self.commands[cmd_name] = load(cmd_name)
        return self.commands[cmd_name]

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command; an unknown one is suggested from all names, not only the loaded ones."""
        if args and args[0] == "help":
            # Programs that people know have it; there is no such command, only another way to --help.
            args = [*args[1:], "--help"]
            if len(args) == 1:
                sys.stdout.write(f"{ctx.get_help()}\n")
                ctx.exit()
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from llmo.types.nearest import suggestion

            raise UsageError(f"unknown command: {args[0]}", hint=suggestion(args[0], COMMANDS, "commands"))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - the signature of the base
        """The table above, so that help imports no command."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def load(name: str) -> Any:
    """Build the command `name` from its module: a function, or an `app` of subcommands."""
    module = importlib.import_module(f"llmo.cli.commands.{name}")
    if hasattr(module, "app"):
        for info in module.app.registered_commands:
            info.callback = genuine(info.callback)
        group = typer.main.get_command(module.app)
        for one in getattr(group, "commands", {}).values():
            lighten(one)
        return lighten(group)
    info = CommandInfo(name=name, cls=Command, callback=genuine(getattr(module, name)), context_settings=SETTINGS)
    return lighten(typer.main.get_command_from_info(info, pretty_exceptions_short=False, rich_markup_mode=None))


def genuine(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function with Typer's options and arguments for what was declared without it."""

    @functools.wraps(function)
    def same(**values: Any) -> Any:
        return function(**values)

    del same.__wrapped__
    same.__annotations__ = {}
    same.parameters = function.parameters  # type: ignore[attr-defined]  # of a command
    parameters = [
        inspect.Parameter(
            one.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if one.default is REQUIRED else one.default,
            annotation=_genuine(one.annotation),
        )
        for one in function.parameters  # type: ignore[attr-defined]  # as above
    ]
    same.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return same


def _genuine(annotation: Any) -> Any:
    declared = [one for one in getattr(annotation, "__metadata__", ()) if isinstance(one, Declared)]
    if not declared:
        return annotation
    made = [getattr(typer, one.kind)(*one.names, **one.settings) for one in declared]
    return Annotated[(annotation.__origin__, *made)]


def program() -> Any:
    """Build the whole command: for `run` and for the generators of man pages and completions."""
    from llmo.cli.options import top

    app = typer.Typer(
        name="llmo",
        cls=Lazy,
        help="Prompt language models and run batch jobs over files, through one router with hard budgets.",
        rich_markup_mode=None,
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings=SETTINGS,
    )
    app.callback()(genuine(top))
    return lighten(typer.main.get_command(app))
