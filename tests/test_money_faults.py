"""A ledger that can't be used: a clear error before anything is sent, through the program itself."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from llmo.cli import app, context
from llmo.ledger import store

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
            "it is damaged or no ledger",
            "move it away",
            id="noise",
        ),
        pytest.param(
            lambda path: path.write_bytes(path.read_bytes()[:100] + bytes(8000)),
            "it is damaged",
            "move it away",
            id="torn",
        ),
        pytest.param(_elsewhere, "data: File exists", "LLMO_DATA_DIR", id="no directory"),
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
    Another program that keeps it locked is waited for, then named; nothing is sent.
    """
    monkeypatch.setattr(store, "PATIENCE", 0.2)
    monkeypatch.chdir(paid.home)
    monkeypatch.setattr(context, "_CURRENT", [context.Context(env=paid.env())])
    with contextlib.closing(sqlite3.connect(paid.home / "data" / "ledger.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        code = app.run(["-P", "paid.toml", "ask", "hello", "--no-log"])
        out, err = capsys.readouterr()

    assert (4, "") == (code, out)
    assert "another program keeps it locked" in err
    assert "hint: end that program" in err


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
