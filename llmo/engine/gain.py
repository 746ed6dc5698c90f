"""
Which part of its claimed limits a provider grants, learned from what it admits and refuses.

Between two moments at which a provider's bucket was empty, it admitted exactly what it refills, whatever the size of
the bucket and whatever was claimed. A 429 is such a moment. So the first one takes 15 % off the pace, and the next
measures the limit: the pace is then 99 % of what was admitted in between. Faster is tried again soon, until two
measurements agree; then a trial is paid for: 429s are what it costs to look, and a fixed part of the requests that
pass may be refused for it. Where somebody else uses a part now and then, a limit goes up and down. The pace is then
what is granted on average: what is measured within a burst does not count.
"""

from __future__ import annotations

import math

from llmo.engine.measured import AGREE, Measured
from llmo.engine.pace_notice import Stance
from llmo.engine.refusal_row import AGAIN_S, RefusalRow

PACE = 0.98
"""The part of a claimed limit that is used."""
FOUND, FINE = 0.99, 0.995
"""The part of a measured limit that is used, and of one of requests: they do not vary, and it is measured too low."""
CUT, DEEP = 0.85, 0.6
"""What an unexplained 429 leaves of the pace, and what another one does that follows it soon."""
GROWTH = 0.02
"""How much faster a second, when faster is tried."""
STEP = 1.25
STEP_S = (40.0, 40.0, 60.0, 300.0)
"""
How far above the last measured limit is tried, and for how many seconds, by how sure it is: a bucket of ten seconds is
empty after 40 of them, one of a minute after 240.
"""
HOLD_S = ((7.5, 12.0), (45.0, 70.0))
"""
Seconds of a claimed limit that were used beyond it, between which no more than `STEP` is tried: a bucket of ten seconds
or of a minute would be empty there, and a 429 tells that the claim is right.
"""
SHORT_S = 3.0
"""Two 429s that are nearer are no measurement: the amounts of single rows weigh too much."""
MORE, MAYBE = 1.01, 1.025
"""How many times the last one a measurement is that may be too low still, and by how much any may be."""
QUIET = ((1.0, 0), (4.0, 32), (20.0, 256), (20.0, 256))
"""Seconds and requests without a 429 before faster is tried, by how sure the limit is."""
SURE = len(QUIET) - 1
"""A limit that two measurements have confirmed. A short one makes it 1 at most."""
PRICE = 4000.0
"""Requests for each 429 of the last trial before a sure limit is tried again: for that, 0.25 of 1,000 are refused."""
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
SWING = 0.12
"""How far a limit must go up, and then down again, for somebody else to use a part of it now and then."""
BURSTS, ROW = 0.2, 8
"""How near measurements of a limit are of which others take bursts, and how many 429s in a row may be of one burst."""
SMALLEST_S = 1.0
"""Seconds of a limit that the smallest bucket of a provider holds."""
LONG_WEIGHT_S = 300.0
"""Seconds of measurements that count for as much as all before."""
LONG_S = 10.0
"""The longest time without a request that counts as time in which faster was tried."""


