"""The record of a run and the marks beside it, on a real file system, in one process."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

from llmo.batch.input.hash_table import SMALLEST
from llmo.batch.output import journal
from llmo.batch.output.appended import OutputLost
from llmo.batch.output.journal import Journal, encoded
from llmo.batch.output.sinks import ToJournal, ToStream
from llmo.batch.resume import manifest
from llmo.batch.resume.intents import Intents
from llmo.errors import LlmoError, UsageError
from tests.recorded import GOOD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FULL = "/dev/full"


def line(name: str, **changes: Any) -> bytes:
    return encoded(GOOD | {"id": name} | changes)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


@pytest.fixture
def out(path: Path) -> Iterator[Journal]:
    found = Journal(path)
    yield found
    found.close()


def test_a_line_can_be_read_again_where_append_said(out: Journal, path: Path) -> None:
    """Also after others were written, and through the sink of a run."""
    sink = ToJournal(out)
    lines = [line("a"), line("bb", text="é" * 50), line("c")]
    places = [sink.append(one, 7) for one in lines]

    assert places == [0, len(lines[0]), len(lines[0]) + len(lines[1])]
    assert [sink.read(place // SMALLEST) for place in reversed(places)] == lines[::-1]
    assert (path.read_bytes(), out.size, out.lost) == (b"".join(lines), sum(map(len, lines)), False)


def test_what_is_taken_up_is_appended_to(path: Path) -> None:
    """The places go on from its end; what was torn off is counted."""
    path.write_bytes(line("a") + b'{"id": "b", "ind')
    found = Journal(path)
    place = found.append(line("b"))
    found.close()

    assert (found.cut, place, path.read_bytes()) == (16, len(line("a")), line("a") + line("b"))


@pytest.mark.parametrize("size", [21, 22, (1 << 16) - 1, 1 << 16, (1 << 16) + 1, (1 << 17) - 1, 200_000])
def test_a_torn_end_of_any_length_is_cut_off(path: Path, size: int) -> None:
    """However often its reader has to go back for the last whole line, which stays."""
    torn = b'{"id": "b", "text": "'.ljust(size, b"x")
    path.write_bytes(line("a") + torn)
    found = Journal(path)
    found.close()

    assert (found.cut, path.read_bytes()) == (len(torn), line("a"))


def test_nothing_is_left_of_a_first_line_that_was_torn(path: Path) -> None:
    """The next one begins the file, whole."""
    path.write_bytes(b'{"id": "a", "ind')
    found = Journal(path)
    place = found.append(line("a"))
    found.close()

    assert (found.cut, place, path.read_bytes()) == (16, 0, line("a"))


def test_a_whole_line_that_lacks_its_break_gets_it(path: Path) -> None:
    """Its answer is paid for: nothing is cut."""
    path.write_bytes(line("a") + line("b")[:-1])
    found = Journal(path)
    place = found.append(line("c"))
    found.close()

    assert (found.cut, path.read_bytes()) == (0, line("a") + line("b") + line("c"))
    assert place == len(line("a") + line("b"))


@pytest.mark.parametrize(("before", "ours"), [(99, True), (100, True), (101, False)])
def test_an_output_is_known_by_its_first_lines(path: Path, before: int, ours: bool) -> None:
    """Some may be broken; a file that begins with too many others is not appended to."""
    content = b"broken\n" * before + line("a")
    path.write_bytes(content)
    if ours:
        Journal(path).close()
    else:
        with pytest.raises(UsageError) as caught:
            Journal(path)
        assert (caught.value.message, caught.value.hint) == (
            f"not an output of llmo batch: {path}",
            "use another -o, or move the file away; llmo would append to it",
        )
    assert path.read_bytes() == content


def test_begun_anew_it_is_empty(out: Journal, path: Path) -> None:
    """And the next line begins it."""
    out.append(line("a"))
    out.empty()

    assert (out.size, out.append(line("b")), path.read_bytes()) == (0, 0, line("b"))


@pytest.mark.skipif(sys.platform == "win32", reason="other locks there")
def test_one_run_holds_an_output(out: Journal, path: Path) -> None:
    """Another one is refused until it ends, and a refused one keeps nothing open."""
    for _ in range(2):
        with pytest.raises(UsageError) as caught:
            Journal(path)
    said = (caught.value.message, caught.value.hint)
    out.close()
    Journal(path).close()

    assert said == (f"another run is writing to {path}", "wait for it, or use another -o")


@pytest.mark.skipif(sys.platform == "win32", reason="other locks there")
def test_a_refused_file_is_not_held(path: Path) -> None:
    """Once what is in it has been moved away, it can be written in the same process."""
    path.write_bytes(b"somebody's words\n")
    refused = []  # each keeps its frame, and all that is open there
    for _ in range(2):
        with pytest.raises(UsageError) as caught:
            Journal(path)
        refused.append((caught.value, caught.value.message))
    os.truncate(path, 0)
    Journal(path).close()

    assert [message for _, message in refused] == [f"not an output of llmo batch: {path}"] * 2


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\r", "\n"])
def test_a_row_is_one_line_for_every_reader(separator: str) -> None:
    """Also for those that break lines at each separator of Unicode; what it says is unchanged."""
    written = line("a", text=f"one{separator}two")

    assert len(written.decode().splitlines()) == 1
    assert json.loads(written)["text"] == f"one{separator}two"


def test_what_can_not_be_opened_says_so(tmp_path: Path) -> None:
    """A folder that is not there."""
    with pytest.raises(UsageError, match=r"cannot write .*: No such file or directory"):
        Journal(tmp_path / "none" / "out.jsonl")


@pytest.mark.skipif(sys.platform == "win32", reason="an open file can't be removed there")
def test_a_deleted_output_is_lost_and_its_lines_are_saved(out: Journal, path: Path) -> None:
    """The line that was being written too, where append says that it is."""
    out.append(line("a"))
    path.unlink()
    place = out.append(line("b"))

    assert (place, out.lost, out.read(place // SMALLEST)) == (len(line("a")), True, line("b"))
    assert path.with_name("out.jsonl.saved").read_bytes() == line("a") + line("b")


@pytest.mark.skipif(sys.platform == "win32", reason="an open file can't be removed there")
def test_a_large_deleted_output_is_saved_whole(out: Journal, path: Path) -> None:
    """It is copied in pieces; the next line follows the last one."""
    lines = [line(f"r{n}", text=f"{n}" * 300_000) for n in range(9)]
    for one in lines:
        out.append(one)
    path.unlink()
    place = out.append(line("last"))

    assert out.lost
    assert path.with_name("out.jsonl.saved").read_bytes() == b"".join(lines) + line("last")
    assert (place, out.read(0), out.read(place // SMALLEST)) == (sum(map(len, lines)), lines[0], line("last"))


@pytest.mark.skipif(not os.path.exists(FULL), reason="only Linux has it")  # noqa: PTH110 - a device
def test_a_full_disk_loses_the_line_and_says_so(tmp_path: Path) -> None:
    """A device has no other place."""
    link = tmp_path / "full"
    link.symlink_to(FULL)
    found = Journal(link)
    with pytest.raises(OutputLost) as caught:
        found.append(line("a"))
    assert (found.lost, caught.value.message, caught.value.hint) == (
        True,
        f"cannot write {link}: no space left on device",
        "free some space",
    )
    found.close()


@pytest.fixture
def flushed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How large the file was at each sync."""
    sizes: list[int] = []
    monkeypatch.setattr(journal, "_flush", lambda fd: sizes.append(os.fstat(fd).st_size))
    return sizes


