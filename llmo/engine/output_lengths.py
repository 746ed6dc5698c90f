"""How long answers are in this program's own experience, and the output limits that follow from it."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

from llmo.engine import output_limits
from llmo.types.histogram import StepHistogram

if TYPE_CHECKING:
    from llmo.routing.plan import Candidate
    from llmo.routing.requirements import Requirements
    from llmo.types.messages import Target
    from llmo.types.money import Pico

ENOUGH = 20
"""Answers that teach something; the first to end are the short ones."""
HIGH = 0.99
"""The share of answers that a limit is to leave whole, where money is no reason against it."""
SAFETY = 2.0
"""A limit is so many times the length that this share of answers stays below; a cut answer counts as so much longer."""
WASTE = 0.1
"""The part of all tokens that may be paid for answers which are cut and asked again, so that more fit at once."""


class LengthHistogram(StepHistogram):
    """Output tokens of a target's answers."""

    def __init__(self) -> None:
        super().__init__(least=1)

    def limit(self, share: int) -> int | None:
        """
        The output limit that answers need, None while too few are known.

        Not more than `share` tokens if that cuts few enough answers, else as little more as does.
        """
        counted = [(math.ceil(size), count) for size, count in self.sizes()]
        sizes, below = [size for size, _ in counted], [0, *accumulate(count for _, count in counted)]
        total, tokens = below[-1], sum(size * count for size, count in counted)
        if total < ENOUGH:
            return None

        def bearable(limit: int) -> bool:
            """Whether little is paid for the answers that it would cut."""
            return (total - below[bisect_right(sizes, limit)]) * limit <= WASTE * tokens

        high = sizes[bisect_left(below, HIGH * total) - 1]
        wanted = min(share, math.ceil(SAFETY * high))
        return next(filter(bearable, (wanted, *(size for size in sizes if size > wanted))))


class OutputLengths:
    """Output limits for requests that nobody gave one, so that as many as are wanted at once fit the money left."""

    def __init__(self) -> None:
        self._lengths: dict[Target, LengthHistogram] = {}

    def limited(self, candidate: Candidate, need: Requirements, share: Pico | None) -> Candidate:
        """
        The candidate with the limit that its share of the money suggests.

        As long as the model's own fits the share, it is that. Else it is what answers were seen to need: a
        larger share is left for others, and a smaller one is waited for rather than cut many answers.
        """
        own = need.max_output is None and candidate.least_output is None
        if share is None or candidate.worst is None or not own or candidate.worst <= share:
            return candidate
        fits, lengths = candidate.buys(share), self._lengths.get(candidate.target)
        wanted = (lengths and lengths.limit(fits)) or fits
        return output_limits.at(candidate, min(candidate.full, max(wanted, output_limits.least(candidate, need))))

    def learn(self, target: Target, tokens: int, *, cut: bool) -> None:
        """Take note of an answer; a cut one would have been longer."""
        lengths = self._lengths.get(target)
        if lengths is None:
            lengths = self._lengths[target] = LengthHistogram()
        lengths.add(math.ceil(tokens * SAFETY) if cut else tokens)
