"""`llmo batch --deferred` and `llmo runs` against both batch services: every ending gives the right rows and sums."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from llmo.ledger.sqlite.ledger import SQLiteLedger
from llmo.types.clock import SystemClock
from llmo.types.money import usd
from tests.process.conftest import explained
from tests.servers.batch_service import BatchServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Llmo, Run
    from tests.process.conftest import Peer

PROFILE = """
model = "peer/m"
[providers.peer]
kind = "{kind}"
base_url = "{url}"
api_key_env = "PEER_KEY"
{more}
[[prices]]
model = "peer/*"
input_usd = "1"
output_usd = "2"
"""
ID = "odd id ☃ / with\nmore than 64 characters, which no service takes as it stands"
KINDS = pytest.mark.parametrize("deferred", ["openai", "anthropic"], indirect=True)
"""Both services."""


class Deferred:
    """llmo in a home of its own, with rows and a profile whose provider is a batch service."""

    def __init__(self, kind: str, llmo: Llmo, server: BatchServer) -> None:
        self.kind, self.llmo, self.server, self.home = kind, llmo, server, llmo.home
        self.profile()

    def profile(self, more: str = "", before: str = "") -> None:
        url = f"{self.server.url}/v1" if self.kind == "openai" else self.server.url
        text = PROFILE.format(kind=self.kind, url=url, more=more)
        (self.home / "p.toml").write_text(before + text if before else text)

    def rows(self, *prompts: str) -> None:
        lines = [{"id": f"r{n}", "prompt": prompt, "n": n} for n, prompt in enumerate(prompts)]
        (self.home / "rows.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))

    def __call__(self, *args: str, **how: Any) -> Run:
        return self.llmo("-P", "p.toml", *args, env={"PEER_KEY": "sk-peer-0123456789abcdefghij"}, **how)

    def submit(self, *args: str) -> Run:
        return self("batch", "rows.jsonl", "--deferred", "-o", "out.jsonl", *args)

    def fetch(self, *args: str) -> Run:
        return self("runs", "fetch", max(path.name for path in (self.home / "data/runs").iterdir()), *args)

    @property
    def out(self) -> dict[str, dict[str, Any]]:
        """The lines of the output by id; fails for an id that is there twice."""
        lines = [json.loads(line) for line in (self.home / "out.jsonl").read_text().splitlines()]
        assert len({line["id"] for line in lines}) == len(lines)
        return {line["id"]: line for line in lines}

    def outcomes(self) -> dict[str, str]:
        """Text or kind of error of each row."""
        return {
            name: line["text"] if line["status"] == "ok" else line["error"]["kind"] for name, line in self.out.items()
        }

    def money(self) -> tuple[str, str, str]:
        """Spent, held, in doubt."""
        ledger = SQLiteLedger(self.home / "data" / "ledger.db", SystemClock())
        (total,) = ledger.spending()
        ledger.close()
        return usd(total.cost), usd(total.held), usd(total.in_doubt)


@pytest.fixture
def deferred(request: pytest.FixtureRequest, llmo: Llmo) -> Iterator[Deferred]:
    with BatchServer() as server:
        yield Deferred(getattr(request, "param", "openai"), llmo, server)


@KINDS
def test_rows_come_back_as_those_of_a_local_run(deferred: Deferred) -> None:
    """
    At half the price, in one batch, identical ones bought once, under the user's own ids.
    """
    rows = [{"id": ID, "prompt": "a", "tag": "x"}, {"id": "r1", "prompt": "b"}, {"id": "r2", "prompt": "a"}]
    (deferred.home / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    submitted = deferred.submit("--keep", "tag", "--ordered")
    held = deferred.money()
    fetched = deferred.fetch()
    lines = list(deferred.out.values())

    assert (0, 0) == (submitted.code, fetched.code), fetched
    assert [(ID, "echo: a", {"tag": "x"}), ("r1", "echo: b", {"tag": None}), ("r2", "echo: a", {"tag": None})] == [
        (line["id"], line["text"], line["input"]) for line in lines
    ]
    assert [("0.00001", "computed"), ("0.00001", "computed"), ("0", "cached")] == [
        (line["cost_usd"], line["cost_source"]) for line in lines
    ]
    assert (len(deferred.server.batches), deferred.server.bought) == (1, {"a": 1, "b": 1})
    assert held[0] == "0"
    assert float(held[1]) > 0
    assert ("0.00002", "0", "0") == deferred.money()


def test_waiting_shows_answers_at_once(deferred: Deferred) -> None:
    """
    Without a file they go to standard output.
    """
    deferred.rows("a", "b")
    run = deferred("batch", "rows.jsonl", "--deferred", "--wait")

    assert run.code == 0, run
    assert {"echo: a", "echo: b"} == {line["text"] for line in run.lines}


def test_the_same_command_goes_on_with_its_batches(deferred: Deferred) -> None:
    """
    While they run nothing is sent again; new rows get a batch of their own, and answered ones none.
    """
    deferred.server.polls = 3
    deferred.rows("a", "b")
    deferred.submit()
    deferred.rows("a", "b", "c")
    again = deferred.submit()
    done = deferred.submit("--wait")

    assert (0, 0) == (again.code, done.code), done
    assert {"r0": "echo: a", "r1": "echo: b", "r2": "echo: c"} == deferred.outcomes()
    assert {"a": 1, "b": 1, "c": 1} == deferred.server.bought
    assert len(deferred.server.batches) == 2
    assert "3 rows are done" in deferred.submit().stderr


def test_fetching_too_early_is_temporary(deferred: Deferred) -> None:
    """
    The same command works later; a table may be made of it as well.
    """
    deferred.server.polls = 2
    deferred.rows("a", "b")
    deferred("batch", "rows.jsonl", "--deferred", "-o", "out.txt", "--output-format", "csv")
    early, late, table = deferred.fetch(), deferred.fetch(), deferred.fetch("-o", "out.csv")
    with (deferred.home / "out.csv").open(newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]

    assert (5, 0, 0) == (early.code, late.code, table.code)
    assert "2 rows in 1 batch have no answer yet" in early.stderr
    assert texts == ["echo: a", "echo: b"]
    assert (deferred.home / "out.txt").read_text() == (deferred.home / "out.csv").read_text()
    assert "nothing new" in deferred.fetch().stderr


@KINDS
def test_rows_that_fail_say_why_and_cost_nothing(deferred: Deferred) -> None:
    """
    The others are paid; failed rows go to --errors and again into a batch.
    """
    bad = {"error": {"type": "invalid_request_error", "message": "no such thing"}}
    busy = {"error": {"type": "rate_limit_error", "code": "rate_limit_exceeded", "message": "slow down"}}
    outcomes: dict[str, Any] = {"late": "expired", "bad": (400, bad), "busy": (429, busy)}
    deferred.server.outcome = lambda text: outcomes.get(text, f"echo: {text}")
    deferred.rows("good", *outcomes)
    deferred.submit("--errors", "bad.jsonl")
    fetched = deferred.fetch()
    first, money = deferred.outcomes(), deferred.money()
    errors = [json.loads(line)["prompt"] for line in (deferred.home / "bad.jsonl").read_text().splitlines()]
    outcomes.clear()
    again = deferred.submit("--wait")

    assert (7, 0) == (fetched.code, again.code)
    assert {"r0": "echo: good", "r1": "timeout", "r2": "bad_request", "r3": "rate_limited"} == first
    assert sorted(errors) == ["bad", "busy", "late"]
    assert money == ("0.00001", "0", "0")
    assert {"r0": "echo: good", "r1": "echo: late", "r2": "echo: bad", "r3": "echo: busy"} == deferred.outcomes()
    assert {"good": 1, "late": 2, "bad": 2, "busy": 2} == deferred.server.bought


@KINDS
def test_an_expired_batch_has_paid_answers(deferred: Deferred) -> None:
    """
    They are kept; what was not answered is sent again.
    """
    deferred.server.endings = ["expired"]
    deferred.rows("a", "b", "c", "d")
    deferred.submit()
    fetched = deferred.fetch()
    outcomes, money = deferred.outcomes(), deferred.money()
    deferred("runs", "resume", "01")
    deferred.fetch()

    assert fetched.code == 7
    assert outcomes == {"r0": "timeout", "r1": "echo: b", "r2": "timeout", "r3": "echo: d"}
    assert money == ("0.00002", "0", "0")
    assert [f"echo: {text}" for text in "abcd"] == [deferred.outcomes()[f"r{n}"] for n in range(4)]
    assert {"a": 2, "b": 1, "c": 2, "d": 1} == deferred.server.bought


@KINDS
def test_a_cancelled_run_keeps_what_was_finished(deferred: Deferred) -> None:
    """
    Cancelling again changes nothing.
    """
    deferred.server.polls = 100
    deferred.rows("a", "b", "c", "d")
    deferred.submit()
    cancelled = deferred("runs", "cancel", "01")
    fetched, again = deferred.fetch(), deferred("runs", "cancel", "01")

    assert (0, 7, 0) == (cancelled.code, fetched.code, again.code), (cancelled, fetched)
    assert {"r0": "cancelled", "r1": "echo: b", "r2": "cancelled", "r3": "echo: d"} == deferred.outcomes()
    assert ("0.00002", "0", "0") == deferred.money()


@KINDS
def test_missing_and_double_results_end_in_one_line_each(deferred: Deferred) -> None:
    """
    What is missing may have been billed, so its money stays in doubt; the first of two answers counts.
    """
    deferred.server.outcome = lambda text: {"gone": "missing", "two": "twice"}.get(text, f"echo: {text}")
    deferred.rows("a", "gone", "two")
    deferred.submit("--max-tokens", "10")
    fetched = deferred.fetch()
    spent, held, in_doubt = deferred.money()

    assert fetched.code == 7
    assert {"r0": "echo: a", "r1": "incomplete", "r2": "twice"} == deferred.outcomes()
    assert "answered 1 row twice" in fetched.stderr
    assert (spent, held) == ("0.00002", "0")
    assert float(in_doubt) > 0
    assert "cost $0.00002, in doubt up to $0.000" in fetched.stderr


def test_waiting_reports_what_is_in_doubt(deferred: Deferred) -> None:
    """
    As the ledger has it, in the report and in the summary.
    """
    deferred.server.outcome = lambda text: "missing" if text == "gone" else f"echo: {text}"
    deferred.rows("a", "gone")
    run = deferred.submit("--max-tokens", "10", "--wait", "--report", "report.json")
    report = json.loads((deferred.home / "report.json").read_text())

    assert run.code == 7, run
    assert deferred.money() == (report["cost_usd"], "0", report["in_doubt_usd"])
    assert float(report["in_doubt_usd"]) > 0


def test_a_line_that_a_full_disk_has_torn_is_written_anew(deferred: Deferred) -> None:
    """
    Of duplicates, and of failed rows: the rows that come next keep theirs.
    """
    deferred.server.outcome = lambda text: "missing" if text == "gone" else f"echo: {text}"
    deferred.rows("a", "a", "gone")
    deferred.submit("--errors", "bad.jsonl")
    (folder,) = (deferred.home / "data/runs").iterdir()
    for name in ("copies.jsonl", "failed.jsonl"):
        with (folder / name).open("ab") as file:
            file.write(b'{"name": "r3", "in')
    deferred.rows("a", "a", "gone", "a")
    submitted, fetched = deferred.submit("--errors", "bad.jsonl"), deferred.fetch()
    errors = [json.loads(line)["id"] for line in (deferred.home / "bad.jsonl").read_text().splitlines()]

    assert (0, 7) == (submitted.code, fetched.code), fetched
    assert {"r0": "echo: a", "r1": "echo: a", "r2": "incomplete", "r3": "echo: a"} == deferred.outcomes()
    assert errors == ["r2"]
    assert deferred.server.bought["a"] == 1


def test_no_results_at_all_are_no_success(deferred: Deferred) -> None:
    """
    A batch that is complete without a file of answers.
    """
    deferred.server.outcome = lambda _: (400, {"error": {"type": "invalid_request_error", "message": "all wrong"}})
    deferred.rows("a", "b")
    deferred.submit()

    assert deferred.fetch().code == 7
    assert {"r0": "bad_request", "r1": "bad_request"} == deferred.outcomes()
    assert ("0", "0", "0") == deferred.money()


def test_a_cut_download_is_tried_again_and_never_taken_in_part(deferred: Deferred) -> None:
    """
    First the end is missing, then whole lines.
    """
    cuts = [lambda body: body[:-20], lambda body: body.splitlines(keepends=True)[0], lambda body: body]
    deferred.server.garble = lambda body: cuts.pop(0)(body) if cuts else body
    deferred.rows("a", "b", "c")
    deferred.submit()
    fetched = deferred.fetch()

    assert fetched.code == 0, fetched
    assert {"r0": "echo: a", "r1": "echo: b", "r2": "echo: c"} == deferred.outcomes()


def test_a_file_that_is_refused_gives_its_rows_errors(deferred: Deferred) -> None:
    """
    The row to blame with its own fault, the others with that; nothing is paid.
    """
    deferred.server.faults = [[{"code": "invalid_request", "message": "what is this", "line": 2, "param": None}]]
    deferred.rows("a", "b")
    deferred.submit()
    fetched = deferred.fetch()

    assert fetched.code == 7
    assert {"r0": "bad_request", "r1": "bad_request"} == deferred.outcomes()
    assert deferred.out["r1"]["error"]["message"] == "the batch was refused: what is this"
    assert "for another row (line 2)" in deferred.out["r0"]["error"]["message"]
    assert ("0", "0", "0") == deferred.money()


def test_too_many_waiting_tokens_are_waited_for(deferred: Deferred) -> None:
    """
    The rows stay where they are, and their money held; a shard that can never fit says what to set.
    """
    message = "Enqueued token limit reached for m. Limit: {} enqueued tokens."
    crowded = [{"code": "token_limit_exceeded", "message": message.format("90,000"), "line": None}]
    deferred.server.faults = [crowded]
    deferred.rows("a", "b")
    deferred.submit()
    fetched = deferred.fetch()

    assert fetched.code == 5
    assert "submitted again in about" in fetched.stderr
    assert len(deferred.server.batches) == 1
    assert float(deferred.money()[1]) > 0

    deferred.server.faults = [[{**crowded[0], "message": message.format("1")}]]
    deferred.rows("more words than one token can be")
    (deferred.home / "out.jsonl").unlink()
    deferred.submit()
    deferred.fetch()

    assert {"r0": "rate_limited"} == deferred.outcomes()
    assert "enqueued_tokens" in deferred.out["r0"]["error"]["hint"]


def test_shards_wait_for_the_tokens_of_others(deferred: Deferred) -> None:
    """
    As many batches at once as `enqueued_tokens` allows, the others when those have ended.
    """
    deferred.profile("enqueued_tokens = 40")
    deferred.rows("one two three " * 8, "four five six " * 8)
    submitted = deferred.submit()
    first = len(deferred.server.batches)
    fetched = [deferred.fetch().code, deferred.fetch().code]

    assert "1 batch still to be created" in submitted.stderr
    assert (first, len(deferred.server.batches)) == (1, 2)
    assert fetched == [5, 0]
    assert len(deferred.outcomes()) == 2


@KINDS
def test_a_cap_is_hard_at_the_batch_price(deferred: Deferred) -> None:
    """
    What fits is sent, the rest is left.
    """
    deferred.rows(*"abcdef")
    cap = {"openai": "0.001", "anthropic": "0.0002"}[deferred.kind]
    run = deferred.submit("--max-tokens", "10", "--max-cost", cap)
    bought = sum(deferred.server.bought.values())
    held = deferred.money()[1]
    deferred.fetch()

    assert run.code == 3, run
    assert 0 < bought < 6
    assert float(held) <= float(cap)
    assert bought == len(deferred.outcomes())


def test_answers_are_held_against_the_schema(deferred: Deferred) -> None:
    """
    Read as from a local run; one that does not match is kept and not asked for again.
    """
    deferred.server.outcome = lambda text: {"good": '```json\n{"a": 1}\n```', "bad": "no"}[text]
    deferred.rows("good", "bad")
    schema = ("--schema", '{"type": "object", "required": ["a"]}')
    deferred.submit(*schema)
    fetched = deferred.fetch()

    assert fetched.code == 7
    assert (deferred.out["r0"]["data"], deferred.out["r0"]["repaired"]) == ({"a": 1}, "local")
    assert (deferred.out["r1"]["status"], deferred.out["r1"]["text"]) == ("invalid", "no")
    assert "are not retried" in deferred.submit(*schema).stderr
    assert sum(deferred.server.bought.values()) == 2


def test_private_rows_stay_here(deferred: Deferred) -> None:
    """
    The service is on this machine in this test, so the profile says that it is not.
    """
    deferred.profile("local = false")
    deferred.rows("hello", "my key is sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKL")
    deferred.submit()
    deferred.fetch()

    assert ["hello"] == list(deferred.server.bought)
    assert deferred.outcomes()["r0"] == "echo: hello"
    assert deferred.out["r1"]["status"] == "error"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("-m", "offline/echo"), "no batch service at offline/echo"),
        (("--compare", "-m", "peer/m", "-m", "peer/n"), "--compare and --deferred cannot be combined"),
        (("--cache", "1d"), "--cache and --deferred cannot be combined"),
        (("-j", "4"), "--concurrency and --deferred cannot be combined"),
        (("--fallback-after", "20h"), "--fallback-after requires --wait"),
        (("--wait", "--fallback-after", "20h", "-o", "-"), "--fallback-after requires input files and -o FILE"),
        (("--wait", "--fallback-after", "20"), "a duration needs a unit"),
        (("--report", "r.json"), "--report requires --wait"),
    ],
)
def test_what_cannot_be_followed_is_refused(deferred: Deferred, args: tuple[str, ...], said: str) -> None:
    """
    Before anything is sent, in one line.
    """
    deferred.rows("a")
    run = deferred.submit(*args)

    assert run.code == 2
    assert said in explained(run)[0]
    assert deferred.server.requests == []


def test_a_server_without_the_service_is_named(deferred: Deferred) -> None:
    """
    Compatible servers mostly have none.
    """
    deferred.profile()
    text = (deferred.home / "p.toml").read_text().replace("/v1", "/nothing")
    (deferred.home / "p.toml").write_text(text)
    deferred.rows("a")
    run = deferred.submit()

    assert run.code != 0
    assert "is there a batch service at this address" in explained(run)[1]
    assert "1 row of the run" in run.stderr

    (name,) = (path.name for path in (deferred.home / "data/runs").iterdir())
    cancelled = deferred("runs", "cancel", name)

    assert (0, ("0", "0", "0")) == (cancelled.code, deferred.money()), cancelled


def test_runs_of_this_machine_are_listed_too(deferred: Deferred) -> None:
    """
    With what is known of them; a deferred one is found by the beginning of its id or its name.
    """
    deferred.rows("a", "b")
    deferred("batch", "rows.jsonl", "-o", "local.jsonl", "--run", "nightly")
    deferred.submit()
    listed = {run["engine"]: run for run in deferred("runs", "--json").json}
    shown = deferred("runs", "show", "nightly", "--json").json
    resumed = deferred("runs", "resume", "nightly")

    assert set(listed) == {"local", "deferred"}
    assert (listed["local"]["state"], listed["local"]["rows"], listed["local"]["cost_usd"]) == ("done", 2, "0.00004")
    assert (listed["deferred"]["state"], listed["deferred"]["rows"]) == ("1 of 1 open", 2)
    assert shown["output"].endswith("local.jsonl")
    assert "2 rows are done" in resumed.stderr
    assert ["no such run: xyz"] == [
        line.removeprefix("llmo: ") for line in explained(deferred("runs", "show", "xyz"))[:1]
    ]
    assert "not a deferred run" in explained(deferred("runs", "fetch", "nightly"))[0]
    assert "is not running" in explained(deferred("runs", "cancel", "nightly"))[0]


def test_the_list_says_how_runs_of_this_machine_ended(llmo: Llmo) -> None:
    """
    A name that nobody gave is the id. A run that was killed has no end.
    """
    (llmo.home / "rows.txt").write_text("a\nb\n")
    batch = ("-P", "offline", "batch", "rows.txt", "--prompt", "Say {{ text }}")
    codes = [llmo(*batch, "-o", "done.jsonl").code, llmo(*batch, "-o", "failed.jsonl", "--schema", '{"not": {}}').code]
    path = next(path for path in (llmo.home / "data/runs").glob("*/run.json") if "done" in path.read_text())
    listed = {Path(one["output"]).stem: one for one in llmo("runs", "--json").json}
    path.write_text(path.read_text().replace('"exit": 0', '"exit": null').replace('"rows": 2', '"rows": null'))
    (killed,) = (one for one in llmo("runs", "--json").json if one["output"].endswith("done.jsonl"))

    assert [0, 7] == codes
    assert {"done": ("done", 2), "failed": ("rows failed", 2)} == {
        name: (one["state"], one["rows"]) for name, one in listed.items()
    }
    assert all(one["id"] == one["name"] for one in listed.values())
    assert ("interrupted", None) == (killed["state"], killed["rows"])


def test_what_is_late_is_sent_at_once(deferred: Deferred) -> None:
    """
    The batch is cancelled when its time is over; what it has answered is paid once, the rest costs the standard price.
    """
    deferred.server.polls = 10**6
    deferred.rows("a", "b", "c", "d")
    run = deferred.submit("--wait", "--fallback-after", "1ms", "--max-tokens", "10")
    lives = sorted(str(one["messages"][-1]["content"]) for one in deferred.server.lives)

    assert run.code == 0, run
    assert {f"r{n}": f"echo: {text}" for n, text in enumerate("abcd")} == deferred.outcomes()
    assert ["a", "c"] == lives
    assert ("0.00006", "0", "0") == deferred.money()
    assert "the batches answered 2 rows" in run.stderr


def test_another_server_takes_files_and_batches_as_well(openai: Peer) -> None:
    """
    aimock, which answers every line with the same words.
    """
    (openai.llmo.home / "rows.jsonl").write_text("".join(f'{{"id": "r{n}", "prompt": "{n}"}}\n' for n in range(3)))
    run = openai("batch", "rows.jsonl", "--deferred", "--wait", "-o", "out.jsonl")
    lines = [json.loads(line) for line in (openai.llmo.home / "out.jsonl").read_text().splitlines()]

    assert run.code == 0, run
    assert [("r0", "ok"), ("r1", "ok"), ("r2", "ok")] == sorted((line["id"], line["status"]) for line in lines)
    assert {"Mock batch completion"} == {line["text"] for line in lines}


def test_files_that_are_gone_are_named(deferred: Deferred) -> None:
    """
    Of the run, or for its output; nothing is guessed, and nothing is bought again.
    """
    deferred.rows("a")
    deferred.submit()
    (rows,) = (deferred.home / "data/runs").glob("*/shard-*.rows")
    kept = rows.read_bytes()
    for broken in (None, b"{}\n", b"nothing\n"):
        rows.unlink() if broken is None else rows.write_bytes(broken)
        for run in (deferred.fetch(), deferred.submit()):
            assert run.code == 1
            assert str(rows) in explained(run)[0]
    rows.write_bytes(kept)

    assert "writes to a file" in explained(deferred.fetch("-o", "-"))[0]
    assert (0, {"a": 1}) == (deferred.fetch().code, deferred.server.bought)


def test_old_runs_go_with_their_answers(deferred: Deferred) -> None:
    """
    After the days for which texts are kept; those with open batches stay.
    """
    deferred.server.polls = 100
    deferred.rows("a")
    deferred("batch", "rows.jsonl", "--deferred")
    deferred("batch", "rows.jsonl", "-o", "old.jsonl")
    runs = deferred.home / "data/runs"
    for path in list(runs.iterdir()):
        path.rename(path.with_name(f"00{path.name[2:]}"))
    kept = next(path for path in runs.iterdir() if (path / "state.json").exists())
    deferred("batch", "rows.jsonl", "-o", "new.jsonl")

    assert {kept.name} == {path.name for path in runs.iterdir() if path.name.startswith("00")}
    assert sum(1 for _ in runs.iterdir()) == 2