class Gain:
    """
    The gain: how many times the claimed limits may pass. A 429 lowers it, quiet raises it up to `top`.

    `least` is in how many seconds all 429s are one: what was sent before the first of them is still being counted.
    """

    __slots__ = (
        "_best",
        "_bursts",
        "_count",
        "_cutting",
        "_found",
        "_growing",
        "_grown",
        "_leapt",
        "_least",
        "_level",
        "_low",
        "_next",
        "_over",
        "_patience",
        "_quiet",
        "_round",
        "_since",
        "_span",
        "_stepped",
        "_tried",
        "_way",
        "_weight",
        "blind",
        "claimed",
        "follows",
        "low",
        "refusals",
        "row",
        "settled",
        "starting",
        "steady",
        "top",
        "value",
    )

    def __init__(self, gain: float, now: float, *, least: float = 0.0) -> None:
        self.value, self.top = gain, PACE
        self.starting, self.claimed, self.blind, self.low = False, True, True, False
        self._level = 0
        self._quiet = QUIET[0]
        self._found = self._weight = self._patience = self._leapt = 0.0
        self._least = least
        self._best = gain
        self._round = -1.0
        self.row = RefusalRow()
        self._next = self._since = self._stepped = self._tried = self._grown = now
        self._count = self.refusals = 0.0
        self.follows = False
        self._span, self._bursts = 0.0, False
        self._over, self._low = 0.0, gain
        self.steady, self._way = True, 0.0
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

    def answered(self, number: float, sent: float, now: float, *, least: float, wanted: float = 0.0) -> None:
        """
        Request `number` of `sent` was admitted. A soft start doubles once a round, and in `least` seconds.

        After the first round it leaps to what is `wanted`, where that is more.
        """
        self._count += 1
        if self.starting and not self.follows and number > self._round and now - self._stepped >= least:
            self._round, self._stepped = sent, now
            self._leapt = self.value if wanted > 2 * self.value else 0.0
            self.value = max(2 * self.value, wanted)

    def arrive(self, goal: float, now: float) -> None:
        """End a soft start that has come to its `goal`."""
        if self.value >= goal:
            self.value, self.starting = goal, False
            self._rest(now, SURE - 1)
            self._found, self._quiet = 1.0, CLAIMED

    def leapt(self, sent: float, now: float) -> bool:
        """Whether a 429 has come of a leap: the soft start goes on from before it, as if it had not been."""
        if not self._leapt:
            return False
        self.value, self._leapt = self._leapt, 0.0
        self._round = sent
        self.row.know(sent)
        self._stepped = now
        return True

    def refused(self, now: float, found: Measured | None, recent: float) -> None:
        """
        Slow down for a 429, which `row` has counted.

        `found` is what was granted between the last two times that nothing was left, None where that is no
        measurement; `recent` is the gain that was used in the last seconds.
        """
        self._best = min(self._best, max(recent, self._found))
        tried = self._growing
        if found is None and tried and self._quiet is CLAIMED and self.value <= self._found * STEP:
            self._settle(self._grown, 1.0, SURE, now)
        elif found is None:
            # What was sent while the bucket was empty is refused too, and tells no more than the first.
            if now - self._since >= self._patience:
                cut = DEEP if self._cutting and now - self._since < SHORT_S else CUT
                self._cutting = True
                self.value = max(LEAST, min(self.value, max(recent, self._found * DEEP)) * cut)
                self._best = max(self._best * FADE, self.value)
                self._patience = max(AGAIN_S, self._least)
                self._rest(now, 0)
        elif self._burst(found):
            self.value, self._bursts = min(self.value, self._found * FOUND), True
            self._rest(now, self._level)
        elif self.claimed and abs(found.gain - 1.0) <= AGREE:
            self._settle(PACE, 1.0, SURE, now)
        else:
            self._learn(found, now, tried=tried)
        self.starting = False

    def _learn(self, found: Measured, now: float, *, tried: bool) -> None:
        limit, level, before = found.gain, 0, self._found
        # Bursts go up and down within it.
        bursts, self._bursts = self._bursts and found.seconds >= APART_S, False
        self._span = found.seconds
        again = bool(before) and (found.agrees(before) or (bursts and found.near(before, BURSTS)))
        self._compare(found, again=again)
        if again:
            level = min(max(self._level + 1, SURE - 1 if self.steady else 0), SURE)
            if found.seconds < APART_S:
                # Too fast still; a burst of somebody else may look like this too, so it confirms little.
                level, weight = max(self._level, 1), max(self._weight, found.seconds)
                limit = min(before + (limit - before) * found.seconds / weight, before * FOUND)
            elif not bursts and self._lossy(limit, now):
                # More than before, and perhaps more still.
                more = 1 + AGREE if found.varied else MORE
                level = min(self._level, 1) if limit > self._found * more else level
                limit = max(limit, self._found)
            else:
                self._weight = min(self._weight + found.seconds, LONG_WEIGHT_S)
                limit = self._found + (limit - self._found) * min(1.0, found.seconds / self._weight)
        else:
            self._weight = 0.0 if not bursts and self._lossy(limit, now) else found.seconds
        kept = min(self._grown, limit) if tried else 0.0
        part = FOUND if found.varied else FINE
        if found.near(before, MORE - 1) and self._lossy(found.gain * MAYBE, now):
            part = 1.0
        self._settle(max(limit * part, kept), limit, level, now)

    def _burst(self, found: Measured) -> bool:
        """Whether it is a part of somebody else's burst, and the longer measurement of before still holds."""
        short = found.seconds < APART_S <= self._span
        return short and self.row.length < ROW and found.gain < self._found and not found.agrees(self._found)

    def _compare(self, found: Measured, *, again: bool) -> None:
        """Notice a limit that goes up and down, as one does of which somebody else uses a part now and then."""
        if again:
            self.steady = self.steady or self._level == SURE - 1
        elif self.settled is not None and abs(found.gain - self._found) > SWING * self._found:
            way = math.copysign(1.0, found.gain - self._found)
            self.steady = self.steady and way != -self._way
            self._way = way

    def _lossy(self, limit: float, now: float) -> bool:
        """
        Whether a measurement may be too low: the smallest bucket may have been full, and lost what would have come.

        It is full once a second's worth less than the limit was used: at the pace of before, then while that grew.
        """
        lacks = max(0.0, limit - self._low)
        slow = (self._tried if self._growing else now) - self._since
        return lacks * slow + lacks * lacks / (2 * GROWTH * limit) > limit * SMALLEST_S / 2

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
        self.settled = self.value, at
        self.row.know(sent)
        self._best = max(self.value, self._best * FADE)
        self._rest(now, max(1, self._level))

    def reserve(self, *, varied: bool) -> float:
        """Seconds of a limit to leave to refill after a 429; rows may be `varied` in size."""
        return self.row.reserve(varied=varied, steady=self.steady)

    def stance(self, now: float) -> Stance:
        """What another process needs to go as fast, and to continue from here."""
        return Stance(self.gain(now), self._found, self._level, self._quiet is CLAIMED, self.starting)

    def follow(self, stance: Stance, now: float, slowed: float | None) -> None:
        """
        Go as fast as another process, and leave it to that to find the pace.

        It has `slowed` down for a 429 when so many requests of this one had left, or has not.
        """
        if slowed is not None:
            self.row.add(slowed, now)
        self.follows, self.starting, self._leapt = True, stance.starting, 0.0
        self.value, self._found = max(LEAST, min(stance.gain, self.top)), stance.found
        self._rest(now, min(stance.level, SURE))
        if stance.claimed:
            self._quiet = CLAIMED

    def lead(self, answered: float, refused: float) -> None:
        """Find the pace; so many requests more of others were admitted, and refused."""
        self.follows = False
        self._count += answered
        self.refusals += refused

    def exceeded(self, found: float, now: float) -> None:
        """Return to what is granted, as the provider's own count has shown, and to what is claimed where that is it."""
        # What was used for a while before without a fall is granted.
        found = max(found, 1.0, self._grown / FOUND if self._growing else 0.0)
        if found - 1.0 <= AGREE:
            self._settle(PACE, found, SURE, now)
        else:
            again = abs(found - self._found) <= AGREE * self._found and now - self._since >= APART_S
            self._settle(found * FOUND, found, min(self._level + 1, SURE) if again else SURE - 1, now)

    def _rest(self, now: float, level: int) -> None:
        self._since, self._level, self._count, self._growing = now, level, 0, False
        self._low = self.value
        self._quiet = QUIET[level]

    def _advance(self, now: float) -> None:
        passed, self._next = min(LONG_S, now - self._next + TICK_S), now + TICK_S
        if self.starting or self.follows or self.value >= self.top:
            return
        if self._growing:
            self._grow(passed, now)
            return
        if self.low and self._level >= SURE - 1:
            return
        seconds, requests = self._quiet
        price = PRICE * self.refusals if self._level == SURE else 0.0
        if now - self._since >= max(seconds, self._least) and self._count >= max(requests, price):
            self._growing, self._grown, self._tried = True, self.value, now
            self._over, self.refusals = 0.0, 0

    def _grow(self, passed: float, now: float) -> None:
        grown = self.value + GROWTH * passed * max(self._best, self.value)
        most = self._found * STEP if self._found else float("inf")
        if self._quiet is CLAIMED:
            self._over += passed * max(0.0, self.value - self._found)
            if not any(least <= self._over <= last for least, last in HOLD_S[: 2 if self.blind else 1]):
                most = float("inf")
            self.value = min(grown, most, self.top)
        elif now - self._tried < STEP_S[self._level]:
            self.value = max(self.value, min(grown, most, self.top))
        else:
            self.value = min(grown, self.top)
