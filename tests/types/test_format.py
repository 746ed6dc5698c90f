"""Amounts, lengths of time and counts as people read and write them: one way, everywhere."""

from __future__ import annotations

import ast
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmo.cli import durations
from llmo.errors import UsageError
from llmo.ledger.records import Call, Settlement
from llmo.ledger.reports import Spending
from llmo.render import progress, spending
from llmo.types import format as figures
from llmo.types.money import DOLLAR, stated, usd
from tests.cli.test_cost import book  # noqa: F401 - a fixture
from tests.test_shape import modules

AMOUNTS = st.integers(0, 10**19)


def read(text: str) -> int:
    """Picodollars of what is shown."""
    return int(Decimal(text.removeprefix("$").replace(",", "")).scaleb(12))


@settings(deadline=None)
@given(AMOUNTS)
def test_no_cost_is_understated_and_nothing_left_is_overstated(amount: int) -> None:
    """
    Up for what something costs, down for what is left; a cent off at most, and something is never nothing.
    """
    up, down = read(figures.dollars(amount)), read(figures.dollars(amount, down=True))

    assert down <= amount <= up
    assert up - down <= DOLLAR // 100
    assert (amount > 0) is (up > 0) is (down > 0)
    assert amount == read(figures.exact(amount)) == stated(usd(amount))


@pytest.mark.parametrize(
    ("amount", "up", "down"),
    [
        pytest.param(None, "unknown", "unknown", id="unknown"),
        pytest.param(0, "$0", "$0", id="nothing"),
        pytest.param(1, "$0.000000000001", "$0.000000000001", id="least"),
        pytest.param(995_100_000_000, "$0.996", "$0.995", id="nearly a dollar"),
        pytest.param(999_999_999_999, "$1.00", "$0.999", id="all but a dollar"),
        pytest.param(DOLLAR, "$1.00", "$1.00", id="a dollar"),
        pytest.param(DOLLAR + 1, "$1.01", "$1.00", id="more than a dollar"),
        pytest.param(1_234_500 * DOLLAR, "$1,234,500.00", "$1,234,500.00", id="much"),
        pytest.param(-1_005 * DOLLAR // 1000, "-$1.00", "-$1.01", id="overdrawn"),
    ],
)
def test_dollars(amount: int | None, up: str, down: str) -> None:
    """
    Cents, and three digits below a dollar.
    """
    assert (up, down) == (figures.dollars(amount), figures.dollars(amount, down=True))


def test_nobody_else_writes_dollars() -> None:
    """
    A dollar sign before a number stands in one module; a refused hold gives its exact amounts.
    """
    found = {
        name
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for text, number in zip(node.values, node.values[1:], strict=False)
        if isinstance(text, ast.Constant) and str(text.value).endswith("$") and isinstance(number, ast.FormattedValue)
    }

    assert {"llmo.types.format"} == found


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("90s", 90, id="seconds"),
        pytest.param("500ms", 0.5, id="milliseconds"),
        pytest.param(" 1h30m ", 5400, id="two units"),
        pytest.param("1.5 H", 5400, id="fraction"),
        pytest.param("2min", 120, id="min"),
        pytest.param("7d", 7 * 86_400, id="days"),
        pytest.param("2w", 14 * 86_400, id="weeks"),
    ],
)
def test_a_length_of_time(text: str, seconds: float) -> None:
    """
    With a unit it means the same in every flag.
    """
    assert seconds == durations.seconds("--x", text) == durations.seconds("--x", text, bare=True)


@pytest.mark.parametrize(
    "text", ["soon", "", "-5s", "5x", "7d2", "1e400s", "inf", "nan", "٣s", "9" * 400 + "d", "999999d"]
)
def test_what_is_no_length_of_time(text: str) -> None:
    """
    One line with the flag and the text, whatever was written.
    """
    with pytest.raises(UsageError, match=r"^--x: (not a duration|longer than a century): "):
        durations.seconds("--x", text)


def test_a_bare_number_is_seconds_only_where_nothing_is_deleted_by_it() -> None:
    """
    `--timeout 90` is 90 seconds; `--prune 90` would not be 90 days.
    """
    assert 90 == durations.seconds("--timeout", "90", bare=True)
    with pytest.raises(UsageError, match=r"^--prune: a duration needs a unit: 90$"):
        durations.seconds("--prune", "90")


