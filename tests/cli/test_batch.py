"""`llmo batch` as its users see it."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.patience import LONG

if TYPE_CHECKING:
    from tests.conftest import Llmo

PAID = """
model = "offline/echo"
[providers.offline]
kind = "offline"
[providers.offline.offline]
input_usd = "1"
output_usd = "2"
"""
FLAKY = PAID + 'fail = "unavailable"\nfail_every = 4\n'
ROWS = [{"id": f"r{n}", "name": f"n{n}", "lang": "en"} for n in range(12)]
ARGS = ("batch", "rows.jsonl", "--prompt", "Greet {{ name }}", "-o", "out.jsonl")
SCHEMA = '{"type": "object", "properties": {"label": {"enum": ["a", "b"]}}, "required": ["label"]}'


@pytest.fixture
def home(llmo: Llmo) -> Llmo:
    """A home with rows and two profiles: one that costs, one whose every fourth call fails."""
    llmo.home.joinpath("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    llmo.home.joinpath("paid.toml").write_text(PAID)
    llmo.home.joinpath("flaky.toml").write_text(FLAKY)
    return llmo


def out(home, name="out.jsonl"):
    return [json.loads(line) for line in (home.home / name).read_text("utf-8").splitlines()]


def test_each_row_gets_its_line_and_stdout_stays_empty(home):
    """
    The line is what the contract shows; the summary is on stderr.
    """
    run = home("-P", "paid.toml", *ARGS, "--keep", "lang", "-j", "1")
    line = out(home)[3]

    assert (0, "", 12) == (run.code, run.stdout, len(out(home)))
    assert list(line) == [
        *("id", "index", "key", "status", "text", "data", "tool_calls", "provider", "model", "finish_reason", "usage"),
        *("cost_usd", "cost_source", "attempts", "duration_s", "error", "input"),
    ]
    assert ("r3", 3, "ok", "offline", "echo", {"lang": "en"}) == tuple(
        line[key] for key in ("id", "index", "status", "provider", "model", "input")
    )
    assert "12 rows in" in run.stderr
    assert home("-P", "paid.toml", *ARGS, "-q", "--restart", "-y").stderr == ""


def test_without_an_output_rows_go_to_stdout(home):
    """
    Also from a pipe, in order when that is asked for.
    """
    run = home("-P", "offline", "batch", "--ordered", "-q", stdin="one\ntwo\n\none\n")
    lines = [json.loads(line) for line in run.stdout.splitlines()]

    assert (0, "") == (run.code, run.stderr)
    assert [line["index"] for line in lines] == [0, 1, 2]
    assert [line["cost_source"] for line in lines] == ["local", "local", "cached"]


def test_a_reader_that_has_enough_ends_the_run_quietly(home):
    """
    No traceback, no broken pipe.
    """
    many = "".join(f"row {n}\n" for n in range(3000))
    process = home.start("-P", "offline", "batch", "-q", stdin=subprocess.PIPE)
    process.stdin.write(many.encode())
    process.stdin.close()
    process.stdout.readline()
    process.stdout.close()

    assert (0, b"") == (process.wait(LONG), process.stderr.read())
    process.stderr.close()


def test_the_same_command_again_sends_nothing(home):
    """
    And says so.
    """
    first, again = home("-P", "paid.toml", *ARGS), home("-P", "paid.toml", *ARGS)

    assert (0, 0, 12) == (first.code, again.code, len(out(home)))
    assert "resuming out.jsonl: 12 rows are done" in again.stderr
    assert "cost $0" in again.stderr


def test_reordered_rows_are_the_same_rows_and_changed_ones_run_again(home):
    """
    It says how many and why; the replaced answers are kept aside.
    """
    home("-P", "paid.toml", *ARGS)
    rows = [*reversed(ROWS[:-1]), ROWS[-1] | {"name": "other"}, {"id": "new", "name": "new"}]
    home.home.joinpath("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    again = home("-P", "paid.toml", *ARGS)

    assert "11 rows are done, 1 have changed (their input) and are sent again" in again.stderr
    assert sorted(line["id"] for line in out(home)) == sorted(row["id"] for row in rows)
    assert [line["id"] for line in out(home, "out.jsonl.llmo.old.jsonl")] == ["r11"]
    changed = home("-P", "paid.toml", *ARGS[:3], "Wish {{ name }} luck", *ARGS[4:])
    assert "0 rows are done, 13 have changed (prompt) and are sent again" in changed.stderr


def test_a_system_prompt_in_a_file_is_known_by_what_it_says(home):
    """
    What has changed is named, wherever it stands.
    """
    system = home.home / "system.txt"
    system.write_text("Be brief.")
    home("-P", "paid.toml", *ARGS, "-s", "@system.txt")
    given = home("-P", "paid.toml", *ARGS, "-s", "Be brief.")
    system.write_text("Be verbose.")
    changed = home("-P", "paid.toml", *ARGS, "-s", "@system.txt")

    assert "12 rows are done" in given.stderr
    assert "0 rows are done, 12 have changed (system) and are sent again" in changed.stderr


def test_a_removed_output_is_a_new_run(home):
    """
    What an earlier output cost does not count against the cap of the next.
    """
    args = ("-P", "paid.toml", *ARGS, "--max-tokens", "40", "--max-cost", "1")
    home(*args)
    (home.home / "out.jsonl").unlink()
    run = home(*args)

    runs = home("cost", "--by", "run", "--json").json["groups"]
    assert (0, 12, [12, 12]) == (run.code, len(out(home)), [one["calls"] for one in runs]), run


def test_failed_rows_run_again(home):
    """
    Exit 7; --errors is ready to be an input; the same command takes failed rows again, or those of one kind.
    """
    args = ("-P", "flaky.toml", *ARGS, "--errors", "failed.jsonl", "-j", "1", "--retries", "0")
    first, others = home(*args), home(*args, "--retry-errors=timeout")
    failed = out(home, "failed.jsonl")

    assert (7, 7) == (first.code, others.code)
    assert failed == [ROWS[3], ROWS[7], ROWS[11]]
    assert "3 failed earlier and are not retried (use --retry-errors=KIND)" in others.stderr
    last = home(*args)
    assert (0, 12, 0) == (last.code, len(out(home)), (home.home / "failed.jsonl").stat().st_size), last
    assert {line["status"] for line in out(home)} == {"ok"}


def test_the_cap_stops_the_run_and_a_higher_one_goes_on(home):
    """
    Exit 3 with what is left and what it would cost; the sum never passes the cap.
    """
    capped = ("-P", "paid.toml", *ARGS, "--max-tokens", "40", "--max-cost")
    first = home(*capped, "0.0008")
    some = len(out(home))
    spent = sum(float(line["cost_usd"]) for line in out(home))

    assert (3, True, True) == (first.code, 0 < some < 12, spent <= 0.0008), first
    assert f"{12 - some} rows are left, about $" in first.stderr
    assert "hint: " in first.stderr
    assert (3, some) == (home(*capped, "0.0008").code, len(out(home)))
    assert (0, 12) == (home(*capped, "1").code, len(out(home)))


def test_of_a_pipe_nobody_knows_how_many_rows_are_left(home):
    """
    What was read ahead of it is no estimate.
    """
    capped = ("-P", "paid.toml", "batch", "-", "--max-cost", "0.0008", "--max-tokens", "40", "--report", "-", "-o", "x")
    run = home(*capped, stdin="".join(f"row {n}\n" for n in range(3000)))

    assert (3, None, True) == (run.code, run.json["left"], run.json["estimated"]), run
    assert " ok; more left" in run.stderr


def test_rows_that_fail_for_a_reason_of_all_stop_the_run_at_once(home):
    """
    No key: exit 4, nothing written, nothing sent.
    """
    home.home.joinpath("keyless.toml").write_text(
        'model = "o/m"\n[providers.o]\nkind = "openai"\napi_key_env = "NO_KEY"\n'
    )
    run = home("-P", "keyless.toml", *ARGS)

    assert 4 == run.code
    assert "NO_KEY is not set" in run.stderr
    assert not (home.home / "out.jsonl").exists() or (home.home / "out.jsonl").stat().st_size == 0


def test_a_dry_run_counts_and_sends_nothing(home):
    """
    Rows, tokens, cost, time at the limits, first prompts; equal rows count once.
    """
    twice = "".join(json.dumps({"name": name}) + "\n" for name in ("a", "b", "a"))
    home.home.joinpath("twice.jsonl").write_text(twice)
    run = home(
        "-P", "paid.toml", "batch", "twice.jsonl", *ARGS[2:], "--dry-run", "--json", "--rpm", "1", "--max-tokens", "10"
    )
    body = run.json

    assert (0, 3, 2, 1, 120) == (run.code, body["rows"], body["to_send"], body["copies"], body["time_at_limits_s"])
    assert [first["prompt"] for first in body["first"]] == ["Greet a", "Greet b", "Greet a"]
    assert float(body["cost"]["worst_usd"]) > float(body["cost"]["estimate_usd"]) > 0
    assert sorted(path.name for path in home.home.iterdir() if path.suffix == ".jsonl") == ["rows.jsonl", "twice.jsonl"]
    plain = home("-P", "paid.toml", *ARGS, "--dry-run").stdout
    assert plain.startswith("12 rows: 0 done, 12 to send\noffline/echo: 12 rows")


def test_a_run_that_may_cost_more_asks_first(home):
    """
    Without a terminal it needs -y.
    """
    args = ("-P", "paid.toml", *ARGS, "--confirm-over", "0.0001")

    assert [2, 0] == [home(*args).code, home(*args, "-y").code]


def test_beginning_anew_asks_first(home):
    """
    The output is thrown away only with consent.
    """
    home("-P", "paid.toml", *ARGS)
    kept = home("-P", "paid.toml", *ARGS, "--restart")

    assert (2, 12) == (kept.code, len(out(home)))
    assert "confirm with -y" in kept.stderr
    assert "12 rows in" in home("-P", "paid.toml", *ARGS, "--restart", "-y").stderr


def test_answers_of_a_schema_are_data_and_can_be_read_again(home):
    """
    --reparse holds paid answers against another schema without a call.
    """
    first = home("-P", "paid.toml", *ARGS, "--schema", SCHEMA)
    data = [line["data"] for line in out(home)]
    narrow = home("batch", "--reparse", "out.jsonl", "--schema", '{"required": ["other"]}')
    statuses = {line["status"] for line in out(home)}
    wide = home("batch", "--reparse", "out.jsonl", "--schema", SCHEMA)

    assert (0, 12) == (first.code, sum(isinstance(row, dict) for row in data))
    assert (7, {"invalid"}) == (narrow.code, statuses)
    assert (0, data) == (wide.code, [line["data"] for line in out(home)])


def test_a_table_comes_out_in_the_order_of_the_input(home):
    """
    CSV by the output's name, resumable beside it.
    """
    args = ("-P", "paid.toml", *ARGS[:-1], "out.csv", "--keep", "lang", "--keep", "id")
    first, again = home(*args), home(*args)
    with (home.home / "out.csv").open(newline="") as file:
        table = list(csv.DictReader(file))

    assert (0, 0) == (first.code, again.code)
    assert "12 rows are done" in again.stderr
    assert [(row["id"], row["lang"], row["input.id"]) for row in table] == [(r["id"], "en", r["id"]) for r in ROWS]


def test_openai_lines_in_openai_lines_out(home):
    """
    A drop-in for the vendor's batch files.
    """
    body = {"model": "offline/echo", "messages": [{"role": "user", "content": "hi"}]}
    line = {"custom_id": "q1", "method": "POST", "url": "/v1/chat/completions", "body": body}
    run = home("-P", "offline", "batch", "-", "--output-format", "openai-batch", "-q", stdin=json.dumps(line))

    assert ("q1", 200) == (run.json["custom_id"], run.json["response"]["status_code"])
    assert "You said: hi" in run.json["response"]["body"]["choices"][0]["message"]["content"]


def test_an_ordered_file_is_ordered_in_the_end(home):
    """
    It is written as rows finish, so that nothing paid for waits, and put in order when all are done.
    """
    home("-P", "paid.toml", *ARGS, "--ordered", "-j", "12")

    assert [line["index"] for line in out(home)] == list(range(12))


def test_a_report_and_the_exit_code_agree(home):
    """
    Numbers for CI.
    """
    run = home("-P", "flaky.toml", *ARGS, "--report", "report.json", "-j", "1", "--retries", "0", "--run", "nightly")
    report = json.loads((home.home / "report.json").read_text())

    assert (7, 7, 12, 3, "nightly") == (run.code, report["exit"], report["rows"], report["failed"], report["run"])
    assert {"ok": 9, "error": 3} == report["by_status"]


def test_on_a_terminal_a_bar_moves_and_goes_away(home):
    """
    The summary stays.
    """
    run = home("-P", "paid.toml", *ARGS, tty=True)

    assert run.code == 0, run
    assert "12 rows in" in run.stdout
    assert "Traceback" not in run.stdout


def test_row_text_with_line_separators_stays_one_line(home):
    """
    For readers that break lines wherever Unicode lets them.
    """
    home.home.joinpath("rows.jsonl").write_text(json.dumps({"id": "x", "name": "a\u2028b\x85c\ud800"}) + "\n")
    run = home("-P", "offline", *ARGS, "--keep", "*")

    assert run.code == 0, run
    assert len(out(home)) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
def test_memory_does_not_grow_with_the_input(home):
    """
    Ten times the rows, about the same peak.
    """
    peaks = []
    for count in (1500, 15000):
        with (home.home / "many.jsonl").open("w") as file:
            file.writelines(json.dumps({"id": f"r{n}", "name": "x" * 200 + str(n)}) + "\n" for n in range(count))
        # Not ru_maxrss: it starts at what the parent had when it forked.
        code = (
            "import sys; from llmo.cli.running import run; code = run(sys.argv[1:]);"
            "print(*[line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')]); sys.exit(code)"
        )
        args = ["-P", "offline", "-q", "batch", "many.jsonl", *ARGS[2:-1], f"{count}.jsonl"]
        done = subprocess.run(
            [sys.executable, "-c", code, *args],
            env=home.env(),
            cwd=home.home,
            capture_output=True,
            text=True,
            check=True,
        )
        peaks.append(int(done.stdout) // 1024)

    assert peaks[1] < 150
    assert peaks[1] - peaks[0] < 20


def test_verbose_says_who_answers_and_which_attempts_failed(home: Llmo) -> None:
    """As of `ask`, for the first row; then each failed attempt with its row, and nothing of those that went well."""
    run = home("-v", "-P", "flaky.toml", *ARGS, "-j", "1", "--progress", "none")
    told = run.stderr.splitlines()

    assert run.code == 0, run
    assert told[:2] == [
        "llmo: profile flaky (flaky.toml)",
        "llmo: task general: not looked for, as the model is given; about 2 tokens in",
    ]
    assert told[2].startswith("llmo: 1. offline/echo: ")
    assert told[3] == "llmo: 1 row at a time"
    failed = [line.partition(" after ")[0] for line in told if "was told to be unavailable after" in line]
    assert failed[0] == "llmo: r3: offline/echo: the offline provider was told to be unavailable"
    assert len(failed) == 3
    assert "offline/echo" not in home("-P", "flaky.toml", *ARGS, "--restart", "-y", "-q").stderr
