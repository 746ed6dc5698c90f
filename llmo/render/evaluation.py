"""The figures of `route --eval`, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.routing.classifier import TASKS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmo.routing.evaluation import Evaluation, Figure
    from llmo.types.jsontext import Json

NAMES = {
    "accuracy": "accuracy",
    "complex_called_simple": "complex called simple",
    "simple_called_complex": "simple called complex",
    "auc": "AUC, complex above others",
    "apgr": "APGR",
    "rank": "rank correlation",
}


def text(of: Evaluation) -> str:
    """Confusion, then each figure with its standard deviation and beside it what the length would tell."""
    return "\n".join(_lines(of)) + "\n"


def _lines(of: Evaluation) -> Iterator[str]:
    yield f"{of.prompts} prompts, {of.mean_ms:.3f} ms of CPU each, 99 % within {of.p99_ms:.3f} ms"
    if of.confusion:
        yield ""
        yield f"{'task':28}" + "".join(f"{f'as {task}':>12}" for task in TASKS)
        for task, row in of.confusion.items():
            yield f"{task:28}" + "".join(f"{row[as_]:12}" for as_ in TASKS)
    yield ""
    yield f"{'':28}{'value':>12}{'sd':>12}{'by length':>12}"
    for name, said in NAMES.items():
        figure: Figure | None = getattr(of, name)
        if figure is not None:
            base = "-" if figure.by_length is None else f"{figure.by_length:.3f}"
            yield f"{said:28}{figure.value:12.3f}{figure.sd:12.3f}{base:>12}"
    if of.weak is not None:
        yield f"{'weak model, strong model':28}{of.weak:12.3f}{of.strong:12.3f}"


def json(of: Evaluation, skipped: int) -> dict[str, Json]:
    """All figures under their names; null where no prompt has the label."""
    figures: dict[str, Json] = {name: _figure(getattr(of, name)) for name in NAMES}
    return {
        "prompts": of.prompts,
        "skipped": skipped,
        "time_ms": {"mean": round(of.mean_ms, 4), "p99": round(of.p99_ms, 4)},
        "confusion": {task: dict(row) for task, row in of.confusion.items()} or None,
        **figures,
        "weak": of.weak,
        "strong": of.strong,
    }


def _figure(of: Figure | None) -> Json:
    if of is None:
        return None
    base = None if of.by_length is None else round(of.by_length, 4)
    return {"value": round(of.value, 4), "sd": round(of.sd, 4), "by_length": base}
