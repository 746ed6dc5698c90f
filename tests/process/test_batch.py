"""`llmo batch` from outside: against aimock, killed, interrupted, capped, closed, resumed."""

from __future__ import annotations

import json
import os
import shlex
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.gate import Gate
from tests.process.conftest import explained
from tests.servers.raw import RawServer, whole

if TYPE_CHECKING:
    from collections.abc import Callable
    from subprocess import Popen

    from tests.conftest import Llmo, Run
    from tests.process.conftest import Peer

LICENCES = Path("/usr/share/common-licenses")
PAID = """
model = "paid/echo"
[providers.paid]
kind = "offline"
concurrency = 4
[providers.paid.offline]
input_usd = "1"
output_usd = "1"
"""


def rows(count: int, text: str = "hello") -> str:
    """Rows with ids."""
    return "".join(json.dumps({"id": f"r-{n}", "text": f"{text} {n}"}) + "\n" for n in range(count))


def written(path: Path) -> list[dict[str, Any]]:
    """The rows of an output; every line must be whole."""
    data = path.read_bytes() if path.exists() else b""
    assert data.endswith(b"\n") or not data
    return [json.loads(line) for line in data.splitlines()]


@pytest.fixture
def paid(llmo: Llmo, tmp_path: Path) -> Path:
    """A profile whose model has a price."""
    path = tmp_path / "paid.toml"
    path.write_text(PAID, "utf-8")
    return path


def test_rows_are_answered_in_each_dialect(peer: Peer) -> None:
    """
    Every row one line with the fields of the contract in their order, one request a row.
    """
    out = peer.llmo.home / "out.jsonl"
    run = peer("batch", "-", "-o", out, stdin=rows(12))
    assert (0, "") == (run.code, run.stdout), run

    assert [
        *("id", "index", "key", "status", "text", "data", "tool_calls", "provider", "model", "finish_reason", "usage"),
        *("cost_usd", "cost_source", "attempts", "duration_s", "error"),
    ] == [name for name in written(out)[0] if name != "input"]
    assert {(f"r-{n}", n, "ok", "Hello from aimock.", 1) for n in range(12)} == {
        (row["id"], row["index"], row["status"], row["text"], row["attempts"]) for row in written(out)
    }
    assert len(peer.received()) == 12


def test_stdout_is_data_when_no_output_is_named(peer: Peer) -> None:
    """
    Rows on stdout, everything else on stderr.
    """
    run = peer("batch", "-", stdin=rows(3))

    assert (0, ["r-0", "r-1", "r-2"]) == (run.code, sorted(row["id"] for row in run.lines)), run


def test_one_bad_row_does_not_stop_the_rest(peer: Peer) -> None:
    """
    Exit code 7; the failed row says its kind, and --retry-errors runs it alone.
    """
    out = peer.llmo.home / "out.jsonl"
    text = rows(3) + '{"id": "bad", "text": "always-500"}\n'
    run = peer("batch", "-", "-o", out, "--retries", "0", stdin=text)
    assert (7, 4) == (run.code, len(peer.received())), run
    assert {"r-0": None, "r-1": None, "r-2": None, "bad": "unavailable"} == {
        row["id"]: row["error"] and row["error"]["kind"] for row in written(out)
    }

    again = peer("batch", "-", "-o", out, "--retries", "0", "--retry-errors", stdin=text)
    assert (7, 5) == (again.code, len(peer.received())), again


def test_a_wrong_key_stops_the_run(peer: Peer) -> None:
    """
    It would fail every row: exit code 4, and not one request for each.
    """
    run = peer("batch", "-", "-o", "out.jsonl", "-j", "2", stdin=rows(50, "always-401"))

    assert (4, True) == (run.code, len(peer.received()) <= 4), run
    assert "Traceback" not in run.stderr


def test_a_busy_provider_pauses_and_recovers(peer: Peer) -> None:
    """
    429 once: every row still gets its answer.
    """
    out = peer.llmo.home / "out.jsonl"
    run = peer("batch", "-", "-o", out, "--max-tokens", "20", stdin=rows(6, "rate-limit-once"))

    assert (0, {"ok"}) == (run.code, {row["status"] for row in written(out)}), run


