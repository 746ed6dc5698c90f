"""Bad input: one clear line, the promised exit code, nothing paid, nothing half written."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.process.conftest import explained
from tests.servers.raw import RawServer, stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.process.conftest import Peer

DONE = 'data: {"choices":[{"index":0,"delta":{"content":"paid"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


@pytest.fixture
def server() -> Iterator[RawServer]:
    """A provider that would answer, and counts."""
    with RawServer([stream(DONE)]) as running:
        yield running


@pytest.fixture
def paying(raw: Callable[..., Peer], server: RawServer, tmp_path: Path) -> Peer:
    """llmo with that provider, in a folder of bad files."""
    peer: Peer = raw(server.url)
    home = peer.llmo.home
    files: dict[str, bytes] = {
        "good.txt": b"text",
        "binary.bin": bytes(range(256)) * 8,
        "latin1.txt": "café".encode("latin-1"),
        "ragged.csv": b"id,text\n1,one\n2,two,surplus\n3,three\n",
        "broken.jsonl": b'{"text": "one"}\n{"text": "two"\n{"text": "three"}\n',
        "rows.jsonl": b'{"text": "one"}\n{"text": "two"}\n',
        "twins.jsonl": b'{"id": "a", "text": "one"}\n{"id": "a", "text": "two"}\n',
        "unknown.tpl": b"Say {{ txt }}",
        "broken.tpl": b"Say {{ text",
        "broken-schema.json": b'{"type": "strin',
        "no-schema.json": b'{"type": "strin"}',
        "empty.csv": b"",
    }
    for name, data in files.items():
        (home / name).write_bytes(data)
    (home / "folder").mkdir()
    return peer


KINDS = {2: "usage", 4: "config"}
ZERO = Path("/dev/zero")


def bounded() -> None:
    """Let a process that reads on and on fail instead of taking the machine's memory."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))


ASK = [
    pytest.param(("ask", "hi", "--nope"), 2, "--nope", id="unknown-flag"),
    pytest.param(("ask", "hi", "--max-tokens", "many"), 2, "many", id="not-a-number"),
    pytest.param(("ask", "hi", "--max-tokens", "0"), 2, "0", id="no-tokens"),
    pytest.param(("ask", "hi", "--strategy", "luckiest"), 2, "luckiest", id="unknown-choice"),
    pytest.param(("aks", "hi"), 2, "aks", id="unknown-command"),
    pytest.param(("ask",), 2, "", id="no-prompt"),
    pytest.param(("ask", ""), 2, "", id="empty-prompt"),
    pytest.param(("ask", " \n\t "), 2, "", id="blank-prompt"),
    pytest.param(("ask", "-f", "nowhere.txt", "hi"), 2, "nowhere.txt", id="missing-file"),
    pytest.param(("ask", "-f", "folder", "hi"), 2, "folder", id="directory"),
    pytest.param(("ask", "-f", "binary.bin", "hi"), 2, "binary.bin", id="binary-file"),
    pytest.param(("ask", "-f", "latin1.txt", "hi"), 2, "latin1.txt", id="not-utf8"),
    pytest.param(("ask", "-s", "@nowhere.txt", "hi"), 2, "nowhere.txt", id="missing-system"),
    pytest.param(("ask", "--template", "unknown.tpl", "-D", "text=x"), 2, "txt", id="template-field"),
    pytest.param(("ask", "--template", "broken.tpl", "-D", "text=x"), 2, "template", id="template-syntax"),
    pytest.param(("ask", "--template", "nowhere.tpl"), 2, "nowhere.tpl", id="missing-template"),
    pytest.param(("ask", "hi", "--schema", "nowhere.json"), 2, "nowhere.json", id="missing-schema"),
    pytest.param(("ask", "hi", "--schema", "broken-schema.json"), 2, "broken-schema.json", id="schema-json"),
    pytest.param(("ask", "hi", "--schema", "no-schema.json"), 2, "strin", id="schema-invalid"),
    pytest.param(("ask", "hi", "-o", "top_p"), 2, "top_p", id="option-without-value"),
    pytest.param(("ask", "hi", "--tag", "team"), 2, "team", id="tag-without-value"),
    pytest.param(("ask", "hi", "--conversation", "nobody"), 2, "nobody", id="unknown-conversation"),
    pytest.param(("ask", "hi", "-c"), 2, "", id="no-conversation"),
    pytest.param(("ask", "hi", "-m", "nobody/m"), 4, "nobody", id="unknown-provider"),
    pytest.param(("ask", "hi", "-m", "fsat"), 4, "fsat", id="unknown-alias"),
    pytest.param(("ask", "hi", "-m", "auto", "-t", "poetry"), 4, "poetry", id="unknown-task"),
    pytest.param(("ask", "hi", "-P", "nowhere"), 4, "nowhere", id="unknown-profile"),
    pytest.param(("ask", "hi", "-P", "./nowhere.toml"), 4, "nowhere.toml", id="missing-profile"),
    *(
        pytest.param(("ask", "hi", "--max-cost", amount), 2, amount, id=f"max-cost-{amount}")
        for amount in ("0", "-1", "nan", "inf", "much", "")
    ),
    *(
        pytest.param(("ask", "hi", "--timeout", seconds), 2, seconds, id=f"timeout-{seconds}")
        for seconds in ("0", "-1", "nan", "soon")
    ),
]


