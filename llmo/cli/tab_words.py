"""
What Tab offers: the names of a profile, and those that all profiles share.

`llmo completion words` writes the lists for the shells (`llmo.storage.name_lists`), from then on every command keeps
them current. Who never presses Tab pays nothing.
"""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from llmo.cli.context import Context
from llmo.errors import LlmoError, UsageError
from llmo.render.screen import visible
from llmo.storage.name_lists import NameLists, Word, changes
from llmo.types.dataclass import dataclass
from llmo.types.format import counted
from llmo.types.nearest import suggestion
from llmo.types.redact import masked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from llmo.config.sources import Place
    from llmo.ledger.records import RecentCall

Shared = Literal["profiles", "templates", "runs", "tags", "tag-keys", "conversations"]
OfProfile = Literal["aliases", "ready", "models", "tasks", "providers", "keys"]
Lists = Literal[Shared, OfProfile]
MOST = 2000
"""Calls and turns that are looked through for names."""
PATIENCE = 0.2
"""Seconds that a list waits for other processes: nobody who pressed Tab, or whose command is done, waits long."""


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """Lists, and what they were made of; this was looked at first, so that no change is missed."""

    lists: Mapping[str, Sequence[Word]]
    stamp: Sequence[str]
    sources: Sequence[Path]
    newest: int


def offered(ctx: Context, names: Sequence[str]) -> list[Word]:
    """The words of `Lists`, which are written with their neighbors for the next Tab. Raises `LlmoError`."""
    for name in names:
        if name not in get_args(Lists):
            raise UsageError(f"unknown list: {name}", hint=suggestion(name, get_args(Lists), "lists"))
    made: dict[str, Sequence[Word]] = {}
    for group, make, lists in ((Shared, _shared, NameLists(ctx.env)), (OfProfile, _profile, _of_profile(ctx))):
        if set(names) & set(get_args(group)):
            snapshot = make(ctx)
            made |= snapshot.lists
            with suppress(OSError):
                _write(lists, lambda found=snapshot: found)  # type: ignore[misc]  # bound early
    return [word for name in names for word in made[name]]


def refresh(ctx: Context) -> None:
    """
    Bring the lists up to date that a Tab has asked for before, when what they are made of has changed.

    A command is done when it calls this. Raises whatever goes wrong; the caller ignores it.
    """
    lists = _of_profile(ctx)
    if old := lists.stamp():
        now = _profile_stamp(ctx)[0]
        # What the environment says is compared in a terminal only: a job without keys would take turns with its user.
        seen = slice(None) if ctx.stderr_tty or ctx.stdin_tty else slice(1)
        if old[seen] != now[seen]:
            _write(lists, lambda: _profile(ctx))
    if {"ledger", "history"} & vars(ctx).keys() and NameLists(ctx.env).stamp():
        _write(NameLists(ctx.env), lambda: _shared(ctx))


def _write(lists: NameLists, make: Callable[[], _Snapshot]) -> None:
    with lists.writer() as mine:
        if mine:
            made = make()
            lists.write(made.lists, stamp=made.stamp, sources=made.sources, newest=made.newest)


def _profile(ctx: Context) -> _Snapshot:
    # Of a context of its own: this one may have read its files before they changed, and has flags over them.
    fresh = Context(env=ctx.env, clock=ctx.clock, profile_name=ctx.profile_name)
    stamp, newest = _profile_stamp(fresh)
    return _Snapshot(profile_lists(fresh), stamp, _profile_sources(fresh), newest)


def _shared(ctx: Context) -> _Snapshot:
    from llmo.cli import templates
    from llmo.config import sources

    directories = [sources.directory(ctx.env), templates.folder(ctx.env)]
    digest, newest = changes(directories)
    return _Snapshot(shared_lists(ctx), [digest], directories, newest)


def _place(ctx: Context) -> Place:
    from llmo.config import sources

    return sources.place(ctx.profile_name, ctx.env)


def _of_profile(ctx: Context) -> NameLists:
    where = _place(ctx)
    return NameLists(ctx.env, _absolute(where.path, ctx.env) if where.explicit else where.name)


def _absolute(path: Path, env: Mapping[str, str]) -> str:
    """A path as the shell sees it: in its working directory by the name that it has there, links and all."""
    here, said = os.getcwd(), env.get("PWD", "")  # noqa: PTH109 - compared with text
    with suppress(OSError):
        here = said if Path(said).is_absolute() and Path(said).samefile(here) else here
    return os.path.normpath(os.path.join(here, path))  # noqa: PTH118 - a Path would drop nothing of `..`


def _profile_sources(ctx: Context) -> list[Path]:
    from llmo.catalog.catalog import FILE, PATH
    from llmo.config.ollama import FILE as OLLAMA
    from llmo.storage.paths import cache_dir

    cache = cache_dir(ctx.env)
    return [Path(_absolute(_place(ctx).path, ctx.env)), PATH, cache / FILE, cache / "models", cache / OLLAMA]


def _profile_stamp(ctx: Context) -> tuple[list[str], int]:
    """Two lines: of the files, and of what the environment adds. The latest change of the files."""
    import hashlib

    from llmo.config.kinds import KINDS
    from llmo.config.layers import own_variables

    digest, newest = changes(_profile_sources(ctx))
    addresses = [kind.url_env for kind in KINDS.values() if kind.url_env]
    said = [(name, ctx.env.get(name)) for name in (*own_variables(ctx.env), *addresses)]
    ready = [name for name in ctx.profile.providers if _why_not(ctx, name) is None]
    return [digest, hashlib.sha256(repr((said, ready)).encode("utf-8", "surrogatepass")).hexdigest()], newest