def test_with_durable_a_row_waits_for_the_disk(path: Path, flushed: list[int]) -> None:
    """Rows that are written meanwhile are synced again; one sync is enough for all before it."""

    async def main() -> None:
        found = Journal(path, durable=True)
        found.append(b"a\n")
        first = asyncio.create_task(found.synced())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        found.append(b"b\n")
        await asyncio.gather(first, found.synced(), found.synced())
        assert flushed[-1] == 4
        before = len(flushed)
        await found.synced()
        found.close()
        assert before == len(flushed) <= 2

    asyncio.run(main())


def test_without_durable_it_is_synced_once_a_second_and_at_the_end(path: Path, flushed: list[int]) -> None:
    """Only when something was written."""

    async def main() -> None:
        found = Journal(path)
        keeper = asyncio.create_task(found.keep_synced())
        found.append(b"a\n")
        await found.synced()
        assert flushed == []
        while not flushed:  # noqa: ASYNC110 - a thread says so
            await asyncio.sleep(0)
        for _ in range(50):
            await asyncio.sleep(0)
        assert flushed == [2]
        found.append(b"b\n")
        keeper.cancel()
        found.close()
        found.close()
        assert flushed == [2, 4]

    journal_module_s, journal.SYNC_S = journal.SYNC_S, 0.0
    try:
        asyncio.run(main())
    finally:
        journal.SYNC_S = journal_module_s


