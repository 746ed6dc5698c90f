"""`llmo ask` and `llmo route` as a user meets them, on the embedded provider."""

from __future__ import annotations

import json
import re
import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.patience import LONG

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OFF = ("-P", "offline")
SLOW = """
model = "offline/echo"
[providers.offline]
kind = "offline"
offline = { delay = 0.2 }
"""
PRICED = """
[providers.offline]
kind = "offline"
offline = { input_usd = "1", output_usd = "1000" }
[tasks.general]
primary = ["offline/echo"]
[[budgets]]
name = "daily"
limit_usd = "1"
window = "day"
"""


@pytest.fixture
def profile(tmp_path: Path) -> Callable[[str], str]:
    """Write a profile; its path."""

    def write(text: str) -> str:
        path = tmp_path / "test.toml"
        path.write_text(text)
        return str(path)

    return write


def test_a_pipe_gets_the_exact_text(llmo: Any) -> None:
    """
    No newline, no colour, no rendering is added; stderr is quiet.
    """
    run = llmo("ask", "say *this*", *OFF)

    assert (0, "You said: say *this*\n\nThat is 2 words. No model was asked.", "") == (run.code, run.stdout, run.stderr)


OTHERS = '[providers.peer]\nkind = "openai"\nbase_url = "http://127.0.0.1:1/v1"\nmodels = ["m"]\n'


@pytest.mark.parametrize(
    "text", [pytest.param(OTHERS, id="a file with other providers"), pytest.param(None, id="none")]
)
def test_offline_is_always_known_and_listed_nowhere(llmo: Any, profile: Callable[[str], str], text: str | None) -> None:
    """
    Whatever a profile has, `-m offline/…` can be tried; it makes no model ready, and no list longer.
    """
    use = ("-P", profile(text)) if text else ()

    run = llmo("ask", "hi", "-m", "offline/echo", *use)

    assert (0, "You said: hi\n\nThat is 1 word. No model was asked.", "") == (run.code, run.stdout, run.stderr)
    for listing in (("models", "--names"), ("profile", "check"), ("profile", "show")):
        assert "offline/" not in (listed := llmo(*use, *listing)).stdout
        assert "providers.offline" not in listed.stdout
        assert "offline: ready" not in listed.stdout


def test_prompt_then_stdin_then_files(llmo: Any, tmp_path: Path) -> None:
    """
    Blank lines between; a file brings its name.
    """
    (tmp_path / "notes.txt").write_text("from the file\n")

    run = llmo("ask", "first", "-f", str(tmp_path / "notes.txt"), *OFF, stdin="piped in\n")

    assert 'You said: first piped in <file name="notes.txt"> from the file </file>' in run.stdout


def test_no_stdin_leaves_a_loops_input_alone(llmo: Any) -> None:
    """
    With -n the rest of the loop's lines are not eaten.
    """
    run = llmo("ask", "first", "-n", *OFF, stdin="other lines")

    assert run.stdout.startswith("You said: first\n")


