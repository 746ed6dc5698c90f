"""`llmo batch` reads its input as it is needed: pipes that are still open, and inputs that would never end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

from tests.process.test_batch import read_until, rows, wait_for, written

if TYPE_CHECKING:
    from tests.conftest import Llmo

ARGS = ("-P", "offline", "batch", "-", "-o", "out.jsonl", "-j", "2", "--progress", "none")


def test_a_pipe_that_is_still_open_is_answered_row_by_row(llmo: Llmo) -> None:
    """`tail -f | llmo batch -`: each row has its answer before the next one is written."""
    process = llmo.start(*ARGS, stdin=subprocess.PIPE)
    assert process.stdin is not None
    for number in range(4):
        process.stdin.write(b"row %d\n" % number)
        process.stdin.flush()
        wait_for(process, llmo.home / "out.jsonl", number + 1)
    process.stdin.close()
    process.stdin = None
    run = llmo.finish(process)

    assert (0, 4) == (run.code, len(written(llmo.home / "out.jsonl"))), run


@pytest.mark.parametrize("written_before", [0, 3])
def test_a_signal_is_heard_while_a_pipe_says_nothing(llmo: Llmo, written_before: int) -> None:
    """Also before the first row."""
    process = llmo.start("-v", *ARGS, stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(b"".join(b"row %d\n" % number for number in range(written_before)))
    process.stdin.flush()
    if written_before:
        wait_for(process, llmo.home / "out.jsonl", written_before)
        process.send_signal(signal.SIGINT)
        read_until(process, b"llmo: stopping")
    else:
        process.send_signal(signal.SIGINT)
    kept, process.stdin = process.stdin, None
    run = llmo.finish(process)
    kept.close()

    assert (130 if written_before else -signal.SIGINT) in (run.code, -signal.SIGINT), run
    assert written_before == len(written(llmo.home / "out.jsonl"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_no_more_is_read_than_is_needed(llmo: Llmo) -> None:
    """Someone who writes without end is held up: rows are read as they are sent, and --limit ends the run."""
    fifo = llmo.home / "rows"
    os.mkfifo(fifo)
    count = 0

    def write() -> None:
        nonlocal count
        with open(fifo, "wb", buffering=0) as pipe:  # noqa: PTH123
            try:
                while True:
                    pipe.write(b"row %d\n" % count)
                    count += 1
            except BrokenPipeError:
                return

    writer = threading.Thread(target=write)
    writer.start()
    run = llmo("-P", "offline", "batch", "rows", "-o", "out.jsonl", "--limit", "2000", "--progress", "none")
    writer.join()

    assert (0, 2000) == (run.code, len(written(llmo.home / "out.jsonl"))), run
    assert count < 100_000


def test_a_late_row_that_is_broken_fails_alone_and_the_rest_of_the_pipe_is_answered(llmo: Llmo) -> None:
    """With its line in the input."""
    text = rows(1500) + "[1]\n" + json.dumps({"id": "r-7", "text": "twice"}) + "\n" + rows(1501).splitlines()[-1]
    run = llmo(*ARGS, stdin=text)
    found = {row["id"]: row for row in written(llmo.home / "out.jsonl")}
    errors = sorted(row["error"]["message"] for row in found.values() if row["error"])

    assert (7, 1503) == (run.code, len(found)), run
    assert ["a row must be an object or a string: stdin:1501: a list", "duplicate id: r-7: stdin:1502"] == errors


def test_a_pipe_is_resumed_by_what_its_rows_are(llmo: Llmo) -> None:
    """In another order, with more of them, and beyond the first thousand: only new rows are sent."""
    lines = rows(1200).splitlines()
    first = llmo(*ARGS, stdin="\n".join(lines))
    again = llmo(*ARGS, stdin="\n".join([*lines[::-1], '{"id": "new", "text": "new"}']))

    assert (0, 0) == (first.code, again.code)
    assert "llmo: resuming out.jsonl: it holds 1,200 rows" in again.stderr
    assert "llmo: resumed out.jsonl: 1,200 rows are done" in again.stderr
    assert "offline/echo: 1 call," in again.stderr


def test_a_row_of_an_open_pipe_is_answered_also_where_thousands_were_before(llmo: Llmo) -> None:
    """It does not wait for the row after it while the answers of earlier runs are looked through."""
    llmo(*ARGS, stdin=rows(3000))
    process = llmo.start(*ARGS, stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(b'{"id": "new", "text": "new"}\n')
    process.stdin.flush()
    wait_for(process, llmo.home / "out.jsonl", 3001)
    process.communicate()

    assert process.returncode == 0


def test_a_long_resume_says_first_that_its_rows_have_changed(llmo: Llmo) -> None:
    """Of those that were checked: whoever has edited the prompt by mistake hears of it before all is paid again."""
    lines = rows(1200)
    llmo(*ARGS, "--prompt", "say {{ text }}", stdin=lines)
    again = llmo(*ARGS, "--prompt", "tell {{ text }}", stdin=lines)

    said = "it holds 1,200 rows; of the first 1,000 rows, 1,000 have changed (prompt) and are sent again\n"
    assert f"llmo: resuming out.jsonl: {said}" in again.stderr
    assert "1,200 ok" in again.stderr


def test_equal_rows_far_apart_are_sent_once(llmo: Llmo) -> None:
    """Though nobody knew of the second when the first was sent; to a file and to standard output."""
    lines = [*(f'"row {n}"' for n in range(1500)), '"row 3"', '"row 1400"']
    kept = llmo(*ARGS, stdin="\n".join(lines))
    streamed = llmo("-P", "offline", "batch", "-", "--progress", "none", stdin="\n".join(lines))

    for run in (kept, streamed):
        assert "offline/echo: 1,500 calls," in run.stderr, run
    texts = [json.loads(line)["text"] for line in streamed.stdout.splitlines()]
    assert (1502, 2, 2) == (
        len(texts),
        *(texts.count(f"You said: row {n}\n\nThat is 2 words. No model was asked.") for n in (3, 1400)),
    )


@pytest.mark.parametrize("flags", [("--check",), ("--sample", "1"), ("--confirm-over", "1")])
def test_flags_that_need_all_rows_read_a_pipe_to_its_end_first(llmo: Llmo, flags: tuple[str, ...]) -> None:
    """Then it is read once more."""
    run = llmo(*ARGS, *flags, stdin="one\ntwo\n")

    assert (0, 1 if "--sample" in flags else 2) == (run.code, len(written(llmo.home / "out.jsonl"))), run


def test_a_file_on_standard_input_is_read_from_where_it_stands(llmo: Llmo) -> None:
    """As `tail -n +2` and `read` leave it, and as often as it takes."""
    path = llmo.home / "rows.jsonl"
    path.write_text(rows(1100), "utf-8")
    with path.open("rb", buffering=0) as file:
        file.seek(len(rows(100)))
        process = llmo.start(*ARGS, "--check", stdin=file)
        run = llmo.finish(process)

    assert (0, 1000) == (run.code, len(written(llmo.home / "out.jsonl"))), run


def test_ids_of_an_older_version_are_kept(llmo: Llmo) -> None:
    """It looked at all rows for an id: what it named by content stays so, and nothing is paid twice."""
    lines = ['{"id": "a", "text": "x"}', '{"text": "y"}']
    llmo(*ARGS, stdin="\n".join(lines))
    manifest = llmo.home / "out.jsonl.llmo.json"
    body = json.loads(manifest.read_text("utf-8"))
    assert body.pop("id_field") == ""
    manifest.write_text(json.dumps(body), "utf-8")
    again = llmo(*ARGS, stdin=lines[0])

    assert "1 rows are done" in again.stderr, again
    assert len(written(llmo.home / "out.jsonl")) == 2
