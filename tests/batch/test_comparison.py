"""`llmo batch --compare`: several models for every row."""

from __future__ import annotations

import csv
import io
import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

from llmo.batch.input.identity import answer_id, answer_key
from llmo.batch.output import comparison
from tests.cli.test_compare import TWO

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAMES = ("a/x", "b/y@2")
BOTH = ("--compare", "-m", "cheap/echo", "-m", "dear/echo")
SCHEMA = json.dumps({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]})
KEY = "000102030405060708090a0b0c0d0e0f"


def line(row: str, target: str, **changes: Any) -> dict[str, Any]:
    """A line of the journal."""
    return {
        "id": answer_id(row, target),
        "index": 0,
        "key": answer_key(KEY, target),
        "status": "ok",
        "text": "t",
        "data": None,
        "provider": None,
        "model": None,
        "finish_reason": "stop",
        "usage": {"input_tokens": 2, "output_tokens": 3},
        "cost_usd": "0.1",
        "cost_source": "computed",
        "attempts": 1,
        "duration_s": 1.0,
        "error": None,
        "input": None,
        **changes,
    }


@pytest.fixture
def journal(tmp_path: Path) -> Callable[..., Path]:
    """Write lines as a journal."""

    def write(*lines: dict[str, Any]) -> Path:
        path = tmp_path / "journal.jsonl"
        path.write_text("".join(json.dumps(one) + "\n" for one in lines))
        return path

    return write


def test_a_key_is_mixed_with_its_target_and_back() -> None:
    """
    Equal prompts to two models are two requests; both lead to the one row.
    """
    mixed = [answer_key(KEY, name) for name in NAMES]

    assert (2, {KEY}) == (len(set(mixed)), {answer_key(one, name) for one, name in zip(mixed, NAMES, strict=True)})


def test_a_row_has_all_answers_in_the_order_of_the_models(journal: Callable[..., Path]) -> None:
    """
    Whatever the order in which they came; the worst answer is its status, costs are summed.
    """
    failed = {"kind": "timeout", "message": "late"}
    path = journal(
        line("2", NAMES[1], index=1),
        line("1@z", NAMES[1], status="error", text=None, cost_usd="0.02", error=failed),
        line("1@z", NAMES[0], status="truncated"),
        line("2", NAMES[0], index=1),
    )

    found = list(comparison.rows(path, NAMES))

    assert [("1@z", 0, KEY, "error", "0.12", failed), ("2", 1, KEY, "ok", "0.20", None)] == [
        (row["id"], row["index"], row["key"], row["status"], row["cost_usd"], row["error"]) for row in found
    ]
    assert [("a", "x", "truncated"), ("b", "y@2", "error")] == [
        (one["provider"], one["model"], one["status"]) for one in found[0]["answers"]
    ]


def test_a_row_waits_for_all_answers_to_its_newest_version(journal: Callable[..., Path]) -> None:
    """
    A missing answer, or one to an older prompt, keeps the row back: what is compared is one question.
    """
    other = answer_key("f" * 32, NAMES[0])
    path = journal(
        line("half", NAMES[0]),
        line("old", NAMES[0], index=1),
        line("old", NAMES[1], index=1),
        line("old", NAMES[0], index=1, key=other),
    )

    assert [] == list(comparison.rows(path, NAMES))


@pytest.mark.parametrize(
    ("one", "two", "agree"),
    [
        pytest.param({"data": {"n": 1, "m": [1]}}, {"data": {"m": [1], "n": 1.0}}, True, id="equal"),
        pytest.param({"data": {"n": 1}}, {"data": {"n": 2}}, False, id="other"),
        pytest.param({"data": {"n": 1}}, {"data": None, "status": "invalid"}, None, id="one is invalid"),
        pytest.param({}, {}, None, id="no data"),
    ],
)
def test_agreement_is_of_data(one: dict[str, Any], two: dict[str, Any], agree: bool | None) -> None:
    """
    Equal JSON values; without data on every side nothing is said.
    """
    row = comparison.composed("r", [(NAMES[0], line("r", NAMES[0], **one)), (NAMES[1], line("r", NAMES[1], **two))])
    summary = comparison.Summary(NAMES)
    summary.add(row)

    assert (agree, None if agree is None else float(agree)) == (row["agree"], summary.report()["agreement"])


def test_an_unknown_cost_is_no_zero() -> None:
    """
    The row's cost is unknown then, and the model's sum says how many are.
    """
    costs = {NAMES[0]: "0.1", NAMES[1]: None}
    row = comparison.composed("r", [(name, line("r", name, cost_usd=cost)) for name, cost in costs.items()])
    summary = comparison.Summary(NAMES)
    summary.add(row)
    report: Any = summary.report()

    assert (None, [("0.10", 0), ("0", 1)]) == (
        row["cost_usd"],
        [(model["cost_usd"], model["unpriced"]) for model in report["models"]],
    )


