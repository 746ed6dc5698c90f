"""
What the classifier of `-t auto` is worth, beside the length of the prompt.

    python .ci/classifier/evaluate.py routing_train.jsonl

Every figure is of prompts that were left out of training, with their whole source or subject, and stands beside its
standard deviation (bootstrap over prompts) and what the prompt's length alone would give.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import sources
from model import Reader, Settings, fit, measured

from llmo.routing import classifier
from llmo.routing.classifier import TASKS
from llmo.routing.scoring import apgr, auc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray
    from sources import Example

SAMPLES = 200
FOLDS = 4


class Bench:
    """Trains with and without some prompts."""

    def __init__(self, data: Path, settings: Settings) -> None:
        self.own, self.dev = sources.own("train"), sources.own("dev")
        self.public = sources.public(data)
        self.reader = Reader()
        self.settings = settings

    def without(self, out: Callable[[Example], bool]) -> classifier.Weights:
        """The weights that come of all other public prompts."""
        kept = [one for one in self.public if not out(one)]
        return classifier.parse(fit(self.own, kept, self.reader, self.settings))

    def difficulty(self, of: Sequence[Example], weights: classifier.Weights) -> NDArray[np.float64]:
        """How hard each prompt is said to be."""
        task, failure = measured(of, self.reader, weights)
        return weights.blend[1] * task + weights.blend[2] * failure


def length(of: Sequence[Example]) -> NDArray[np.float64]:
    """The baseline."""
    return np.array([float(len(one.prompt)) for one in of])


def gaps(bench: Bench) -> Iterator[tuple[str, list[Example], NDArray[np.float64]]]:
    """Sources with outcomes, and the difficulty of their prompts as told without them."""
    labelled = [one for one in bench.public if one.weak is not None and one.strong is not None]
    for name, source in (("GSM8K", "routellm_gsm8k"), ("LLMRouter's 14 sets", "llmrouter")):
        of = [one for one in labelled if one.source == source]
        groups = {group for one in of for group in one.groups} if name == "GSM8K" else set()
        weights = bench.without(lambda one, s=source, g=groups: one.source == s or bool(one.groups & g))
        yield name, of, bench.difficulty(of, weights)
    of = [one for one in labelled if one.source == "routellm_mmlu"]
    subjects = sorted({group for one in of for group in one.groups})
    folds = {subject: at % FOLDS for at, subject in enumerate(np.random.default_rng(1).permutation(subjects))}
    hard = np.zeros(len(of))
    for fold in range(FOLDS):
        inside = {subject for subject, number in folds.items() if number == fold}
        weights = bench.without(lambda one, g=inside: bool(one.groups & g))
        here = [at for at, one in enumerate(of) if one.groups & inside]
        hard[here] = bench.difficulty([of[at] for at in here], weights)
    yield "MMLU, subjects left out", of, hard


def spread(of: Callable[[NDArray[np.int64]], float], count: int) -> float:
    """The standard deviation of a figure over samples of its prompts, drawn with replacement."""
    draw = np.random.default_rng(2)
    return float(np.std([of(draw.integers(0, count, count)) for _ in range(SAMPLES)]))


def show_gaps(bench: Bench) -> None:
    """APGR per source."""
    for name, of, hard in gaps(bench):
        weak, strong = np.array([one.weak for one in of]), np.array([one.strong for one in of])
        long = length(of)

        sd = spread(lambda at, h=hard, w=weak, s=strong: _gap(h[at], w[at], s[at]), len(of))
        ours, base = _gap(hard, weak, strong), _gap(long, weak, strong)
        print(f"APGR      {name:28} {len(of):6}  {ours:.3f} ± {sd:.3f}   length {base:.3f}")


def _gap(hard: NDArray[np.float64], weak: NDArray[np.float64], strong: NDArray[np.float64]) -> float:
    return apgr(list(zip(hard.tolist(), weak.tolist(), strong.tolist(), strict=True))) or 0.0


def show_tasks(bench: Bench, weights: classifier.Weights) -> None:
    """Accuracy on the development prompts, the errors that cost most, and each language."""
    of = bench.dev
    truth = np.array([TASKS.index(one.task or "") for one in of])
    found = predicted(bench, of, weights)
    known = np.array([TASKS.index(one.task or "") for one in bench.own])
    guess = _best_by_length(length(bench.own), known, length(of))
    _show_share("accuracy", "development prompts", found == truth, guess == truth)
    for named, wrong in (("complex", "simple"), ("simple", "complex")):
        here, to = truth == TASKS.index(named), TASKS.index(wrong)
        _show_share("error", f"{named} called {wrong}", (found == to)[here], (guess == to)[here])
    for language in sorted({one.language for one in of}):
        here = np.array([one.language == language for one in of])
        _show_share("accuracy", language, (found == truth)[here], (guess == truth)[here])


def _show_share(what: str, of: str, ours: NDArray[np.bool_], by_length: NDArray[np.bool_]) -> None:
    sd = spread(lambda at: float(ours[at].mean()), len(ours))
    print(f"{what:9} {of:28} {len(ours):6}  {ours.mean():.3f} ± {sd:.3f}   length {by_length.mean():.3f}")


def predicted(bench: Bench, of: Sequence[Example], weights: classifier.Weights) -> NDArray[np.int64]:
    """The place of each prompt's task in `TASKS`."""
    logits = [weights.tasks(cue) for cue in bench.reader.cues(of)]
    return np.array([int(np.argmax([simple, 0.0, hard])) for simple, hard in logits])