@pytest.mark.parametrize(
    ("args", "stdin", "code", "words"),
    [
        pytest.param(["ask"], "", 2, "nothing to send: the prompt is empty", id="nothing"),
        pytest.param(["ask", "  "], "\n", 2, "nothing to send: the prompt is empty", id="blanks"),
        pytest.param(
            ["ask", "x", "-f", "missing.txt"], None, 2, "--file: no such file: missing.txt", id="missing file"
        ),
        pytest.param(["ask", "x", "-s", "@gone"], None, 2, "--system: no such file: gone", id="missing system"),
        pytest.param(["ask", "x", "--schema", "{bad"], None, 2, "--schema is not JSON", id="schema"),
        pytest.param(["ask", "x", "--max-cost", "0"], None, 2, "--max-cost must be above 0: 0", id="zero cap"),
        pytest.param(["ask", "x", "--max-cost", "nan"], None, 2, "--max-cost: not an amount in dollars: nan", id="NaN"),
        pytest.param(["ask", "x", "--tag", "k"], None, 2, "--tag: not KEY=VALUE: k", id="tag"),
        pytest.param(
            ["ask", "x", "--temperature", "nan"], None, 2, "--temperature is not a number: nan", id="temperature"
        ),
        pytest.param(["ask", "x", "--cache", "soon"], None, 2, "--cache: not a duration: soon", id="cache"),
        pytest.param(["ask", "x", "-m", "offlin/x"], None, 4, "unknown provider: offlin", id="provider"),
        pytest.param(["ask", "x", "-m", "nope"], None, 4, "unknown model or alias: nope", id="alias"),
        pytest.param(["ask", "x", "-t", "nope"], None, 4, "unknown task: nope", id="task"),
        pytest.param(
            ["ask", "x", "-t", "nope", "-m", "offline/echo"], None, 4, "unknown task: nope", id="task of a model"
        ),
        pytest.param(["ask", "x", "--conversation", "C"], None, 2, "unknown conversation: C", id="conversation"),
        pytest.param(["ask", "x", "--frob"], None, 2, "no such option: --frob", id="flag"),
        pytest.param(["aks", "x"], None, 2, "unknown command: aks", id="command"),
    ],
)
def test_bad_input_is_one_clear_line(llmo: Any, args: list[str], stdin: str | None, code: int, words: str) -> None:
    """
    What, where, and the contract's exit code; --json prints its object all the same.
    """
    run = llmo(*args, *OFF, stdin=stdin)

    assert (code, "") == (run.code, run.stdout)
    assert run.stderr.startswith(f"llmo: {words}")
    assert "Traceback" not in run.stderr
    if args[0] == "ask":
        body = llmo(*args, *OFF, "--json", stdin=stdin).json
        assert (False, words in body["error"]["message"]) == (body["ok"], True)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"caf\xe9", "not UTF-8 text: byte 4 is 0xe9", id="Latin-1"),
        pytest.param(b"\x7fELF\0\0", "binary file", id="binary"),
    ],
)
def test_only_text_and_images_are_sent(llmo: Any, tmp_path: Path, data: bytes, words: str) -> None:
    """
    A file that is neither is refused before anything is paid.
    """
    (tmp_path / "odd").write_bytes(data)

    run = llmo("ask", "x", "-f", str(tmp_path / "odd"), *OFF)

    assert (2, True) == (run.code, words in run.stderr)


def test_an_image_goes_along(llmo: Any, tmp_path: Path) -> None:
    """
    It is attached, not inlined.
    """
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(20))

    assert "It came with 1 image." in llmo("ask", "what is this", "-f", str(tmp_path / "a.png"), *OFF).stdout


def test_json_has_the_whole_story(llmo: Any) -> None:
    """
    The object of the contract, complete.
    """
    body = llmo("ask", "hello", "--json", *OFF).json
    id_, conversation, timing = body.pop("id"), body.pop("conversation"), body.pop("timing")
    body["attempts"][0].pop("duration_s")

    assert (26, 26, ["total_s", "first_token_s"]) == (len(id_), len(conversation), list(timing))
    assert body == {
        "ok": True,
        "text": "You said: hello\n\nThat is 1 word. No model was asked.",
        "data": None,
        "tool_calls": [],
        "provider": "offline",
        "model": "echo",
        "served_model": "echo",
        "task": "simple",
        "finish_reason": "stop",
        "complete": True,
        "usage": {
            "input_tokens": 1,
            "cached_input_tokens": 0,
            "cache_write_tokens": 0,
            "output_tokens": 14,
            "reasoning_tokens": 0,
        },
        "cost": {"usd": "0", "source": "local", "reserved_usd": "0", "in_doubt_usd": "0"},
        "attempts": [{"provider": "offline", "model": "echo", "outcome": "ok", "error": None, "cost_usd": "0"}],
        "cached": False,
        "warnings": [],
    }


def test_ndjson_tells_it_as_it_happens(llmo: Any) -> None:
    """
    Route, attempts, text, and the result last.
    """
    events = [json.loads(line) for line in llmo("ask", "hello", "--ndjson", *OFF).stdout.splitlines()]

    names = [event["event"] for event in events]
    assert ["route", "attempt", "text"] == names[:3]
    assert ["attempt", "result"] == names[-2:]
    assert events[-1]["text"] == "".join(event["text"] for event in events if event["event"] == "text")


