"""`llmo cost` as its user sees it."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest

from llmo.ledger import processes
from llmo.ledger.processes import Owner
from llmo.ledger.records import Call, Limit, Settlement
from llmo.ledger.refusals import OverBudget
from llmo.ledger.sqlite.ledger import SQLiteLedger
from llmo.render import tables
from llmo.render.wrapping import columns as wide
from llmo.types.clock import SystemClock
from llmo.types.events import Usage
from llmo.types.money import DOLLAR

PROFILE = """
timezone = "UTC"
[providers.offline]
kind = "offline"
[providers.cloud]
kind = "openai"
base_url = "https://cloud.test/v1"
[tasks.general]
primary = ["offline/echo"]
[[prices]]
model = "cloud/dear"
input_usd = "1000"
output_usd = "2000"
[[budgets]]
name = "daily"
limit_usd = "5"
window = "day"
[[budgets]]
name = "calls"
limit_calls = 100
"""


class Clock:
    time = SystemClock().now()

    def now(self):
        return self.time


@pytest.fixture
def book(llmo):
    path = llmo.home / "config" / "profiles" / "default.toml"
    path.parent.mkdir(parents=True)
    path.write_text(PROFILE)
    ledger = SQLiteLedger(llmo.home / "data" / "ledger.db", Clock(), "UTC")
    yield ledger
    ledger.close()


def spend(book, identifier, cost, **facts):
    """One settled call; a cost of None is unknown."""
    call = {"id": identifier, "run": "r1", "provider": "openai", "model": "gpt", "task": "simple", **facts}
    book.hold(Call(**call), cost)
    usage = Usage(1000, 200, cached_input_tokens=400)
    book.settle(identifier, Settlement(cost=cost, source="computed", usage=usage))


def test_nothing_was_spent_yet(llmo):
    """
    It says so on stderr; programs get zeros; no file is made.
    """
    plain, program, sheet = (llmo("cost", *flags) for flags in ((), ("--json",), ("--csv",)))

    assert (0, "", "no calls yet\n") == (plain.code, plain.stdout, plain.stderr)
    assert ([], 0, "0") == (program.json["groups"], program.json["total"]["calls"], program.json["total"]["cost_usd"])
    assert 1 == len(sheet.stdout.splitlines())
    assert not (llmo.home / "data" / "ledger.db").exists()


def test_a_table_has_every_amount_and_says_what_is_unknown(llmo, book):
    """
    Unknown is never $0.00; local and subscription stand apart; cached tokens are shown.
    """
    spend(book, "a", DOLLAR * 6 // 5)
    spend(book, "b", None)
    spend(book, "c", None)
    spend(book, "d", 420_000_000, provider="groq", model="small")
    spend(book, "e", 0, provider="ollama", model="llama", billing="local")
    spend(book, "f", 0, provider="cursor", model="auto", billing="subscription")
    spend(book, "g", None, provider="new", model="one")

    assert [
        "provider",
        "model",
        "calls",
        "in",
        "cached",
        "out",
        "cost",
        "cursor",
        "auto",
        "1",
        "1,000",
        "400",
        "200",
        "subscription",
        "groq",
        "small",
        "1",
        "1,000",
        "400",
        "200",
        "$0.00042",
        "new",
        "one",
        "1",
        "1,000",
        "400",
        "200",
        "unknown",
        "(1",
        "call",
        "unpriced)",
        "ollama",
        "llama",
        "1",
        "1,000",
        "400",
        "200",
        "local",
        "openai",
        "gpt",
        "3",
        "3,000",
        "1,200",
        "600",
        "≥",
        "$1.20",
        "(2",
        "calls",
        "unpriced)",
        "total:",
        "≥",
        "$1.20",
        "(3",
        "calls",
        "unpriced)",
        "for",
        "7",
        "calls:",
        "5",
        "metered,",
        "1",
        "local,",
        "1",
        "on",
        "a",
        "subscription",
    ] == llmo("cost").stdout.split()


def test_json_has_exact_amounts(llmo, book):
    """
    Decimal strings; null where nothing is known; complete says whether the sum is all.
    """
    spend(book, "a", 420_000_000)
    spend(book, "b", None, model="new")
    body = llmo("cost", "--json", "--by", "model").json

    assert [("gpt", "0.00042", True, 400), ("new", None, False, 400)] == [
        (one["model"], one["cost_usd"], one["complete"], one["cached_input_tokens"]) for one in body["groups"]
    ]
    assert ("0.00042", False, 1, 2) == tuple(
        body["total"][key] for key in ("cost_usd", "complete", "unpriced_calls", "calls")
    )


def test_csv_has_a_line_a_group(llmo, book):
    """
    The names of the fields are those of the object.
    """
    spend(book, "a", DOLLAR, tags={"team": "x,y"})
    rows = list(csv.DictReader(io.StringIO(llmo("cost", "--csv", "--by", "tag:team", "--by", "outcome").stdout)))

    assert [("x,y", "ok", "1")] == [(row["tag:team"], row["outcome"], row["cost_usd"]) for row in rows]


@pytest.mark.parametrize(
    ("flags", "calls"),
    [
        pytest.param((), 3, id="all"),
        pytest.param(("--since", "7d"), 2, id="days"),
        pytest.param(("--since", "24h"), 1, id="hours"),
        pytest.param(("--since", f"{datetime.now(UTC) - timedelta(days=5):%Y-%m-%d}"), 1, id="a date"),
        pytest.param(("--until", f"{datetime.now(UTC) - timedelta(days=6):%Y-%m-%d}"), 2, id="a date counts whole"),
        pytest.param(("--until", "30d"), 1, id="long ago"),
        pytest.param(("--run", "r2"), 1, id="one run"),
    ],
)
def test_which_calls_count(llmo, book, flags, calls):
    """
    Durations back from now, dates in the profile's zone, one run.
    """
    now = book._clock.time
    for name, days in (("now", 0), ("week", 6), ("old", 60)):
        book._clock.time = now - days * 86_400
        spend(book, name, 1, run="r2" if name == "old" else "r1")
    book._clock.time = now

    assert calls == llmo("cost", "--json", *flags).json["total"]["calls"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        pytest.param(("--since", "soon"), "--since: not a duration or a date: soon", id="since"),
        pytest.param(("--by", "colour"), "unknown grouping: colour", id="by"),
        pytest.param(("--max", "1"), "--max requires --check", id="max alone"),
        pytest.param(("--check", "--max", "much"), "--max: not an amount in dollars: much", id="max"),
        pytest.param(("--json", "--csv"), "--json and --csv cannot be combined", id="two forms"),
        pytest.param(("--as-if", "cloud/cheap"), "the price of cloud/cheap is unknown", id="no price there"),
    ],
)
def test_a_wrong_command_line_is_exit_2(llmo, book, flags, message):
    """
    One line that names the flag and the value.
    """
    spend(book, "a", 1)
    run = llmo("cost", *flags)

    assert 2 == run.code
    assert f"llmo: {message}\n" in run.stderr


@pytest.mark.parametrize(
    ("spent", "flags", "code", "said"),
    [
        pytest.param(1, (), 0, "", id="fine"),
        pytest.param(5, (), 3, "budget daily is used up: $5.00 spent and $0 held of $5.00, resets ", id="used up"),
        pytest.param(2, ("--max", "2"), 0, "", id="exactly the most"),
        pytest.param(2, ("--max", "1.99", "--since", "1d"), 3, "more than --max $1.99 was spent: $2.00\n", id="more"),
    ],
)
def test_a_check_for_scripts(llmo, book, spent, flags, code, said):  # noqa: PLR0913, PLR0917 - a table of cases
    """
    Exit 3 when a budget is used up, or more than --max was spent.
    """
    spend(book, "a", spent * DOLLAR)
    run = llmo("cost", "--check", *flags)

    assert (code, bool(said)) == (run.code, bool(run.stderr))
    assert said in run.stderr


def test_budgets_with_what_is_left(llmo, book):
    """
    Dollars and calls, and when they begin anew.
    """
    spend(book, "a", DOLLAR)
    run = llmo("cost", "--budgets", "--json")

    assert [
        {
            "name": "daily", "window": "day", "limit_usd": "5", "spent_usd": "1", "held_usd": "0", "in_doubt_usd": "0", "left_usd": "4",
            "limit_calls": None, "calls": 1, "left_calls": None, "used_up": False,
        },
        {
            "name": "calls", "window": "total", "limit_usd": None, "spent_usd": "1", "held_usd": "0", "in_doubt_usd": "0", "left_usd": None,
            "limit_calls": 100, "calls": 1, "left_calls": 99, "used_up": False,
        },
    ] == [{key: value for key, value in one.items() if key != "resets_at"} for one in run.json["budgets"]]  # fmt: skip
    assert "99 calls" in llmo("cost", "--budgets").stdout


def test_reconcile_books_what_dead_processes_held(llmo, book, monkeypatch):
    """
    It was counted all the time; then it is spent, as estimated.
    """
    monkeypatch.setattr(processes, "me", lambda: Owner(2**22 + 1, "1", processes._boot()))
    book.hold(Call(id="a", run="r1", provider="openai", model="gpt"), DOLLAR)
    before = llmo("cost").stdout
    run = llmo("cost", "--reconcile", "--json")

    assert "total: $0 for 1 call; 1 in flight with $1.00 held\n" in before
    assert "settled 1 call of crashed processes, $1.00 as estimated\n" == run.stderr
    assert ("1", 1, 0) == tuple(run.json["total"][key] for key in ("cost_usd", "estimated_calls", "in_flight_calls"))


def test_the_same_tokens_elsewhere(llmo, book):
    """
    1000 tokens in and 200 out at 1000 and 2000 dollars a million.
    """
    spend(book, "a", 5)
    body = llmo("cost", "--as-if", "cloud/dear", "--json").json

    assert ("1.40", "1.40") == (body["total"]["as_if_usd"], body["groups"][0]["as_if_usd"])
    assert f"; on cloud/dear $1.40 (prices of {body['price_date']})" in llmo("cost", "--as-if", "cloud/dear").stdout


def test_reports_for_people_elsewhere(llmo, book, tmp_path):
    """
    Markdown is appended for GitHub, a page stands alone, bars are drawn.
    """
    spend(book, "a", DOLLAR, model="<b>|x")
    page, summary = tmp_path / "cost.html", tmp_path / "summary.md"
    summary.write_text("before\n")
    run = llmo("cost", "--plot", "--html", str(page), "--github-summary", env={"GITHUB_STEP_SUMMARY": str(summary)})

    assert 0 == run.code
    assert "$1.00  ████████" in run.stdout
    assert summary.read_text().startswith("before\n### llmo cost\n\ntotal: $1.00 for 1 call\n")
    assert "&lt;b&gt;|x" in page.read_text()
    assert "<b>|x" not in page.read_text()
    assert "http" not in page.read_text()


def test_a_terminal_never_obeys_a_model_name(llmo, book):
    """
    What comes from elsewhere is shown, not obeyed.
    """
    spend(book, "a", 1, model="\x1b]52;c;aGk=\x07")

    assert "\x1b]52" not in llmo("cost", tty=True).stdout


def test_a_limit_of_another_profile_is_kept(llmo, book):
    """
    An ask of one profile is counted for the budgets of all.
    """
    limit = Limit(name="mine", calls=1)
    assert 0 == llmo("ask", "hi").code
    with pytest.raises(OverBudget):
        book.hold(Call(id="b", run="r", provider="x", model="y"), 0, [limit])
    assert 1 == json.loads(llmo("cost", "--json").stdout)["total"]["calls"]


def days_of_work(book):
    """Three days, two models and a team, with reasoning."""
    now = book._clock.time
    for number, (days, model, team) in enumerate([(2, "gpt", "a"), (2, "mini", "b"), (0, "gpt", "a")]):
        book._clock.time = now - days * 86_400
        spend(book, f"{number}", DOLLAR * (number + 1), model=model, tags={"team": team})
    book._clock.time = now


def test_a_plot_has_a_row_a_day_and_a_piece_a_model(llmo, book):
    """
    Days without a call are there too; what is what stands below.
    """
    days_of_work(book)
    today = datetime.now(UTC)
    rows = llmo("cost", "--plot").stdout.splitlines()[-5:]

    assert [f"{today - timedelta(days=days):%Y-%m-%d}" for days in (2, 1, 0)] == [row[:10] for row in rows[:3]]
    assert ["$3.00", "$0", "$3.00"] == [row.split()[1] for row in rows[:3]]
    full, none, last = (row[19:] for row in rows[:3])
    assert (len(full), "", "█" * len(full)) == (len(last), none, last)
    assert (round(len(full) / 3), round(len(full) * 2 / 3)) == (full.count("█"), full.count("▓"))
    assert "█ openai/gpt   ▓ openai/mini" == rows[4]


def test_a_terminal_gets_bars_and_colours_unless_they_are_not_welcome(llmo, book):
    """
    NO_COLOR leaves the bars and takes the colours.
    """
    days_of_work(book)
    bright, plain = (llmo("cost", "--plot", tty=True, env=env).stdout for env in ({}, {"NO_COLOR": "1"}))

    assert "\x1b[34m█" in bright
    assert "$4.00  ████████████████████████\n" in bright
    assert "\x1b[" not in plain
    assert "▓ openai/mini" in plain


def test_only_calls_with_a_tag(llmo, book):
    """
    Of a report, its JSON, and what is exported.
    """
    days_of_work(book)
    body = llmo("cost", "--tag", "team=a", "--json").json

    assert ("4", {"team": "a"}) == (body["total"]["cost_usd"], body["tags"])
    assert 1 == len(llmo("cost", "--tag", "team=b", "--export", "-").lines)
    assert (2, "llmo: --tag: not KEY=VALUE: team\n") == (
        (run := llmo("cost", "--tag", "team")).code,
        run.stderr,
    )


def test_reasoning_tokens_are_shown_when_there_are_any(llmo, book):
    """
    They are part of what is paid.
    """
    spend(book, "a", 1)
    before = llmo("cost").stdout
    book.hold(Call(id="b", run="r", provider="openai", model="gpt"), 9)
    book.settle("b", Settlement(cost=9, source="computed", usage=Usage(1, 70, reasoning_tokens=64)))

    assert "reasoning" not in before
    assert ["openai", "gpt", "2", "1,001", "400", "270", "64"] == llmo("cost").stdout.splitlines()[1].split()[:7]


def test_ledgers_of_jobs_are_brought_together(llmo, book, tmp_path):
    """
    Exported there, imported here; again changes nothing; budgets here count it.
    """
    days_of_work(book)
    lines, here = tmp_path / "calls.jsonl", {"LLMO_DATA_DIR": str(tmp_path / "here")}
    there = llmo("cost", "--export", lines)
    runs = [llmo("cost", "--import", lines, env=here) for _ in range(2)]
    piped = llmo("cost", "--import", "-", "--json", stdin=lines.read_bytes(), env=here)

    assert (0, f"wrote 3 calls to {lines}\n") == (there.code, there.stderr)
    assert ["read 3 calls, 3 new or completed since\n", "read 3 calls, 0 new or completed since\n"] == [
        r.stderr for r in runs
    ]
    assert ["", ""] == [run.stdout for run in runs]
    assert ("6", 3) == (piped.json["total"]["cost_usd"], piped.json["total"]["calls"])
    assert [3, 6] == [
        status["calls"] if number else int(status["spent_usd"])
        for number, status in enumerate([piped.json["budgets"][0], {"calls": 6}])
    ]
    checked = llmo("cost", "--import", lines, "--check", "--max", "5", env=here)
    assert 3 == checked.code


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        pytest.param(("--import", "missing.jsonl"), "--import: no such file: missing.jsonl", id="missing"),
        pytest.param(("--import", "config"), "--import: is a directory: config", id="directory"),
        pytest.param(("--import", "bad.jsonl"), "bad.jsonl:1: not an exported call: id is missing", id="other file"),
        pytest.param(("--import", "bytes.jsonl"), "--import: binary file: bytes.jsonl:1", id="bytes"),
        pytest.param(
            ("--export", "no/where.jsonl"), "--export: cannot write no/where.jsonl: No such file", id="export"
        ),
        pytest.param(("--html", "no/where.html"), "--html: cannot write no/where.html: No such file", id="html"),
    ],
)
def test_files_that_cannot_be_used(llmo, book, flags, said):
    """
    Exit 2 with the file's name; nothing is booked.
    """
    (llmo.home / "bad.jsonl").write_text(
        '{"state": "held", "worst_usd": null, "cost_usd": null, "held_at": "2026-11-22T00:00:00Z", "ended_at": null, "billing": "metered"}\n'
    )
    (llmo.home / "bytes.jsonl").write_bytes(b"\xff\xfe\x00")
    run = llmo("cost", *flags)

    assert 2 == run.code
    assert f"llmo: {said}" in run.stderr
    assert 0 == llmo("cost", "--json").json["total"]["calls"]


def test_pruning_takes_texts_and_leaves_money(llmo, book):
    """
    Conversations older than an age go; the ledger keeps every call.
    """
    assert 0 == llmo("ask", "a secret thought").code
    kept, gone = llmo("cost", "--prune", "1d"), llmo("cost", "--prune", "0m")

    assert "deleted 0 texts older than 1d; costs are kept\n" == kept.stderr
    assert "deleted 2 texts older than 0m; costs are kept\n" == gone.stderr
    assert b"secret" not in (llmo.home / "data" / "ledger.db").read_bytes()
    assert 1 == llmo("cost", "--json").json["total"]["calls"]
    assert 2 == llmo("cost", "--prune", "soon").code


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_a_report_fits_its_terminal(llmo, book, columns):
    """
    Groups, total and budgets: no line is broken by the terminal, and every group is there.
    """
    for number, model in enumerate(("dear", "anthropic/claude-sonnet-5-5:batch", "日本語モデル-とても長い名前")):
        spend(book, str(number), DOLLAR * 12_345 // 1000, provider="cloud", model=model)
    spend(book, "x", None, provider="cloud", model="unknown-price")
    env = {"COLUMNS": str(columns), "NO_COLOR": "1"}
    for flags in ((), ("--plot",), ("--by", "tag:team", "--by", "day", "--by", "model")):
        shown = llmo("cost", "--budgets", *flags, tty=True, env=env).stdout

        assert max(map(wide, shown.splitlines())) <= columns, shown
        assert shown.count("$12.35") >= 3


def test_a_page_says_where_it_was_written(llmo, book):
    """
    On stderr, and not with -q; a dash is standard output, which then holds nothing else.
    """
    spend(book, "1", DOLLAR, provider="cloud", model="dear")
    told = llmo("cost", "--html", "page.html", "--run", "r1")
    quiet = llmo("-q", "cost", "--html", "page.html")
    piped = llmo("cost", "--html", "-")
    both = llmo("cost", "--html", "-", "--json")

    assert (0, "llmo: wrote page.html: run r1\n", "") == (told.code, told.stderr, quiet.stderr)
    assert (True, True, "") == (piped.stdout.startswith("<!"), piped.stdout.endswith("</html>\n"), piped.stderr)
    assert not (llmo.home / "-").exists()
    assert (2, "llmo: --html - takes standard output, and so do --json and --csv\n") == (both.code, both.stderr)


@pytest.mark.parametrize(("width", "longest"), [(200, 24), (39, 24), (29, 14), (20, 0)])
def test_bars_take_the_room_that_is_left(width: int, longest: int) -> None:
    """
    No line wraps, and no bar is a stump.
    """
    assert tables.room(("model", "cost"), [("a", "$0.10"), ("b/c", "$12.80")], width) == longest
