"""`llmo ask --compare`: one prompt, several models at once."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

from llmo.cli.commands.ask.compare import worst
from llmo.render import side_by_side
from llmo.render.side_by_side import Side
from llmo.render.wrapping import columns

if TYPE_CHECKING:
    from pathlib import Path

TWO = """
[providers.cheap]
kind = "offline"
offline = { delay = 0.005, input_usd = "1", output_usd = "2" }
[providers.dear]
kind = "offline"
offline = { delay = 0.01, first_token_delay = 0.2, input_usd = "100", output_usd = "200" }
[providers.down]
kind = "offline"
offline = { fail = "unavailable" }
[providers.away]
kind = "openai"
api_key_env = "NO_SUCH_KEY"
"""
BOTH = ("--compare", "-m", "cheap/echo", "-m", "dear/echo")
TEXT = "You said: hello\n\nThat is 1 word. No model was asked."


@pytest.fixture
def two(tmp_path: Path) -> tuple[str, str]:
    """The flags of a profile with a cheap, a dear, a dead and a keyless provider."""
    path = tmp_path / "two.toml"
    path.write_text(TWO)
    return ("-P", str(path))


def test_a_pipe_gets_the_answers_under_their_names_and_a_table(llmo: Any, two: tuple[str, str]) -> None:
    """
    Answers stand as they came; the table says time, tokens and cost with its source.
    """
    run = llmo(*two, "ask", *BOTH, "hello")

    answers, _, table = run.stdout.rpartition("\n\n")
    assert (0, f"== cheap/echo ==\n{TEXT}\n\n== dear/echo ==\n{TEXT}") == (run.code, answers)
    head, cheap, dear = (line.split() for line in table.splitlines())
    assert ["model", "first", "token", "total", "tokens/s", "in", "out", "cost", "outcome"] == head
    assert ["1", "14", "$0.000029", "(computed)", "stop"] == cheap[6:]
    assert ["1", "14", "$0.0029", "(computed)", "stop"] == dear[6:]
    assert (0.2 <= float(dear[1]), float(cheap[1]) < float(dear[1])) == (True, True)


def test_json_is_the_object_of_ask_for_each(llmo: Any, two: tuple[str, str]) -> None:
    """
    One object a line, in the order of -m; the texts are not kept.
    """
    run = llmo(*two, "ask", *BOTH, "hello", "--json")

    assert [("cheap", TEXT, "0.000029", None), ("dear", TEXT, "0.0029", None)] == [
        (one["provider"], one["text"], one["cost"]["usd"], one["conversation"]) for one in run.lines
    ]
    assert ["2"] == [str(llmo(*two, "cost", "--json").json["total"]["calls"])]


def test_one_that_fails_leaves_the_others(llmo: Any, two: tuple[str, str]) -> None:
    """
    Every target is asked once for itself, nobody steps in; the worst code is the code.
    """
    names = ("-m", "cheap/echo", "-m", "down/echo", "-m", "away/gpt")

    run = llmo(*two, "ask", "--compare", *names, "hello", "--json", "--retries", "1")

    assert [(True, None, 1), (False, "unavailable", 2), (False, "credentials", 0)] == [
        (one["ok"], one.get("error", {}).get("kind"), len(one["attempts"])) for one in run.lines
    ]
    assert [4, "away", "gpt"] == [run.code, run.lines[2]["provider"], run.lines[2]["model"]]
    assert "llmo: down/echo: the offline provider was told to be unavailable" in run.stderr


def test_a_cap_is_one_for_all(llmo: Any, two: tuple[str, str]) -> None:
    """
    What the dear one would need is not there, the cheap one is answered; nothing is spent beyond the cap.
    """
    run = llmo(*two, "ask", *BOTH, "hello", "--json", "--max-cost", "0.01", "--max-tokens", "20")

    assert (3, [None, "budget_exceeded"]) == (run.code, [one.get("error", {}).get("kind") for one in run.lines])


def test_on_github_a_refusal_of_one_is_an_annotation(llmo: Any, two: tuple[str, str]) -> None:
    """
    As of `ask`: the step shows which budget stopped it, below the error and its hint.
    """
    flags = (*two, "ask", *BOTH, "hello", "--max-cost", "0.01", "--max-tokens", "20")
    run = llmo(*flags, env={"GITHUB_ACTIONS": "true"})

    lines = run.stderr.splitlines()
    (error,) = (number for number, line in enumerate(lines) if line.startswith("llmo: dear/echo: "))
    assert ["hint: ", "::error"] == [lines[error + 1][:6], lines[error + 2][:7]]
    assert lines[error + 2].startswith("::error title=llmo budget::")
    assert "::error" not in llmo(*flags).stderr


def test_a_cap_that_holds_one_at_a_time_is_enough_for_both(llmo: Any, two: tuple[str, str]) -> None:
    """
    Whoever is refused money waits for the other to settle at what it really cost.
    """
    names = ("--compare", "-m", "dear/echo", "-m", "dear/other")

    run = llmo(*two, "ask", *names, "hello", "--json", "--max-cost", "0.07", "--max-tokens", "20")

    assert (0, ["0.0029", "0.0029"]) == (run.code, [one["cost"]["usd"] for one in run.lines])


@pytest.mark.parametrize(
    ("args", "message"),
    [
        pytest.param(("--compare", "-m", "cheap/echo"), "--compare requires at least two models", id="one"),
        pytest.param(
            ("--compare", "-m", "cheap/echo", "-m", "cheap/echo"), "--compare requires at least two models", id="twice"
        ),
        pytest.param((*BOTH, "-c"), "--compare and --continue cannot be combined", id="continue"),
        pytest.param((*BOTH, "--ndjson"), "--compare and --ndjson cannot be combined", id="ndjson"),
        pytest.param((*BOTH, "--cache", "1h"), "--compare and --cache cannot be combined", id="cache"),
    ],
)
def test_what_makes_no_comparison_is_wrong_usage(
    llmo: Any, two: tuple[str, str], args: tuple[str, ...], message: str
) -> None:
    """
    Refused before anything is sent.
    """
    run = llmo(*two, "ask", *args, "hello")

    assert (2, True) == (run.code, message in run.stderr)


def test_privacy_holds(llmo: Any, two: tuple[str, str]) -> None:
    """
    A prompt that must stay here reaches only who is here.
    """
    run = llmo(*two, "ask", "--compare", "-m", "cheap/echo", "-m", "away/gpt", "hello", "--private", "--json")

    assert (4, [True, False]) == (run.code, [one["ok"] for one in run.lines])
    assert "not on this machine" in run.lines[1]["error"]["message"]


def test_an_interrupt_keeps_what_came(llmo: Any, tmp_path: Path) -> None:
    """
    The one that was done is shown whole, the other as far as it came; both are booked.
    """
    path = tmp_path / "slow.toml"
    path.write_text(TWO.replace("delay = 0.01,", "delay = 0.5,"))
    process = llmo.start("-P", path, "ask", *BOTH, "one two three four five six", "--json")
    _until_both_are_asked(llmo, path)
    process.send_signal(signal.SIGINT)

    run = llmo.finish(process)

    assert 130 == run.code
    assert [None, "cancelled"] == [one.get("error", {}).get("kind") for one in run.lines]
    whole, part = (one["text"] for one in run.lines)
    assert whole.startswith(part)
    assert part != whole


def _until_both_are_asked(llmo: Any, path: Path) -> None:
    """The cheap one is done and the dear one has begun: both stand in the ledger."""
    for _ in range(100):
        if llmo("-P", path, "cost", "--json").json["total"]["output_tokens"]:
            return
    pytest.fail("the cheap one never ended")


def test_a_terminal_shows_columns_and_obeys_no_answer(llmo: Any, two: tuple[str, str]) -> None:
    """
    Side by side at 100 columns; control characters are shown.
    """
    run = llmo(*two, "ask", *BOTH, "-n", "--no-color", "bell \x07 and \x1b]0;title", tty=True)

    lines = run.stdout.split("\r\x1b[K")[-1].splitlines()
    assert "cheap/echo" + " " * 38 + " │ dear/echo" == lines[0]
    assert "You said: bell ␇ and ␛]0;title".ljust(48) + " │ You said: bell ␇ and ␛]0;title" == lines[2]


def test_narrow_is_stacked_and_its_table_is_turned() -> None:
    """
    Below 100 columns, or with too many answers for it, they stand one below the other.
    """
    sides = [Side("a/x", "one\n"), Side("b/y", "two")]

    assert "a/x\n───\none\n\nb/y\n───\ntwo\n" == side_by_side.shown(sides, 99)
    assert "a/x" + " " * 46 + "│ b/y" == side_by_side.shown(sides, 100).splitlines()[0]
    assert "a/x" == side_by_side.shown(sides * 2, 100).splitlines()[0]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        pytest.param("one two three", ["one two", "three"], id="at spaces"),
        pytest.param("  one two three", ["  one", "two", "three"], id="indented"),
        pytest.param("abcdefghijkl", ["abcdefgh", "ijkl"], id="long word"),
        pytest.param("a\n\nb ", ["a", "", "b"], id="empty line"),
        pytest.param("漢字漢字漢字", ["漢字漢字", "漢字"], id="two columns each"),
        pytest.param("a\tb", ["a   b"], id="tab"),
        pytest.param("", [""], id="nothing"),
    ],
)
def test_lines_are_wrapped_to_columns(text: str, lines: list[str]) -> None:
    """
    No line is wider than its column, whatever it is made of.
    """
    found = side_by_side.wrapped(text, 8)

    assert (lines, True) == (found, all(columns(line) <= 8 for line in found))


@pytest.mark.parametrize(
    ("codes", "code"),
    [
        pytest.param([], 0, id="all well"),
        pytest.param([5, 1], 1, id="later is better than never"),
        pytest.param([1, 3, 5], 3, id="budget"),
        pytest.param([3, 4], 4, id="configuration"),
        pytest.param([5, 6], 6, id="incomplete"),
        pytest.param([4, 130], 130, id="signal"),
    ],
)
def test_the_worst_code_is_the_code(codes: list[int], code: int) -> None:
    """
    What only a change mends is worse than what may work later.
    """
    assert code == worst(codes)


def test_a_schema_holds_for_each(llmo: Any, two: tuple[str, str]) -> None:
    """
    Each answer is validated for itself.
    """
    schema = json.dumps({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]})

    run = llmo(*two, "ask", *BOTH, "hello", "--json", "--schema", schema)

    assert [int, int] == [type(one["data"]["n"]) for one in run.lines]


def test_a_dry_run_plans_each_and_sends_nothing(llmo: Any, two: tuple[str, str]) -> None:
    """
    One plan a line, each with its only candidate.
    """
    run = llmo(*two, "ask", *BOTH, "hello", "--dry-run", "--json")

    assert [["cheap"], ["dear"]] == [[c["provider"] for c in plan["candidates"]] for plan in run.lines]
    assert 0 == llmo(*two, "cost", "--json").json["total"]["calls"]


def test_verbose_says_who_is_asked_and_how_each_attempt_ended(llmo: Any, two: tuple[str, str]) -> None:
    """
    When it happens, and not once more at the end; without -v the failures before an answer are told at the end.
    """
    names = ("--compare", "-m", "cheap/echo", "-m", "down/echo", "hello", "--retries", "1")
    told = llmo("-v", *two, "ask", *names).stderr.splitlines()
    plain = llmo(*two, "ask", *names).stderr.splitlines()

    assert told[0].startswith("llmo: profile ")
    assert told[1].startswith("llmo: task simple: ")
    assert [line.partition(":")[2].partition(",")[0].partition(";")[0] for line in told[2:4]] == [
        " 1. cheap/echo: requested with -m",
        " 1. down/echo: requested with -m",
    ]
    assert sum(line.startswith("llmo: asking ") for line in told) == 3
    assert not any("tried" in line for line in (*told, *plain))
    assert plain == ["llmo: down/echo: the offline provider was told to be unavailable"]
