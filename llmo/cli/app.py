"""The program: global options, commands loaded when they are called, errors turned into lines and exit codes."""

from __future__ import annotations

import errno
import importlib
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import typer
import typer.main
from typer.core import TyperCommand, TyperGroup
from typer.models import CommandInfo

from llmo.cli.context import ClosedPipe, current, encode
from llmo.cli.lean_params import lighten
from llmo.errors import Cancelled, Exit, LlmoError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

SETTINGS = {"help_option_names": ["-h", "--help"]}
COMMANDS = {
    "ask": "Send one prompt and stream the answer.",
    "chat": "Talk with a model, prompt by prompt.",
    "batch": "Run a prompt over many rows or files, and resume where it stopped.",
    "route": "Show which model would answer and why, without sending anything.",
    "history": "List, search, show, rate, export and delete saved conversations.",
    "templates": "List, show and edit prompt templates.",
    "cost": "Show spending and budgets.",
    "models": "List models with prices, context and readiness.",
    "profile": "Create, show, check and change profiles.",
    "completion": "Set up Tab completion in your shell.",
}

BARE = {"--retry-errors": "--retry-errors=all"}
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
"""What a file or device says that takes no more."""


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
        group = typer.main.get_command(module.app)
        for one in getattr(group, "commands", {}).values():
            lighten(one)
        return lighten(group)
    info = CommandInfo(name=name, cls=Command, callback=getattr(module, name), context_settings=SETTINGS)
    return lighten(typer.main.get_command_from_info(info, pretty_exceptions_short=False, rich_markup_mode=None))


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
    app.callback()(top)
    return lighten(typer.main.get_command(app))


def run(args: Sequence[str]) -> int:
    """Run with `args`; the exit code. Prints every error as one line, and as JSON when that was asked for."""
    code = _run(args)
    if "loaded" in vars(current()):
        from llmo.cli import tab_words

        # The command is done: what goes wrong here is wrong with a convenience, and the next Tab finds out.
        with suppress(Exception, KeyboardInterrupt):
            tab_words.refresh(current())
    return code


def _run(args: Sequence[str]) -> int:
    debug = "--debug" in args
    encode()
    try:
        code = program().main(args=spelled(args), prog_name="llmo", standalone_mode=False)
        sys.stdout.flush()
    except LlmoError as exc:
        if debug:
            trace(exc)
        return report(exc, args)
    except (BrokenPipeError, ClosedPipe):
        return closed_pipe()
    except KeyboardInterrupt:
        return report(Cancelled(), args)
    except Exception as exc:  # noqa: BLE001 - nobody else catches what nobody foresaw
        return _unforeseen(exc, args, debug=debug)
    return code if isinstance(code, int) else 0


def spelled(args: Sequence[str]) -> list[str]:
    """The arguments, flags with an optional value spelled out: Typer has none such."""
    end = args.index("--") if "--" in args else len(args)
    return [BARE.get(arg, arg) if place < end else arg for place, arg in enumerate(args)]


def _unforeseen(exc: Exception, args: Sequence[str], *, debug: bool) -> int:
    """Report what is no error of ours; a command without arguments shows its help."""
    if type(exc).__name__ == "NoArgsIsHelpError":
        sys.stdout.write(f"{exc.ctx.get_help()}\n")  # type: ignore[attr-defined]  # typer hides the class
        return int(Exit.OK)
    if debug and not hasattr(exc, "format_message"):
        trace(exc)
    if isinstance(exc, OSError) and exc.errno in FULL:
        forget_stdout()
    return report(_explained(exc), args)


def _explained(exc: Exception) -> LlmoError:
    """Say what a foreign exception means: a wrong command line, or a bug of ours."""
    if hasattr(exc, "format_message"):
        command = getattr(getattr(exc, "ctx", None), "command_path", "llmo")
        if near := getattr(exc, "possibilities", None):
            from llmo.types.nearest import nearest

            text = f"no such option: {exc.option_name}{nearest(exc.option_name, near)}"  # type: ignore[attr-defined]
            return UsageError(text, hint=f"see {command} --help")
        text = exc.format_message().rstrip(".")
        return UsageError(text[:1].lower() + text[1:], hint=f"see {command} --help")
    if type(exc).__name__ == "Abort":
        return Cancelled()
    if isinstance(exc, OSError) and exc.errno in FULL:
        return LlmoError(f"cannot write: {exc.strerror}", hint="its cost is booked; show it with: llmo cost")
    return LlmoError(
        f"internal error: {type(exc).__name__}: {exc}",
        hint="this is a bug in llmo: run it with --debug and report the output",
    )


def trace(exc: Exception) -> None:
    """Print where it happened; the messages on the way may hold a key."""
    from traceback import format_exception

    current().err("".join(format_exception(exc)).rstrip("\n"))


def report(exc: LlmoError, args: Sequence[str] = ()) -> int:
    """Print a failure; the exit code."""
    from llmo.types.redact import masked

    if "--json" in args or "--ndjson" in args:
        error = {"kind": exc.kind, "message": masked(exc.message), "hint": exc.hint and masked(exc.hint)}
        body: dict[str, Any] = {"ok": False, "error": error, "attempts": [], "text": ""}
        if "--ndjson" in args:
            body = {"event": "result", **body}
        try:
            current().json(body)
            sys.stdout.flush()
        except BrokenPipeError:
            return closed_pipe()
    return current().failed(exc)


def closed_pipe() -> int:
    """End quietly when the reader has gone."""
    forget_stdout()
    return int(Exit.OK)


def forget_stdout() -> None:
    """Keep Python from trying at exit to write what could not be written."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
