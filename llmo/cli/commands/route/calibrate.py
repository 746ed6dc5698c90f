"""`llmo route --calibrate`: fits the thresholds of the profile to answers that were rated, and writes them if told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.errors import Exit
from llmo.render import calibration as shown
from llmo.routing.calibration import calibrated
from llmo.routing.classifier import TASKS
from llmo.routing.planner import thresholds
from llmo.storage import ratings

if TYPE_CHECKING:
    from llmo.cli.context import Context
    from llmo.routing.calibration import Calibration


def calibrate(ctx: Context, *, write: bool, as_json: bool) -> int:
    """Print before and after, and change the profile only with `write`; return the exit code."""
    found = calibrated(ratings.answers(ctx.history), _tasks(ctx), thresholds(ctx.profile))
    written = _write(ctx, found) if write else []
    if as_json:
        ctx.json(shown.json(found, written))
    else:
        ctx.show(shown.text(found, width=ctx.table_width, color=ctx.stdout_color))
    if write and not written:
        ctx.err("llmo: nothing was written: no threshold is surely better")
        return int(Exit.FAILED)
    if found.better and not write:
        ctx.note("llmo: nothing was written; change the profile with --write")
    return 0


def _tasks(ctx: Context) -> dict[str, str]:
    """
    The task whose model each target is: the weakest that has it in `primary`, else in `secondary`.

    In the chains of other tasks it is there to step in.
    """
    chains = [(task, ctx.profile.tasks[task]) for task in TASKS if task in ctx.profile.tasks]
    refs = [(ref, task) for task, chain in chains for ref in chain.primary]
    refs += [(ref, task) for task, chain in chains for ref in chain.secondary]
    found: dict[str, str] = {}
    for ref, task in refs:
        found.setdefault(str(ctx.names.resolve(ref)), task)
    return found


def _write(ctx: Context, found: Calibration) -> list[str]:
    from llmo.config import sources
    from llmo.config.edit import set_value
    from llmo.config.load import load

    path = sources.place(ctx.profile_name, ctx.env).path
    for one in found.better:
        set_value(path, f"thresholds.{one.name}", f"{one.fitted:g}", ctx.env)
        ctx.note(f"llmo: thresholds.{one.name}: {one.now:g} → {one.fitted:g} in {path}")
    origins = load(ctx.profile_name, env=ctx.env).origins
    for one in found.better:
        if (origin := origins.get(f"thresholds.{one.name}", "")).startswith("environment "):
            ctx.err(f"llmo: warning: {origin.removeprefix('environment ')} overrides thresholds.{one.name}")
    return [one.name for one in found.better]