def test_the_same_command_again_sends_nothing(peer: Peer) -> None:
    """
    All rows are done: no request, the same file.
    """
    out = peer.llmo.home / "out.jsonl"
    peer("batch", "-", "-o", out, stdin=rows(5))
    before = out.read_bytes()
    run = peer("batch", "-", "-o", out, stdin=rows(5))

    assert (0, 5, before) == (run.code, len(peer.received()), out.read_bytes()), run


def test_changed_rows_run_again(openai: Peer) -> None:
    """
    One text changed, one row new: two requests.
    """
    out = openai.llmo.home / "out.jsonl"
    openai("batch", "-", "-o", out, stdin=rows(4))
    run = openai("batch", "-", "-o", out, stdin=rows(5).replace("hello 2", "hello two"))

    assert (0, 6) == (run.code, len(openai.received())), run


def test_equal_rows_are_sent_once(openai: Peer) -> None:
    """
    Each still gets its line; --no-dedupe sends all.
    """
    same = "".join(f'{{"id": "{n}", "text": "hello"}}\n' for n in range(5))
    run = openai("batch", "-", stdin=same)
    assert (0, 5, 1) == (run.code, len(run.lines), len(openai.received())), run

    openai("batch", "-", "--no-dedupe", stdin=same)
    assert len(openai.received()) == 6


def test_an_answer_cut_by_the_limit_is_truncated(openai: Peer) -> None:
    """
    It was paid: `truncated`, and not bought again by itself.
    """
    out = openai.llmo.home / "out.jsonl"
    first = openai("batch", "-", "-o", out, stdin='{"id": "a", "text": "length"}\n')
    second = openai("batch", "-", "-o", out, stdin='{"id": "a", "text": "length"}\n')

    assert (["truncated"], 1) == ([row["status"] for row in written(out)], len(openai.received())), (first, second)


def test_a_dry_run_sends_nothing(openai: Peer) -> None:
    """
    Rows, tokens and cost, and no output file.
    """
    run = openai("batch", "-", "-o", "out.jsonl", "--dry-run", stdin=rows(7))

    assert (0, True, []) == (run.code, "7" in run.stdout, openai.received()), run
    assert not (openai.llmo.home / "out.jsonl").exists()


def test_the_cap_holds_and_the_rest_can_follow(llmo: Llmo, paid: Path) -> None:
    """
    Exit code 3 with what fits; never more spent than the cap; a higher one finishes.
    """
    llmo_batch = ("-P", paid, "batch", "-", "-o", "out.jsonl", "--max-tokens", "50")
    capped = llmo(*llmo_batch, "--max-cost", "0.002", stdin=rows(60, "word " * 40))
    out = llmo.home / "out.jsonl"
    some = len(written(out))
    assert (3, True) == (capped.code, 0 < some < 60), capped
    assert sum(float(row["cost_usd"]) for row in written(out)) <= 0.002

    rest = llmo(*llmo_batch, "--max-cost", "1", stdin=rows(60, "word " * 40))
    assert (0, {f"r-{n}" for n in range(60)}, 60) == (
        rest.code,
        {row["id"] for row in written(out)},
        len(written(out)),
    ), rest


def test_what_is_done_survives_a_kill(llmo: Llmo) -> None:
    """
    kill -9 half-way, twice; then the same command finishes, and no finished row ran again.
    """
    out = llmo.home / "out.jsonl"
    (llmo.home / "in.jsonl").write_text(rows(24), "utf-8")
    done: list[dict[str, Any]] = []
    for free, wanted in ((6, 6), (8, 14)):
        with Gate(free) as gate:
            process = gated(llmo, gate)
            wait_for(process, out, wanted)
            process.kill()
            llmo.finish(process)
        done = written(out)
    with Gate(24) as gate:
        run = llmo.finish(gated(llmo, gate))

    assert (0, 24) == (run.code, len({row["id"] for row in written(out)})), run
    assert done == written(out)[: len(done)]
    assert len(written(out)) == 24


