"""An output that is taken away while the run writes it: the run ends, names it, pays no more, and keeps what is paid."""

from __future__ import annotations

import contextlib
import io
import json
import os
import select
import sqlite3
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

import llmo.batch.output.appended
from llmo.batch.output import records
from llmo.batch.output.appended import APPEND, Appended, OutputLost, check_all, deleted, opened
from llmo.batch.prepare import BatchFiles
from llmo.engine.results import unsent
from llmo.errors import LlmoError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Llmo

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="an open file can't be removed there")

PROFILE = """
model = "offline/echo"
[providers.offline]
kind = "offline"
[providers.offline.offline]
first_token_delay = 0.05
input_usd = "1"
output_usd = "2"
"""
ROWS = 400
ARGS = ("-P", "slow.toml", "batch", "rows.jsonl", "-j", "4", "--progress", "none")


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Appended]:
    """An output with two lines."""
    path = tmp_path / "out.jsonl"
    found = Appended(os.open(path, APPEND, 0o666), path, refuge=tmp_path / "refuge")
    found.write(b"one\n")
    found.write(b"two\n")
    yield found
    os.close(found.fd)


def lost(file: Appended) -> OutputLost:
    with pytest.raises(OutputLost) as caught:
        file.check()
    return caught.value


def test_a_file_that_nobody_touched_is_not_lost(file: Appended) -> None:
    """
    Also when its name is another one to the same file.
    """
    (file.path.parent / "other").hardlink_to(file.path)
    file.check()

    assert b"one\ntwo\n" == file.path.read_bytes()


def test_a_deleted_output_is_saved_with_all_lines(file: Appended) -> None:
    """
    Those in flight follow.
    """
    file.path.unlink()
    error = lost(file)
    file.write(b"three\n")
    saved = file.path.with_name("out.jsonl.saved")

    assert f"the output was deleted while the run was writing it: {file.path}" == error.message
    assert f"all answers were saved in {saved}; move it to {file.path} to resume" == error.hint
    assert b"one\ntwo\nthree\n" == saved.read_bytes()


def test_what_is_written_before_a_look_is_saved_too(file: Appended) -> None:
    """
    Its name is looked at now and then, at the latest before anything more is paid and at the end.
    """
    file.path.unlink()
    file.write(b"three\n")
    error = lost(file)

    assert b"one\ntwo\nthree\n" == file.path.with_name("out.jsonl.saved").read_bytes()
    assert "was deleted" in error.message


