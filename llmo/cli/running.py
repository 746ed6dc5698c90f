"""Runs a command line: read plainly or by Typer, errors turned into lines and exit codes."""

from __future__ import annotations

import errno
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from llmo.cli import plain
from llmo.cli.context import ClosedPipe, current, encode
from llmo.errors import Cancelled, Exit, LlmoError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

BARE = {"--retry-errors": "--retry-errors=all"}
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
"""What a file or device says that takes no more."""


def run(args: Sequence[str]) -> int:
    """Run with `args`; the exit code. Prints every error as one line, and as JSON when that was asked for."""
    code = _run(args)
    if "loaded" in vars(current()):
        _refresh_lists()
    return code


def _refresh_lists() -> None:
    """Keep what Tab offers current, if Tab was ever pressed."""
    # The command is done: what goes wrong here is wrong with a convenience, and the next Tab finds out.
    with suppress(Exception, KeyboardInterrupt):
        from llmo.storage import name_lists

        if name_lists.directory(current().env).exists():
            from llmo.cli import tab_words

            tab_words.refresh(current())


def _run(args: Sequence[str]) -> int:
    debug = "--debug" in args
    encode()
    try:
        code = _called(spelled(args))
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


def _called(args: Sequence[str]) -> Any:
    if (found := plain.read(args)) is not None:
        return plain.call(found)
    from llmo.cli.app import program

    return program().main(args=args, prog_name="llmo", standalone_mode=False)


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
        text = " ".join(exc.format_message().split()).replace(". Choose from: ", ": choose from ").rstrip(".")
        return UsageError(text[:1].lower() + text[1:], hint=f"see {command} --help")
    if type(exc).__name__ == "Abort":
        return Cancelled()
    if isinstance(exc, OSError) and exc.errno in FULL:
        return LlmoError(
            f"cannot write: {(exc.strerror or str(exc)).lower()}", hint="its cost is booked; show it with: llmo cost"
        )
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
