"""
Which part of its claimed limits a provider grants, learned from what it admits and refuses.

Between two moments at which a provider's bucket was empty, it admitted exactly what it refills, whatever the size of
the bucket and whatever was claimed. A 429 is such a moment. So the first one takes 15 % off the pace, and the next
measures the limit: the pace is then 99 % of what was admitted in between. Faster is tried again after a while without
one, and after a longer while the more often the same limit was found.
"""

from __future__ import annotations

import math
from typing import NamedTuple

PACE = 0.98
"""The part of a claimed limit that is used."""
FOUND = 0.99
"""The part of a measured limit that is used."""
CUT, DEEP = 0.85, 0.6
"""What an unexplained 429 leaves of the pace, and what another one does that follows it soon."""
GROWTH = 0.02
"""How much faster a second, when faster is tried."""
STEP = 1.25
STEP_S = (40.0, 40.0, 60.0, 150.0, 300.0)
"""How far above the last measured limit is tried, and for how many seconds, by how often it was found."""
SHORT_S = 3.0
"""Two 429s that are nearer are no measurement: the amounts of single rows weigh too much."""
AGAIN_S = 1.0
"""Seconds between cuts while the limit is not measured yet."""
AGREE, VARIES = 0.05, 2.5
"""How near two measurements of the same limit are, and how much rows vary in size: twice as far where few tell."""
QUIET = ((1.0, 0), (4.0, 32), (20.0, 256), (80.0, 1024), (320.0, 4096))
"""Seconds and requests without a 429 before faster is tried, by how often the same limit was found."""
CLAIMED = (60.0, 16)
"""The same for a limit that was claimed, and then used without a 429."""
FADE = 0.8
"""What another 429 leaves of the best that was found, to which faster is tried in steps."""
LEAST = 1e-3
"""The slowest pace, as a part of the claim."""
TICK_S = 0.1
"""Seconds for which a gain is not computed again."""
APART_S = 10.0
"""Seconds that a measurement must take to confirm another."""
LONG_WEIGHT_S = 300.0
"""Seconds of measurements that count for as much as all before."""
LONG_S = 10.0
"""The longest time without a request that counts as time in which faster was tried."""


class Measured(NamedTuple):
    """The gain that a provider granted over so many seconds and requests."""

    gain: float
    seconds: float
    requests: float

    def agrees(self, gain: float) -> bool:
        """Whether it may be a measurement of the same limit: sizes of rows vary as much as they are long."""
        varies = VARIES / math.sqrt(max(1.0, self.requests))
        return abs(self.gain - gain) <= self.gain * min(max(AGREE, varies), 2 * AGREE)


