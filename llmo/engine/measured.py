"""One measurement of what a provider grants."""

from __future__ import annotations

import math
from typing import NamedTuple

AGREE, VARIES = 0.05, 2.5
"""How near two measurements of the same limit are, and how much rows vary in size: twice as far where few tell."""


class Measured(NamedTuple):
    """The gain that a provider granted over so many seconds and requests, which may be of any size where they vary."""

    gain: float
    seconds: float
    requests: float
    varied: bool = True

    def agrees(self, gain: float) -> bool:
        """Whether it may be a measurement of the same limit: sizes of rows vary as much as they are long."""
        varies = VARIES / math.sqrt(max(1.0, self.requests)) if self.varied else 0.0
        return self.near(gain, min(max(AGREE, varies), 2 * AGREE))

    def near(self, gain: float, part: float) -> bool:
        """Whether it differs by no more than that part of itself."""
        return abs(self.gain - gain) <= self.gain * part
