"""A ledger that can't be used: a clear error before anything is sent, through the program itself."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from llmo.cli import context, running
from llmo.errors import ConfigError
from llmo.ledger.records import Call
from llmo.ledger.sqlite import connection, faults
from llmo.ledger.sqlite.ledger import SQLiteLedger
from llmo.types.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Llmo, Run

PROFILE = """
model = "offline/echo"
[providers.offline]
kind = "offline"
[providers.offline.offline]
input_usd = "1"
output_usd = "1"
"""


@pytest.fixture
def paid(llmo: Llmo) -> Llmo:
    """A home with a ledger that has a call."""
    (llmo.home / "paid.toml").write_text(PROFILE)
    assert 0 == ask(llmo).code
    return llmo


def ask(llmo: Llmo, *args: str) -> Run:
    return llmo("-P", "paid.toml", "ask", "hello", "--no-log", *args)


def _elsewhere(path: Path) -> None:
    for file in path.parent.iterdir():
        file.unlink()
    path.parent.rmdir()
    path.parent.write_text("a file")


@pytest.mark.parametrize(
    ("spoil", "why", "hint"),
    [
        pytest.param(
            lambda path: path.write_bytes(b"no database, " * 999),
            "it is damaged or not a ledger",
            "restore a copy, or move it away",
            id="noise",
        ),
        pytest.param(
            lambda path: path.write_bytes(path.read_bytes()[:100] + bytes(8000)),
            "it is damaged",
            "restore a copy, or move it away",
            id="torn",
        ),
        pytest.param(_elsewhere, "ledger.db: Not a directory", "use LLMO_DATA_DIR", id="no directory"),
    ],
)
def test_a_ledger_that_is_damaged_stops_the_call_and_stays_as_it_is(
    paid: Llmo, spoil: Callable[[Path], object], why: str, hint: str
) -> None:
    """
    Exit 4, one line with the file's name, nothing on stdout, and the bytes are those that were there.
    """
    path = paid.home / "data" / "ledger.db"
    for side in ("-wal", "-shm"):
        Path(f"{path}{side}").unlink(missing_ok=True)
    spoil(path)
    before = path.read_bytes() if path.is_file() else None
    runs = [ask(paid), ask(paid, "--json")] + ([paid("-P", "paid.toml", "cost")] if before else [])

    assert {4} == {run.code for run in runs}
    assert ["", "config"] == [runs[0].stdout, runs[1].json["error"]["kind"]]
    assert all(why in run.stderr and "ledger" in run.stderr for run in runs), runs
    assert f"hint: {hint}" in runs[0].stderr
    assert before == (path.read_bytes() if path.is_file() else None)


def test_a_locked_ledger_stops_the_call(
    paid: Llmo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    Another program that keeps it locked is waited for, then named; nothing is sent, and it may work later.
    """
    monkeypatch.setattr(connection, "PATIENCE", 0.2)
    monkeypatch.chdir(paid.home)
    monkeypatch.setattr(context, "_CURRENT", [context.Context(env=paid.env())])
    with contextlib.closing(sqlite3.connect(paid.home / "data" / "ledger.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        code = running.run(["-P", "paid.toml", "ask", "hello", "--no-log", "--timeout", "1"])
        out, err = capsys.readouterr()

    assert (5, "") == (code, out)
    assert "another program locks it" in err
    assert "hint: quit that program" in err


def _mounts() -> bool:
    found = shutil.which("unshare")
    return found is not None and subprocess.run([found, "-m", "true"], capture_output=True, check=False).returncode == 0


mounting = pytest.mark.skipif(not _mounts(), reason="needs `unshare -m` (Linux, root) to mount a small disk")
DISK = """
set -eu
mkdir -p disk
mount -t tmpfs -o size=600k none disk
export LLMO_DATA_DIR="$PWD/disk/data"
llmo -P paid.toml ask hello --no-log >one.txt
{spoil}
code=0
llmo -P paid.toml ask hello --no-log >two.txt 2>err.txt || code=$?
echo $code >>err.txt
{mend}
llmo -P paid.toml ask hello --no-log >three.txt
llmo -P paid.toml cost --json >cost.json
"""


@mounting
@pytest.mark.parametrize(
    ("spoil", "mend", "why"),
    [
        pytest.param("dd if=/dev/zero of=disk/fill 2>/dev/null || true", "rm disk/fill", "the disk is full", id="full"),
        pytest.param("mount -o remount,ro disk", "mount -o remount,rw disk", "Read-only file system", id="read only"),
    ],
)
def test_a_disk_that_takes_nothing_stops_the_call(paid: Llmo, spoil: str, mend: str, why: str) -> None:
    """
    Before it is sent; with room again it goes on, and only the answered calls are booked.
    """
    script = DISK.format(spoil=spoil, mend=mend)
    run = subprocess.run(["unshare", "-m", "sh", "-c", script], cwd=paid.home, env=paid.env(), check=False)
    said = (paid.home / "err.txt").read_text()

    assert 0 == run.returncode, said
    assert why in said
    assert said.endswith("\n4\n")
    assert ["You said", "", "You said"] == [
        (paid.home / f"{name}.txt").read_text()[:8] for name in ("one", "two", "three")
    ]
    assert '"calls": 2, ' in (paid.home / "cost.json").read_text()


@mounting
def test_a_disk_that_fills_up_in_a_batch_keeps_what_is_booked(paid: Llmo) -> None:
    """
    It stops with the reason, no row is sent without a hold, and the same command goes on with room again.
    """
    (paid.home / "rows.txt").write_text("".join(f"row {n}\n" for n in range(3000)))
    batch = "llmo -P paid.toml batch rows.txt -o out.jsonl -j 20 --progress none -q"
    script = f"""
    set -eu
    mkdir -p disk
    mount -t tmpfs -o size=700k none disk
    export LLMO_DATA_DIR="$PWD/disk/data"
    code=0
    {batch} 2>err.txt || code=$?
    echo $code >>err.txt
    mount -o remount,size=20m disk
    {batch} 2>again.txt
    llmo -P paid.toml cost --json >cost.json
    """
    run = subprocess.run(["unshare", "-m", "sh", "-c", script], cwd=paid.home, env=paid.env(), check=False)
    said = (paid.home / "err.txt").read_text()

    assert 0 == run.returncode, (said, (paid.home / "again.txt").read_text())
    assert "the disk is full" in said
    assert said.endswith("\n4\n")
    assert 3000 == len((paid.home / "out.jsonl").read_text().splitlines())


def _tables(path: Path, *gone: str) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        for table in gone:
            db.execute(f"DROP TABLE {table}")


def _instead(path: Path, make: Callable[[Path], object]) -> None:
    path.unlink()
    make(path)


def _page(path: Path) -> None:
    """Write over the first page of the calls."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        (number,) = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'calls'").fetchone()
    data = bytearray(path.read_bytes())
    data[(number - 1) * 4096 : number * 4096] = b"\x5a" * 4096
    path.write_bytes(data)


LOST = [
    pytest.param(lambda path: path.write_bytes(b""), "it is empty: its contents are lost", id="empty"),
    pytest.param(lambda path: _instead(path, lambda at: at.mkdir()), "it is a directory", id="directory"),
    pytest.param(lambda path: _instead(path, os.mkfifo), "it is a pipe (FIFO)", id="FIFO"),
    pytest.param(
        lambda path: _instead(path, lambda at: at.symlink_to("/nowhere/ledger.db")),
        "it is a link to /nowhere/ledger.db, which does not exist",
        id="link to nowhere",
    ),
    pytest.param(
        lambda path: _instead(path, lambda at: at.symlink_to(at.name)), "Too many levels of symbolic links", id="circle"
    ),
    pytest.param(lambda path: _instead(path, lambda at: at.symlink_to("/dev/null")), "it is a device", id="device"),
    pytest.param(lambda path: _tables(path, "calls"), "it is damaged: it has no ", id="no calls"),
    pytest.param(lambda path: _tables(path, "counters"), "it is damaged: it has no counters", id="no counters"),
    pytest.param(
        lambda path: _instead(path, lambda at: sqlite3.connect(at).execute("VACUUM").close()),
        "it has no tables: its contents are lost",
        id="a new database",
    ),
    pytest.param(
        lambda path: _instead(path, lambda at: sqlite3.connect(at).execute("PRAGMA user_version = 3").close()),
        "it has no tables: its contents are lost",
        id="a database without tables",
    ),
    pytest.param(
        lambda path: _instead(path, lambda at: at.with_name("ledger.db-wal").write_bytes(b"x" * 4096)),
        "it is missing, but its log exists: ledger.db-wal",
        id="only its log",
    ),
    pytest.param(_page, "it is damaged", id="page"),
]


@pytest.mark.parametrize(("spoil", "why"), LOST)
def test_a_ledger_that_has_lost_what_was_in_it_is_never_a_new_one(
    paid: Llmo, spoil: Callable[[Path], object], why: str
) -> None:
    """
    One line with the file's name and what to do, exit 4, whoever asks; nothing is sent and the file stays.
    """
    path = paid.home / "data" / "ledger.db"
    spoil(path)
    kind = stat.S_IFMT(path.lstat().st_mode) if os.path.lexists(path) else None
    run = ask(paid, "--max-cost", "1")
    report = paid("-P", "paid.toml", "cost", "--reconcile")

    assert [4, 4] == [run.code, report.code], (run, report)
    assert "" == run.stdout
    for told in (run.stderr, report.stderr):
        first, second = told.splitlines()[-2:]
        assert first.startswith("llmo: cannot use the ledger: ")
        assert (str(path) in first, why in first) == (True, True), told
        assert second.startswith("hint: ")
    assert kind == (stat.S_IFMT(path.lstat().st_mode) if os.path.lexists(path) else None)


def test_a_ledger_that_is_replaced_while_it_is_used_is_not_written_any_more(tmp_path: Path) -> None:
    """
    What is booked in a file that is gone would be forgotten; nothing more is sent then.
    """
    path = tmp_path / "ledger.db"
    ledger = SQLiteLedger(path, SystemClock(), "UTC")
    ledger.hold(Call(id="a", run="r", provider="p", model="m"), 1)
    path.rename(tmp_path / "moved.db")
    with pytest.raises(ConfigError, match="it was moved or replaced while llmo used it"):
        ledger.hold(Call(id="b", run="r", provider="p", model="m"), 1)


def test_a_new_ledger_is_whole_at_once(tmp_path: Path) -> None:
    """
    Nobody ever sees it empty: twenty first starts make one, and leave nothing beside it.
    """
    path = tmp_path / "data" / "ledger.db"
    code = (
        "import sys; from pathlib import Path; from llmo.ledger.sqlite import connection;"
        "db = connection.connect(Path(sys.argv[1])); print(db.execute('PRAGMA user_version').fetchone()[0])"
    )
    starts = [subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE) for _ in range(8)]
    seen = [start.communicate()[0] for start in starts]

    assert [f"{connection.SCHEMA}\n".encode()] * 8 == seen
    assert {"ledger.db"} == {at.name for at in path.parent.iterdir() if not at.name.startswith("ledger.db-")}
    assert 0o600 == path.stat().st_mode & 0o777


class Late(type(Path())):  # type: ignore[misc]  # PosixPath, or what stands for it
    """A ledger that another process makes right after the first look."""

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        if self.name == "ledger.db" and not os.path.lexists(self):
            Path(self).write_bytes(b"x" * 4096)
            Path(f"{self}-wal").write_bytes(b"x" * 4096)
            raise FileNotFoundError(2, "not yet", str(self))
        found: os.stat_result = super().stat(follow_symlinks=follow_symlinks)
        return found


def test_a_ledger_that_another_first_start_makes_meanwhile_is_there(tmp_path: Path) -> None:
    """
    Of 14 first starts at once, one took the new log for one whose ledger was lost.
    """
    assert faults.there(Late(tmp_path / "ledger.db"))


def test_a_disk_without_links_has_a_ledger_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Memory cards know no second name for a file; what is there already is never replaced.
    """

    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    path = tmp_path / "ledger.db"
    first = SQLiteLedger(path, SystemClock(), "UTC")
    first.hold(Call(id="a", run="r", provider="p", model="m"), 1)
    first.close()
    other = tmp_path / "other.db"
    connection._make(other, None)
    connection._place(other, path)

    assert 1 == SQLiteLedger(path, SystemClock(), "UTC").spending()[0].calls
    assert {"ledger.db", "other.db"} == {at.name for at in tmp_path.iterdir() if not at.name.endswith(("-wal", "-shm"))}