def _best_by_length(known: NDArray[np.float64], tasks: NDArray[np.int64], of: NDArray[np.float64]) -> NDArray[np.int64]:
    """The most frequent task of the known prompts that are nearest in length."""
    nearest = np.argsort(np.abs(np.log(known)[None, :] - np.log(of)[:, None]), axis=1)[:, :101]
    return np.array([np.bincount(tasks[row], minlength=len(TASKS)).argmax() for row in nearest])


def show_order(bench: Bench, weights: classifier.Weights) -> None:
    """How often a hard prompt is said to be harder than an easy one."""
    chats = {"open_assistant", "mt_bench"}
    without = bench.without(lambda one: one.source in chats)
    talk = [one for one in bench.public if one.source == "open_assistant"]
    bench_hard = [one for one in bench.public if one.source == "mt_bench" and one.task == "complex"]
    cases = [
        ("MT-Bench, Open Assistant", bench_hard, talk, without),
        ("development prompts", *_hard_and_easy(bench.dev), weights),
    ]
    for name, hard, easy, known in cases:
        a, b = bench.difficulty(hard, known), bench.difficulty(easy, known)
        both, n = np.concatenate([a, b]), len(a)
        draw = np.random.default_rng(2)
        picks = [(draw.integers(0, n, n), draw.integers(n, len(both), len(b))) for _ in range(SAMPLES)]
        sd = float(np.std([auc(both[i].tolist(), both[j].tolist()) for i, j in picks]))
        ours, base = auc(a.tolist(), b.tolist()) or 0.0, auc(length(hard).tolist(), length(easy).tolist()) or 0.0
        print(f"AUC       {name:28} {len(both):6}  {ours:.3f} ± {sd:.3f}   length {base:.3f}")


def _hard_and_easy(of: Sequence[Example]) -> tuple[list[Example], list[Example]]:
    return [one for one in of if one.task == "complex"], [one for one in of if one.task != "complex"]


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--quick", action="store_true", help="only what needs no other training")
    given = parser.parse_args()
    bench = Bench(given.data, Settings())
    weights = bench.without(lambda _: False)
    show_tasks(bench, weights)
    show_order(bench, weights)
    if not given.quick:
        show_gaps(bench)


if __name__ == "__main__":
    main()
