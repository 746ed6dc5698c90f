"""
Plain parameters read without pydantic.

Typer 0.29 builds a pydantic adapter for every parameter of a command, about 100 ms of CPU before
the command begins. Text, numbers, switches, choices and lists of text need none. This reaches
into Typer; where Typer has changed, its own way is used: slower, never wrong.
"""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

import typer

from llmo.types.nearest import nearest

NUMBERS: dict[Any, str] = {int: "a whole number", float: "a number"}


def lighten(command: Any) -> Any:
    """The command, its plain parameters read here."""
    try:
        from typer._coercion import RuntimeParam
    except ImportError:
        return command

    class Plain(RuntimeParam):
        """Coercion of one plain parameter."""

        def _coerce_value(self, value: Any, param: Any, ctx: Any) -> Any:
            if isinstance(value, list | tuple):
                return [_one(self, part, param, ctx) for part in value]
            return _one(self, value, param, ctx)

    def read_here(param: Any) -> Any:
        descriptor = getattr(param, "type_descriptor", None)
        if descriptor is not None and _plain(descriptor.annotation) and hasattr(param, "_runtime_param"):
            param._runtime_param = Plain(  # noqa: SLF001 - see the module
                parameter_info=descriptor.parameter_info, annotation=descriptor.annotation
            )
        return param

    for param in getattr(command, "params", ()):
        read_here(param)
    # The help option is made when it is first asked for.
    make_help = command.get_help_option
    command.get_help_option = lambda ctx: read_here(make_help(ctx))
    return command


def _plain(annotation: Any) -> bool:
    if get_origin(annotation) is list:
        return get_args(annotation) == (str,)
    return annotation in (str, int, float, bool) or get_origin(annotation) is Literal


def _one(plain: Any, value: Any, param: Any, ctx: Any) -> Any:
    annotation = plain.annotation
    if get_origin(annotation) is Literal:
        known = get_args(annotation)
        if value not in known:
            raise typer.BadParameter(
                f"{value!r} is not one of {', '.join(known)}{nearest(value, known)}", ctx=ctx, param=param
            )
        return value
    if annotation not in NUMBERS:
        return value
    try:
        number = annotation(value)
    except ValueError:
        raise typer.BadParameter(f"{value!r} is not {NUMBERS[annotation]}", ctx=ctx, param=param) from None
    low, high = plain.parameter_info.min, plain.parameter_info.max
    if (low is not None and number < low) or (high is not None and number > high):
        bounds = f"at least {low}" if high is None else f"from {low} to {high}"
        raise typer.BadParameter(f"{number} is not {bounds}", ctx=ctx, param=param)
    return number