def gated(llmo: Llmo, gate: Gate) -> Popen[bytes]:
    """A run of `in.jsonl` behind a gate."""
    (llmo.home / "gate.toml").write_text(gate.profile, "utf-8")
    return llmo.start("-P", "gate.toml", "batch", "in.jsonl", "-o", "out.jsonl", "-j", "4", env=gate.env)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_finishes_what_is_in_flight(llmo: Llmo, number: signal.Signals, code: int) -> None:
    """
    No new rows, whole lines, the command to resume with; and it goes on.
    """
    out = llmo.home / "out.jsonl"
    (llmo.home / "in.jsonl").write_text(rows(40), "utf-8")
    with Gate(free=4) as gate:
        process = gated(llmo, gate)
        gate.wait(8, process)
        wait_for(process, out, 4)
        process.send_signal(number)
        read_until(process, b"llmo: stopping")
        gate.open()
        run = llmo.finish(process)

        assert (code, 8) == (run.code, len(written(out))), run
        assert {"ok"} == {row["status"] for row in written(out)}

        command = shlex.split(run.stderr.partition("resume with: llmo ")[2].splitlines()[0])
        rest = llmo(*command, env=gate.env)
    assert (0, 40) == (rest.code, len(written(out))), rest


def test_a_second_signal_ends_at_once(raw: Callable[..., Peer]) -> None:
    """
    A provider that never answers can't keep the terminal.
    """
    with RawServer(["hang"]) as server:
        peer = raw(server.url)
        (peer.llmo.home / "in.jsonl").write_text(rows(3), "utf-8")
        process = peer.start("batch", "in.jsonl", "-o", "out.jsonl")
        while not server.requests:
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        read_until(process, b"llmo: ")
        process.send_signal(signal.SIGINT)
        run = peer.llmo.finish(process)

    assert 130 == run.code, run


def read_until(process: Popen[bytes], wanted: bytes) -> None:
    """Read stderr until it says something."""
    assert process.stderr
    seen = b""
    while wanted not in seen:
        piece = os.read(process.stderr.fileno(), 4096)
        assert piece, seen
        seen += piece


def wait_for(process: Popen[bytes], out: Path, lines: int) -> None:
    """Until the output has that many lines."""
    while not out.exists() or out.read_bytes().count(b"\n") < lines:
        assert process.poll() is None, process.communicate()


def test_a_reader_that_leaves_is_no_error(llmo: Llmo) -> None:
    """
    `llmo batch … | head -1`: silence.
    """
    (llmo.home / "in.jsonl").write_text(rows(3000), "utf-8")
    process = llmo.start("-q", "-P", "offline", "batch", "in.jsonl")
    assert process.stdout
    os.read(process.stdout.fileno(), 10)
    process.stdout.close()
    process.stdout = None
    run = llmo.finish(process)

    assert (0, "") == (run.code, run.stderr), run


def test_two_runs_on_one_output_exclude_each_other(llmo: Llmo) -> None:
    """
    The second says so and touches nothing.
    """
    (llmo.home / "in.jsonl").write_text(rows(20), "utf-8")
    with Gate(free=1) as gate:
        first = gated(llmo, gate)
        wait_for(first, llmo.home / "out.jsonl", 1)
        second = llmo("-P", "gate.toml", "batch", "in.jsonl", "-o", "out.jsonl", env=gate.env)
        gate.open()
        finished = llmo.finish(first)

    assert (2, 0, 20) == (second.code, finished.code, len(written(llmo.home / "out.jsonl"))), second
    assert "out.jsonl" in explained(second)[0]


@pytest.mark.skipif(not LICENCES.is_dir(), reason=f"{LICENCES} is not there")
def test_files_are_summarized(llmo: Llmo) -> None:
    """
    Every licence of the system is a row, by its name.
    """
    prompt = "Summarize {{ name }}: {{ text }}"
    run = llmo("batch", "--files", f"{LICENCES}/*", "--prompt", prompt, "-P", "offline")

    assert (0, len(list(LICENCES.iterdir()))) == (run.code, len(run.lines)), run
    assert {"ok"} == {row["status"] for row in run.lines}


