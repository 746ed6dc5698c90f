"""Questions of the wizard, each with a proposal that Enter takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.config.profile import parse_target
from llmo.errors import Cancelled

if TYPE_CHECKING:
    from collections.abc import Collection

    from llmo.cli.context import Context


def agrees(ctx: Context, question: str, *, proposed: bool = True) -> bool:
    """Whether the answer is yes; anything else than yes or no is asked again."""
    while True:
        said = answer(ctx, f"{question} [{'Y/n' if proposed else 'y/N'}] ").lower()
        if not said:
            return proposed
        if said in ("y", "yes", "n", "no"):
            return said.startswith("y")
        ctx.err(f"please answer y or n, not {said}")


def amount(ctx: Context, question: str, proposed: str | None) -> str | None:
    """Dollars as an exact decimal, None for no limit."""
    from llmo.types.money import parse_usd, usd

    while True:
        text = answer(ctx, f"{question} [{proposed or 'none'}] ").lstrip("$")
        if not text:
            return proposed
        if text.lower() in ("none", "no", "n"):
            return None
        try:
            return usd(parse_usd(text)) if parse_usd(text) else None
        except (ValueError, ArithmeticError):
            ctx.err(f"not an amount in dollars, such as 2.50, or none: {text}")


def targets(ctx: Context, question: str, proposed: list[str], providers: Collection[str]) -> list[str]:
    """Models in the order in which they are asked, as `provider/model`; those of unknown providers are asked again."""
    from llmo.types.nearest import suggestion

    while True:
        text = answer(ctx, f"{question} [{', '.join(proposed) or 'none'}] ")
        if not text:
            return proposed
        named = text.replace(",", " ").split()
        parts = {name: parse_target(name) for name in named}
        wrong = [name for name, target in parts.items() if target is None or target.provider not in providers]
        if not wrong:
            return list(dict.fromkeys(named))
        hint = suggestion(wrong[0].partition("/")[0], providers, "providers")
        ctx.err(f"not provider/model: {wrong[0]}; {hint}")


def answer(ctx: Context, question: str) -> str:
    """A line from the terminal. Raises `Cancelled` at its end."""
    try:
        ctx.ask(question)
        line = ctx.stdin.readline()
    except KeyboardInterrupt:
        ctx.err("")
        raise
    if not line:
        ctx.err("")
        raise Cancelled
    return line.strip()
