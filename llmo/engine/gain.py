"""
Which part of its claimed limits a provider grants, learned from what it admits and refuses.

Between two moments at which a provider's bucket was empty, it admitted exactly what it refills, whatever the size of
the bucket and whatever was claimed. A 429 is such a moment. So the first one takes 15 % off the pace, and the next
measures the limit: the pace is then 98.5 % of what was admitted in between. Faster is tried again after a while without
one, and after a longer while the more often the same limit was found.
"""

from __future__ import annotations

PACE = 0.98
"""The part of a claimed limit that is used."""
FOUND = 0.985
"""The part of a measured limit that is used."""
CUT = 0.85
"""What an unexplained 429 leaves of the pace."""
GROWTH = 0.02
"""How much faster a second, when faster is tried."""
STEP = 1.25
"""How far above the last measured limit is tried until a bucket of a minute would have run empty at that."""
STEP_S = 240.0
SHORT_S = 3.0
"""Two 429s that are nearer are no measurement: the amounts of single rows weigh too much."""
AGAIN_S = 1.0
"""Seconds between cuts while the limit is not measured yet."""
AGREE = 0.05
"""How near two measurements of the same limit are."""
QUIET = ((1.0, 0), (20.0, 256), (80.0, 1024), (320.0, 4096))
"""Seconds and requests without a 429 before faster is tried, by how often the same limit was found."""
CLAIMED = (60.0, 16)
"""The same for a limit that was claimed, and then used without a 429."""
FADE = 0.8
"""What another 429 leaves of the best that was found, to which faster is tried in steps."""
LEAST = 1e-3
"""The slowest pace, as a part of the claim."""
TICK_S = 0.1
"""Seconds for which a gain is not computed again."""
LONG_S = 10.0
"""The longest time without a request that counts as time in which faster was tried."""


class Gain:
    """The gain: how many times the claimed limits may pass. A 429 lowers it, quiet raises it up to `top`."""

    __slots__ = (
        "_best",
        "_count",
        "_cut",
        "_found",
        "_growing",
        "_grown",
        "_level",
        "_next",
        "_patience",
        "_quiet",
        "_round",
        "_since",
        "_stepped",
        "claimed",
        "starting",
        "top",
        "value",
    )

    def __init__(self, gain: float, now: float) -> None:
        self.value, self.top = gain, PACE
        self.starting, self.claimed = False, True
        self._level = 0
        self._quiet = QUIET[0]
        self._found = self._patience = 0.0
        self._best = gain
        self._cut = self._round = -1.0
        self._next = self._since = self._stepped = self._grown = now
        self._count = 0
        self._growing = False

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

    def refused(self, sent: float, now: float, found: float | None, recent: float) -> None:
        """
        Slow down for a 429; `sent` requests have left by now.

        `found` is the gain that was used between the last two times, None where that is no measurement; `recent` is
        the one of the last seconds.
        """
        self._cut = sent
        tried = self._growing
        if found is None and tried and self._quiet is CLAIMED and recent <= self._grown * STEP:
            self._settle(self._grown, 1.0, len(QUIET) - 1, now)
        elif found is None:
            # What was sent while the bucket was empty is refused too, and tells no more than the first.
            if now - self._since >= self._patience:
                self.value = max(LEAST, min(self.value, recent) * CUT)
                self._best = max(self._best * FADE, self.value)
                self._patience = AGAIN_S
                self._rest(now, 0)
        elif self.claimed and abs(found - 1.0) <= AGREE:
            self._settle(PACE, 1.0, len(QUIET) - 1, now)
        else:
            same = abs(found - self._found) <= AGREE * found
            # Refused requests count as well, so a measurement is rather low: of two, the higher one.
            limit = max(found, self._found) if same and tried else found
            kept = min(self._grown, limit) if tried else 0.0
            level = min(self._level + 1, len(QUIET) - 1) if same else 0
            self._settle(max(limit * FOUND, kept), limit, level, now)
        self.starting = False

    def _settle(self, gain: float, found: float, level: int, now: float) -> None:
        self.value = max(LEAST, min(self.value * FOUND, gain))
        self._found, self._patience = found, SHORT_S
        self._best = max(self._best * FADE, found)
        self._rest(now, level)

    def exceeded(self, goal: float, now: float) -> None:
        """Return to what is claimed: the provider's own count has shown that it does not grant more."""
        self.value = goal
        self._found = goal / FOUND
        self._rest(now, len(QUIET) - 1)

    @property
    def trying(self) -> float | None:
        """The gain from which faster is being tried; None while it is not."""
        return self._grown if self._growing else None

    def _rest(self, now: float, level: int) -> None:
        self._since, self._level, self._count, self._growing = now, level, 0, False
        self._quiet = QUIET[level]

    def _advance(self, now: float) -> None:
        passed, self._next = min(LONG_S, now - self._next + TICK_S), now + TICK_S
        if self.starting or self.value >= self.top:
            return
        seconds, requests = self._quiet
        if self._growing:
            capped = self._level and self._quiet is not CLAIMED and now - self._since < STEP_S
            most = self._found * STEP if capped else float("inf")
            grown = self.value + GROWTH * passed * max(self._best, self.value)
            self.value = max(self.value, min(grown, most, self.top))
        elif now - self._since >= seconds and self._count >= requests:
            self._growing, self._grown = True, self.value