def test_a_schema_gives_data(llmo: Any) -> None:
    """
    Structured output is validated here and given as data.
    """
    schema = '{"type": "object", "properties": {"n": {"type": "integer", "minimum": 5}}, "required": ["n"]}'

    body = llmo("ask", "hello", "--schema", schema, "--json", *OFF).json

    assert body["data"]["n"] >= 5


def test_an_answer_that_does_not_meet_the_schema_is_asked_for_once_more(
    llmo: Any, profile: Any, tmp_path: Path
) -> None:
    """
    One repair, both attempts told; then exit 1 with the raw text.
    """
    (tmp_path / "replies").write_text('not json\n```json {"m": 1}```\nstill not\n')
    path = profile(f'[providers.offline]\nkind = "offline"\noffline = {{ reply_file = "{tmp_path}/replies" }}\n')
    schema = '{"type": "object", "required": ["n"]}'
    args = ("ask", "x", "--json", "-P", path, "-m", "offline/echo", "--schema", schema)

    run = llmo(*args)

    assert (1, "invalid_output", 2) == (run.code, run.json["error"]["kind"], len(run.json["attempts"]))
    assert run.json["text"] == '```json {"m": 1}```'


def test_a_conversation_goes_on(llmo: Any) -> None:
    """
    -c sends the turns so far; --no-log keeps nothing.
    """
    first = llmo("ask", "one", "--json", *OFF).json
    second = llmo("ask", "two", "-c", "--json", *OFF).json
    llmo("ask", "secret", "--no-log", *OFF)
    third = llmo("ask", "three", "-c", "--json", *OFF).json

    assert first["conversation"] == second["conversation"] == third["conversation"]
    assert [1, 16, 31] == [body["usage"]["input_tokens"] for body in (first, second, third)]


def test_the_cache_is_asked_for_and_says_what_it_saved(llmo: Any, profile: Any) -> None:
    """
    An exact repeat costs nothing and says so.
    """
    args = ("ask", "hello", "--cache", "1h", "--json", "-P", profile(PRICED), "--max-tokens", "20")
    first, second = llmo(*args), llmo(*args)

    assert ("computed", "cached", "0") == (
        first.json["cost"]["source"],
        second.json["cost"]["source"],
        second.json["cost"]["usd"],
    )
    assert (first.json["text"], []) == (second.json["text"], second.json["attempts"])
    assert "from the cache, saved $0.014" in second.stderr


def test_a_cap_refuses_before_sending(llmo: Any, profile: Any) -> None:
    """
    Exit 3 with the amounts and what would fit; nothing is booked.
    """
    run = llmo("ask", "hello", "--json", "-P", profile(PRICED), "--max-cost", "0.01", "--max-tokens", "50")

    assert (3, "budget_exceeded", "0") == (run.code, run.json["error"]["kind"], run.json["cost"]["usd"])
    assert "limit $0.01, spent $0, held $0, left $0.01, needed up to $0.05" in run.json["error"]["message"]
    assert run.json["error"]["hint"].startswith("lower --max-tokens (9 would fit), or raise")


def test_the_daily_budget_holds_over_processes(llmo: Any, profile: Any) -> None:
    """
    What one process spent is gone for the next.
    """
    path = profile(PRICED)
    args = ("ask", "hello", "--json", "-P", path, "--max-tokens", "400")
    runs = [llmo(*args, "--max-tokens", "900") for _ in range(2)] + [llmo(*args, "--max-tokens", "990")]

    assert [0, 0, 3] == [run.code for run in runs]
    left = llmo("route", "hello", "--json", "-P", path).json["budgets"][0]
    assert ("daily", "1", "0.028002", "0.971998") == (
        left["name"],
        left["limit_usd"],
        left["spent_usd"],
        left["left_usd"],
    )


def test_an_answer_cut_by_the_limit_is_said(llmo: Any) -> None:
    """
    A warning, and with --strict exit 6.
    """
    plain = llmo("ask", "hello", "--max-tokens", "3", *OFF)
    strict = llmo("ask", "hello", "--max-tokens", "3", "--strict", "--json", *OFF)

    assert (0, "You said:") == (plain.code, plain.stdout)
    assert "warning: the answer was cut off by the token limit" in plain.stderr
    assert (6, "incomplete", False) == (strict.code, strict.json["error"]["kind"], strict.json["complete"])


