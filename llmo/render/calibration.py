"""What `route --calibrate` found, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.render import tables
from llmo.routing.calibration import NEEDED
from llmo.types.format import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from llmo.routing.calibration import Calibration, ThresholdFit
    from llmo.types.jsontext import Json

KNOWN = {
    "rating": "rated",
    "schema": "not matching their schema",
    "asked_again": "asked again of a stronger model",
}
"""How outcomes are known."""
HEAD = ("threshold", "good", "bad", "now", "fitted", "right now", "right fitted", "")


def text(of: Calibration, *, width: int | None, color: bool) -> str:
    """Where the outcomes come from, and each threshold before and after; in at most `width` columns."""
    rows = [_row(one) for one in of.fits]
    body = tables.folded(HEAD, rows, right=HEAD[1:-1], width=width, bold=color)
    return "\n".join(("".join(f"{line}\n" for line in _lines(of)), body))


def _lines(of: Calibration) -> Iterator[str]:
    known = ", ".join(f"{of.evidence[name]:,} {said}" for name, said in KNOWN.items() if of.evidence.get(name))
    total = sum(of.evidence.values())
    yield f"{counted(total, 'outcomes')} of {counted(of.answers, 'answers')}{': ' if known else ''}{known}"
    if of.unused:
        yield f"{counted(of.unused, 'more')} of models that no task of the profile names"


def _row(one: ThresholdFit) -> tuple[str, ...]:
    return (
        one.name,
        str(one.good),
        str(one.bad),
        f"{one.now:g}",
        "-" if one.fitted is None else f"{one.fitted:g}",
        _share(one.before),
        _share(one.after),
        said(one),
    )


def said(one: ThresholdFit) -> str:
    """What comes of it, in words."""
    if one.verdict == "no_task":
        return f"the profile has no models for tasks.{one.name} and tasks.general"
    if one.verdict == "too_few":
        pairs = ((NEEDED - one.good, "good"), (NEEDED - one.bad, "bad"))
        missing = " and ".join(f"{number} more {name}" for number, name in pairs if number > 0)
        return f"too few: needs {missing} of models of tasks.{one.name if one.name == 'simple' else 'general'}"
    if one.fitted == one.now:
        return "kept: no other agrees with more"
    told = f"on held-out folds {one.fixed} set right, {one.broken} set wrong"
    return f"{told}: {'better' if one.verdict == 'better' else 'not surely better'}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def json(of: Calibration, written: Sequence[str]) -> dict[str, Json]:
    """All figures; null where too little is known. `written` are the thresholds that the profile now has."""
    return {
        "answers": of.answers,
        "outcomes": {name: of.evidence.get(name, 0) for name in KNOWN},
        "unused": of.unused,
        "thresholds": {one.name: _object(one) for one in of.fits},
        "written": list(written),
    }


def _object(one: ThresholdFit) -> dict[str, Json]:
    return {
        "now": one.now,
        "fitted": one.fitted,
        "good": one.good,
        "bad": one.bad,
        "needed": NEEDED,
        "before": None if one.before is None else round(one.before, 4),
        "after": None if one.after is None else round(one.after, 4),
        "fixed": one.fixed,
        "broken": one.broken,
        "verdict": one.verdict,
    }