@pytest.mark.parametrize(("args", "code", "names"), ASK)
def test_ask_says_what_is_wrong_and_sends_nothing(
    paying: Peer, server: RawServer, args: tuple[str, ...], code: int, names: str
) -> None:
    """
    One line that names the culprit; with --json the same on stdout, exit code and kind in agreement.
    """
    plain, as_json = paying(*args), paying(*args, "--json")

    assert (code, "", code) == (plain.code, plain.stdout, as_json.code), (plain, as_json)
    assert names in explained(plain)[0]
    assert (False, KINDS[code], "") == (as_json.json["ok"], as_json.json["error"]["kind"], as_json.json["text"])
    assert [] == server.requests


BATCH = [
    pytest.param(("nowhere.jsonl",), 2, "nowhere.jsonl", id="missing-input"),
    pytest.param(("folder",), 2, "folder", id="directory"),
    pytest.param(("ragged.csv",), 2, "ragged.csv:3", id="ragged-csv"),
    pytest.param(("broken.jsonl",), 2, "broken.jsonl:2", id="broken-jsonl"),
    pytest.param(("latin1.txt",), 2, "latin1.txt", id="not-utf8"),
    pytest.param(("binary.bin", "--input-format", "csv"), 2, "binary.bin", id="binary"),
    pytest.param(("empty.csv",), 2, "empty.csv", id="no-header"),
    pytest.param(("rows.jsonl", "--prompt", "Say {{ txt }}"), 2, "txt", id="unknown-field"),
    pytest.param(("rows.jsonl", "--prompt", "Say {{ text"), 2, "", id="template-syntax"),
    pytest.param(("rows.jsonl", "--template", "nowhere.tpl"), 2, "nowhere.tpl", id="missing-template"),
    pytest.param(("rows.jsonl", "--id-field", "number"), 2, "number", id="unknown-id-field"),
    pytest.param(("twins.jsonl",), 2, "a", id="duplicate-ids"),
    pytest.param(("rows.jsonl", "--keep", "nothing"), 2, "nothing", id="unknown-kept-field"),
    pytest.param(("rows.jsonl", "--schema", "no-schema.json"), 2, "strin", id="schema-invalid"),
    pytest.param(("rows.jsonl", "-j", "0"), 2, "0", id="no-concurrency"),
    pytest.param(("rows.jsonl", "--rpm", "-3"), 2, "-3", id="negative-rpm"),
    pytest.param(("rows.jsonl", "--share", "2"), 2, "2", id="share"),
    pytest.param(("rows.jsonl", "--max-failures", "some"), 2, "some", id="max-failures"),
    pytest.param(("rows.jsonl", "--max-cost", "nan"), 2, "nan", id="max-cost-nan"),
    pytest.param(("rows.jsonl", "--max-cost", "0"), 2, "0", id="max-cost-0"),
    pytest.param(("rows.jsonl", "-m", "nobody/m"), 4, "nobody", id="unknown-provider"),
    pytest.param(("--files", "nowhere/*.txt"), 2, "nowhere/*.txt", id="empty-glob"),
    pytest.param(("--files", "binary.bin"), 2, "binary.bin", id="binary-file"),
    pytest.param((), 2, "", id="no-input"),
]


@pytest.mark.parametrize(("args", "code", "names"), BATCH)
def test_batch_says_what_is_wrong_and_writes_nothing(
    paying: Peer, server: RawServer, args: tuple[str, ...], code: int, names: str
) -> None:
    """
    One line that names the file and the line; no request, and no output but perhaps an empty one.
    """
    run = paying("batch", *args, "-o", "out.jsonl")
    out = paying.llmo.home / "out.jsonl"

    assert (code, "") == (run.code, run.stdout), run
    assert names in explained(run)[0]
    assert ([], 0) == (server.requests, out.stat().st_size if out.exists() else 0)


