"""
Flags, declared once.

A command takes whole groups of flags as dataclasses: `@command` spreads their fields into the
function's signature, where Typer reads them, and gathers the values again. The global options
are part of every command, so they may stand before or after its name.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable  # noqa: TC003 - Typer evaluates annotations
from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import Annotated, Any, Literal, get_type_hints

import typer

from llmo.cli import context

Panel = None


@dataclass(frozen=True, kw_only=True)
class Globals:
    """Options of the whole program."""

    profile: Annotated[
        str | None, typer.Option("-P", "--profile", help="Profile to use: a name, or a path.", metavar="NAME|PATH")
    ] = None
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress, no cost line.")] = False
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Say what is done and why.")] = False
    debug: Annotated[bool, typer.Option("--debug", help="Tracebacks and the wire log, secrets masked.")] = False
    no_color: Annotated[bool, typer.Option("--no-color", help="No colour.")] = False


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which model answers, and how; the same for `ask`, `batch` and `route`."""

    model: Annotated[
        list[str] | None,
        typer.Option("-m", "--model", help="provider/model, an alias or auto; repeat for a chain.", metavar="REF"),
    ] = None
    task: Annotated[
        str | None,
        typer.Option("-t", "--task", help="simple, complex, general, a task of the profile, or auto.", metavar="NAME"),
    ] = None
    strategy: Annotated[
        Literal["profile", "cheapest", "fastest", "balanced"] | None,
        typer.Option("--strategy", help="How candidates are ordered."),
    ] = None
    private: Annotated[bool, typer.Option("--private", help="Never leave this machine.")] = False
    no_fallback: Annotated[bool, typer.Option("--no-fallback", help="First candidate only.")] = False
    max_cost: Annotated[
        str | None, typer.Option("--max-cost", help="Hard cap in dollars for this command.", metavar="USD")
    ] = None
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", help="Limit of output tokens.", metavar="N", min=1)
    ] = None
    temperature: Annotated[
        float | None, typer.Option("--temperature", help="Sampling temperature.", metavar="X", min=0)
    ] = None
    seed: Annotated[int | None, typer.Option("--seed", help="Sampling seed.", metavar="N")] = None
    stop: Annotated[list[str] | None, typer.Option("--stop", help="Stop at this text; repeatable.", metavar="S")] = None
    timeout: Annotated[
        float | None, typer.Option("--timeout", help="Seconds for one call, retries included.", metavar="S")
    ] = None
    retries: Annotated[
        int | None, typer.Option("--retries", help="Attempts per candidate after the first.", metavar="N", min=0)
    ] = None
    tag: Annotated[
        list[str] | None, typer.Option("--tag", help="KEY=VALUE stored with every call; repeatable.", metavar="K=V")
    ] = None
    allow_unpriced: Annotated[
        bool, typer.Option("--allow-unpriced", help="Let a model without a known price run under a budget.")
    ] = False


Parameter = Annotated[
    list[str] | None,
    typer.Option("-o", "--option", help="KEY=VALUE sent to the provider as it is; repeatable.", metavar="K=V"),
]


def command(function: Callable[..., Any]) -> Callable[..., Any]:
    """Spread the dataclass parameters of a command into flags; add the global options."""
    hints = get_type_hints(function, include_extras=True)
    groups = {name: kind for name, kind in hints.items() if is_dataclass(kind)}

    @functools.wraps(function)
    def gathered(**values: Any) -> Any:
        context.current().configure(**{f.name: values.pop(f.name) for f in fields(Globals)})
        for name, kind in groups.items():
            values[name] = kind(**{f.name: values.pop(f.name) for f in fields(kind)})
        return function(**values)

    parameters = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in groups:
            parameters += _spread(groups[parameter.name])
        else:
            parameters.append(parameter.replace(annotation=hints[parameter.name], kind=parameter.KEYWORD_ONLY))
    parameters += _spread(Globals)
    del gathered.__wrapped__
    gathered.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    gathered.__annotations__ = {}
    return gathered


def _spread(group: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            f.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if f.default is MISSING else f.default,
            annotation=hints[f.name],
        )
        for f in fields(group)
    ]


def _version(value: bool) -> None:
    if value:
        from llmo import __version__

        typer.echo(f"llmo {__version__}")
        raise typer.Exit


@command
def top(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    """Prompt language models and run batch jobs over files, through one router with hard budgets."""
