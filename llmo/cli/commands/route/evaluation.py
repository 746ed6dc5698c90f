"""`llmo route --eval`: the classifier scored on labelled prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmo.cli.context import Context


def evaluated(ctx: Context, path: str, *, as_json: bool) -> int:
    """Score the classifier on labelled prompts. Bad lines are named and left out, and make the exit code 2."""
    from time import thread_time

    from llmo.cli import files
    from llmo.errors import Exit, UsageError
    from llmo.render import evaluation as rendered
    from llmo.routing.evaluation import evaluate, parsed
    from llmo.routing.planner import thresholds

    known, bad = [], 0
    for number, line in enumerate(files.lines(ctx, path, "--eval"), 1):
        if line.strip():
            try:
                known.append(parsed(line))
            except ValueError as exc:
                bad += 1
                ctx.err(f"llmo: {files.shown(path)}:{number}: {exc}")
    if not known:
        raise UsageError(
            f"--eval: no labelled prompt in {files.shown(path)}",
            hint='one JSON object a line, such as {"prompt": "…", "task": "simple"}',
        )
    found = evaluate(known, thread_time, thresholds(ctx.profile))
    if as_json:
        ctx.json(rendered.json(found, bad))
    else:
        ctx.show(rendered.text(found))
    return int(Exit.USAGE) if bad else 0
