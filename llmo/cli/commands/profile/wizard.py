"""`llmo profile init`: a profile of what is found on this machine, with a few questions when a person is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmo.config import sources, starter
from llmo.errors import ConfigError, UsageError
from llmo.types.dataclass import replace

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from llmo.cli.commands.profile.detection import Found
    from llmo.cli.commands.profile.flags import Manner
    from llmo.cli.context import Context
    from llmo.config.sources import Place
    from llmo.config.starter import Draft

DAILY = "2.00"
"""Dollars a day that are proposed where every model has a price."""


def write_profile(ctx: Context, place: Place, how: Manner) -> None:
    """Write the profile's file, or add to it what is new; nothing is written before all is known and confirmed."""
    from llmo.cli.commands.profile import detection, questions

    asks = not how.yes
    if asks and not (ctx.stdin_tty and ctx.stderr_tty):
        raise UsageError("cannot ask questions without a terminal", hint="use --yes to accept what is found")
    daily = _flagged(how.daily)
    before = sources.content(place.path)
    old = None if how.force else before
    tree = {} if old is None else _sound(ctx, place, old)
    there = detection.found(ctx, probe=not how.no_probe)
    for one in there:
        ctx.note(f"found {one}")
    if gone := detection.missing(ctx, there):
        ctx.note(f"not found: {', '.join(gone)}")
    new = [one for one in there if not starter.has(tree, one.name, starter.provider(one.name, ctx.env))]
    use = [
        one for one in new if (questions.agrees(ctx, f"Use {one.name}?", proposed=one.usable) if asks else one.usable)
    ]
    draft = _drafted(ctx, use, tree, asks=asks)
    if "budgets" not in tree:
        draft = replace(draft, daily_usd=_daily(ctx, draft, daily, asks=asks, fresh=old is None))
    elif daily is not None:
        ctx.err("llmo: warning: --daily is ignored: the profile has budgets of its own")
    text = None if old is None else sources.text(place.path, old)
    made = starter.text(draft) if text is None else starter.extended(text, tree, draft)
    _store(ctx, place, before, made, asks=asks, shown=text)
    _tell(ctx, place, use, tree)


def _flagged(text: str | None) -> str | None:
    """What --daily says, `0` for no limit. Raises `UsageError`."""
    from llmo.config.parameters import dollars
    from llmo.types.money import usd

    return None if text is None else usd(dollars(text, "--daily"))


def _sound(ctx: Context, place: Place, old: bytes) -> dict[str, Any]:
    """The profile that is there, parsed. Raises `ProfileError` if it has problems: nothing is added to such a one."""
    from llmo.config.load import problems
    from llmo.config.problems import ProfileError

    if wrong := problems(place.path, old, ctx.env):
        raise ProfileError(wrong, hint="correct them first, or start over with --force")
    return sources.parsed(place.path, old)


def _drafted(ctx: Context, use: list[Found], tree: Mapping[str, Any], *, asks: bool) -> Draft:
    from llmo.cli.commands.profile import questions

    names = [one.name for one in use]
    chain = starter.proposed(names, {one.name: one.models for one in use if one.models is not None})
    if asks and use and not {"providers", "tasks", "fallback"} & tree.keys():
        for task, steps in chain["tasks"].items():
            ctx.err(f"  {task:<8} {', then '.join((*steps['primary'], *steps['secondary'])) or 'nobody'}")
        if not questions.agrees(ctx, "Use these models for the three kinds of tasks?"):
            for task, steps in chain["tasks"].items():
                wanted = questions.targets(ctx, f"{task}:", [*steps["primary"], *steps["secondary"]], names)
                steps["primary"], steps["secondary"] = wanted[:1], wanted[1:]
    return starter.Draft(providers={name: starter.provider(name, ctx.env) for name in names}, chain=chain)


def _daily(ctx: Context, draft: Draft, flagged: str | None, *, asks: bool, fresh: bool) -> str | None:
    """The daily limit of the flag or the person, or else the proposal: a small one where it refuses no model."""
    from llmo.cli.commands.profile import questions

    if flagged is not None:
        return None if flagged == "0" else flagged
    priced, unpriced = _metered(ctx, draft) if fresh and draft.providers else (False, [])
    proposed = DAILY if priced and not unpriced else None
    if not asks:
        return proposed
    if unpriced:
        ctx.err(f"a limit refuses models of unknown price unless --allow-unpriced is given: {', '.join(unpriced)}")
    return questions.amount(ctx, "Daily limit in dollars, or none:", proposed)


def _metered(ctx: Context, draft: Draft) -> tuple[bool, list[str]]:
    """Whether a task has models that cost dollars, and those of them whose price is not known."""
    from llmo.cli.commands.profile.detection import drafted
    from llmo.config.credentials import base_url
    from llmo.config.profile import parse_target

    made = drafted(ctx, draft)
    steps = [ref for task in made.profile.tasks.values() for ref in (*task.primary, *task.secondary)]
    found = {}
    for target in filter(None, map(parse_target, steps)):
        config = made.profile.providers[target.provider]
        known = made.catalog.find(target, config, base_url(target.provider, config, ctx.env))
        if known.billing == "metered":
            found[str(target)] = known.price
    return bool(found), [name for name, price in found.items() if price is None]


def _store(ctx: Context, place: Place, before: bytes | None, made: str, *, asks: bool, shown: str | None) -> None:
    """Show the new file, or how it changes, and write it once that is confirmed."""
    from llmo.cli.commands.profile import questions
    from llmo.config import edit
    from llmo.config.load import problems
    from llmo.config.problems import ProfileError
    from llmo.storage.locks import exclusive

    content = made.encode()
    if shown is not None and made == shown:
        ctx.out(f"{place.path}\n")
        ctx.note("nothing to add: the profile stays as it is")
        return
    if wrong := problems(place.path, content, ctx.env):
        raise ProfileError(wrong, hint="nothing was written; replace the profile with --force")
    if shown is not None or asks:
        ctx.err(f"\n{made if shown is None else _difference(place, shown, made)}")
    if asks and not questions.agrees(ctx, f"{'Write' if before is None else 'Change'} {place.path}?"):
        ctx.note("nothing was written")
        return
    with exclusive(place.path, ctx.env):
        if sources.content(place.path) != before:
            raise ConfigError(f"changed meanwhile: {place.path}", hint="nothing was written; run the command again")
        if before is not None and shown is None:
            edit.store(place.path.with_name(f"{place.path.name}.bak"), before)
        edit.store(place.path, content)
    if before is not None and shown is None:
        ctx.note(f"the old profile is kept in {place.path}.bak")
    ctx.out(f"{place.path}\n")


def _difference(place: Place, old: str, new: str) -> str:
    from difflib import unified_diff

    names = (str(place.path), f"{place.path} (new)")
    lines = unified_diff(old.splitlines(), new.splitlines(), *names, n=1, lineterm="")
    return "\n".join(lines) + "\n"


def _tell(ctx: Context, place: Place, use: list[Found], tree: Mapping[str, Any]) -> None:
    import shlex

    given = str(place.path) if place.explicit else place.name
    of = "" if place == sources.place(None, ctx.env) else f"-P {shlex.quote(given)} "
    own: Collection[str] = tree.get("tasks", {})
    if use and own:
        names = ", ".join(one.name for one in use)
        ctx.note(f"no task uses {names} yet; change that with: llmo profile set {of}tasks.general.secondary '[…]'")
    ctx.note(f"next: llmo profile check {of}--probe")