class Gain:
    """
    The gain: how many times the claimed limits may pass. A 429 lowers it, quiet raises it up to `top`.

    `least` is in how many seconds all 429s are one: what was sent before the first of them is still being counted.
    """

    __slots__ = (
        "_best",
        "_count",
        "_cut",
        "_cutting",
        "_found",
        "_growing",
        "_grown",
        "_least",
        "_level",
        "_next",
        "_patience",
        "_quiet",
        "_round",
        "_since",
        "_stepped",
        "_tried",
        "_weight",
        "blind",
        "claimed",
        "settled",
        "starting",
        "top",
        "value",
    )

    def __init__(self, gain: float, now: float, *, least: float = 0.0) -> None:
        self.value, self.top = gain, PACE
        self.starting, self.claimed, self.blind = False, True, True
        self._level = 0
        self._quiet = QUIET[0]
        self._found = self._weight = self._patience = 0.0
        self._least = least
        self._best = gain
        self._cut = self._round = -1.0
        self._next = self._since = self._stepped = self._tried = self._grown = now
        self._count = 0
        self._growing = self._cutting = False
        self.settled: tuple[float, float] | None = None

    def start(self, gain: float) -> None:
        """Begin softly: the gain doubles with each round of answers, until it arrives where it was going."""
        self.value, self.starting = gain, True

    def gain(self, now: float) -> float:
        """The gain as of now."""
        if now >= self._next:
            self._advance(now)
        return self.value

    def answered(self, number: float, sent: float, now: float, *, least: float) -> None:
        """Request `number` of `sent` was admitted. A soft start doubles once a round, and in `least` seconds."""
        self._count += 1
        if self.starting and number > self._round and now - self._stepped >= least:
            self._round, self._stepped = sent, now
            self.value *= 2

    def arrive(self, goal: float, now: float) -> None:
        """End a soft start that has come to its `goal`."""
        if self.value >= goal:
            self.value, self.starting = goal, False
            self._rest(now, len(QUIET) - 2)
            self._found, self._quiet = 1.0, CLAIMED

    def news(self, number: float) -> bool:
        """Whether the refusal of request `number` tells more than the last one: it was sent at a later pace."""
        return number > self._cut

    def refused(self, sent: float, now: float, found: Measured | None, recent: float) -> None:
        """
        Slow down for a 429; `sent` requests have left by now.

        `found` is what was granted between the last two times that nothing was left, None where that is no
        measurement; `recent` is the gain that was used in the last seconds.
        """
        self._cut = sent
        self._best = min(self._best, max(recent, self._found))
        tried = self._growing
        if found is None and tried and self._quiet is CLAIMED and recent <= self._grown * STEP:
            self._settle(self._grown, 1.0, len(QUIET) - 1, now)
        elif found is None:
            # What was sent while the bucket was empty is refused too, and tells no more than the first.
            if now - self._since >= self._patience:
                cut = DEEP if self._cutting and now - self._since < SHORT_S else CUT
                self._cutting = True
                self.value = max(LEAST, min(self.value, max(recent, self._found * DEEP)) * cut)
                self._best = max(self._best * FADE, self.value)
                self._patience = max(AGAIN_S, self._least)
                self._rest(now, 0)
        elif self.claimed and abs(found.gain - 1.0) <= AGREE:
            self._settle(PACE, 1.0, len(QUIET) - 1, now)
        else:
            self._learn(found, now, tried=tried)
        self.starting = False

    def _learn(self, found: Measured, now: float, *, tried: bool) -> None:
        limit, level = found.gain, 0
        if self._found and found.agrees(self._found):
            level = min(self._level + 1, len(QUIET) - 1)
            if found.seconds < APART_S:
                # Too fast still; a burst of somebody else may look like this too, so it confirms little.
                level, limit = max(self._level, 1), min(limit, self._found * FOUND)
            elif tried:
                # A bucket that was full for a while has lost what would have come: of two, the lower one is too low.
                limit = max(limit, self._found)
            else:
                self._weight = min(self._weight + found.seconds, LONG_WEIGHT_S)
                limit = self._found + (limit - self._found) * min(1.0, found.seconds / self._weight)
        else:
            self._weight = found.seconds
        kept = min(self._grown, limit) if tried else 0.0
        self._settle(max(limit * FOUND, kept), limit, level, now)

    def _settle(self, gain: float, found: float, level: int, now: float) -> None:
        self.value = max(LEAST, min(self.value * (1.0 if level else FOUND), gain))
        self._cutting = False
        self._found, self._patience = found, max(SHORT_S, self._least)
        self._best = max(self._best * FADE, found)
        self.settled = self.value, now
        self._rest(now, level)

    def adopt(self, gain: float, at: float, sent: float, now: float) -> None:
        """Go on with what another process found at that time; `sent` requests have left by now."""
        self.value, self._found, self.starting = max(LEAST, min(gain, self.top)), gain / FOUND, False
        self.settled, self._cut = (self.value, at), sent
        self._best = max(self.value, self._best * FADE)
        self._rest(now, max(1, self._level))

    def exceeded(self, found: float, now: float) -> None:
        """Return to what is granted, as the provider's own count has shown, and to what is claimed where that is it."""
        # What was used for a while before without a fall is granted.
        found = max(found, 1.0, self._grown / FOUND if self._growing else 0.0)
        if found - 1.0 <= AGREE:
            self._settle(PACE, found, len(QUIET) - 1, now)
        else:
            again = abs(found - self._found) <= AGREE * self._found
            self._settle(found * FOUND, found, min(self._level + 1, len(QUIET) - 1) if again else 2, now)

    @property
    def sure(self) -> bool:
        """Whether the same limit was found again."""
        return self._level > 0

    def _rest(self, now: float, level: int) -> None:
        self._since, self._level, self._count, self._growing = now, level, 0, False
        self._quiet = QUIET[level]

    def _advance(self, now: float) -> None:
        passed, self._next = min(LONG_S, now - self._next + TICK_S), now + TICK_S
        if self.starting or self.value >= self.top:
            return
        seconds, requests = self._quiet
        if self._growing:
            steady = not self.blind and self._quiet is CLAIMED
            capped = self._found and not steady and now - self._tried < STEP_S[self._level]
            most = self._found * STEP if capped else float("inf")
            grown = self.value + GROWTH * passed * max(self._best, self.value)
            self.value = max(self.value, min(grown, most, self.top))
        elif now - self._since >= max(seconds, self._least) and self._count >= requests:
            self._growing, self._grown, self._tried = True, self.value, now
