"""How good an order of prompts by difficulty is."""

from __future__ import annotations

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
    from bisect import bisect_left, bisect_right

    order = sorted(easy)
    below = sum(bisect_left(order, one) + bisect_right(order, one) for one in hard)
    return below / 2 / len(hard) / len(order)