def test_a_sync_that_fails_at_the_end_is_an_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the file is given back all the same."""

    def broken(fd: int) -> None:
        raise OSError(5, "Input/output error")

    found = Journal(path)
    found.append(b"a\n")
    monkeypatch.setattr(journal, "_flush", broken)
    with pytest.raises(LlmoError, match=r"cannot sync .*: Input/output error"):
        found.close()
    path.write_bytes(b"")
    Journal(path).close()


def test_what_was_sent_and_has_no_line_is_in_doubt(path: Path, tmp_path: Path) -> None:
    """Not what was surely unanswered, nor what has its line since; a line of before says nothing."""
    old = line("sent before")
    path.write_bytes(old)
    marks = Intents(tmp_path / "intents")
    marks.begin(len(old))
    for name in ("sent before", "answered", "unsent", "twice", "é\u2028"):
        marks.sending(name)
    marks.unsent("unsent")
    marks.unsent("twice")
    marks.sending("twice")
    path.write_bytes(old + line("answered"))
    with (tmp_path / "intents").open("ab") as file:
        file.write(b'+"torn')

    assert marks.doubtful(path) == {"sent before", "twice", "é\u2028"}
    assert marks.doubtful(tmp_path / "none") == {"sent before", "answered", "twice", "é\u2028"}


def test_what_is_in_doubt_stays_so_when_a_run_is_killed_again(path: Path, tmp_path: Path) -> None:
    """Until it has its line, however many runs come between, and whenever they are killed."""

    def killed() -> Iterator[str]:
        yield "first"
        raise KeyboardInterrupt

    for size, name in ((0, "first"), (10, "second")):
        marks = Intents(tmp_path / "intents")
        marks.begin(size, sorted(marks.doubtful(path)))
        marks.sending(name)
    with pytest.raises(KeyboardInterrupt):
        Intents(tmp_path / "intents").begin(20, killed())

    assert Intents(tmp_path / "intents").doubtful(path) == {"first", "second"}


@pytest.mark.parametrize(
    ("first", "doubtful"),
    [
        pytest.param(b"0", set(), id="all lines count"),
        pytest.param(b"1", {"a"}, id="a line that began before does not"),
        pytest.param(b"9" * 19, {"a"}, id="as long as a size may be"),
        pytest.param(b"9" * 20, set(), id="no size of a file"),
        pytest.param(b"-1", set(), id="no size"),
    ],
)
def test_the_size_before_says_which_lines_count(path: Path, tmp_path: Path, first: bytes, doubtful: set[str]) -> None:
    """One that can't be read is no size: all lines count then."""
    path.write_bytes(line("a"))
    (tmp_path / "intents").write_bytes(first + b'\n+"a"\n')

    assert Intents(tmp_path / "intents").doubtful(path) == doubtful


def test_at_its_end_nothing_is_in_doubt(path: Path, tmp_path: Path) -> None:
    """A run that begins anew forgets the marks of the one before; without a file nothing is written."""
    marks = Intents(tmp_path / "intents")
    marks.begin(0)
    marks.sending("a")
    marks.end()
    ended = marks.doubtful(path), (tmp_path / "intents").exists()
    (tmp_path / "intents").write_bytes(b'0\n+"old"\n')
    marks.begin(12)
    begun = (tmp_path / "intents").read_bytes()
    marks.end()
    none = Intents(None)
    none.begin(0)
    none.sending("a")
    none.end()

    assert (ended, begun, none.doubtful(path)) == ((set(), False), b"12\n", set())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="an open file can't be removed there")
