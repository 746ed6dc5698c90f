"""The profile of a run, from all its sources."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from llmo.config import cache, defaults, layers
from llmo.config import sources as files
from llmo.config.kinds import KINDS, OFFLINE
from llmo.config.problems import Problem, ProfileError
from llmo.config.schema import dotted
from llmo.config.validation import trusted, validated
from llmo.types.dataclass import dataclass, field, replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.config.layers import Layer
    from llmo.config.profile import Profile

NOTHING: Mapping[str, object] = MappingProxyType({})
ALWAYS = layers.Layer({"providers": {OFFLINE: {"kind": OFFLINE}}}, {("providers", OFFLINE): layers.UNSAID})
"""In every profile, so that `-m offline/…` always works."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """
    A profile and where each value comes from.

    `origins` is by dotted key, as `profile /path:12`, `environment LLMO_TIMEOUT`, `flag --timeout`
    or `built-in`; a key that is absent has its declared default, a provider without any is `offline`, which
    every profile has. `source` is the file that was read.
    """

    profile: Profile
    origins: Mapping[str, str] = field(repr=False)
    source: Path | None
    name: str


def load(name_or_path: str | None, *, env: Mapping[str, str], overrides: Mapping[str, object] = NOTHING) -> Loaded:
    """
    The profile, with flags over environment over file over built-in.

    A file without providers gets those of the built-in profile, and their tasks where it has none. A
    file that lists providers has only those, those of a kind's name that its chain names, and `offline`.
    Raises `ConfigError`, with every problem at once when the file was readable.
    """
    sources = _sources(files.place(name_or_path, env), env, overrides)
    if sources.is_built_in:
        return sources.loaded(trusted(sources.tree()), sources.origins())
    key = sources.fingerprint()
    kept = cache.recall(key, env)
    if kept is not None:
        try:
            return sources.loaded(sources.with_headers(trusted(kept["profile"])), kept["origins"])
        except (TypeError, KeyError, AttributeError):
            pass  # of another shape: as good as absent
    profile = sources.checked()
    origins = sources.origins()
    cache.keep(key, profile, origins, env)
    return sources.loaded(profile, origins)


def of_content(place: files.Place, content: bytes, env: Mapping[str, str]) -> Loaded:
    """The profile that a file would be. Raises `ProfileError`."""
    sources = _Sources(place, content, env, NOTHING)
    return sources.loaded(sources.checked(), sources.origins())


def problems(path: Path | str, content: bytes, env: Mapping[str, str]) -> list[Problem]:
    """The problems of a file by itself, without the `LLMO_…` variables that could hide them."""
    quiet = {name: value for name, value in env.items() if name not in layers.own_variables(env)}
    place = files.Place(Path(path).stem, Path(path), explicit=True)
    try:
        _Sources(place, content, quiet, NOTHING).checked()
    except ProfileError as exc:
        return list(exc.problems)
    return []


def _sources(place: files.Place, env: Mapping[str, str], overrides: Mapping[str, object]) -> _Sources:
    said = {key: value for key, value in overrides.items() if value is not None}
    return _Sources(place, files.read(place, env), env, said)


@dataclass(slots=True)
class _Sources:
    """The sources of one profile."""

    place: files.Place
    content: bytes | None
    env: Mapping[str, str]
    overrides: Mapping[str, object]

    @property
    def is_built_in(self) -> bool:
        """Whether the profile is purely built in, so that there is nothing to validate."""
        told = any(self.env.get(kind.url_env or "") for kind in KINDS.values())
        return self.content is None and not told and not self.overrides and not layers.own_variables(self.env)

    def fingerprint(self) -> str:
        """The cache's key."""
        addresses = [(kind.url_env, self.env.get(kind.url_env or "")) for kind in KINDS.values()]
        variables = [(name, self.env[name]) for name in layers.own_variables(self.env)]
        given = sorted(self.overrides.items())
        return cache.fingerprint([str(self.place.path), self.content, self._built_in(), addresses, variables, given])

    def _built_in(self) -> dict[str, Any]:
        return defaults.tree(self.place.name, self.env)

    def layers(self, *, lines: bool = False) -> tuple[list[Layer], list[Problem]]:
        """All layers, lowest first, and the problems of variables; `lines` finds the places in the file."""
        data = files.parsed(self.place.path, self.content) if self.content is not None else {}
        below = [ALWAYS, layers.Layer(self._filling(data))]
        if self.content is not None:
            below.insert(1, layers.Layer({"providers": _implied(data)}))
            below.append(files.layer(self.place.path, self.content, data) if lines else layers.Layer(data))
        below.append(layers.vendors(self.env, layers.merged(below)))
        variables, problems = layers.environment(self.env, layers.merged(below))
        found = [*below, variables, layers.flags(self.overrides)]
        return [*found, layers.moved(found)], problems

    def _filling(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """The built-in profile without the tables of the file, whose providers and chain are not mixed with ours."""
        own = data.get("providers")
        if not own:
            return {key: value for key, value in self._built_in().items() if key not in data}
        return (
            {} if {"tasks", "fallback"} & data.keys() or not isinstance(own, dict) else defaults.derived(own, self.env)
        )

    def tree(self) -> dict[str, Any]:
        """All layers as one."""
        return layers.merged(self.layers()[0])

    def checked(self) -> Profile:
        """The profile. Raises `ProfileError` with all of its problems."""
        found, problems = self.layers(lines=True)
        profile, wrong = validated(layers.merged(found))
        problems += [
            Problem(layers.origin(path, found).removeprefix("profile "), dotted(path), what) for path, what in wrong
        ]
        if profile is None or problems:
            raise ProfileError(sorted(problems, key=_order))
        return profile

    def origins(self) -> dict[str, str]:
        """The origin of each value that a source has set."""
        found, _ = self.layers(lines=True)
        each = {dotted(path): layers.origin(path, found) for path in layers.leaves(layers.merged(found))}
        return {key: origin for key, origin in each.items() if origin != layers.UNSAID}

    def with_headers(self, profile: Profile) -> Profile:
        """The profile with the values of its headers, of which the cache has only the names."""
        if not any(provider.headers for provider in profile.providers.values()):
            return profile
        given = self.tree()["providers"]
        return replace(
            profile,
            providers={
                name: replace(provider, headers=given[name].get("headers", {}))
                for name, provider in profile.providers.items()
            },
        )

    def loaded(self, profile: Profile, origins: Mapping[str, str]) -> Loaded:
        """The profile with its origins and its place."""
        source = self.place.path if self.content is not None else None
        return Loaded(profile, origins, source, self.place.name)


def _implied(data: Mapping[str, Any]) -> dict[str, Any]:
    """Providers that a file mentions by a type's name: `anthropic/…` works without a table."""
    from llmo.config.checks import targets

    named = {text.partition("/")[0] for _, text in targets(data) if isinstance(text, str) and "/" in text}
    own = data.get("providers")
    named |= set(own) if isinstance(own, dict) else set()
    return {name: {"kind": name} for name in KINDS if name in named}


def _order(problem: Problem) -> tuple[bool, str, int]:
    """Sorts problems of files first, by line."""
    where, _, line = problem.where.rpartition(":")
    return (not line.isdigit(), where, int(line) if line.isdigit() else 0)