@pytest.mark.parametrize(
    ("out", "names"),
    [
        pytest.param("missing/out.jsonl", "missing", id="no-folder"),
        pytest.param("folder", "folder", id="directory"),
        pytest.param("rows.jsonl", "rows.jsonl", id="the-input"),
        pytest.param("/proc/out.jsonl", "/proc/out.jsonl", id="not-writable"),
    ],
)
def test_an_output_that_can_not_be_written(paying: Peer, server: RawServer, out: str, names: str) -> None:
    """
    Found out before anything is sent, and the input is left alone.
    """
    before = (paying.llmo.home / "rows.jsonl").read_bytes()
    run = paying("batch", "rows.jsonl", "-o", out)

    assert (2, []) == (run.code, server.requests), run
    assert names in explained(run)[0]
    assert before == (paying.llmo.home / "rows.jsonl").read_bytes()


@pytest.mark.skipif(not ZERO.exists(), reason="needs a device that never ends")
@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        pytest.param(("ask", "hi", "-f", "/dev/zero"), 2, "--file: too large: /dev/zero: more than 64 MiB", id="file"),
        pytest.param(("ask", "-"), 2, "the prompt -: too large: standard input: more than 64 MiB", id="prompt"),
        pytest.param(("chat",), 2, "a line of more than 64 MiB", id="chat"),
        pytest.param(("route", "--rows", "/dev/zero"), 2, "--rows: /dev/zero:1: a line of more than 64", id="rows"),
        pytest.param(("route", "--eval", "-"), 2, "--eval: standard input:1: a line of more than 64", id="eval"),
        pytest.param(("cost", "--import", "/dev/zero"), 2, "--import: /dev/zero:1: a line of more", id="import"),
        pytest.param(("profile", "set", "timeout", "5", "-P", "/dev/zero"), 4, "too large for a profile", id="set"),
        pytest.param(("profile", "init", "--yes", "-P", "/dev/zero"), 4, "too large for a profile", id="init"),
    ],
)
def test_an_input_that_never_ends_is_refused(paying: Peer, args: tuple[str, ...], code: int, said: str) -> None:
    """
    Before it fills the memory: a device has no end, and no model takes as much.
    """
    with ZERO.open("rb") as zero:
        run = paying.llmo.finish(paying.start(*args, stdin=zero, preexec_fn=bounded))

    assert (code, "") == (run.code, run.stdout), run
    assert run.stderr.startswith(f"llmo: {said}"), run.stderr


def test_stdin_that_is_no_text(paying: Peer, server: RawServer) -> None:
    """
    Invalid UTF-8 in a pipe is usage, for one question and for many rows.
    """
    ask = paying("ask", "hi", stdin=b"caf\xe9")
    batch = paying("batch", "-", "-o", "out.jsonl", stdin=b'{"text": "caf\xe9"}\n')

    assert (2, 2, 0) == (ask.code, batch.code, len(server.requests)), (ask, batch)
    assert "utf-8" in explained(ask)[0].lower()
    assert "utf-8" in explained(batch)[0].lower()


def test_empty_stdin_is_an_empty_prompt(paying: Peer, server: RawServer) -> None:
    """
    `llmo ask </dev/null` and an empty pipe send nothing.
    """
    runs = [paying("ask", stdin=b""), paying("ask", stdin=b"\n\n"), paying("ask", "-", stdin=b"")]

    assert ([2, 2, 2], []) == ([run.code for run in runs], server.requests)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission(paying: Peer, server: RawServer) -> None:
    """
    Unreadable is as missing.
    """
    (paying.llmo.home / "good.txt").chmod(0)
    run = paying("ask", "-f", "good.txt", "hi")

    assert (2, []) == (run.code, server.requests), run
    assert "good.txt" in explained(run)[0]


