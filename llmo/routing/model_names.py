"""
What `-m` means: `provider/model`, an alias, or a model that the providers of the profile have.

Which models a provider has is known from the profile, from the list that the provider gave when last asked, and from
the price table.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from llmo.config.credentials import base_url, why_not_ready
from llmo.config.profile import parse_target
from llmo.errors import ConfigError
from llmo.types.messages import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from llmo.catalog.catalog import Catalog
    from llmo.config.profile import Profile

LATEST = ":latest"
"""The tag of Ollama that may be left out."""
SHOWN = 5
"""Places of a model that an error lists."""
FEWEST = 3
"""Letters of a name that is searched for among all models."""


class ModelNames:
    """The names of one profile."""

    def __init__(self, profile: Profile, env: Mapping[str, str], catalog: Catalog) -> None:
        self.profile = profile
        self.env = env
        self.catalog = catalog
        self.of = cache(self._of)

    def resolve(self, ref: str) -> Target:
        """
        Turn a reference into a target.

        A model without its provider must be one that a single ready provider has, by that very name or, if none has
        it so, behind the vendor's name (`gpt-4o` for `openai/gpt-4o` of OpenRouter). Raises `ConfigError` with the
        places that have it, or the nearest name.
        """
        ref = self.profile.aliases.get(ref, ref)
        target = parse_target(ref)
        if target and target.provider in self.profile.providers:
            return target
        found = self._places(lambda name: name in (ref, f"{ref}{LATEST}"))
        behind = self._places(lambda name: name.rpartition("/")[2] == ref)
        for places in (found, behind):
            ready = [one for one in places if self._why_not(one.provider) is None]
            if len(ready) == 1:
                return ready[0]
            if ready:
                raise ConfigError(f"several providers have {ref}", hint=f"choose one: {_listed(ready)}")
        if places := found or behind:
            whys = dict.fromkeys(f"{one.provider}: {self._why_not(one.provider)}" for one in places)
            raise ConfigError(f"no ready provider has {ref}", hint=f"not ready: {'; '.join([*whys][:SHOWN])}")
        raise self._unknown(ref)

    def _of(self, provider: str) -> list[str]:
        """The models of a provider that may be used, as far as anybody knows."""
        config = self.profile.providers[provider]
        if config.models:
            return list(config.models)
        address = base_url(provider, config, self.env)
        listed = self.catalog.listed(provider, address)
        vendor = self.catalog.vendor(config, address)
        table = [model.id for model in self.catalog.known(vendor)] if vendor and not listed else []
        return list(dict.fromkeys([*self._mentioned(provider), *listed, *table]))

    def _mentioned(self, provider: str) -> Iterator[str]:
        """The models of a provider that the profile mentions anywhere."""
        steps = [ref for task in self.profile.tasks.values() for ref in (*task.primary, *task.secondary)]
        shared = self.profile.fallback
        for ref in (*self.profile.aliases.values(), *steps, *shared.openrouter, *shared.litellm, *shared.local):
            target = parse_target(ref)
            if target and target.provider == provider:
                yield target.model

    def _places(self, meant: Callable[[str], bool]) -> list[Target]:
        """Everybody who has a model whose name is meant."""
        return [
            Target(provider, name) for provider in self.profile.providers for name in self.of(provider) if meant(name)
        ]

    def _why_not(self, provider: str) -> str | None:
        return why_not_ready(provider, self.profile.providers[provider], self.env)

    def _unknown(self, ref: str) -> ConfigError:
        from llmo.types.nearest import suggestion

        own = list(self.profile.providers)
        provider, slash, model = ref.partition("/")
        if slash and model:
            return ConfigError(
                f"unknown provider: {provider}", hint=suggestion(provider, own, "providers of this profile")
            )
        if provider in own:
            return ConfigError(
                f"not a model but a provider: {provider}",
                hint=f"name a model, as in {self._example(provider)}; list all: llmo models --provider {provider}",
            )
        if near := self._meant(ref):
            return ConfigError(f"unknown model or alias: {ref}", hint=f"did you mean {near}?")
        names = ", ".join([*self.profile.aliases, *own])
        return ConfigError(
            f"unknown model or alias: {ref}", hint=f"use provider/model; aliases and providers of this profile: {names}"
        )

    def _example(self, provider: str) -> str:
        return f"{provider}/{next(iter(self.of(provider)), 'MODEL')}"

    def _meant(self, ref: str) -> str:
        """The alias or the model that a wrong name is closest to; empty if none is close."""
        from llmo.types.matching import ranked
        from llmo.types.nearest import close

        if near := close(ref, self.profile.aliases):
            return near
        # The first of those who have a model is as good as any; who can be asked now is better.
        order = sorted(self.profile.providers, key=lambda name: self._why_not(name) is not None)
        places = {model: f"{name}/{model}" for name in reversed(order) for model in self.of(name)}
        if near := close(ref, places):
            return places[near]
        if near := close(ref, order):
            return f"a model of {near}, such as {self._example(near)}"
        if len(ref) < FEWEST or len(ref.split()) > 1:
            return ""
        named = [f"{name}/{model}" for name in order for model in self._mentioned(name)]
        for targets in (named, list(places.values())):
            if found := ranked(ref, targets):
                return targets[found[0]]
        return ""


def _listed(places: list[Target]) -> str:
    more = f" and {len(places) - SHOWN} more" if len(places) > SHOWN else ""
    return f"{', '.join(map(str, places[:SHOWN]))}{more}"
