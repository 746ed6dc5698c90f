"""
The progress of a batch in one line of a terminal, redrawn in place.

The cursor waits at the beginning of that line. However the terminal wraps or rewraps the line when its size changes,
what stands from the cursor on is the bar's and nothing else is: erasing it leaves no torn pieces. The cursor is never
hidden, so that nothing has to bring it back after a kill.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.render.wrapping import columns
from llmo.types.dataclass import dataclass
from llmo.types.format import dollars, exact

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from llmo.render.progress import Snapshot

ERASE = "\x1b[J"
CLEAR = f"\r {ERASE}\r"
"""Takes a line away. From the first column of the screen, tmux would save to its history what is erased."""
GAP = "  "
SHORTEST, LONGEST = 10, 60
"""Columns of the bar itself."""
MARKS, ASCII_MARKS = "━─", "#-"
"""A column of the bar that is done, and one that is not."""
GREEN, DIM, RED, PLAIN = "\x1b[32m", "\x1b[2m", "\x1b[31m", "\x1b[0m"
MOST_DAYS = 999
FIELDS = ("done", "failed", "left", "rate", "limit", "throttled", "cost", "held", "doubt", "projected", "flying", "eta")
"""What the text may say, in its order."""
BRIEF, NO_BAR, BRIEF_DONE = "brief", "no bar", "brief done"
DROPPED = (
    *("flying", "doubt", "projected", "held", "throttled", "limit"),
    *(BRIEF, NO_BAR, "rate", "left", "cap", BRIEF_DONE, "cost", "eta", "failed"),
)
"""What a narrower terminal does without, first to last; `BRIEF` numbers have three digits."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One line: `bar` columns for the bar, None for none, then the parts of the text by their name."""

    bar: int | None
    parts: Sequence[tuple[str, str]]

    @property
    def text(self) -> str:
        """The text alone."""
        return GAP.join(text for _, text in self.parts)


def fitted(now: Snapshot, width: int) -> Drawn:
    """The most that `width` columns have room for: the text comes first, and the bar gets what it leaves."""
    gone: set[str] = set()
    for step in ("", *DROPPED):
        gone.add(step)
        drawn = Drawn(None, _parts(now, gone))
        room = width - columns(drawn.text)
        bar = room - len(GAP)
        if now.share is not None and NO_BAR not in gone:
            if bar >= SHORTEST:
                return Drawn(min(bar, LONGEST), drawn.parts)
        elif room >= 0:
            return drawn
    return Drawn(None, [("done", drawn.text[:width])])


def _parts(now: Snapshot, gone: set[str]) -> list[tuple[str, str]]:
    texts = _counts(now, gone) | _amounts(now, gone)
    return [(name, texts[name]) for name in FIELDS if name not in gone and texts.get(name)]


def _counts(now: Snapshot, gone: set[str]) -> dict[str, str]:
    about = "~" if now.estimated else ""
    number = brief if BRIEF in gone else "{:,}".format
    done = brief(now.over) if BRIEF_DONE in gone else f"{now.over:,}"
    of = f" {now.unit}" if now.expected is None else f"/{about}{number(now.expected)}"
    return {
        "done": f"{done}{of}",
        "failed": f"{number(now.failed)} failed" if now.failed else "",
        "left": "" if now.left is None else f"{about}{number(now.left)} left",
        "rate": _rate(now.rate),
        "limit": "" if now.used is None else f"{now.used:.0%} of limit",
        "throttled": f"{now.throttled:,} HTTP 429" if now.throttled else "",
        "flying": f"{now.in_flight:,} in flight",
        "eta": "" if now.eta is None else f"ETA {about}{clock(now.eta)}",
    }


def _amounts(now: Snapshot, gone: set[str]) -> dict[str, str]:
    cap = "" if now.cap is None or "cap" in gone else f"/{exact(now.cap)}"
    return {
        "cost": f"{dollars(now.spent)}{'+?' if now.unpriced else ''}{cap}",
        "held": f"{dollars(now.held)} held" if now.held else "",
        "doubt": f"{dollars(now.in_doubt)} in doubt" if now.in_doubt else "",
        "projected": f"~{dollars(now.projected)} total" if now.projected else "",
    }


def _rate(rate: float) -> str:
    if rate and rate < 1:
        return f"{rate * 60:.1f}/min"
    return f"{rate:,.0f}/s" if rate >= 100 else f"{rate:.1f}/s"  # noqa: PLR2004 - three digits


def brief(number: int) -> str:
    """A count in three digits: 12.3k, 1M."""
    rounded = round(float(f"{number:.3g}"))
    for size, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if rounded >= size:
            return f"{float(f'{rounded / size:.3g}'):.10g}{letter}"
    return str(number)


def clock(seconds: float) -> str:
    """A length of time in at most two units, without spaces: 45s, 2h13m."""
    whole = round(seconds)
    if whole > MOST_DAYS * 86400:
        return f">{MOST_DAYS}d"
    for unit, size, below, smaller in (("d", 86400, 3600, "h"), ("h", 3600, 60, "m"), ("m", 60, 1, "s")):
        if whole >= size:
            rest = whole % size // below
            return f"{whole // size:,}{unit}" + (f"{rest}{smaller}" if rest else "")
    return f"{whole}s"


class Bar:
    """
    A bar with the figures beside it.

    `width` is asked each time, since a terminal may be resized. A terminal that is gone ends the bar and not the run.
    """

    def __init__(
        self, write: Callable[[str], None], *, width: Callable[[], int], color: bool, marks: str = MARKS
    ) -> None:
        self._write, self._width, self._color = write, width, color
        self._full, self._rest = marks[0], marks[1]
        self._now: Snapshot | None = None
        self._shown = False
        self._gone = False

    def show(self, now: Snapshot) -> None:
        """Draw."""
        self._now = now
        self.draw()

    def draw(self) -> None:
        """Draw again what was shown last."""
        if self._now is not None:
            # One column stays free: a full line would take the cursor to the next one.
            drawn = self._line(self._now, max(1, self._width() - 1))
            # Written over the old line and only then erased behind, so that nothing flickers.
            self._put(f"\r{drawn}{ERASE}\r")
            self._shown = True

    def clear(self) -> None:
        """Take the line away: whoever writes to the terminal next begins where it stood."""
        if self._shown:
            self._put(CLEAR)
            self._shown = False

    def close(self) -> None:
        """Take the bar away for good."""
        self.clear()
        self._now = None

    def _line(self, now: Snapshot, width: int) -> str:
        drawn = fitted(now, width)
        texts = [f"{RED}{text}{PLAIN}" if self._color and name == "failed" else text for name, text in drawn.parts]
        if drawn.bar is not None:
            texts.insert(0, self._cells(int((now.share or 0.0) * drawn.bar), drawn.bar))
        return GAP.join(texts)

    def _cells(self, full: int, size: int) -> str:
        done, rest = self._full * full, self._rest * (size - full)
        return f"{GREEN}{done}{PLAIN}{DIM}{rest}{PLAIN}" if self._color else done + rest

    def _put(self, text: str) -> None:
        if self._gone:
            return
        try:
            self._write(text)
        except OSError:
            self._gone = True
