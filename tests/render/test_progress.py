"""How a batch shows where it stands."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from llmo.render.progress import Log, RecentRate, Snapshot, line, watch
from llmo.render.progress_bar import FIELDS, Bar, brief, clock, fitted
from tests import virtual
from tests.terminal import Screen

BUSY = Snapshot(
    total=1_000_000,
    skipped=10,
    done=12_345,
    failed=12,
    in_flight=4,
    spent=10**12,
    held=10**10,
    in_doubt=10**9,
    cap=5 * 10**12,
    unpriced=0,
    throttled=3,
    used=0.98,
    rate=123.4,
    elapsed=100.0,
)
START = replace(
    BUSY, skipped=0, done=0, failed=0, spent=0, held=0, in_doubt=0, cap=None, throttled=0, used=None, rate=0, elapsed=0
)
SMALL = replace(BUSY, total=10_000, done=1_234)


def bar(screen: Screen, *, color: bool = False, marks: str = "━─") -> Bar:
    """One that draws on a screen, as wide as that is."""
    return Bar(screen.feed, width=lambda: screen.width, color=color, marks=marks)


@pytest.mark.parametrize(
    ("now", "width", "shown"),
    [
        pytest.param(BUSY, 40, "12,355/1M  12 failed  $1.00  ETA 2h13m", id="40"),
        pytest.param(
            BUSY,
            80,
            "───────────────  12,355/1M  12 failed  988k left  123/s  $1.00/$5.00  ETA 2h13m",
            id="80",
        ),
        pytest.param(
            SMALL, 80, "━──────────  1,244/10,000  12 failed  8,756 left  123/s  $1.00/$5.00  ETA 1m11s", id="80-small"
        ),
        pytest.param(
            BUSY,
            120,
            "───────────────────  12,355/1,000,000  12 failed  987,645 left  123/s  98% of limit  3 HTTP 429  $1.00/$5.00  "
            "ETA 2h13m",
            id="120",
        ),
    ],
)
def test_a_bar_gets_what_the_text_leaves(now: Snapshot, width: int, shown: str) -> None:
    """
    What is done, failed, left, its rate, its cost of the cap and the time to go are readable on 80 columns.
    """
    screen = Screen(width)
    bar(screen).show(now)

    assert [shown] == screen.text


@pytest.mark.parametrize("now", [BUSY, SMALL, START, replace(BUSY, estimated=True), replace(BUSY, total=None)])
def test_no_width_is_too_narrow_and_none_loses_what_a_narrower_one_has(now: Snapshot) -> None:
    """
    The line never reaches the last column, where it would break; what is dropped comes back in the same order.
    """
    before: set[str] = set()
    for width in range(1, 300):
        screen = Screen(width)
        bar(screen).show(now)
        names = {name for name, _ in fitted(now, width).parts}
        assert len(screen.text) <= 1
        assert len("".join(screen.text)) <= max(1, width - 1)
        assert before <= names
        before = names
    assert {"done", "cost", "rate", "flying"} <= before <= set(FIELDS)


def test_huge_numbers_take_what_there_is() -> None:
    """
    A thousand million rows that cost as many dollars, on 40 columns.
    """
    huge = replace(
        BUSY,
        total=10**12,
        done=10**9,
        failed=10**9,
        spent=10**24,
        cap=10**24 + 1,
        held=10**24,
        rate=1e-9,
        in_flight=10**9,
    )
    screen = Screen(40)
    bar(screen).show(huge)

    assert ["1G/1000G  1G failed  ETA >999d"] == screen.text


@pytest.mark.parametrize("rewraps", [True, False])
@pytest.mark.parametrize("sizes", [(40,), (120, 40), (30, 20, 10, 80), (200, 9, 200)])
def test_a_resized_terminal_has_no_torn_pieces(rewraps: bool, sizes: tuple[int, ...]) -> None:
    """
    Whatever the terminal makes of the old line, the next one replaces all of it and nothing above it.
    """
    screen = Screen(80, rewraps=rewraps)
    screen.feed("$ llmo\r\n")
    shown = bar(screen)
    shown.show(BUSY)
    for width in sizes:
        screen.resize(width)
        shown.show(replace(BUSY, done=20_000))
        alone = Screen(width)
        bar(alone).show(replace(BUSY, done=20_000))
        assert screen.text[-len(alone.text) :] == alone.text
        assert len(screen.text) == len(alone.text) + 1
    shown.close()

    assert len(screen.text) == 1
    assert (screen.column, screen.unknown) == (0, [])


def test_a_message_stands_on_its_own_line_and_the_bar_below_it() -> None:
    """
    Also when the terminal has echoed a Ctrl-C over the bar.
    """
    screen = Screen(80)
    shown = bar(screen)
    shown.show(SMALL)
    (drawn,) = screen.text
    screen.feed("^C")
    shown.clear()
    screen.feed("llmo: stopping\r\n")
    shown.draw()
    assert ["llmo: stopping", drawn] == screen.text
    shown.close()
    shown.close()
    shown.draw()

    assert (["llmo: stopping"], 0) == (screen.text, screen.column)


def test_a_resumed_run_starts_where_the_last_one_ended() -> None:
    """
    Its rate and its time to go are of this run alone.
    """
    resumed = replace(START, total=1000, skipped=500, done=100, rate=10.0, elapsed=10.0)

    assert ("600/1,000", "400 left", "10.0/s", "ETA 40s") == tuple(
        dict(fitted(resumed, 200).parts)[name] for name in ("done", "left", "rate", "eta")
    )
    assert (30, 60) == (bar_cells(replace(resumed, done=0)), fitted(resumed, 300).bar)


def bar_cells(now: Snapshot) -> int:
    """Columns of the bar that are done."""
    screen = Screen(300)
    bar(screen).show(now)
    return screen.text[0].count("━")


def test_an_estimated_total_is_said_to_be_one() -> None:
    """
    Rounded, never below what is done, and so are the rows and the time that are left.
    """
    now = replace(START, total=12_345, estimated=True, done=1_000, rate=100.0)
    parts = dict(fitted(now, 200).parts)

    assert ("1,000/~12,400", "~11,400 left", "ETA ~1m54s") == (parts["done"], parts["left"], parts["eta"])
    assert line(now).startswith("1,000 of ~12,400 rows, ~11,400 left, 100.0 rows/s, ")
    assert 11_200 == replace(now, done=1_234).left
    assert (20_000, 0, 1.0) == tuple(getattr(replace(now, done=20_000), name) for name in ("expected", "left", "share"))


def test_without_a_total_there_is_no_bar_and_no_end() -> None:
    """
    A pipe that is still written to.
    """
    now = replace(START, total=None, estimated=True, done=17, rate=0.25)

    assert ("17 rows  15.0/min  $0  4 in flight", "17 rows, 0.2 rows/s, $0") == (fitted(now, 79).text, line(now))
    assert fitted(now, 79).bar is None


def test_a_terminal_without_the_characters_gets_others_and_colors_are_optional() -> None:
    """
    A failed count is red, the bar green.
    """
    pieces: list[str] = []
    screen = Screen(80)
    bar(screen, marks="#-").show(SMALL)
    Bar(pieces.append, width=lambda: 80, color=True).show(SMALL)

    assert screen.text[0].startswith("#----------  1,244/10,000")
    assert "\x1b[31m12 failed\x1b[0m" in pieces[0]


def test_a_terminal_that_is_gone_ends_the_bar_and_not_the_run() -> None:
    """
    It is not written to again.
    """
    tries: list[str] = []

    def gone(text: str) -> None:
        tries.append(text)
        raise OSError(5, "Input/output error")

    shown = Bar(gone, width=lambda: 80, color=False)
    shown.show(BUSY)
    shown.show(BUSY)
    shown.close()

    assert len(tries) == 1


def test_the_rate_is_that_of_the_last_minute() -> None:
    """
    Ten rows a second, then none for a minute, then one.
    """
    pace = RecentRate()
    rates = [pace(float(second), 10 * min(second, 100) + max(0, second - 160)) for second in range(201)]

    assert [0.0, 10.0, 10.0, 5.0, 0.0, 0.5] == [rates[second] for second in (0, 1, 100, 130, 160, 190)]


def test_a_log_has_a_line_every_30_seconds_or_5_percent() -> None:
    """
    What earlier runs did is no progress of this one.
    """
    said: list[float] = []
    log = Log(lambda _: said.append(now.elapsed))
    now = replace(START, total=1000, skipped=500)
    for second in range(200):
        now = replace(now, elapsed=float(second), done=2 * second if second < 60 else 120)
        log.show(now)
    log.close()

    assert said == [25.0, 51.0, 81.0, 111.0, 141.0, 171.0]


def test_a_log_of_a_run_without_a_total_goes_by_time() -> None:
    """
    Every 30 seconds, driven by the loop's own time.
    """
    said: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        watching = asyncio.create_task(
            watch(lambda: replace(START, total=None, estimated=True, elapsed=loop.time() - began), Log(said.append))
        )
        await asyncio.sleep(95)
        watching.cancel()

    virtual.run(main())

    assert said == ["llmo: 0 rows, 0.0 rows/s, $0"] * 3


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "0"), (999, "999"), (1000, "1k"), (12_345, "12.3k"), (999_999, "1M"), (10**6, "1M"), (1_234_567, "1.23M")],
)
def test_a_brief_count_has_three_digits(number: int, said: str) -> None:
    """And a letter."""
    assert brief(number) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.2, "0s"),
        (1e12, ">999d"),
        (59.4, "59s"),
        (60, "1m"),
        (83, "1m23s"),
        (7980, "2h13m"),
        (7200, "2h"),
        (90_000, "1d1h"),
    ],
)
def test_a_brief_time_has_two_units(seconds: float, said: str) -> None:
    """Without spaces."""
    assert clock(seconds) == said