def _why_not(ctx: Context, name: str) -> str | None:
    from llmo.config.credentials import why_not_ready

    return why_not_ready(name, ctx.profile.providers[name], ctx.env)


def profile_lists(ctx: Context) -> dict[str, list[Word]]:
    """The lists of the profile: `ready` are the models of providers that can be asked now, `models` the others."""
    from llmo.cli.known_providers import told_of

    why_not = {name: _why_not(ctx, name) for name in ctx.profile.providers}
    told = set(told_of(ctx))
    ready = [name for name, why in why_not.items() if why is None and name in told]
    others = [name for name in why_not if name not in ready]
    made: dict[OfProfile, Iterable[Word]] = {
        "aliases": (Word(alias, f"alias of {target}") for alias, target in ctx.profile.aliases.items()),
        "ready": (word for name in ready for word in _models(ctx, name, "")),
        "models": (word for name in others for word in _models(ctx, name, why_not[name] or "")),
        "tasks": _tasks(ctx),
        "providers": (Word(name, why_not[name] or "ready") for name in (*ready, *others)),
        "keys": _keys(ctx),
    }
    return {name: _sound(words) for name, words in made.items()}


def _models(ctx: Context, provider: str, why_not: str) -> Iterator[Word]:
    from llmo.config.credentials import base_url
    from llmo.render.models import summary
    from llmo.types.messages import Target

    config = ctx.profile.providers[provider]
    address = base_url(provider, config, ctx.env)
    for name in ctx.names.of(provider):
        target = Target(provider, name)
        known = ctx.catalog.find(target, config, address)
        if known.retired(ctx.clock.now()):
            continue
        about = summary(known.billing, known.price, known.context)
        yield Word(str(target), "; ".join(filter(None, (about, why_not))))


def _tasks(ctx: Context) -> Iterator[Word]:
    from llmo.config.profile import TASKS

    yield Word("auto", "chosen by the prompt")
    for name in dict.fromkeys((*TASKS, *ctx.profile.tasks)):
        chain = ctx.profile.tasks.get(name)
        yield Word(name, ", ".join((*chain.primary, *chain.secondary)) if chain else "")


def _keys(ctx: Context) -> Iterator[Word]:
    """Every key that `profile set` takes; tables of names have those that the profile has."""
    from llmo.config.schema import declared, dotted, expected, is_table, names

    tables: list[tuple[str, ...]] = [()]
    while tables:
        path = tables.pop()
        value: object = ctx.profile
        for part in path:
            value = value.get(part) if isinstance(value, dict) else getattr(value, part, None)
        for name in names(path) or (value if isinstance(value, dict) else ()):
            below = (*path, name)
            if is_table(declared(below)):
                tables.append(below)
            else:
                yield Word(dotted(below), expected(below))


def shared_lists(ctx: Context) -> dict[str, list[Word]]:
    """The lists that no profile changes; runs and the like are the most recent ones, latest first."""
    from llmo.cli import templates
    from llmo.config import sources

    calls, conversations = _recent(ctx)
    runs: dict[str, list[float]] = {}
    for run, _, at in calls:
        runs.setdefault(run, []).append(at)
    tags = dict.fromkeys(pair for _, pairs, _ in calls for pair in pairs.items())
    made: dict[Shared, Iterable[Word]] = {
        "profiles": (Word(name, _file(ctx, name)) for name in sources.known(ctx.env)),
        "templates": (Word(name, templates.described(ctx, path)) for name, path in templates.named(ctx.env).items()),
        "runs": (Word(run, _when(at[0], len(at), "calls")) for run, at in runs.items()),
        "tags": (Word(f"{key}={value}") for key, value in tags),
        "tag-keys": (Word(f"tag:{key}") for key in dict.fromkeys(key for key, _ in tags)),
        "conversations": (Word(name, _when(at, turns, "turns")) for name, at, turns in conversations),
    }
    return {name: _sound(words) for name, words in made.items()}


def _recent(ctx: Context) -> tuple[list[RecentCall], list[tuple[str, float, int]]]:
    """Calls and conversations; none of a file that can't be read, or of a ledger whose profile can't."""
    calls: list[RecentCall] = []
    conversations: list[tuple[str, float, int]] = []
    with suppress(LlmoError):
        ctx.hurry(PATIENCE)
        calls = ctx.ledger.recent_calls(MOST)
    with suppress(LlmoError):
        conversations = ctx.history.recent(MOST)
    return calls, conversations


def _when(at: float, number: int, things: str) -> str:
    return f"{datetime.fromtimestamp(at).astimezone():%Y-%m-%d %H:%M}, {counted(number, things)}"


def _file(ctx: Context, profile: str) -> str:
    from llmo.config import sources

    path = sources.place(profile, ctx.env).path
    return str(path) if path.is_file() else "built-in"


def _sound(words: Iterable[Word]) -> list[Word]:
    """
    The words that a list can hold, each once.

    A name with a line break, or with anything else that a terminal would obey or hide, is not offered: what is
    typed must be what is seen.
    """
    found: dict[str, Word] = {}
    for name, about in words:
        if name and name not in found and _seen(name) == name:
            found[name] = Word(name, _seen(masked(about)))
    return list(found.values())


def _seen(text: str) -> str:
    return visible(" ".join(text.split()) if "\n" in text or "\t" in text else text)
