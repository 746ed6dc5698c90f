"""llmo with a ledger in PostgreSQL: one cap for many machines, and what happens while the server is away."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import Llmo
from tests.patience import LONG
from tests.servers import postgres
from tests.servers.raw import RawServer, whole

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

PROFILE = """
model = "paid/m"
retries = 0
ledger = "{ledger}"
[providers.paid]
kind = "openai"
base_url = "{url}/v1"
api_key_env = "PAID_API_KEY"
[[prices]]
model = "paid/m"
input_usd = "0"
output_usd = "10000"
[[budgets]]
name = "team"
limit_usd = "{limit}"
window = "day"
"""
KEY = {"PAID_API_KEY": "sk-0123456789abcdef"}
TOKENS = 300
ANSWER = whole(
    {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": TOKENS, "total_tokens": 1 + TOKENS},
    }
)
ASK = ("ask", "--no-stream", "--max-tokens", "500", "hi")


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Server]:
    """A server of this file, which its tests stop and start."""
    postgres.available()
    made = postgres.Server()
    yield made
    made.close()


def place(home: Path) -> Path:
    return home / "config" / "profiles" / "default.toml"


def machine(home: Path, ledger: str, url: str, limit: str = "100") -> Llmo:
    """A home as another machine would have it."""
    (home / "config" / "profiles").mkdir(parents=True)
    place(home).write_text(PROFILE.format(ledger=ledger, url=url, limit=limit))
    return Llmo(home)


def spool(llmo: Llmo) -> list[Path]:
    return sorted((llmo.home / "data" / "spool").glob("*/*"))


def booked(server: postgres.Server, url: str) -> list[Any]:
    return server.sql("SELECT state, outcome, cost / 1000000000000 FROM llmo.calls ORDER BY held_at", url=url)


def begun(provider: RawServer, process: subprocess.Popen[bytes]) -> None:
    """Wait until a request has come."""
    give_up = time.monotonic() + LONG
    while not provider.requests:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < give_up
        time.sleep(0.01)


def test_two_machines_share_one_cap(server: postgres.Server, tmp_path: Path) -> None:
    """
    What one has spent, the other can't; neither has a ledger of its own.
    """
    ledger = server.unused()
    with RawServer([ANSWER]) as provider:
        laptop, runner = (machine(tmp_path / name, ledger, provider.url, "7") for name in ("laptop", "runner"))
        first, second = laptop(*ASK, env=KEY), runner(*ASK, env=KEY)
        told = runner("cost", "--json")

    assert (0, "hello") == (first.code, first.stdout)
    assert 3 == second.code
    assert "budget team does not cover paid/m: limit $7.00, spent $3.00" in second.stderr
    assert ("3", 1) == (told.json["total"]["cost_usd"], told.json["total"]["calls"])
    assert 1 == len(provider.requests)
    assert [] == [path for one in (laptop, runner) for path in one.home.glob("data/ledger*")]


def test_nothing_is_sent_while_the_ledger_is_away(server: postgres.Server, tmp_path: Path) -> None:
    """
    One line says what is out of reach, without the password.
    """
    with RawServer([ANSWER]) as provider:
        llmo = machine(tmp_path / "home", "postgresql://me:hunter2@127.0.0.1:1/llmo?application_name=x", provider.url)
        found = [llmo(*ASK, env=KEY), llmo("--debug", *ASK, env=KEY), llmo("cost"), llmo("profile", "show")]

    assert [4, 4, 4, 0] == [one.code for one in found]
    assert [] == provider.requests
    assert (
        "llmo: cannot use the ledger: postgresql://me:****@127.0.0.1:1/llmo: connection refused\n"
        "hint: check the server, the network and `ledger` in the profile (llmo profile show)\n"
    ) == found[0].stderr
    assert "postgresql://me:****@127.0.0.1:1/llmo?application_name=x" in found[3].stdout
    assert not any("hunter2" in one.stdout + one.stderr for one in found)
    assert not any(b"hunter2" in path.read_bytes() for path in llmo.home.glob("cache/**/*") if path.is_file())


def test_what_was_paid_while_the_ledger_was_away_is_booked_once(server: postgres.Server, tmp_path: Path) -> None:
    """
    The answer is there; what it cost waits in a private file until the server is back, and is never booked twice.
    """
    ledger, go = server.unused(), threading.Event()
    with RawServer([go, ANSWER]) as provider:
        llmo = machine(tmp_path / "home", ledger, provider.url)
        asking = llmo.start(*ASK, env=KEY)
        begun(provider, asking)
        server.stop()
        go.set()
        asked = llmo.finish(asking)
        kept = [(path, path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) for path in spool(llmo)]
        away = llmo("cost")
        server.start()
        before = booked(server, ledger)
        copy = kept[0][0].read_bytes()
        back = llmo("cost", "--json")
        # As after a crash between storing it and removing the file.
        kept[0][0].write_bytes(copy)
        again = llmo("cost", "--json")

    assert (0, "hello") == (asked.code, asked.stdout)
    assert "the ledger is out of reach: what 1 call cost is kept on this machine" in asked.stderr
    assert [(0o600, 0o700)] == [tuple(modes) for _, *modes in kept]
    assert 4 == away.code
    assert f"what 1 call cost is kept in {llmo.home / 'data' / 'spool'}" in away.stderr
    assert [("held", None, None)] == before
    assert ["3", "3"] == [one.json["total"]["cost_usd"] for one in (back, again)]
    assert [("settled", "ok", 3)] == booked(server, ledger)
    assert [] == spool(llmo)


def test_a_server_that_was_restarted_meanwhile_is_used_again(server: postgres.Server, tmp_path: Path) -> None:
    """
    The connection of the hold is gone; the settlement makes another.
    """
    ledger, go = server.unused(), threading.Event()
    with RawServer([go, ANSWER]) as provider:
        llmo = machine(tmp_path / "home", ledger, provider.url)
        asking = llmo.start(*ASK, env=KEY)
        begun(provider, asking)
        server.stop()
        server.start()
        go.set()
        asked = llmo.finish(asking)

    assert (0, "hello", "") == (asked.code, asked.stdout, asked.stderr)
    assert [("settled", "ok", 3)] == booked(server, ledger)
    assert [] == spool(llmo)


def test_a_batch_whose_ledger_goes_away_ends_and_is_resumed(server: postgres.Server, tmp_path: Path) -> None:
    """
    The row in flight is finished and booked later; no row is sent without a hold, none is paid twice.
    """
    ledger, go = server.unused(), threading.Event()
    with RawServer([go, ANSWER], [ANSWER]) as provider:
        llmo = machine(tmp_path / "home", ledger, provider.url)
        (llmo.home / "rows.jsonl").write_text("".join(f'{{"id": "{n}", "prompt": "row {n}"}}\n' for n in range(4)))
        batch = ("batch", "rows.jsonl", "-o", "out.jsonl", "--max-tokens", "500", "--concurrency", "1")
        running = llmo.start(*batch, env=KEY)
        begun(provider, running)
        server.stop()
        go.set()
        ended = llmo.finish(running)
        sent = len(provider.requests)
        server.start()
        resumed = llmo(*batch, env=KEY)

    assert (1, 4) == (sent, ended.code)
    assert "cannot use the ledger" in ended.stderr
    assert "is kept on this machine" in ended.stderr
    assert 0 == resumed.code
    assert [("settled", "ok", 3)] * 4 == booked(server, ledger)
    assert 4 == len(provider.requests)
    assert [] == spool(llmo)


def test_passwords_come_from_where_libpq_looks(server: postgres.Server, tmp_path: Path) -> None:
    """
    In the address, in PGPASSWORD, in a password file; a wrong one is told as such.
    """
    server.unused()
    server.sql("CREATE ROLE team LOGIN PASSWORD 'correct horse'", "CREATE DATABASE shared OWNER team")
    bare, escaped = (f"postgresql://team{secret}@127.0.0.1:{server.port}/shared" for secret in ("", ":correct%20horse"))
    passfile = tmp_path / "pgpass"
    passfile.write_text("127.0.0.1:*:shared:team:correct horse\n")
    passfile.chmod(0o600)
    with RawServer([ANSWER]) as provider:
        homes = [
            machine(tmp_path / str(n), url, provider.url) for n, url in enumerate((escaped, bare, bare, bare, bare))
        ]
        envs: tuple[dict[str, str], ...] = (
            {},
            {"PGPASSWORD": "correct horse"},
            {"PGPASSFILE": str(passfile)},
            {},
            {"PGPASSWORD": "battery"},
        )
        found = [home(*ASK, env=KEY | env) for home, env in zip(homes, envs, strict=True)]
        shown = homes[0]("profile", "show", "--json", env=KEY)

    assert [0, 0, 0, 4, 4] == [one.code for one in found]
    assert "no password supplied" in found[3].stderr
    assert "hint: set PGPASSWORD, or add a line to ~/.pgpass" in found[3].stderr
    assert 'password authentication failed for user "team"' in found[4].stderr
    assert not any(word in one.stdout + one.stderr for one in (*found, shown) for word in ("horse", "battery"))


def test_a_local_ledger_moves_over(server: postgres.Server, tmp_path: Path) -> None:
    """
    Exported from the file and imported into the database, once and again.
    """
    ledger = server.unused()
    with RawServer([ANSWER]) as provider:
        llmo = machine(tmp_path / "home", ledger, provider.url)
        profile = place(llmo.home)
        shared = profile.read_text()
        profile.write_text(shared.replace("ledger =", "# ledger ="))
        for _ in range(2):
            llmo(*ASK, "--tag", "team=a", env=KEY)
        llmo("cost", "--export", "calls.jsonl")
        profile.write_text(shared)
        first, again = (llmo("cost", "--import", "calls.jsonl") for _ in range(2))
        told = llmo("cost", "--by", "tag:team", "--json")
        refused = llmo("ask", "--no-stream", "--max-tokens", "9500", "hi", env=KEY)

    assert (0, 0) == (first.code, again.code)
    assert [("a", "6", 2)] == [(one["tag:team"], one["cost_usd"], one["calls"]) for one in told.json["groups"]]
    assert "spent $6.00" in refused.stderr


@pytest.mark.parametrize(
    ("ledger", "why"),
    [
        pytest.param("mysql://me:hunter2@host/db", "such as postgresql://host/database, got mysql:", id="scheme"),
        pytest.param("ledger.db", "such as postgresql://host/database, got text", id="file"),
        pytest.param("postgresql://me:hunter2%@host/db", "a percent sign itself is %25", id="percent"),
        pytest.param("postgresql://me:hun@ter2@host/db", "must be escaped: @ is %40, / is %2F", id="at sign"),
        pytest.param("postgresql://host/db\\n", "no spaces and no control characters", id="line"),
    ],
)
def test_an_address_that_means_nothing_is_an_error_of_the_profile(tmp_path: Path, ledger: str, why: str) -> None:
    """
    Its line and what is expected, and no part of a password.
    """
    llmo = machine(tmp_path / "home", ledger, "http://127.0.0.1:1")
    found = llmo(*ASK, env=KEY)

    assert 4 == found.code
    assert found.stderr.startswith(f"llmo: {place(llmo.home)}:4: ledger: ")
    assert why in found.stderr
    assert not any(word in found.stderr for word in ("hunter2", "ter2"))


@pytest.mark.parametrize("shared", [False, True], ids=["file", "database"])
def test_psycopg_is_loaded_only_for_a_ledger_that_needs_it(tmp_path: Path, *, shared: bool) -> None:
    """
    Without it, a ledger in a file works, and one in a database says what to install.
    """
    absent = tmp_path / "path" / "psycopg"
    absent.mkdir(parents=True)
    (absent / "__init__.py").write_text("raise ImportError('not here')")
    llmo = Llmo(tmp_path)
    env = {"PYTHONPATH": str(absent.parent)} | ({"LLMO_LEDGER": "postgresql://127.0.0.1:1/db"} if shared else {})
    found = [llmo(*args, env=env) for args in (("--help",), ("cost",), ("ask", "-m", "offline/echo", "hi"))]

    assert [0, 4 * shared, 4 * shared] == [one.code for one in found]
    if shared:
        assert found[2].stderr.startswith("llmo: a ledger in PostgreSQL needs the package psycopg\nhint: ")
        assert "psycopg" in found[2].stderr.splitlines()[1]