def test_a_stream_joins_what_comes_apart() -> None:
    """
    A row goes out when its last answer is in; at the end what is paid for goes out as it is.
    """
    written: list[dict[str, Any]] = []
    gather = comparison.Gather(NAMES, written.append)
    for row, name in (("1", NAMES[0]), ("2", NAMES[0]), ("2", NAMES[1])):
        gather(json.dumps(line(row, name)).encode())
    before = [row["id"] for row in written]
    gather.close()

    assert (["2"], [("2", 2), ("1", 1)]) == (before, [(row["id"], len(row["answers"])) for row in written])


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A profile and three rows."""
    (tmp_path / "two.toml").write_text(TWO.replace("first_token_delay = 0.2, ", ""))
    rows = [{"id": f"r{n}", "prompt": "word " * n} for n in (1, 2, 3)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


@pytest.fixture
def batch(llmo: Any, place: Path) -> Callable[..., Any]:
    """Run a batch over the rows."""
    return lambda *args: llmo("-P", place / "two.toml", "batch", place / "rows.jsonl", *args, cwd=place)


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The lines of an output."""
    return [json.loads(text) for text in path.read_text().splitlines()]


def test_one_output_with_all_answers_and_a_table(batch: Callable[..., Any], place: Path) -> None:
    """
    A line a row, in the order of the input; the table is by model.
    """
    run = batch(*BOTH, "-o", "out.jsonl", "--keep", "prompt", "--report", "report.json")

    rows = rows_of(place / "out.jsonl")
    assert (0, "", ["r1", "r2", "r3"], [["cheap", "dear"]] * 3) == (
        run.code,
        run.stdout,
        [row["id"] for row in rows],
        [[one["provider"] for one in row["answers"]] for row in rows],
    )
    assert {"prompt": "word "} == rows[0]["input"]
    assert "llmo: 6 answers in" in run.stderr
    head, cheap, dear = (text.split() for text in run.stderr.splitlines()[-3:])
    assert ["model", "ok", "failed", "in", "out", "cost", "p50"] == head
    assert ["cheap/echo", "3", "0", "6", "45", "$0.000096"] == cheap[:6]
    assert ["dear/echo", "3", "0", "6", "45", "$0.0096"] == dear[:6]
    report = json.loads((place / "report.json").read_text())
    assert (3, 6, 3, None) == (
        report["rows"],
        report["answers"],
        report["comparison"]["rows"],
        report["comparison"]["agreement"],
    )


def test_stdout_gets_the_same_lines(batch: Callable[..., Any]) -> None:
    """
    Without -o; with a schema the share of rows with equal data is said.
    """
    run = batch(*BOTH, "--schema", SCHEMA, "--ordered")

    assert [(["r1", "r2", "r3"][n], True) for n in range(3)] == [(row["id"], row["agree"]) for row in run.lines]
    assert "same data in 100.0% of 3 rows" in run.stderr


def test_the_same_command_again_pays_nothing(llmo: Any, batch: Callable[..., Any], place: Path) -> None:
    """
    A model more is asked alone, a model less leaves its column.
    """
    batch(*BOTH, "-o", "out.jsonl")
    again = batch(*BOTH, "-o", "out.jsonl")
    more = batch(*BOTH, "-m", "cheap/other", "-o", "out.jsonl")
    less = batch("--compare", "-m", "dear/echo", "-m", "cheap/other", "-o", "out.jsonl")

    assert [0, 0, 0] == [again.code, more.code, less.code]
    assert "resuming out.jsonl: 6 answers are done" in again.stderr
    assert 9 == llmo("-P", place / "two.toml", "cost", "--json").json["total"]["calls"]
    assert [["dear/echo", "cheap/other"]] * 3 == [
        [f"{one['provider']}/{one['model']}" for one in row["answers"]] for row in rows_of(place / "out.jsonl")
    ]


def test_only_the_answer_that_failed_is_bought_again(llmo: Any, batch: Callable[..., Any], place: Path) -> None:
    """
    What the others answered stays; a failed row stands once in the errors file.
    """
    first = batch("--compare", "-m", "down/x", "-m", "cheap/echo", "-o", "out.jsonl", "--retries", "0")
    errors = batch(
        "--compare", "-m", "down/x", "-m", "down/y", "-o", "two.jsonl", "--retries", "0", "--errors", "bad.jsonl"
    )
    profile = place / "two.toml"
    profile.write_text(profile.read_text().replace('fail = "unavailable"', "delay = 0.001"))
    second = batch("--compare", "-m", "down/x", "-m", "cheap/echo", "-o", "out.jsonl")

    assert [7, 7, 0] == [first.code, errors.code, second.code]
    assert ["r1", "r2", "r3"] == sorted(row["id"] for row in rows_of(place / "bad.jsonl"))
    assert ["ok"] * 3 == [row["status"] for row in rows_of(place / "out.jsonl")]
    assert 3 == sum(
        group["calls"]
        for group in llmo("-P", profile, "cost", "--json", "--by", "provider").json["groups"]
        if group["provider"] == "cheap"
    )


