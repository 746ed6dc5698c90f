"""How good an order of prompts by difficulty is."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from math import sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def apgr(of: Sequence[tuple[float, float, float]]) -> float | None:
    """
    The average performance gap recovered when the hardest prompts go to the strong model first: 0.5 is chance.

    Each prompt is `(difficulty, weak, strong)`, the latter two how well each model did. It is the mean, over all shares
    of strong calls, of (accuracy - weak) / (strong - weak), as RouteLLM defines it; prompts of equal difficulty count
    as if in random order. None where the strong model is no better.
    """
    total = sum(strong - weak for _, weak, strong in of)
    if total <= 0:
        return None
    gains: dict[float, list[float]] = {}
    for difficulty, weak, strong in of:
        gains.setdefault(difficulty, []).append(strong - weak)
    area = reached = 0.0
    for difficulty in sorted(gains, reverse=True):
        tied = gains[difficulty]
        area += len(tied) * (reached + sum(tied) / 2)
        reached += sum(tied)
    return area / total / len(of)


def auc(hard: Sequence[float], easy: Sequence[float]) -> float | None:
    """How often a hard prompt is said to be harder than an easy one, ties counting half; None without either."""
    if not hard or not easy:
        return None
    order = sorted(easy)
    below = sum(bisect_left(order, one) + bisect_right(order, one) for one in hard)
    return below / 2 / len(hard) / len(order)


def rank_correlation(of: Sequence[tuple[float, float]]) -> float | None:
    """Spearman's correlation of the pairs, from -1 to 1, ties counting their mean rank; None where all are alike."""
    first, second = _ranks([one for one, _ in of]), _ranks([one for _, one in of])
    mean = (len(of) - 1) / 2
    spread = [sum((one - mean) ** 2 for one in ranks) for ranks in (first, second)]
    if not all(spread):
        return None
    together = sum((a - mean) * (b - mean) for a, b in zip(first, second, strict=True))
    return float(together / sqrt(spread[0] * spread[1]))


def _ranks(of: Sequence[float]) -> list[float]:
    order = sorted(range(len(of)), key=of.__getitem__)
    ranks = [0.0] * len(of)
    at = 0
    while at < len(order):
        end = at
        while end < len(order) and of[order[end]] == of[order[at]]:
            end += 1
        for place in order[at:end]:
            ranks[place] = (at + end - 1) / 2
        at = end
    return ranks