PROFILES = [
    pytest.param("timeout = 5\nmodel = \n", ":2", id="invalid-toml"),
    pytest.param('[providers.peer]\nkind = "openai"\nbaseurl = "http://127.0.0.1"\n', ":3", id="unknown-key"),
    pytest.param('[providers.peer]\nkind = "openai"\nbaseurl = "http://127.0.0.1"\n', "base_url", id="nearest-key"),
    pytest.param('timeout = "long"\n', "timeout", id="wrong-type"),
    pytest.param('[providers.peer]\nkind = "opnai"\n', "openai", id="unknown-kind"),
    pytest.param('[aliases]\nfast = "nobody/m"\n', "nobody", id="unknown-provider"),
    pytest.param('[tasks.simple]\nprimary = ["fsat"]\n[aliases]\nfast = "peer/m"\n', "fsat", id="unknown-alias"),
    pytest.param('[[budgets]]\nname = "day"\nlimit_usd = "-1"\n', "-1", id="negative-budget"),
    pytest.param('[[budgets]]\nname = "day"\nlimit_usd = "nan"\n', "nan", id="budget-nan"),
    pytest.param('[[budgets]]\nname = "day"\n', "limit_usd", id="budget-without-limit"),
    pytest.param('[providers.peer]\nkind = "openai"\napi_key = "sk-1"\n', "api_key_env", id="key-in-file"),
    pytest.param('timezone = "Mars/Olympus"\n', "Mars/Olympus", id="unknown-zone"),
]


@pytest.mark.parametrize(("text", "names"), PROFILES)
def test_a_broken_profile_is_explained(paying: Peer, server: RawServer, text: str, names: str) -> None:
    """
    Exit code 4 from every command; file, line or the nearest name in the message.
    """
    paying.with_profile(text)
    ask, check = paying("ask", "hi", "--json"), paying("profile", "check")

    assert (4, 4, "config") == (ask.code, check.code, ask.json["error"]["kind"]), (ask, check)
    assert server.requests == []
    assert names in ask.stderr
    assert "Traceback" not in ask.stderr + check.stderr


def test_a_missing_key_is_named(paying: Peer, server: RawServer) -> None:
    """
    Exit code 4, the variable in the message.
    """
    run = paying.llmo("-P", paying.path, "ask", "hi", "--json")

    assert (4, True, []) == (run.code, run.json["error"]["kind"] in {"credentials", "config"}, server.requests), run
    assert "PEER_KEY" in " ".join(explained(run))


def test_nothing_configured_says_how_to_begin(paying: Peer) -> None:
    """
    A first start without keys: exit code 4 and a hint that helps.
    """
    run = paying.llmo("ask", "hi", env={"OLLAMA_HOST": "127.0.0.1:1", "PATH": os.defpath})

    assert 4 == run.code, run
    assert explained(run)[1].startswith("hint: ")


def test_a_budget_of_nothing_lets_nothing_pass(paying: Peer, server: RawServer) -> None:
    """
    limit_usd = "0" is a limit: exit code 3, or refused as a setting, and nothing is sent.
    """
    paying.with_profile(paying.path.read_text("utf-8") + '\n[[budgets]]\nname = "none"\nlimit_usd = "0"\n')
    run = paying("ask", "hi", "--json")

    assert (True, []) == (
        (run.code, run.json["error"]["kind"]) in {(3, "budget_exceeded"), (4, "config")},
        server.requests,
    ), run


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if (
        os.geteuid() != 0
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True, check=False
        ).returncode
    ):
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_stops_a_batch_at_a_whole_line(llmo: Any, small_disk: Path) -> None:
    """
    No traceback, exit code 1; every line that is there is whole, and with room the run goes on.
    """
    rows = "".join(f'{{"id": "r-{n}", "text": "{"word " * 60}{n}"}}\n' for n in range(300))
    out = small_disk / "out.jsonl"
    full = llmo("-P", "offline", "batch", "-", "-o", out, stdin=rows)
    assert 1 == full.code, full
    explained(full)
    assert out.read_bytes().endswith(b"\n")

    subprocess.run(["mount", "-o", "remount,size=4m", small_disk], check=True)
    rest = llmo("-P", "offline", "batch", "-", "-o", out, stdin=rows)
    assert (0, 300) == (rest.code, len(out.read_bytes().splitlines())), rest


def test_a_full_disk_under_the_ledger_sends_nothing(paying: Peer, server: RawServer, small_disk: Path) -> None:
    """
    What can't be booked is not bought.
    """
    (small_disk / "ballast").write_bytes(b"x" * 60_000)
    run = paying.llmo(
        "-P", paying.path, "ask", "hi", "--json", env=paying.env() | {"LLMO_DATA_DIR": str(small_disk / "data")}
    )

    assert ([], False) == (server.requests, run.json["ok"]), run
    explained(run)
