"""Which providers this machine has: keys, programs and servers, and what they say when they are asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.config import defaults, starter
from llmo.config.kinds import KINDS
from llmo.errors import CredentialsError, Unauthorized
from llmo.types.dataclass import dataclass
from llmo.types.format import counted

if TYPE_CHECKING:
    from llmo.cli.context import Context
    from llmo.cli.listings import ModelAnswer

SERVER, MODEL = "Ollama at ", "Ollama model at "
"""How a server begins among what is looked for: it may run without a model."""
SECONDS = 4.0
"""For each provider that is asked; all are asked at once."""


@dataclass(frozen=True, slots=True)
class Found:
    """A provider that is there; `models` is None where it did not say which it has."""

    name: str
    how: str
    models: tuple[str, ...] | None = None
    usable: bool = True

    def __str__(self) -> str:
        return f"{self.name}: {self.how}"


def found(ctx: Context, *, probe: bool) -> list[Found]:
    """What is there, in the order of the types; with `probe` each is asked for its models."""
    there = defaults.detected(ctx.env)
    if not probe:
        return [Found(name, _why(ctx, name), _remembered(ctx, name)) for name in KINDS if name in there]
    names = [name for name, kind in KINDS.items() if name in there or kind.discovered]
    answers = _answers(ctx, names)
    return [one for name in names if (one := _seen(ctx, answers[name])) is not None]


def missing(ctx: Context, there: list[Found]) -> list[str]:
    """What was looked for and is not there."""
    names = {one.name for one in there}
    gone = [kind for name, kind in KINDS.items() if name not in names]
    words = {word for kind in gone for word in (kind.key_env, kind.url_env if kind.needs_url else None) if word}
    words |= {f"{kind.programs[0]} on PATH" for kind in gone if kind.programs}
    looked = defaults.looked_for(ctx.env)
    servers = [word.replace(MODEL, SERVER) for word in looked if word.startswith(MODEL)]
    return [word for word in looked if word in words] + servers * any(kind.discovered for kind in gone)


def drafted(ctx: Context, draft: starter.Draft) -> Context:
    """A context whose profile is the draft."""
    from llmo.cli.context import Context
    from llmo.config.load import of_content
    from llmo.config.sources import place

    made = Context(env=ctx.env, clock=ctx.clock, debug=ctx.debug)
    made.loaded = of_content(place(None, {}), starter.text(draft).encode(), ctx.env)
    return made


def _answers(ctx: Context, names: list[str]) -> dict[str, ModelAnswer]:
    from llmo.cli import listings

    draft = starter.Draft(providers={name: starter.provider(name, ctx.env) for name in names}, chain={})
    probing, answers = drafted(ctx, draft), {}

    def heard(one: ModelAnswer) -> None:
        answers[one.name] = one
        if one.models is not None:
            listings.keep(probing, one.name, one.models)

    listings.ask(probing, names, seconds=SECONDS, heard=heard)
    return answers


def _seen(ctx: Context, answer: ModelAnswer) -> Found | None:
    """What an answer says; a server that nobody has asked for is there only if it answers."""
    why = _why(ctx, answer.name)
    if answer.models is not None:
        return Found(answer.name, f"{why}; {_counted(answer)}", tuple(one.id for one in answer.models))
    if KINDS[answer.name].discovered:
        return None
    refused = isinstance(answer.error, CredentialsError | Unauthorized)
    return Found(answer.name, f"{why}, but {answer.why}", usable=not refused)


def _counted(answer: ModelAnswer) -> str:
    if not answer.models and KINDS[answer.name].discovered:
        return "no models yet, get one with: ollama pull llama3.2"
    return counted(len(answer.models or ()), "models")


def _remembered(ctx: Context, name: str) -> tuple[str, ...] | None:
    return tuple(defaults.chat_models(ctx.env)) if KINDS[name].discovered else None


def _why(ctx: Context, name: str) -> str:
    kind = KINDS[name]
    if kind.discovered:
        return f"at {kind.read_url(ctx.env.get(kind.url_env or '', ''))}"
    variables = (kind.url_env, kind.key_env) if kind.needs_url else (kind.key_env, kind.url_env)
    variable = next((one for one in variables if one and ctx.env.get(one)), None)
    return f"{kind.programs[0]} is on PATH" if kind.programs else f"{variable} is set"
