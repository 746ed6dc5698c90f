"""`llmo` and a stand-in for Cursor's CLI: the outcome of each case, and no process left behind."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.patience import LONG
from tests.process.conftest import explained
from tests.providers.test_cursor import ANSWER, FAKE, gone

if TYPE_CHECKING:
    import subprocess

    from tests.conftest import Llmo, Run

PRIVATE = {"CURSOR_API_KEY": "key-0123456789abcdef", "OPENAI_API_KEY": "sk-0123456789abcdef"}


class Asked:
    """llmo with a profile whose only program plays one case."""

    def __init__(self, llmo: Llmo, case: str, more: str = "", provider: str = "") -> None:
        self.llmo = llmo
        self.log = llmo.home / "cursor.jsonl"
        self.profile = llmo.home / "cursor.toml"
        command = json.dumps([sys.executable, str(FAKE), case, str(self.log)])
        self.profile.write_text(
            f'[providers.cursor]\nkind = "cursor"\ncommand = {command}\n{provider}\n{more}\n', "utf-8"
        )

    def __call__(self, *args: str, **how: Any) -> Run:
        return self.llmo("-P", self.profile, "ask", "-m", "cursor/auto", *args, env=PRIVATE, **how)

    def start(self, *args: str) -> subprocess.Popen[bytes]:
        return self.llmo.start("-P", self.profile, "ask", "-m", "cursor/auto", *args, env=PRIVATE)

    @property
    def runs(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text("utf-8").splitlines()]

    def nothing_left(self) -> bool:
        pids = [pid for run in self.runs for pid in run["pids"]]
        return all(map(gone, pids)) and not any(Path(run["cwd"]).exists() for run in self.runs)


@pytest.fixture
def asked(llmo: Llmo) -> Any:
    """Make llmo ask a program that plays a case."""

    def make(case: str, more: str = "", provider: str = "") -> Asked:
        return Asked(llmo, case, more, provider)

    return make


def test_an_answer_on_a_flat_plan(asked: Any) -> None:
    """
    The text alone on stdout, no dollars, the key and no other handed on.
    """
    cursor = asked("answer")
    plain, told = cursor("-q", "hello"), cursor("--json", "hello").json

    assert (plain.code, plain.stdout, plain.stderr) == (0, ANSWER, "")
    assert (told["ok"], told["text"], told["cost"]["usd"]) == (True, ANSWER, "0")
    assert (told["cost"]["source"], told["usage"]["output_tokens"]) == ("subscription", 39)
    assert cursor.runs[0]["env"]["CURSOR_API_KEY"] == PRIVATE["CURSOR_API_KEY"]
    assert "OPENAI_API_KEY" not in cursor.runs[0]["env"]
    assert cursor.nothing_left()


@pytest.mark.parametrize(
    ("case", "code", "kind"),
    [
        pytest.param("plain-error", 1, "model_not_found", id="plan"),
        pytest.param("bad-model", 1, "model_not_found", id="model"),
        pytest.param("not-logged-in", 4, "credentials", id="login"),
        pytest.param("untrusted", 4, "credentials", id="trust"),
        pytest.param("usage-limit", 1, "quota_exhausted", id="quota"),
        pytest.param("is-error", 5, "unavailable", id="is-error"),
        pytest.param("exhausted", 5, "unavailable", id="exhausted"),
        pytest.param("no-result", 6, "incomplete", id="cut"),
    ],
)
def test_failures_and_exit_codes(asked: Any, case: str, code: int, kind: str) -> None:
    """
    Each failure has its kind and code, in one try.
    """
    cursor = asked(case)
    run = cursor("--json", "--retries", "0", "hello")

    assert (run.code, run.json["error"]["kind"], len(run.json["attempts"])) == (code, kind, 1)
    assert cursor.nothing_left()


def test_an_unknown_failure_is_not_paid_for_twice(asked: Any) -> None:
    """
    Each try may count against the plan; the next model is asked instead.
    """
    cursor = asked("plain-unknown", more='[providers.offline]\nkind = "offline"')
    run = cursor("-m", "offline/echo", "--json", "hello")

    assert (run.code, run.json["provider"]) == (0, "offline")
    assert [attempt["outcome"] for attempt in run.json["attempts"]] == ["unavailable", "ok"]
    assert len(cursor.runs) == 1


def test_json_that_meets_a_schema(asked: Any) -> None:
    """
    The schema stands in the prompt and is checked here.
    """
    cursor = asked("json")
    schema = '{"type":"object","properties":{"answer":{"type":"integer"}},"required":["answer"]}'
    run = cursor("--schema", schema, "--json", "hello")

    assert (run.code, run.json["data"]) == (0, {"answer": 42})
    assert json.dumps(json.loads(schema)) in cursor.runs[0]["stdin"]


def test_an_answer_that_misses_its_schema(asked: Any) -> None:
    """
    One repair, then an error.
    """
    cursor = asked("answer")
    run = cursor("--schema", '{"type":"object"}', "--json", "hello")

    assert (run.code, run.json["error"]["kind"]) == (1, "invalid_output")
    assert len(cursor.runs) == 2


def test_parameters_that_it_has_no_flag_for(asked: Any) -> None:
    """
    Named, with who takes them; nothing is started.
    """
    cursor = asked("answer")
    run = cursor("--temperature", "0.5", "hello")

    assert run.code == 1
    assert explained(run)[0] == "llmo: cursor (cursor) does not support the parameter: temperature"
    assert not cursor.log.exists()


@pytest.mark.parametrize(
    ("more", "provider", "name"),
    [
        pytest.param('[[budgets]]\nname = "few"\nlimit_calls = 2\n', "", "few", id="limit_calls"),
        pytest.param("", "max_calls_per_day = 2\n", "cursor.max_calls_per_day", id="max_calls_per_day"),
    ],
)
def test_a_plan_is_counted_in_calls(asked: Any, more: str, provider: str, name: str) -> None:
    """
    Dollars do not stop a flat plan, calls do.
    """
    cursor = asked("answer", more, provider)
    runs = [cursor("--json", "--max-cost", "0.01", "hello") for _ in range(3)]

    assert [run.code for run in runs] == [0, 0, 3]
    assert runs[2].json["error"]["kind"] == "budget_exceeded"
    assert name in runs[2].json["error"]["message"]
    assert len(cursor.runs) == 2


STUBBORN = [
    pytest.param("hang-after-words", id="plain"),
    pytest.param("hang-with-child", id="child"),
    pytest.param("hang-with-detached-child", id="detached-child"),
]


def _begun(process: subprocess.Popen[bytes]) -> None:
    """Wait for the first words."""
    assert process.stdout
    assert os.read(process.stdout.fileno(), 100) == b"Half an ans"


@pytest.mark.parametrize("case", STUBBORN)
@pytest.mark.parametrize(
    ("number", "code"), [pytest.param(signal.SIGINT, 130, id="int"), pytest.param(signal.SIGTERM, 143, id="term")]
)
def test_an_interrupt_leaves_nothing_behind(asked: Any, case: str, number: signal.Signals, code: int) -> None:
    """
    The program is ended with all its children before llmo ends.
    """
    cursor = asked(case)
    process = cursor.start("hello")
    _begun(process)
    process.send_signal(number)
    run = cursor.llmo.finish(process)

    assert run.code == code
    assert not any(Path(f"/proc/{pid}").exists() for pid in cursor.runs[0]["pids"])
    assert cursor.nothing_left()


@pytest.mark.parametrize("case", [*STUBBORN, pytest.param("hang-deaf", id="deaf")])
def test_a_killed_llmo_leaves_nothing_behind(asked: Any, case: str) -> None:
    """
    Nobody can catch SIGKILL, so somebody else sees to it.
    """
    cursor = asked(case)
    process = cursor.start("hello")
    _begun(process)
    process.kill()
    process.communicate()

    assert cursor.nothing_left()


@pytest.mark.parametrize("case", [pytest.param("hang", id="silent"), *STUBBORN])
def test_a_timeout_leaves_nothing_behind(asked: Any, case: str) -> None:
    """
    The total clock ends the program too.
    """
    cursor = asked(case)
    run = cursor("--timeout", "5", "--json", "hello")

    assert (run.code, run.json["error"]["kind"]) == (5, "timeout")
    assert cursor.nothing_left()


def test_a_reader_that_has_gone_leaves_nothing_behind(asked: Any) -> None:
    """
    `llmo ask … | head -c 4` ends the program.
    """
    cursor = asked("long-line")
    process = cursor.start("hello")
    assert process.stdout
    os.read(process.stdout.fileno(), 4)
    process.stdout.close()

    assert process.wait(LONG) in (0, 141, -signal.SIGPIPE)
    assert process.stderr
    process.stderr.close()
    assert cursor.nothing_left()


def test_a_process_that_lingers_does_not_keep_the_answer(asked: Any) -> None:
    """
    llmo ends soon after the answer, and so does the program.
    """
    cursor = asked("lingers-deaf")
    run = cursor("--json", "hello")

    assert (run.code, run.json["text"]) == (0, ANSWER)
    assert run.json["timing"]["total_s"] < 5
    assert not any(Path(f"/proc/{pid}").exists() for pid in cursor.runs[0]["pids"])


def test_what_is_known_of_it(asked: Any) -> None:
    """
    `models --refresh` and `profile check --probe` ask the program.
    """
    cursor = asked("answer")
    models = cursor.llmo("-P", cursor.profile, "models", "--refresh", "--names")
    probed = cursor.llmo("-P", cursor.profile, "profile", "check", "--probe")

    assert "cursor/gpt-6-sol-high" in models.stdout.splitlines()
    assert (models.code, probed.code) == (0, 0)
    assert "2026.09.18-ab12cd3" in probed.stdout + probed.stderr


def test_many_rows_one_at_a_time(asked: Any, tmp_path: Path) -> None:
    """
    Runs of Cursor race on its configuration, so a batch takes turns.
    """
    cursor = asked("answer")
    out = tmp_path / "out.jsonl"
    args = ("batch", "-", "--input-format", "lines", "-m", "cursor/auto", "--output", out)
    run = cursor.llmo("-P", cursor.profile, *args, stdin="a\nb\nc\n")

    assert run.code == 0, run
    assert sorted(run["stdin"] for run in cursor.runs) == ["a", "b", "c"]
    assert [json.loads(line)["cost_usd"] for line in out.read_text().splitlines()] == ["0"] * 3
    assert cursor.nothing_left()


def test_without_the_program(llmo: Llmo) -> None:
    """
    Not ready, and why.
    """
    profile = llmo.home / "none.toml"
    profile.write_text('[providers.cursor]\nkind = "cursor"\ncommand = ["no-such-cursor"]\n', "utf-8")
    run = llmo("-P", profile, "ask", "-m", "cursor/auto", "hello")

    assert run.code == 4
    assert "no-such-cursor is not on PATH" in explained(run)[0]
