"""Fitting: the task by words and signs, and how often small models fail by signs alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import lexicon
import numpy as np
import sources
from scipy.sparse import csr_matrix, diags
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression

from llmo.routing import classifier
from llmo.routing.classifier import TASKS
from llmo.routing.cues import Cues, cues
from llmo.routing.instruction import read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from sources import Example

SCRIPTS = ("latin", "han", "kana", "other")
COUNTS = ("facts", "relations")
"""Counts that speak for a failure, each alike: their weight was chosen by leaving sources out, not fitted."""
SPREAD = 0.5
"""Of the lean to a task over prompts of many kinds: its standard deviation."""
COMMON = 200
"""A sign in fewer prompts is not split by."""


@dataclass(frozen=True)
class Settings:
    """What was chosen by leaving whole sources out, and by cross-validation on the prompts of this project."""

    c: float = 15.0
    sign: float = 1.0
    borrowed: float = 0.08
    pasted: float = 0.4
    material: int = 80
    caution: float = 45.0
    per_source: int = 600
    least: int = 2
    most: int = 6000
    trees: int = 100
    leaves: int = 10
    own: float = 4.0
    centered: float = 0.7
    counts: float = 1.15
    task: float = 0.45


class Reader:
    """Reads each prompt once."""

    def __init__(self) -> None:
        self.tables, self.said = lexicon.read()
        self._lexicon = classifier.lexicon(self.tables)
        self._read: dict[str, Cues] = {}

    def cues(self, examples: Sequence[Example]) -> list[Cues]:
        """What the run time sees of each prompt."""
        for one in examples:
            if one.prompt not in self._read:
                self._read[one.prompt] = cues(read(one.prompt), self._lexicon)
        return [self._read[one.prompt] for one in examples]


def fit(own: Sequence[Example], public: Sequence[Example], reader: Reader, settings: Settings) -> dict[str, Any]:
    """The weights as their file has them."""
    signs, grams, scripts = _tasks([*own, *_pasted(own, settings), *_borrowed(public, settings)], reader, settings)
    labelled = [one for one in public if one.weak is not None]
    data: dict[str, Any] = {
        "lexicon": reader.tables,
        "said": reader.said,
        "scripts": scripts,
        "signs": signs,
        "grams": grams,
        "hard": _failures([*own, *labelled], reader, settings),
        "blend": [0.0, 0.0, 1.0],
    }
    data["blend"] = _blend(own, labelled, reader, data, settings)
    return data


def _pasted(own: Sequence[Example], settings: Settings) -> list[Example]:
    """
    Some of our prompts again, each over something pasted that another one is about.

    So nothing can be learned from there being material, nor from its length.
    """
    pool = [about for one in own if len(about := read(one.prompt).material) >= settings.material]
    draw = np.random.default_rng(3)
    bare = [one for one in own if not read(one.prompt).material]
    return [
        replace(one, prompt=f"{one.prompt}\n\n{pool[int(draw.integers(len(pool)))]}")
        for one in bare
        if draw.random() < settings.pasted
    ]


def _borrowed(public: Sequence[Example], settings: Settings) -> list[Example]:
    """Prompts of others whose task is known, so many of each source."""
    order = np.random.default_rng(1).permutation(len(public))
    taken: Counter[str] = Counter()
    found = []
    for at in order:
        one = public[at]
        if one.task and taken[one.source] < settings.per_source:
            taken[one.source] += 1
            found.append(one)
    return found


def _tasks(examples: Sequence[Example], reader: Reader, settings: Settings) -> tuple[Any, Any, Any]:
    """Weights against general, in hundredths of a logit, by sign, word and script."""
    read_ = reader.cues(examples)
    mine = np.array([one.source == sources.OWN for one in examples])
    columns = _columns(read_, mine, settings)
    x = _matrix(read_, columns)
    scale = _rarity(x, columns, settings)
    x = x @ diags(scale)
    y = np.array([TASKS.index(one.task or "") for one in examples])
    weight = np.where(mine, 1.0, settings.borrowed)
    for task in range(len(TASKS)):
        weight[y == task] *= weight.sum() / weight[y == task].sum() / len(TASKS)
    fitted = LogisticRegression(C=settings.c, max_iter=300, tol=1e-3).fit(x, y, sample_weight=weight)
    coefficients, offsets = 100 * fitted.coef_ * scale, 100 * fitted.intercept_
    pairs = np.vstack([coefficients[0] - coefficients[1], coefficients[2] - coefficients[1]]).T
    base = (offsets[0] - offsets[1] - settings.caution, offsets[2] - offsets[1])
    worth = {name: [round(float(one)) for one in pairs[at]] for name, at in columns.items()}
    signs = {name: pair for (kind, name), pair in worth.items() if kind == "sign" and any(pair)}
    scripts = {
        name: [round(pair[0] + float(base[0])), round(pair[1] + float(base[1]))]
        for (kind, name), pair in worth.items()
        if kind == "script"
    }
    grams = {name: pair for (kind, name), pair in worth.items() if kind == "gram"}
    kept = sorted(grams, key=lambda name: -max(map(abs, grams[name])))[: settings.most]
    return signs, {name: grams[name] for name in sorted(kept) if any(grams[name])}, scripts


def _rarity(x: csr_matrix, columns: Mapping[tuple[str, str], int], settings: Settings) -> NDArray[np.float64]:
    """What a column may weigh: a sign more than a word, a rare word more than one that is everywhere."""
    prompts = x.shape[0]
    seen = np.asarray((x != 0).sum(axis=0)).ravel()
    rare = np.log(prompts / np.maximum(seen, 1)) / np.log(prompts)
    return np.array([rare[at] if kind == "gram" else settings.sign for (kind, _), at in columns.items()])


def _columns(read_: Sequence[Cues], mine: NDArray[np.bool_], settings: Settings) -> dict[tuple[str, str], int]:
    """Which column a script, a sign or a word is; words are those that enough prompts of this project have."""
    seen: Counter[str] = Counter()
    signs: set[str] = set()
    for cue, own in zip(read_, mine, strict=True):
        signs.update(cue.signs)
        if own:
            seen.update({gram for grams, _ in cue.grams for gram in grams})
    names = [*(("script", one) for one in SCRIPTS), *(("sign", one) for one in sorted(signs))]
    names += [("gram", one) for one in sorted(seen) if seen[one] >= settings.least]
    return {name: at for at, name in enumerate(names)}


def _matrix(read_: Sequence[Cues], columns: Mapping[tuple[str, str], int]) -> csr_matrix:
    rows: list[int] = []
    at: list[int] = []
    values: list[float] = []
    for number, cue in enumerate(read_):
        found = [(("script", cue.script), 1.0), *((("sign", name), value) for name, value in cue.signs.items())]
        found += [(("gram", gram), worth) for grams, worth in cue.grams for gram in grams]
        for name, value in found:
            if value and (column := columns.get(name)) is not None:
                rows.append(number)
                at.append(column)
                values.append(value)
    return csr_matrix((values, (rows, at)), shape=(len(read_), len(columns)))


def _failures(examples: Sequence[Example], reader: Reader, settings: Settings) -> dict[str, Any]:
    """
    Boosted trees over signs, for how often small models fail and for what a large one gains, and the worth of counts.

    Most of what a source's prompts have in common is taken out before: that exams are harder than chats is known.
    """
    read_ = reader.cues(examples)
    names = _tree_signs(read_)
    x = np.array([[cue.signs.get(name, 0.0) for name in names] for cue in read_], dtype=np.float32)
    of = np.array([one.source for one in examples])
    public = of != sources.OWN
    fails = np.array([1 - one.weak if one.weak is not None else one.difficulty for one in examples], dtype=float)
    gains = np.array([(one.strong or 0.0) - (one.weak or 0.0) for one in examples])
    trees = []
    for y, among in ((fails, public | True), (gains, public)):
        centered = y - settings.centered * _mean_of_source(y, of)
        weight = np.where(public, 1.0, settings.own)[among]
        trees += _trees(x[among], centered[among], weight, settings)
    levels = np.array([sum(cue.counts[name] for name in COUNTS) for cue in read_])[public]
    return {"signs": names, "trees": trees, "count": round(settings.counts / float(levels.std()), 4)}


def _tree_signs(read_: Sequence[Cues]) -> list[str]:
    """Signs of the request that are common enough to be split by."""
    seen = Counter(name for cue in read_ for name, value in cue.signs.items() if value)
    return sorted(name for name, count in seen.items() if count > COMMON and name[-1] != "^")


def _mean_of_source(y: NDArray[np.float64], of: NDArray[np.str_]) -> NDArray[np.float64]:
    mean = {source: y[of == source].mean() for source in set(of)}
    return np.array([mean[source] for source in of])


def _trees(
    x: NDArray[np.float32], y: NDArray[np.float64], weight: NDArray[np.float64], settings: Settings
) -> list[Any]:
    """A boosted ensemble as nested lists whose sum spreads by one half."""
    fitted = HistGradientBoostingRegressor(
        max_iter=settings.trees, max_leaf_nodes=settings.leaves, learning_rate=0.08, min_samples_leaf=60,
        l2_regularization=5.0, early_stopping=False, random_state=1,
    ).fit(x, y, sample_weight=weight)  # fmt: skip
    scale = 0.5 / float(fitted.predict(x).std())
    return [_nested(trees[0].nodes, 0, scale) for trees in fitted._predictors]  # noqa: SLF001 - there is no other way to the trees


def _nested(nodes: Any, at: int, scale: float) -> Any:
    """`[sign, threshold, at most, above]`, or the value of a leaf."""
    node = nodes[at]
    if node["is_leaf"]:
        return round(float(node["value"]) * scale, 4)
    below, above = (_nested(nodes, int(node[side]), scale) for side in ("left", "right"))
    return [int(node["feature_idx"]), round(float(node["num_threshold"]), 4), below, above]


def _blend(
    own: Sequence[Example], labelled: Sequence[Example], reader: Reader, data: Mapping[str, Any], settings: Settings
) -> list[float]:
    """Offset and shares of the task and of the failure in the difficulty, scaled to the labels of our prompts."""
    weights = classifier.parse(data)
    task, failure = measured(own, reader, weights)
    others = measured(labelled[:: max(len(labelled) // 4000, 1)], reader, weights)
    shares = settings.task / SPREAD, 1 / float(others[1].std())
    mixed = shares[0] * task + shares[1] * failure
    label = np.array([one.difficulty for one in own], dtype=float).clip(0.02, 0.98)
    slope, offset = np.polyfit(mixed, np.log(label / (1 - label)), 1)
    return [round(float(one), 4) for one in (offset, slope * shares[0], slope * shares[1])]


def measured(
    examples: Sequence[Example], reader: Reader, weights: classifier.Weights
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far each prompt is from simple to complex, and how much speaks for a failure."""
    read_ = reader.cues(examples)
    return np.array([weights.lean(cue) for cue in read_]), np.array([weights.failure(cue) for cue in read_])
