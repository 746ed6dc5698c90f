"""
Who is asked in which order, before anything is known of them: the five steps of a task, or what `-m` names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from llmo.config.profile import TASKS
from llmo.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from llmo.config.profile import Profile
    from llmo.types.messages import Target

Tier = Literal["primary", "secondary", "openrouter", "litellm", "local", "explicit"]
_ORDINAL = {1: "first", 2: "second", 3: "third"}


class ChainStep(NamedTuple):
    """A place in a chain, before anything is known about its target."""

    tier: Tier
    target: Target
    why: str


def chain(profile: Profile, task: str, resolve: Callable[[str], Target]) -> list[ChainStep]:
    """
    The five steps of a task: primary, secondary, OpenRouter, LiteLLM, local; each target once.

    Raises `ConfigError` for a task that the profile doesn't have.
    """
    if task not in profile.tasks:
        raise _unknown_task(profile, task)
    own, shared = profile.tasks[task], profile.fallback
    steps: list[tuple[Tier, str, tuple[str, ...]]] = [
        ("primary", f"tasks.{task}.primary", own.primary),
        ("secondary", f"tasks.{task}.secondary", own.secondary),
        ("openrouter", "fallback.openrouter", shared.openrouter),
        ("litellm", "fallback.litellm", shared.litellm),
        ("local", "fallback.local", shared.local),
    ]
    seen: dict[Target, ChainStep] = {}
    for tier, key, refs in steps:
        for position, ref in enumerate(refs, 1):
            target = resolve(ref)
            seen.setdefault(target, ChainStep(tier, target, f"{_ORDINAL.get(position, f'{position}th')} of {key}"))
    return list(seen.values())


def check_task(profile: Profile, task: str) -> None:
    """Raise `ConfigError` for a name that is no task, also where a model is named and its chain plays no part."""
    if task not in profile.tasks and task not in TASKS:
        raise _unknown_task(profile, task)


def check_provider(profile: Profile, name: str) -> None:
    """Raise `ConfigError` for a name that is no provider of the profile."""
    if name not in profile.providers:
        from llmo.types.nearest import suggestion

        raise ConfigError(
            f"unknown provider: {name}", hint=suggestion(name, profile.providers, "providers of this profile")
        )


def _unknown_task(profile: Profile, task: str) -> ConfigError:
    from llmo.types.nearest import suggestion

    known = sorted({*profile.tasks, "auto"})
    return ConfigError(f"unknown task: {task}", hint=suggestion(task, known, "tasks of this profile"))


def explicit(profile: Profile, refs: Sequence[str], resolve: Callable[[str], Target]) -> list[ChainStep]:
    """The chain that `-m` names, in its order, or `model` of the profile."""
    why = "model of the profile" if [*refs] == [profile.model] else "requested with -m"
    return [ChainStep("explicit", target, why) for target in dict.fromkeys(map(resolve, refs))]
