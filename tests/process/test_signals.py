"""What a signal leaves behind: the code that says which it was, what had come, and no hold without an owner."""

from __future__ import annotations

import fcntl
import os
import signal
import termios
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.patience import LONG
from tests.servers.raw import RawServer, stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.process.conftest import Peer

WORD = (
    'data: {"id":"1","object":"chat.completion.chunk","model":"m",'
    '"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}\n\n'
)
CODES = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
ASK = ("ask", "hello", "--max-tokens", "10")


def total(peer: Peer) -> dict[str, Any]:
    """What the ledger says after it."""
    found: dict[str, Any] = peer("cost", "--json").json["total"]
    return found


def on_terminal(peer: Peer, *args: str) -> tuple[Any, int]:
    """A run on a terminal of its own, as in a window that can be closed, and the terminal's other side."""
    master, slave = os.openpty()

    def take() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = peer.start(*args, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, preexec_fn=take)
    os.close(slave)
    return process, master


@pytest.mark.parametrize(("number", "code"), CODES)
@pytest.mark.parametrize("times", [1, 2])
def test_a_signal_ends_an_answer_and_books_it(
    raw: Callable[..., Peer], number: signal.Signals, code: int, times: int
) -> None:
    """
    What came is on stdout, the call is booked; so it is when a parent sends the signal twice.
    """
    with RawServer([stream(WORD), "hang"]) as server:
        peer = raw(server.url)
        process = peer.start(*ASK)
        assert process.stdout.read(2) == b"Hi"
        for _ in range(times):
            process.send_signal(number)
        run = peer.llmo.finish(process)
    found = total(peer)

    said = "llmo: interrupted\nhint: settle with llmo cost --reconcile: up to $0.00055 in doubt\n"
    assert (code, said) == (run.code, run.stderr)
    assert (1, 0) == (found["calls"], found["in_flight_calls"]), found


@pytest.mark.parametrize(("number", "code"), CODES)
def test_a_signal_shows_the_block_that_was_not_finished(
    raw: Callable[..., Peer], number: signal.Signals, code: int
) -> None:
    """
    Markdown waits for the end of a paragraph: when none comes, what there is of it is shown.
    """
    words = WORD.replace("Hi", r"First.\n\nand a half")
    with RawServer([stream(words), "hang"]) as server:
        peer = raw(server.url)
        process = peer.start(*ASK, "--markdown")
        assert process.stdout.read(6) == b"First."
        process.send_signal(number)
        run = peer.llmo.finish(process)

    assert (code, "and a half") == (run.code, run.stdout.strip()), run


@pytest.mark.parametrize(("number", "code"), CODES)
def test_a_signal_twice_ends_a_batch_and_books_it(raw: Callable[..., Peer], number: signal.Signals, code: int) -> None:
    """
    Rows in flight are given up at the second one, and their money is booked.
    """
    with RawServer(["hang"]) as server:
        peer = raw(server.url)
        (peer.llmo.home / "in.txt").write_text("a\nb\n", "utf-8")
        process = peer.start("batch", "in.txt", "-o", "out.jsonl", "--max-tokens", "10", "-j", "2")
        while len(server.requests) < 2:
            assert process.poll() is None
        process.send_signal(number)
        while b"stopping: waiting up to 30 s for 2 rows in flight (Ctrl-C again quits now)" not in (
            line := process.stderr.readline()
        ):
            assert line
        process.send_signal(number)
        run = peer.llmo.finish(process)
    found = total(peer)

    assert code == run.code, run
    assert (2, 0) == (found["calls"], found["in_flight_calls"]), found


@pytest.mark.parametrize("args", [ASK, ("batch", "in.txt", "-o", "out.jsonl", "--max-tokens", "10", "-j", "1")])
def test_a_terminal_that_is_closed_strands_nothing(raw: Callable[..., Peer], args: tuple[str, ...]) -> None:
    """
    The window goes while an answer comes: 129 although nothing can be written any more, and no hold is left.
    """
    with RawServer([stream(WORD) if args == ASK else b"", "hang"]) as server:
        peer = raw(server.url)
        (peer.llmo.home / "in.txt").write_text("a\n", "utf-8")
        process, master = on_terminal(peer, *args, "--retries", "0")
        while not server.requests:
            assert process.poll() is None
        os.close(master)
        if args != ASK:
            # The rows in flight would have 30 s.
            process.send_signal(signal.SIGHUP)
        code = process.wait(LONG)
    found = total(peer)

    assert 129 == code
    assert (1, 0) == (found["calls"], found["in_flight_calls"]), found


def test_nohup_goes_on(raw: Callable[..., Peer]) -> None:
    """
    A hangup that was ignored at the start stays ignored.
    """
    heard = threading.Event()
    with RawServer([stream(WORD), heard, "reset"]) as server:
        peer = raw(server.url)
        process = peer.start(*ASK, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        assert process.stdout.read(2) == b"Hi"
        process.send_signal(signal.SIGHUP)
        heard.set()
        run = peer.llmo.finish(process)

    assert 6 == run.code, run
