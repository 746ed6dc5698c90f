"""
Flags, declared once.

A command takes whole groups of flags as dataclasses: `@command` spreads their fields into the
function's signature, where Typer reads them, and gathers the values again. The global options
are part of every command, so they may stand before or after its name.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

from llmo.cli import context
from llmo.cli import declared as typer
from llmo.cli.durations import seconds
from llmo.errors import UsageError
from llmo.types import jsontext
from llmo.types.dataclass import MISSING, dataclass, fields, is_dataclass, replace
from llmo.types.jsontext import Json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmo.client.question import Options, Spelling
    from llmo.config.profile import Profile
    from llmo.routing.model_names import ModelNames
    from llmo.routing.planner import Selection
    from llmo.types.messages import Params, Target


NAMES = {"extra": "--option", "tags": "--tag"}
"""Flags whose names differ from the options of `llmo.Client`."""


@dataclass(frozen=True, kw_only=True)
class Globals:
    """Options of the whole program."""

    profile: Annotated[
        str | None,
        typer.Option(
            "-P", "--profile", help="profile to use, by name or path", metavar="NAME|PATH", rich_help_panel="Global"
        ),
    ] = None
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="hide progress and the cost line", rich_help_panel="Global")
    ] = False
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="explain what happens and why", rich_help_panel="Global")
    ] = False
    debug: Annotated[
        bool, typer.Option("--debug", help="show tracebacks and HTTP traffic, secrets masked", rich_help_panel="Global")
    ] = False
    no_color: Annotated[bool, typer.Option("--no-color", help="disable color", rich_help_panel="Global")] = False


@dataclass(frozen=True, kw_only=True)
class SelectionFlags:
    """Which model answers, and how; the same for `ask`, `batch` and `route`."""

    model: Annotated[
        list[str] | None,
        typer.Option(
            "-m",
            "--model",
            help="provider/model, alias or auto; repeat for a fallback chain",
            metavar="MODEL",
            rich_help_panel="Model",
        ),
    ] = None
    task: Annotated[
        str | None,
        typer.Option(
            "-t",
            "--task",
            help="simple, complex, general, auto or a task of the profile",
            metavar="NAME",
            rich_help_panel="Model",
        ),
    ] = None
    strategy: Annotated[
        Literal["profile", "cheapest", "fastest", "balanced"] | None,
        typer.Option("--strategy", help="how candidates are ordered", rich_help_panel="Model"),
    ] = None
    private: Annotated[
        bool, typer.Option("--private", help="use only models on this machine", rich_help_panel="Model")
    ] = False
    allow_private_to: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-private-to",
            help="allow private data to go to this provider (repeatable)",
            metavar="PROVIDER",
            rich_help_panel="Model",
        ),
    ] = None
    no_fallback: Annotated[
        bool, typer.Option("--no-fallback", help="try only the first candidate", rich_help_panel="Model")
    ] = False
    max_cost: Annotated[
        str | None,
        typer.Option(
            "--max-cost", help="hard cap in dollars for this command", metavar="USD", rich_help_panel="Budget"
        ),
    ] = None
    fit: Annotated[
        bool, typer.Option("--fit", help="lower the output limit to what the budget allows", rich_help_panel="Budget")
    ] = False
    max_tokens: Annotated[
        int | None,
        typer.Option("--max-tokens", help="maximum number of output tokens", metavar="N", rich_help_panel="Parameters"),
    ] = None
    temperature: Annotated[
        float | None,
        typer.Option("--temperature", help="sampling temperature", metavar="N", rich_help_panel="Parameters"),
    ] = None
    seed: Annotated[
        int | None, typer.Option("--seed", help="sampling seed", metavar="N", rich_help_panel="Parameters")
    ] = None
    stop: Annotated[
        list[str] | None,
        typer.Option("--stop", help="stop sequence (repeatable)", metavar="TEXT", rich_help_panel="Parameters"),
    ] = None
    timeout: Annotated[
        str | None,
        typer.Option(
            "--timeout",
            help="time limit per call, retries included (30, 90s, 2m)",
            metavar="TIME",
            rich_help_panel="Request",
        ),
    ] = None
    retries: Annotated[
        int | None,
        typer.Option(
            "--retries", help="retries per candidate after the first attempt", metavar="N", rich_help_panel="Request"
        ),
    ] = None
    tag: Annotated[
        list[str] | None,
        typer.Option(
            "--tag", help="label stored with every call (repeatable)", metavar="KEY=VALUE", rich_help_panel="Request"
        ),
    ] = None
    lenient: Annotated[
        bool,
        typer.Option(
            "--lenient", help="drop parameters that a model does not support, and warn", rich_help_panel="Parameters"
        ),
    ] = False
    allow_unpriced: Annotated[
        bool,
        typer.Option(
            "--allow-unpriced", help="allow models without a known price under a budget", rich_help_panel="Budget"
        ),
    ] = False

    def __post_init__(self) -> None:
        """Check the values before a command reads or opens anything. Raises `UsageError`."""
        from llmo.client.question import check

        check(given(self), flags())


def command(function: Callable[..., Any]) -> Callable[..., Any]:
    """Spread the dataclass parameters of a command into flags; add the global options."""
    hints = get_type_hints(function, include_extras=True)
    groups: dict[str, Any] = {name: kind for name, kind in hints.items() if is_dataclass(kind)}

    @functools.wraps(function)
    def gathered(**values: Any) -> Any:
        context.current().configure(**{f.name: values.pop(f.name) for f in fields(Globals)})
        for name, kind in groups.items():
            values[name] = kind(**{f.name: values.pop(f.name) for f in fields(kind)})
        try:
            return function(**values)
        except BrokenPipeError:
            # Typer would take it for a failure of its own.
            raise context.ClosedPipe from None

    parameters: list[typer.Parameter] = []
    for name, default in _parameters(function):
        if name in groups:
            parameters += _spread(groups[name])
        else:
            parameters.append(typer.Parameter(name, hints[name], default))
    del gathered.__wrapped__
    gathered.parameters = [*parameters, *_spread(Globals)]  # type: ignore[attr-defined]
    gathered.__annotations__ = {}
    return gathered


def _parameters(function: Callable[..., Any]) -> Iterator[tuple[str, Any]]:
    """The names of a function's parameters, and their defaults."""
    code, defaults = function.__code__, function.__defaults__ or ()
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    known = dict(zip(names[code.co_argcount - len(defaults) :], defaults, strict=False))
    known |= function.__kwdefaults__ or {}
    for name in names:
        yield name, known.get(name, typer.REQUIRED)


