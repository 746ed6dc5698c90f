"""A first profile: what is found, and a few questions when a person is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.config import defaults, ollama, starter
from llmo.config.kinds import KINDS
from llmo.errors import Cancelled, ConfigError, UsageError
from llmo.types.format import counted

if TYPE_CHECKING:
    from llmo.cli.context import Context
    from llmo.config.sources import Place


def write_profile(ctx: Context, place: Place, *, yes: bool, force: bool) -> None:
    """Write the profile's file; it is refused to replace one unless forced."""
    from llmo.config.edit import store
    from llmo.config.load import problems
    from llmo.config.problems import ProfileError

    if place.path.exists() and not force:
        raise ConfigError(
            f"the profile already exists: {place.path}", hint="use --force to replace it, or --name to create another"
        )
    if not yes and not (ctx.stdin_tty and ctx.stderr_tty):
        raise UsageError("cannot ask questions without a terminal", hint="use --yes to accept what is found")
    found = _found(ctx)
    use, daily = list(found), None
    if not yes:
        use = [name for name, why in found.items() if _agrees(ctx, f"Use {name} ({why})?")]
        daily = _amount(ctx)
    content = starter.text(ctx.env, use, daily_usd=daily).encode()
    wrong = problems(place.path, content, ctx.env)
    if wrong:
        raise ProfileError(wrong, hint="nothing was written")
    store(place.path, content)
    ctx.out(f"{place.path}\n")
    ctx.note(f"found: {', '.join(f'{name} ({why})' for name, why in found.items()) or 'no provider'}")
    ctx.note("next: llmo profile check --probe")


def _found(ctx: Context) -> dict[str, str]:
    """The providers of this machine and why they are there; Ollama is asked for its models."""
    url = ollama.address(ctx.env.get("OLLAMA_HOST", ""))
    models = ollama.discover(url)
    if models is not None:
        ollama.remember(url, models, ctx.env, now=ctx.clock.now())
    there = defaults.detected(ctx.env)
    asked = [name for name, kind in KINDS.items() if kind.discovered]
    found = {name: _why(ctx, name) for name in KINDS if name in there and name not in asked}
    if models is not None:
        found |= dict.fromkeys(asked, f"{counted(len(models), 'models')} at {url}")
    return found


def _why(ctx: Context, name: str) -> str:
    kind = KINDS[name]
    variable = next((v for v in (kind.key_env, kind.url_env) if v and ctx.env.get(v)), None)
    return f"{kind.programs[0]} is on PATH" if kind.programs else f"{variable} is set"


def _agrees(ctx: Context, question: str) -> bool:
    return not _answer(ctx, f"{question} [Y/n] ").lower().startswith("n")


def _amount(ctx: Context) -> str | None:
    from llmo.types.money import parse_usd, usd

    while True:
        text = _answer(ctx, "Daily limit in dollars (empty for none): ")
        if not text:
            return None
        try:
            return usd(parse_usd(text))
        except (ValueError, ArithmeticError):
            ctx.err(f"not an amount in dollars: {text}")


def _answer(ctx: Context, question: str) -> str:
    ctx.ask(question)
    line = ctx.stdin.readline()
    if not line:
        raise Cancelled
    return line.strip()