def test_a_schema_is_met_or_the_row_says_so(openai: Peer) -> None:
    """
    `data` for the good, `invalid` with the raw text for the rest, exit code 7.
    """
    schema = {"type": "object", "properties": {"category": {"enum": ["billing"]}}, "required": ["category"]}
    (openai.llmo.home / "schema.json").write_text(json.dumps(schema), "utf-8")
    text = '{"id": "good", "text": "as json"}\n{"id": "bad", "text": "hello"}\n'
    run = openai("batch", "-", "--schema", "schema.json", "--repair", "0", stdin=text)

    assert 7 == run.code, run
    assert {"good": ("ok", {"category": "billing"}), "bad": ("invalid", None)} == {
        row["id"]: (row["status"], row["data"]) for row in run.lines
    }


def test_a_server_that_answers_html_fails_every_row_and_says_so(raw: Callable[..., Peer]) -> None:
    """
    Rows end as errors, exit code 7 or that of the failure; no traceback.
    """
    with RawServer([whole("<html><body>hi</body></html>", Content_Type="text/html")]) as server:
        peer = raw(server.url)
        run: Run = peer("batch", "-", "--retries", "0", stdin=rows(3))

    assert run.code in {1, 4, 5, 7}, run
    assert "Traceback" not in run.stderr
    assert {"error"} >= {row["status"] for row in run.lines}


@pytest.mark.parametrize("name", ["messages.csv", "messages.tsv"])
def test_tables_with_every_oddity_become_rows(llmo: Llmo, name: str) -> None:
    """
    A byte-order mark, quoted line ends, quotes, empty fields, and the header as fields.
    """
    comma = "," if name.endswith("csv") else "\t"
    table = '\ufeffid,text\na,"two\r\nlines"\nb,"a ""quote"""\nc,\n'.replace(",", comma)
    (llmo.home / name).write_bytes(table.encode())
    run = llmo("-P", "offline", "batch", name, "--prompt", "[{{ text }}]", "--keep", "text")

    assert 0 == run.code, run
    assert {"a": "two\r\nlines", "b": 'a "quote"', "c": ""} == {row["id"]: row["input"]["text"] for row in run.lines}


@pytest.mark.parametrize("count", [1, 3])
def test_a_provider_that_is_always_busy_is_asked_as_often_as_the_flags_say(
    raw: Callable[..., Peer], count: int
) -> None:
    """
    `--retries 0`: one request a row, and none of them is sent again in silence.
    """
    busy = whole({"error": {"message": "slow down", "type": "rate_limit_error"}}, status="429 Too Many Requests")
    with RawServer([busy]) as server:
        peer = raw(server.url)
        (peer.llmo.home / "in.jsonl").write_text(rows(count), "utf-8")
        run = peer(
            *("batch", "in.jsonl", "-o", "out.jsonl", "--timeout", "60", "--retries", "0", "--max-tokens", "9"),
            *("--no-dedupe", "--report", "report.json"),
        )
        report = json.loads((peer.llmo.home / "report.json").read_text())

    assert (7, count) == (run.code, len(server.requests)), run
    assert ({"rate_limited": count}, 0) == (report["failures"], report["retries"])


def test_an_empty_account_ends_the_run(raw: Callable[..., Peer]) -> None:
    """
    A quota that is used up would fail every row: the first one ends the run.
    """
    error = {"message": "You exceeded your current quota", "type": "insufficient_quota", "code": "insufficient_quota"}
    with RawServer([whole({"error": error}, status="429 Too Many Requests")]) as server:
        peer = raw(server.url)
        (peer.llmo.home / "in.jsonl").write_text(rows(20), "utf-8")
        run = peer("batch", "in.jsonl", "-o", "out.jsonl", "-j", "1", "--max-tokens", "9")

    assert (1, 1) == (run.code, len(server.requests)), run
