"""The parameters of a request by name, and by the flags that set them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.types.messages import Parameter, Params


FLAGS: Mapping[Parameter, str] = {
    "max_tokens": "--max-tokens",
    "temperature": "--temperature",
    "seed": "--seed",
    "stop": "--stop",
    "option": "--option",
    "image": "images",
}


def given(params: Params) -> tuple[Parameter, ...]:
    """The parameters that a request asks for."""
    asked: Mapping[Parameter, object] = {
        "max_tokens": params.max_tokens,
        "temperature": params.temperature,
        "seed": params.seed,
        "stop": params.stop or None,
        "option": params.extra or None,
    }
    return tuple(name for name, value in asked.items() if value is not None)


def flags(names: tuple[Parameter, ...]) -> str:
    """Parameters by the flags that set them."""
    return ", ".join(FLAGS.get(name, name) for name in names)


def left_out(names: tuple[Parameter, ...], target: object) -> str:
    """The message about parameters that are not sent to a target."""
    return f"{target} does not support {flags(names)}: dropped"
