"""Which providers and models a profile speaks of, as far as anybody knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.config.profile import parse_target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmo.cli.context import Context
    from llmo.config.profile import Profile


def names(ctx: Context, provider: str) -> list[str]:
    """The models of a provider that may be used, as far as anybody knows."""
    from llmo.config.credentials import base_url

    config = ctx.profile.providers[provider]
    if config.models:
        return list(config.models)
    address = base_url(provider, config, ctx.env)
    found = ctx.catalog.listed(provider, address)
    vendor = ctx.catalog.vendor(config, address)
    table = [model.id for model in ctx.catalog.known(vendor)] if vendor and not found else []
    return list(dict.fromkeys([*_named(ctx.profile, provider), *found, *table]))


def _named(profile: Profile, provider: str) -> Iterator[str]:
    """The models of a provider that the profile mentions anywhere."""
    steps = [ref for task in profile.tasks.values() for ref in (*task.primary, *task.secondary)]
    shared = profile.fallback
    for ref in (*profile.aliases.values(), *steps, *shared.openrouter, *shared.litellm, *shared.local):
        target = parse_target(ref)
        if target and target.provider == provider:
            yield target.model


def told_of(ctx: Context) -> list[str]:
    """The providers of the profile that a source speaks of: `offline`, which all have, is not listed unasked."""
    from llmo.config.schema import dotted

    heads = {name: f"{dotted(('providers', name))}." for name in ctx.profile.providers}
    return [name for name, head in heads.items() if any(key.startswith(head) for key in ctx.loaded.origins)]