@pytest.mark.parametrize(
    ("fail", "code", "kind"),
    [
        ("rate_limited", 5, "rate_limited"),
        ("unavailable", 5, "unavailable"),
        ("cut", 6, "incomplete"),
        ("slow", 5, "timeout"),
    ],
)
def test_failures_have_their_codes(llmo: Any, profile: Any, fail: str, code: int, kind: str) -> None:
    """
    The exit code and the JSON agree.
    """
    path = profile(f'model = "offline/echo"\n[providers.offline]\nkind = "offline"\noffline = {{ fail = "{fail}" }}\n')

    run = llmo("ask", "hello", "--json", "-P", path, "--retries", "0", "--timeout", "1")

    assert (code, False, kind) == (run.code, run.json["ok"], run.json["error"]["kind"])


def test_fallback_takes_over_and_says_so(llmo: Any, profile: Any) -> None:
    """
    The second of the chain answers; stderr tells why.
    """
    path = profile(
        '[providers.bad]\nkind = "offline"\noffline = { fail = "unavailable" }\n[providers.good]\nkind = "offline"\n'
        '[tasks.general]\nprimary = ["bad/echo"]\nsecondary = ["good/echo"]\n'
    )

    run = llmo("ask", "hello", "-P", path)

    assert (0, True) == (run.code, run.stdout.startswith("You said: hello"))
    assert "tried bad/echo: the offline provider was told to be unavailable" in run.stderr
    assert llmo("ask", "hello", "-P", path, "--no-fallback", "--retries", "0").code == 5


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_keeps_what_came(llmo: Any, profile: Any, number: signal.Signals, code: int) -> None:
    """
    The partial answer is printed as JSON and its cost is booked.
    """
    held = profile(SLOW.replace("0.2", "86400"))
    with llmo.start("ask", "one two three four", "--ndjson", "-P", held) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if b'"text"' in line and json.loads(line)["event"] == "text":
                break
        process.send_signal(number)
        last = json.loads(process.stdout.read().splitlines()[-1])
        process.wait(LONG)

    assert (code, False, "cancelled") == (process.returncode, last["ok"], last["error"]["kind"])
    assert last["text"].startswith("You")


def test_a_closed_pipe_ends_quietly(llmo: Any, profile: Any) -> None:
    """
    `| head -c 3` is no error.
    """
    with llmo.start("ask", "one two three four", "-P", profile(SLOW)) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(3)
        process.stdout.close()
        errors = process.stderr.read()
        process.wait(LONG)

    assert (0, b"") == (process.returncode, errors)


def test_a_terminal_gets_markdown_and_a_cost_line(llmo: Any) -> None:
    """
    Rendered for a person; a model's control characters are shown, not obeyed.
    """
    run = llmo("ask", "# Title\n\nsome \x1b]0;evil\x07 **bold**", *OFF, tty=True)

    assert "\x1b]0;evil" not in run.stdout
    assert "offline/echo · " in run.stdout
    assert "first token" in run.stdout
    assert "offline/echo" not in llmo("ask", "x", "-q", *OFF, tty=True).stdout


def test_files_are_private(llmo: Any) -> None:
    """
    Ledger and history are readable by their owner alone.
    """
    llmo("ask", "hello", *OFF)
    folder = llmo.home / "data"

    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in folder.iterdir() if path.suffix == ".db"}
    assert {"ledger.db": "0o600", "history.db": "0o600"} == modes
    assert oct(folder.stat().st_mode & 0o777) == "0o700"


def test_private_data_stays_on_this_machine(llmo: Any) -> None:
    """
    A secret in the prompt leaves only local candidates; none is an error that says why.
    """
    env = {"OPENAI_API_KEY": "sk-test"}

    run = llmo("ask", "my card is 4111 1111 1111 1111", "-m", "openai/gpt-6-luna", env=env)

    assert run.code == 4
    assert "not on this machine, but the request is private (card number in the prompt)" in run.stderr


