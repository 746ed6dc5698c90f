"""Calendar windows in a zone, over changes of the clock."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmo.errors import ConfigError
from llmo.ledger.periods import ALWAYS, Windows, format_instant, local, period, zone

BERLIN = ZoneInfo("Europe/Berlin")


def at(text, where=BERLIN):
    return round(datetime.fromisoformat(text).replace(tzinfo=where).timestamp() * 1_000_000)


@pytest.mark.parametrize(
    ("window", "now", "start", "end"),
    [
        pytest.param(
            "day", "2026-11-22 00:00", "2026-11-22 00:00", "2026-11-23 00:00", id="the first instant of a day"
        ),
        pytest.param("day", "2026-03-29 12:00", "2026-03-29 00:00", "2026-03-30 00:00", id="23 hours"),
        pytest.param("day", "2026-10-25 12:00", "2026-10-25 00:00", "2026-10-26 00:00", id="25 hours"),
        pytest.param("week", "2026-11-22 12:00", "2026-11-16 00:00", "2026-11-23 00:00", id="weeks begin on Monday"),
        pytest.param("month", "2026-12-31 23:59", "2026-12-01 00:00", "2027-01-01 00:00", id="month"),
        pytest.param("month", "2028-02-29 01:00", "2028-02-01 00:00", "2028-03-01 00:00", id="leap year"),
    ],
)
def test_a_window_is_one_of_the_calendar(window, now, start, end):
    """
    From local midnight to local midnight.
    """
    assert (at(start), at(end)) == period(window, at(now), BERLIN)


def test_a_midnight_that_does_not_exist_begins_with_the_gap():
    """
    In Beirut the clock went from 23:59 to 01:00 on 2024-03-31.
    """
    beirut = ZoneInfo("Asia/Beirut")
    noon = at("2024-03-31 12:00", beirut)

    assert at("2024-03-30 23:59", beirut) + 60_000_000 == period("day", noon, beirut).start


def test_a_midnight_that_comes_twice_begins_once():
    """
    In Newfoundland the clock went from 00:01 back to 23:01 on 2010-11-07: days neither overlap nor leave a gap.
    """
    johns = ZoneInfo("America/St_Johns")
    begin = at("2010-11-06 12:00", johns)
    spans = {period("day", begin + minute * 60_000_000, johns) for minute in range(36 * 60)}

    ordered = sorted(spans)

    assert [later.start for later in ordered[1:]] == [earlier.end for earlier in ordered[:-1]]
    assert 2 == len(ordered)


@given(
    st.integers(946_684_800, 2_208_988_800),
    st.sampled_from(["Europe/Berlin", "America/St_Johns", "Asia/Beirut", "Australia/Lord_Howe", "Pacific/Apia", "UTC"]),
    st.sampled_from(["day", "week", "month"]),
)
def test_every_instant_is_in_its_window_and_in_no_other(moment, name, window):
    """
    The windows of a zone follow each other without gap or overlap.
    """
    where = ZoneInfo(name)
    now = moment * 1_000_000
    span = period(window, now, where)

    assert span.start <= now < span.end
    assert span == period(window, span.start, where) == period(window, span.end - 1, where)
    assert span.end == period(window, span.end, where).start


def test_run_and_total_have_no_bounds():
    """
    They never begin anew.
    """
    assert [ALWAYS, ALWAYS] == [period(window, 0, BERLIN) for window in ("run", "total")]


def test_without_a_zone_the_system_tells():
    """
    A window of the system's zone holds the instant too, and instants are told with their offset.
    """
    span = period("day", at("2026-11-22 12:00"), None)

    assert timedelta(hours=23) <= timedelta(microseconds=span.end - span.start) <= timedelta(hours=25)
    assert local(span.start, None).time().isoformat() == "00:00:00"
    assert "2026-11-22T12:00:00+01:00" == format_instant(at("2026-11-22 12:00"), BERLIN)
    assert datetime.fromisoformat(format_instant(span.start, None)).tzinfo is not None


def test_an_unknown_zone_is_a_clear_error():
    """
    With an example of a right one.
    """
    with pytest.raises(ConfigError, match="unknown timezone: Mars/Olympus"):
        zone("Mars/Olympus")


def test_the_windows_of_a_zone_are_those_of_each_instant():
    """
    In any order of instants, over clocks that are set back and forth, and for kinds of windows in turn.
    """
    noon = at("2024-03-30 12:00")
    instants = [noon + step * 7 * 3_600_000_000 * (-1) ** step for step in range(2000)]
    windows = Windows(BERLIN)

    for instant in instants:
        for window in ("day", "week", "month", "total", "run"):
            assert period(window, instant, BERLIN) == windows.period(window, instant)