def _spread(group: Any) -> list[typer.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        typer.Parameter(f.name, hints[f.name], typer.REQUIRED if f.default is MISSING else f.default)
        for f in fields(group)
    ]


def _version(value: bool) -> None:
    if value:
        from typer import Exit, echo

        from llmo.types.version import __version__

        echo(f"llmo {__version__}")
        raise Exit


@command
def top(
    *,
    version: Annotated[
        bool, typer.Option("-V", "--version", help="show the version and exit", is_eager=True, callback=_version)
    ] = False,
) -> None:
    """Prompt language models and run batch jobs over files, through one router with hard budgets."""


def flags() -> Spelling:
    """Return the names of options on the command line."""
    from llmo.client.question import Spelling

    return Spelling(lambda name: NAMES.get(name) or f"--{name.replace('_', '-')}", "--private")


def given(selection: SelectionFlags, option: list[str] | None = None) -> Options:
    """Convert flags to options of a question; `-o` values that are JSON are parsed. Raises `UsageError`."""
    text = selection.timeout
    pairs = dict(pair("--option", text) for text in option or ())
    return {
        "model": selection.model,
        "task": selection.task,
        "strategy": selection.strategy,
        "max_tokens": selection.max_tokens,
        "temperature": selection.temperature,
        "seed": selection.seed,
        "stop": selection.stop,
        "extra": {key: _json(key, text) for key, text in pairs.items()},
        "tags": tags(selection),
        "max_cost": selection.max_cost,
        "private": selection.private,
        "allow_private_to": selection.allow_private_to,
        "timeout": None if text is None else seconds("--timeout", text, bare=True),
        "retries": selection.retries,
        "fallback": not selection.no_fallback,
        "fit": selection.fit,
        "lenient": selection.lenient,
    }


def tags(selection: SelectionFlags) -> dict[str, str]:
    """Return `--tag` as a mapping."""
    return dict(pair("--tag", text) for text in selection.tag or ())


def params(selection: SelectionFlags, option: list[str] | None) -> Params:
    """Return the generation parameters."""
    from llmo.client import question

    return question.params(given(selection, option), flags())


def choice(selection: SelectionFlags) -> Selection:
    """Return what the planner needs to know."""
    from llmo.client import question

    return replace(question.selection(given(selection), flags()), allow_unpriced=selection.allow_unpriced)


def compared_targets(selection: SelectionFlags, names: ModelNames) -> list[Target]:
    """Return the targets of `--compare`. Raises `UsageError` for fewer than two."""
    targets = list(dict.fromkeys(map(names.resolve, selection.model or ())))
    if len(targets) < 2:  # noqa: PLR2004 - one has nothing to be compared with
        raise UsageError("--compare requires at least two models", hint="name each one with -m")
    return targets


def clocks(selection: SelectionFlags, profile: Profile) -> tuple[float, int]:
    """Return the total seconds of a call and the number of retries, from flags or profile."""
    from llmo.client import question

    total, retries = question.clocks(given(selection), flags())
    return total or profile.timeout, profile.retries if retries is None else retries


def pair(flag: str, text: str) -> tuple[str, str]:
    """Split KEY=VALUE. Raises `UsageError` naming the flag."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise UsageError(f"{flag}: not KEY=VALUE: {text}")
    return key, value


def _json(key: str, text: str) -> Json:
    try:
        value: Json = jsontext.read(text)
    except jsontext.UnsupportedJson as exc:
        raise UsageError(f"--option {key}: {exc}") from None
    except ValueError:
        return text
    return value