def test_marks_that_are_gone_end_no_run(path: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Nobody else may read them; after the end nothing is marked anywhere."""
    marks = Intents(tmp_path / "intents")
    marks.begin(0)
    mode = (tmp_path / "intents").stat().st_mode & 0o777
    marks.sending("a")
    (tmp_path / "intents").unlink()
    marks.end()
    marks.sending("b")
    marks.end()

    assert (mode, marks.doubtful(path), capfd.readouterr().out) == (0o600, set(), "")


@pytest.mark.skipif(not os.path.exists(FULL), reason="only Linux has it")  # noqa: PTH110 - a device
def test_a_row_that_can_not_be_marked_is_not_sent(tmp_path: Path) -> None:
    """It says what to do; that it was surely not answered may stay unmarked."""
    link = tmp_path / "intents"
    link.symlink_to(FULL)
    marks = Intents(link)
    marks._fd = os.open(link, os.O_WRONLY)
    with pytest.raises(OutputLost) as caught:
        marks.sending("a")
    marks.unsent("a")
    os.close(marks._fd)

    assert (caught.value.message, caught.value.hint) == (
        f"cannot write {link}: no space left on device",
        "free some space",
    )


def test_a_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    """And says what has changed since, in its order; a damaged one is none."""
    before = manifest.Manifest(run="R1", made_of={"prompt": "1", "model": "2", "gone": "3"})
    path = manifest.beside(tmp_path / "out.jsonl", "json")
    before.write(path)
    now = manifest.Manifest(run="R1", made_of={"prompt": "1", "model": "9", "fresh": "4"})

    assert (path.name, manifest.read(path)) == ("out.jsonl.llmo.json", before)
    assert now.differs(before) == ["model", "fresh", "gone"]
    assert json.loads(path.read_text())["version"] == 1
    path.write_text('{"run": "", "made_of": {}}')
    assert (manifest.read(path), list(tmp_path.iterdir())) == (None, [path])


@pytest.mark.parametrize("field", ["custom_id", "", None])
def test_a_state_says_which_field_named_the_rows(tmp_path: Path, field: str | None) -> None:
    """Another one would pay for all of them again; an older run did not say, nor does one that is damaged."""
    path = tmp_path / "state"
    manifest.Manifest(run="R1", id_field=field).write(path)
    found = manifest.read(path)
    path.write_text('{"run": "R1", "made_of": {}, "id_field": 5}')

    assert [found, manifest.read(path)] == [manifest.Manifest(run="R1", id_field=one) for one in (field, None)]


def test_a_stream_keeps_what_equal_rows_will_need() -> None:
    """Where append said, also in the order of the input; without deduplication nothing is kept."""
    written: list[bytes] = []
    sink = ToStream(written.append, keeps=True, window=4)
    lines = {seq: b"%d" % seq * 99 + b"\n" for seq in (2, 1, 4, 0)}
    places = [sink.append(lines[seq], seq) for seq in (2, 1, 4)]
    assert (written, [sink.read(place // SMALLEST) for place in places]) == ([], [lines[2], lines[1], lines[4]])
    sink.append(lines[0], 0)
    assert written == [lines[0], lines[1], lines[2]]
    sink.close()

    assert written[3:] == [lines[4]]
    forgetful = ToStream(written.append)
    assert ([forgetful.append(b"x\n", 0) for _ in range(2)], forgetful.read(0)) == ([0, 0], b"")


class Full(io.BytesIO):
    """A file on a full disk, which is known once its buffer is written."""

    def flush(self) -> None:
        raise OSError(28, "No space left on device")


def test_a_stream_goes_on_where_there_is_no_room_for_what_equal_rows_will_need() -> None:
    """They are sent again, which loses nothing: no line is found, and none is missing from the stream."""
    written: list[bytes] = []
    sink = ToStream(written.append, keeps=True)
    assert sink._answers is not None
    sink._answers.close()
    sink._answers = Full()
    found = [(sink.append(one, 0), sink.read(0)) for one in (b"a\n", b"b\n")]
    sink.close()

    assert (found, written) == ([(0, b"")] * 2, [b"a\n", b"b\n"])