def test_a_killed_run_goes_on(llmo: Any, place: Path, batch: Callable[..., Any]) -> None:
    """
    After kill -9 what was answered is not paid twice, and every row ends with both answers.
    """
    profile = place / "two.toml"
    profile.write_text(profile.read_text().replace("delay = 0.01,", "delay = 0.2,"))
    args = ("-P", profile, "batch", place / "rows.jsonl", *BOTH, "-o", "out.jsonl")
    process = llmo.start(*args, cwd=place)
    journal = place / "out.jsonl.llmo.jsonl"
    while not journal.exists() or len(journal.read_bytes().splitlines()) < 3:
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (place / "out.jsonl").exists()

    run = batch(*BOTH, "-o", "out.jsonl")

    assert (0, 3) == (run.code, len(rows_of(place / "out.jsonl")))
    groups = llmo("-P", profile, "cost", "--json", "--by", "provider").json["groups"]
    assert {"cheap": 3, "dear": 6} == {group["provider"]: group["calls"] for group in groups}


def test_the_cap_is_one_for_all(batch: Callable[..., Any], place: Path) -> None:
    """
    At the cap the run stops with exit 3 and says how many answers are left.
    """
    run = batch(*BOTH, "-o", "out.jsonl", "--max-cost", "0.06", "--max-tokens", "20", "-j", "1")

    assert 3 == run.code
    assert "answers are left, about" in run.stderr
    assert float(sum(float(row["cost_usd"]) for row in rows_of(place / "out.jsonl"))) <= 0.06


def test_a_table_has_a_line_a_row(batch: Callable[..., Any], place: Path) -> None:
    """
    CSV: the columns of each model bear its name.
    """
    run = batch(*BOTH, "-o", "out.csv")
    found = list(csv.DictReader(io.StringIO((place / "out.csv").read_text())))
    piped = batch(*BOTH, "--output-format", "csv", "--ordered")

    assert (0, ["r1", "r2", "r3"]) == (run.code, [row["id"] for row in found])
    assert ("You said: word\n\nThat is 1 word. No model was asked.", "0.0029") == (
        found[0]["cheap/echo text"],
        found[0]["dear/echo cost_usd"],
    )
    assert list(found[0]) == piped.stdout.splitlines()[0].split(",")


def test_a_dry_run_counts_answers(batch: Callable[..., Any], place: Path) -> None:
    """
    Each model has its forecast, each prompt is shown once; nothing is written.
    """
    run = batch(*BOTH, "-o", "out.jsonl", "--dry-run", "--json")

    assert (3, 6, ["cheap/echo", "dear/echo"], 3) == (
        run.json["rows"],
        run.json["to_send"],
        [model["target"] for model in run.json["models"]],
        len(run.json["first"]),
    )
    assert not (place / "out.jsonl").exists()


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        pytest.param(("--compare", "-m", "cheap/echo"), 2, "requires at least two models", id="one model"),
        pytest.param((*BOTH, "-o", "plain.jsonl"), 2, "holds no comparison: plain.jsonl", id="another output"),
        pytest.param((*BOTH, "-o", "out.parquet"), 2, "--compare cannot write parquet", id="parquet"),
        pytest.param((*BOTH, "-m", "away/gpt"), 4, "NO_SUCH_KEY is not set", id="one has no key"),
    ],
)
def test_what_can_not_be_compared_is_said_before_anything_is_paid(
    batch: Callable[..., Any], place: Path, args: tuple[str, ...], code: int, message: str
) -> None:
    """
    An output of one answer a row is never replaced.
    """
    plain = json.dumps(line("r1", "x/y")) + "\n"
    (place / "plain.jsonl").write_text(plain)

    run = batch(*args)

    assert (code, True) == (run.code, message in run.stderr), run
    assert plain == (place / "plain.jsonl").read_text()


def test_a_comparison_is_no_plain_output(llmo: Any, batch: Callable[..., Any]) -> None:
    """
    Neither a plain run nor --reparse takes it for one.
    """
    batch(*BOTH, "-o", "out.jsonl")

    plain = batch("-m", "cheap/echo", "-o", "out.jsonl")
    reparsed = batch("--reparse", "out.jsonl", "--schema", SCHEMA)

    assert [(2, True), (2, True)] == [
        (plain.code, "holds a comparison: out.jsonl" in plain.stderr),
        (reparsed.code, "--reparse out.jsonl.llmo.jsonl" in reparsed.stderr),
    ]