FLAGS = {
    "--since": ("cost",),
    "--until": ("cost",),
    "--prune": ("cost",),
    "--cache": ("ask", "hi", "-P", "offline"),
    "--timeout": ("ask", "hi", "-P", "offline"),
}


@pytest.mark.parametrize("flag", FLAGS)
def test_every_flag_reads_the_same_lengths(llmo, flag: str) -> None:
    """
    `90s` was refused by one and taken by another.
    """
    good = [llmo(*FLAGS[flag], flag, text).code for text in ("90s", "1h30m", "2d", "1.5h")]
    bad = llmo(*FLAGS[flag], flag, "soon")

    assert [0, 0, 0, 0] == good
    assert (2, f"llmo: {flag}: n") == (bad.code, bad.stderr[: len(f"llmo: {flag}: n")])


@pytest.mark.parametrize("text", ["0001-01-01", "9999-12-31", "9999-12-31T23:59:59+00:00", "1969-07-20", "30000d"])
@pytest.mark.parametrize("flag", ["--since", "--until", "--prune"])
def test_no_date_is_too_far(llmo, book, flag: str, text: str) -> None:  # noqa: F811 - the fixture
    """
    The ends of the calendar are dates, or one clear line; never an internal error.
    """
    book.hold(Call(id="a", run="r", provider="p", model="m"), 1)
    run = llmo("cost", flag, text)

    assert run.code in (0, 2)
    assert "internal error" not in run.stderr


def test_the_words_of_a_total_add_up() -> None:
    """
    `245 calls`, then of which kind each is: the kinds add up to it.
    """
    spent = Spending(calls=245, cost=DOLLAR, local=81, subscription=4, estimated=3, in_flight=2, held=DOLLAR // 2)

    assert (
        "total: $1.00 for 245 calls: 160 metered, 81 local, 4 on a subscription; 3 of them estimated; "
        "2 in flight with $0.50 held"
    ) == spending.total(spent)
    assert "total: $0 for 81 calls, local" == spending.total(Spending(calls=81, local=81))
    assert "total: $1.00 for 1,000 calls" == spending.total(Spending(calls=1000, cost=DOLLAR))
    assert "total: $0 for 0 calls" == spending.total(Spending())


def test_one_amount_is_one_amount(llmo, book) -> None:  # noqa: F811 - the fixture
    """
    The table, the total, a budget's words and a batch's bar show the same digits of the same amount.
    """
    amount = 995_100_000_000
    book.hold(Call(id="a", run="r", provider="p", model="m"), amount)
    book.settle("a", Settlement(cost=amount, source="computed"))
    now = progress.Snapshot(
        total=1, skipped=0, done=1, failed=0, in_flight=0, spent=amount, held=0, in_doubt=0, cap=None, unpriced=0, throttled=0,
        used=None, rate=1.0, elapsed=1.0,
    )  # fmt: skip

    assert ["$0.996", "$0.996"] == [word for word in llmo("cost").stdout.split() if word.startswith("$")]
    assert progress.line(now).endswith(", $0.996")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.0, "0 ms"),
        (0.25, "250 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.0 s"),
        (9.94, "9.9 s"),
        (10.0, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (61.0, "1 min 1 s"),
        (3_599.0, "59 min 59 s"),
        (3_600.0, "1 h 0 min"),
        (7_320.0, "2 h 2 min"),
        (86_399.0, "23 h 59 min"),
        (86_400.0, "1 d 0 h"),
        (266_400.0, "3 d 2 h"),
    ],
)
def test_a_length_of_time_is_shown_in_two_units(seconds: float, said: str) -> None:
    """
    Never 60 seconds, never 1000 milliseconds.
    """
    assert said == figures.span(seconds)


def test_things_are_counted() -> None:
    """
    One of them has no `s`, thousands have a comma.
    """
    assert ["0 rows", "1 row", "2 rows", "1,000 rows"] == [figures.counted(n, "rows") for n in (0, 1, 2, 1000)]


def test_a_century_is_the_longest() -> None:
    """
    Calendars end; more than that is a slip.
    """
    assert 36_600 * 86_400 == durations.seconds("--since", "36600d")
    with pytest.raises(UsageError, match=r"^--since: longer than a century: 36601d$"):
        durations.seconds("--since", "36601d")