def test_route_shows_the_plan_in_both_forms(llmo: Any) -> None:
    """
    A table for people, an object for programs; ask --dry-run prints the same.
    """
    env = {"OPENAI_API_KEY": "sk-test", "ANTHROPIC_API_KEY": "sk-ant-test"}

    table = llmo("route", "Prove that 2 is prime", env=env)
    body = llmo("route", "Prove that 2 is prime", "--json", env=env).json
    dry = llmo("ask", "Prove that 2 is prime", "--dry-run", "--json", env=env).json

    assert table.stdout.startswith("task      complex: asks for a proof, mathematical terms\n")
    assert ("complex", 1, "anthropic") == (
        body["task"],
        body["candidates"][0]["rank"],
        body["candidates"][0]["provider"],
    )
    assert body == dry


def test_route_plans_many_rows(llmo: Any) -> None:
    """
    One plan a line, in order; a broken line is named.
    """
    rows = '{"prompt": "Fix the grammar: me go"}\nProve it\n'

    run = llmo("route", "--rows", "-", "--json", *OFF, stdin=rows)
    bad = llmo("route", "--rows", "-", "--json", *OFF, stdin=rows + '{"prompt"\n')

    assert ["simple", "complex"] == [json.loads(line)["task"] for line in run.stdout.splitlines()]
    assert (2, True) == (bad.code, "standard input:3: not a JSON object" in bad.stderr)


def test_debug_shows_the_traceback(llmo: Any) -> None:
    """
    Only on request.
    """
    assert "Traceback" in llmo("ask", "x", "-m", "nope", "--debug", *OFF).stderr


def test_twenty_first_starts_at_once(llmo: Any) -> None:
    """
    Fresh ledger and history, twenty processes, no failure.
    """
    started = [llmo.start("ask", "hello", *OFF) for _ in range(20)]
    ends = [(process.communicate(timeout=LONG)[1], process.returncode) for process in started]

    # Where the machine is slow, whoever waits for another one says so.
    told = [line for said, _ in ends for line in said.splitlines() if not line.startswith(b"llmo: waiting up to ")]
    assert ([], [0] * 20) == (told, [code for _, code in ends])


def test_a_pipe_gets_the_repaired_answer_alone(llmo: Any, profile: Any, tmp_path: Path) -> None:
    """
    What did not meet the schema is no part of the result, in no form of it.
    """
    (tmp_path / "replies").write_text('not json\n{"n": 1}\n')
    path = profile(f'[providers.offline]\nkind = "offline"\noffline = {{ reply_file = "{tmp_path}/replies" }}\n')
    args = ("ask", "x", "-P", path, "-m", "offline/echo", "--schema", '{"type": "object", "required": ["n"]}')

    plain, events = llmo(*args), llmo(*args, "--ndjson").lines

    assert (0, '{"n": 1}') == (plain.code, plain.stdout.rstrip("\n"))
    assert ['{"n": 1}'] == [event["text"] for event in events if event["event"] == "text"]


def test_verbose_says_what_is_done_and_why(llmo: Any) -> None:
    """
    The profile, the task, who may answer, each attempt; the answer alone is on standard output.
    """
    run = llmo("-v", "ask", "hi", *OFF, "-m", "offline/echo")
    plain = llmo("ask", "hi", *OFF, "-m", "offline/echo")
    lines = [re.sub(r"[\d.]+ m?s", "TIME", line) for line in run.stderr.splitlines()]

    assert (0, plain.stdout, "") == (run.code, run.stdout, plain.stderr)
    assert lines[:5] == [
        "llmo: profile offline (built-in)",
        "llmo: task simple: worded like a mechanical request; about 1 tokens in",
        "llmo: 1. offline/echo: requested with -m; local",
        "llmo: asking offline/echo",
        "llmo: offline/echo: answered after TIME",
    ]


def test_the_same_failure_is_said_once(llmo: Any) -> None:
    """
    Though it was met three times; of other failures the number of times is told.
    """
    (llmo.home / "p.toml").write_text(
        'model = "a/x"\n[providers.a]\nkind = "offline"\n[providers.a.offline]\nfail = "unavailable"\n', "utf-8"
    )
    run = llmo("-P", "p.toml", "ask", "hi", "--retries", "2")

    assert (5, 1) == (run.code, run.stderr.count("the offline provider was told to be unavailable")), run