def test_a_line_looks_at_the_name_when_nobody_has_for_a_while(file: Appended, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Where lines are copied, nothing is paid, and nobody else looks.
    """
    file.path.unlink()
    monkeypatch.setattr(llmo.batch.output.appended, "LOOKED_S", 0.0)
    file.write(b"three\n")

    assert file.failure is not None
    assert b"one\ntwo\nthree\n" == file.path.with_name("out.jsonl.saved").read_bytes()


def test_what_is_saved_is_as_private_as_it_was(file: Appended) -> None:
    """
    Answers may be nobody else's business.
    """
    file.path.chmod(0o600)
    file.path.unlink()
    lost(file)

    assert 0o600 == file.path.with_name("out.jsonl.saved").stat().st_mode & 0o777


def test_pipes_and_devices_are_never_lost(tmp_path: Path) -> None:
    """
    They have no size, and a name of a pipe may go.
    """
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    file = Appended(opened(path), path)
    file.write(b"one\n")
    path.unlink()
    file.check()
    file.write(b"two\n")

    assert b"one\ntwo\n" == os.read(reader, 100)
    os.close(file.fd)
    assert b"" == os.read(reader, 100)
    os.close(reader)


def test_what_was_saved_before_is_never_overwritten(file: Appended) -> None:
    """
    The next free name is taken.
    """
    before = file.path.with_name("out.jsonl.saved")
    before.write_text("earlier", "utf-8")
    file.path.unlink()
    lost(file)

    assert ("earlier", b"one\ntwo\n") == (
        before.read_text("utf-8"),
        before.with_name("out.jsonl.saved-2").read_bytes(),
    )


def test_an_output_whose_directory_went_is_saved_in_the_refuge(tmp_path: Path) -> None:
    """
    llmo's own data directory.
    """
    folder = tmp_path / "gone"
    folder.mkdir()
    path = folder / "out.jsonl"
    file = Appended(os.open(path, APPEND, 0o666), path, refuge=tmp_path / "refuge")
    file.write(b"one\n")
    path.unlink()
    folder.rmdir()
    lost(file)
    os.close(file.fd)

    assert b"one\n" == (tmp_path / "refuge" / "out.jsonl.saved").read_bytes()
    assert not folder.exists()


def test_a_refuge_that_is_not_there_yet_is_made(tmp_path: Path) -> None:
    """
    With all that is above it: a first run has no data directory.
    """
    folder, refuge = tmp_path / "gone", tmp_path / "data" / "llmo" / "saved"
    folder.mkdir()
    path = folder / "out.jsonl"
    file = Appended(os.open(path, APPEND, 0o666), path, refuge=refuge)
    file.write(b"one\n")
    path.unlink()
    folder.rmdir()
    lost(file)
    os.close(file.fd)

    assert b"one\n" == (refuge / "out.jsonl.saved").read_bytes()


def test_an_output_that_can_be_saved_nowhere_ends_the_run_all_the_same(tmp_path: Path) -> None:
    """
    Every check says so, also of a line that is written meanwhile: nothing more is paid.
    """
    folder = tmp_path / "gone"
    folder.mkdir()
    path = folder / "out.jsonl"
    file = Appended(os.open(path, APPEND, 0o666), path)
    file.write(b"one\n")
    path.unlink()
    folder.rmdir()
    file.write(b"two\n")
    errors = [lost(file), lost(file)]
    os.close(file.fd)

    assert [(one.message, one.hint) for one in errors] == [
        (f"the output was deleted while the run was writing it: {path}", "the answers could not be saved")
    ] * 2


def test_a_moved_output_is_still_the_file_that_is_written(file: Appended) -> None:
    """
    What is in flight goes into it.
    """
    moved = file.path.with_name("moved")
    file.path.rename(moved)
    error = lost(file)
    file.write(b"three\n")

    assert "was moved away" in error.message
    assert b"one\ntwo\nthree\n" == moved.read_bytes()
    assert not file.path.exists()


@pytest.mark.parametrize(
    ("change", "what", "left"),
    [
        pytest.param(lambda path: os.truncate(path, 6), "was truncated", b"one\ntw\nthree\n", id="cut"),
        pytest.param(lambda path: os.truncate(path, 0), "was truncated", b"three\n", id="emptied"),
        pytest.param(
            lambda path: path.write_bytes(b"one\ntwo\nalien"),
            "was written by another program",
            b"one\ntwo\nalien\nthree\n",
            id="longer",
        ),
    ],
)
def test_a_file_of_another_size_was_touched_by_others(
    file: Appended, change: Callable[[Path], object], what: str, left: bytes
) -> None:
    """
    What is in flight begins a line of its own.
    """
    change(file.path)
    begin = file.write(b"three\n")
    error = lost(file)

    assert what in error.message
    assert (left, b"three\n") == (file.path.read_bytes(), file.path.read_bytes()[begin:])


def test_a_replaced_output_leaves_the_new_file_alone(file: Appended) -> None:
    """
    It is somebody else's.
    """
    file.path.unlink()
    file.path.write_text("other", "utf-8")
    error = lost(file)
    file.write(b"three\n")

    assert "was replaced" in error.message
    assert ("other", b"one\ntwo\nthree\n") == (
        file.path.read_text("utf-8"),
        file.path.with_name("out.jsonl.saved").read_bytes(),
    )


FULL = """
import os, resource, sys
from pathlib import Path
from llmo.batch.output.appended import APPEND, Appended, OutputLost
path = Path(sys.argv[1])
file = Appended(os.open(path, APPEND, 0o666), path)
file.write(b"a" * 999 + b"\\n")
resource.setrlimit(resource.RLIMIT_FSIZE, (1010, 1010))
print(file.write(b"b" * 99 + b"\\n"))
try:
    file.check()
except OutputLost as exc:
    print(exc.message); print(exc.hint)
"""


def test_a_line_that_does_not_fit_is_saved_whole(tmp_path: Path) -> None:
    """
    No part of it stays in the output.
    """
    path = tmp_path / "out.jsonl"
    said = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FULL), str(path)], capture_output=True, text=True, check=True
    ).stdout

    assert [
        "0",
        f"cannot write {path}: file too large",
        f"free some space, then: cat {path}.saved >> {path}; the same command resumes",
    ] == (said.splitlines())
    assert (1000, b"b" * 99 + b"\n") == (path.stat().st_size, path.with_name("out.jsonl.saved").read_bytes())


@contextlib.contextmanager
def room(size: int) -> Iterator[None]:
    """No file can be longer, as on a disk that is full."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_lines_that_follow_one_that_did_not_fit_are_saved_after_it(file: Appended) -> None:
    """
    Until there is no room for them either; then none is begun, and what is saved stays whole.
    """
    saved = file.path.with_name("out.jsonl.saved")
    with room(100):
        begins = [file.write(letter * n + b"\n") for letter, n in ((b"a", 89), (b"b", 20), (b"c", 30))]
        with pytest.raises(OutputLost) as caught:
            file.write(b"d" * 60 + b"\n")
        sizes = file.size, saved.stat().st_size

    assert begins == [8, 0, 21]
    assert sizes == (52, 52)
    assert caught.value is lost(file)
    assert (file.saved, caught.value.hint) == (
        saved,
        f"free some space, then: cat {saved} >> {file.path}; the same command resumes",
    )
    assert file.path.read_bytes() == b"one\ntwo\n" + b"a" * 89 + b"\n"
    assert saved.read_bytes() == b"b" * 20 + b"\n" + b"c" * 30 + b"\n"


def test_a_line_that_fits_nowhere_leaves_no_part_of_it(file: Appended) -> None:
    """
    Neither in the output nor beside it.
    """
    with room(100), pytest.raises(OutputLost) as caught:
        file.write(b"d" * 200 + b"\n")

    assert caught.value is lost(file)
    assert (caught.value.message, caught.value.hint, file.saved) == (
        f"cannot write {file.path}: file too large",
        "free some space",
        None,
    )
    assert [(one.name, one.read_bytes()) for one in file.path.parent.iterdir()] == [("out.jsonl", b"one\ntwo\n")]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")  # noqa: PTH110 - a device
def test_what_a_device_does_not_take_is_saved_nowhere(tmp_path: Path) -> None:
    """
    There is no directory beside it.
    """
    path = tmp_path / "full"
    path.symlink_to("/dev/full")
    file = Appended(opened(path), path, refuge=tmp_path / "refuge")
    with pytest.raises(OutputLost, match=r"^cannot write .*full: no space left on device$"):
        file.write(b"one\n")
    os.close(file.fd)

    assert list(tmp_path.iterdir()) == [path]


def test_an_output_is_emptied_and_written_at_its_end(tmp_path: Path) -> None:
    """
    Also when another one writes it too; a new one is made.
    """
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_bytes(b"before")
    for path in (old, new):
        one = opened(path)
        os.write(one, b"one\n")
        with path.open("ab") as other:
            other.write(b"other\n")
        os.write(one, b"two\n")
        os.close(one)

    assert (old.read_bytes(), new.read_bytes()) == (b"one\nother\ntwo\n", b"one\nother\ntwo\n")


def test_only_a_deleted_file_behind_a_stream_is_lost(tmp_path: Path) -> None:
    """
    No pipe with or without a name, no stream without a file, none that is closed.
    """
    path = tmp_path / "lines"
    with path.open("w", encoding="utf-8") as stream:
        deleted(stream)
        path.unlink()
        with pytest.raises(OutputLost) as caught:
            deleted(stream)
    deleted(stream)
    deleted(io.StringIO())
    read, write = os.pipe()
    with os.fdopen(write, "w") as pipe:
        deleted(pipe)
    os.close(read)
    os.mkfifo(tmp_path / "pipe")
    fifo = os.open(tmp_path / "pipe", os.O_RDWR)
    with os.fdopen(fifo, "w", closefd=False) as stream:
        (tmp_path / "pipe").unlink()
        deleted(stream)
        os.close(fifo)
        deleted(stream)

    assert (caught.value.message, caught.value.hint) == (
        "the file behind standard output was deleted",
        "use -o FILE, which can be resumed",
    )


def test_any_file_of_a_run_that_is_lost_ends_it(file: Appended, tmp_path: Path) -> None:
    """
    The one for failed rows too.
    """
    path = tmp_path / "errors.jsonl"
    errors = Appended(os.open(path, APPEND, 0o666), path)
    files = BatchFiles(errors=errors)
    check_all([file, None, errors])
    files.check()
    path.unlink()

    for check in (files.check, lambda: check_all([file, None, errors])):
        with pytest.raises(OutputLost, match="was deleted"):
            check()
    os.close(errors.fd)


@pytest.fixture
def slow(llmo: Llmo) -> Llmo:
    """A home with a slow provider that costs something, and rows."""
    (llmo.home / "slow.toml").write_text(PROFILE, "utf-8")
    lines = (json.dumps({"id": f"r{n}", "text": f"row {n}"}) for n in range(ROWS))
    (llmo.home / "rows.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    return llmo


def paid(llmo: Llmo) -> set[str]:
    """The rows that were paid, as the ledger has them."""
    with contextlib.closing(sqlite3.connect(llmo.home / "data" / "ledger.db")) as db:
        return {row for (row,) in db.execute("SELECT row FROM calls WHERE outcome = 'ok'")}


def ids(path: Path) -> set[str]:
    return {json.loads(line)["id"] for line in path.read_bytes().splitlines()}


def after(path: Path, lines: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until a file has so many lines."""
    while process.poll() is None and (not path.exists() or path.read_bytes().count(b"\n") < lines):
        select.select([], [], [], 0.01)
    assert process.poll() is None


@pytest.mark.parametrize("shape", ["jsonl", "csv"])
def test_a_run_whose_output_is_deleted_ends_pays_no_more_and_can_be_resumed(slow: Llmo, shape: str) -> None:
    """
    Every row that was paid is in the saved file; moved back, the same command pays only for the rest.
    """
    args = (*ARGS, "-o", f"out.{shape}")
    journal = slow.home / ("out.jsonl" if shape == "jsonl" else "out.csv.llmo.jsonl")
    process = slow.start(*args)
    after(journal, 8, process)
    journal.unlink()
    run = slow.finish(process)
    saved = journal.with_name(f"{journal.name}.saved")

    assert (1, "") == (run.code, run.stdout)
    assert f"llmo: stopped: the output was deleted while the run was writing it: {journal.name}" in run.stderr
    assert 8 <= len(paid(slow)) < ROWS
    assert paid(slow) == ids(saved)
    before = len(paid(slow))
    saved.rename(journal)
    again = slow(*args)
    assert (0, ROWS) == (again.code, len(paid(slow)))
    assert f"{before:,} rows are done" in again.stderr


def test_the_file_behind_standard_output_is_watched_too(slow: Llmo) -> None:
    """
    There is nothing to resume, and nothing more is paid.
    """
    with (slow.home / "lines").open("wb") as lines:
        process = slow.start(*ARGS, stdout=lines)
        after(slow.home / "lines", 8, process)
        (slow.home / "lines").unlink()
        run = slow.finish(process)

    assert 1 == run.code
    assert "llmo: stopped: the file behind standard output was deleted" in run.stderr
    assert 8 <= len(paid(slow)) < ROWS


@pytest.mark.parametrize(
    ("more", "said"),
    [
        pytest.param(("-o", "/dev/full"), "cannot write the output: no space left on device", id="output"),
        pytest.param(("-o", "o.jsonl", "--errors", "/dev/full"), "cannot write /dev/full: no space left", id="errors"),
    ],
)
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")  # noqa: PTH110 - a device
def test_a_full_disk_ends_the_run(slow: Llmo, more: tuple[str, ...], said: str) -> None:
    """
    Exit 1; at most what was in flight is paid.
    """
    (slow.home / "slow.toml").write_text(PROFILE + ('fail = "unavailable"\n' if "--errors" in more else ""), "utf-8")
    run = slow(*ARGS, "--retries", "0", *more)

    assert 1 == run.code
    assert f"llmo: stopped: {said}" in run.stderr
    assert len(paid(slow)) <= 4


def test_a_full_disk_loses_no_answer_that_fits_elsewhere(slow: Llmo) -> None:
    """
    The line that did not fit is in the saved file, the output is whole, and both resume.
    """
    import resource

    most = 4_000_000
    filler = records.line(("filler", 0, "0" * 32), unsent("x", LlmoError("no")))
    line = json.dumps(filler | {"status": "ok", "error": None, "text": "x" * (most - 2000)}) + "\n"
    (slow.home / "out.jsonl").write_text(line, "utf-8")
    args = (*ARGS, "-o", "out.jsonl")
    run = slow.finish(slow.start(*args, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))))
    saved = slow.home / "out.jsonl.saved"

    assert 1 == run.code
    assert "llmo: stopped: cannot write out.jsonl: file too large" in run.stderr
    assert paid(slow) == (ids(slow.home / "out.jsonl") - {"filler"}) | ids(saved)
    with (slow.home / "out.jsonl").open("ab") as out:
        out.write(saved.read_bytes())
    assert (0, ROWS) == (slow(*args).code, len(paid(slow)))


def test_a_report_that_can_not_be_written_is_found_out_before_anything_is_paid(slow: Llmo) -> None:
    """
    A wrong directory, say.
    """
    run = slow(*ARGS, "-o", "out.jsonl", "--report", "nowhere/report.json")

    assert (2, "llmo: --report: cannot write nowhere/report.json: no such directory: nowhere\n") == (
        run.code,
        run.stderr,
    )
    assert not (slow.home / "out.jsonl").exists()
