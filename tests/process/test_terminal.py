"""llmo on a terminal: what stands on it while a model is awaited, while it answers, and afterwards."""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import json
import os
import select
import struct
import termios
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.patience import LONG, until
from tests.scrollback import Terminal
from tests.servers.raw import RawServer, stream, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.process.conftest import Peer
    from tests.servers.raw import Step

ASK = ("ask", "hello", "--max-tokens", "10")
DONE = "data: [DONE]\n\n"


def said(text: str = "", *, reason: str | None = None, key: str = "content") -> str:
    """A piece of an answer."""
    choice = {"index": 0, "delta": {key: text}, "finish_reason": reason}
    return f"data: {json.dumps({'id': '1', 'model': 'm', 'choices': [choice]})}\n\n"


class Window:
    """llmo on a terminal of its own; `only` leaves other streams out of it."""

    def __init__(self, peer: Peer, *args: str, columns: int = 80, only: tuple[str, ...] = (), **env: str) -> None:
        self.terminal = Terminal(columns, 24)
        self.bytes = self.rest = b""
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        self._master, slave = os.openpty()
        self.slave = slave
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        streams: dict[str, Any] = {
            name: slave for name in ("stdin", "stdout", "stderr") if not only or name in only or name == "stdin"
        }
        self.process = peer.llmo.start(
            "-P",
            peer.path,
            *args,
            env=peer.env() | env,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            **streams,
        )

    @property
    def lines(self) -> list[str]:
        """All that the terminal shows and has scrolled away."""
        while select.select([self._master], [], [], 0)[0]:
            piece = os.read(self._master, 65536)
            self.bytes += piece
            self.terminal.raw(self._decode(piece))
        return self.terminal.all

    @property
    def echoes(self) -> bool:
        """Whether keys are shown."""
        return bool(termios.tcgetattr(self.slave)[3] & termios.ECHO)

    def until(self, shown: str) -> None:
        """Wait for a text."""
        until(lambda: shown in "\n".join(self.lines), lambda: self.process.poll() is None or shown in str(self.lines))

    def press(self, keys: bytes) -> None:
        """Send keys."""
        os.write(self._master, keys)

    def resize(self, columns: int) -> None:
        """Change the width of the window."""
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.terminal.resize(24, columns)

    def end(self) -> int:
        """Wait; return the exit code."""
        until(lambda: self.lines is not None and self.process.poll() is not None)
        assert self.lines is not None
        return self.process.wait(LONG)

    def close(self) -> None:
        """Close both sides."""
        if self.process.poll() is None:
            self.process.kill()
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe:
                pipe.close()
        os.close(self._master)
        os.close(self.slave)


@contextlib.contextmanager
def window(peer: Peer, *args: str, **how: Any) -> Iterator[Window]:
    """A window that is closed in the end."""
    opened = Window(peer, *args, **how)
    try:
        yield opened
    finally:
        opened.close()


def test_the_model_and_the_time_are_shown_until_the_first_word(raw: Callable[..., Peer]) -> None:
    """
    Then nothing of it is left, and each word is there before the next is sent.
    """
    first, second, last = threading.Event(), threading.Event(), threading.Event()
    answer: list[Step] = [stream(), first, said("Some **bo").encode(), second, said("ld** words").encode(), last]
    with RawServer([*answer, (said(reason="stop") + DONE).encode()]) as server, window(raw(server.url), *ASK) as shown:
        shown.until("peer/m 0 s")
        shown.until("peer/m 1 s")
        first.set()
        shown.until("Some **bo")
        open_block = shown.lines
        second.set()
        shown.until("Some **bold** words")
        last.set()
        code = shown.end()
        lines = shown.lines

    assert (0, ["Some **bo"], "Some bold words") == (code, open_block, lines[0])
    assert 2 == len(lines), lines
    assert lines[1].startswith("peer/m · ")


@pytest.mark.parametrize(
    ("answer", "code", "last"),
    [
        pytest.param([threading.Event(), "reset"], 5, "llmo: ", id="lost"),
        pytest.param([whole({"error": {"message": "no"}}, status="401 Unauthorized")], 4, "llmo: ", id="key"),
    ],
)
def test_a_failure_leaves_no_trace_of_the_wait(
    raw: Callable[..., Peer], answer: list[Any], code: int, last: str
) -> None:
    """
    Only the error stands on the terminal.
    """
    with RawServer(answer) as server, window(raw(server.url), *ASK, "--retries", "0") as shown:
        if isinstance(answer[0], threading.Event):
            shown.until("peer/m 0 s")
            answer[0].set()
        ended, lines = shown.end(), shown.lines

    assert code == ended, lines
    assert lines[0].startswith("peer/m · tokens unknown"), lines
    assert lines[1].startswith(last), lines
    assert not any("peer/m 0 s" in line for line in lines)


@pytest.mark.parametrize("wait", [True, False])
def test_ctrl_c_leaves_the_words_that_came_and_a_sane_terminal(raw: Callable[..., Peer], wait: bool) -> None:
    """
    No `^C` and no key stands among them, the block is in its final form, and keys are shown again.
    """
    with (
        RawServer([stream(), *([] if wait else [said("One.\n\nSome **bold** wor").encode()]), "hang"]) as server,
        window(raw(server.url), *ASK) as shown,
    ):
        shown.until("peer/m 0 s" if wait else "wor")
        quiet = not shown.echoes
        shown.press(b"ls\r\x03")
        code, lines = shown.end(), shown.lines
        echoes = shown.echoes

    assert (130, True, True) == (code, quiet, echoes)
    assert "llmo: interrupted" in lines
    assert ([] if wait else ["One.", "", "Some bold wor"]) == lines[
        : next(n for n, line in enumerate(lines) if "peer/m · " in line)
    ]


def test_ctrl_z_gives_the_terminal_back_and_fg_takes_it_again(raw: Callable[..., Peer]) -> None:
    """
    While it is stopped, keys are shown; what the shell wrote meanwhile is not touched afterwards.
    """
    more = threading.Event()
    answer: list[Step] = [
        stream(),
        said("Some **bold** wor").encode(),
        more,
        (said("ds", reason="stop") + DONE).encode(),
    ]
    with RawServer(answer) as server:
        peer = raw(server.url)
        peer.llmo.command = ("bash", "-c", 'set -m; "$0" "$@"; echo; echo stopped; read; fg', *peer.llmo.command)
        with window(peer, *ASK) as shown:
            shown.until("wor")
            quiet = not shown.echoes
            shown.press(b"\x1a")
            shown.until("stopped")
            echoes = shown.echoes
            shown.press(b"key\r")
            shown.until("key")
            until(lambda: not shown.echoes)
            more.set()
            code, lines = shown.end(), shown.lines

    assert (0, True, True) == (code, quiet, echoes)
    assert "Some **bold** wor" == lines[0]
    assert "ds" in lines[lines.index("key") :], lines


def test_a_new_width_in_the_midst_of_an_answer_loses_nothing(raw: Callable[..., Peer]) -> None:
    """
    The open block stays as it was written, the next one is drawn for the new width.
    """
    more = threading.Event()
    rest = said("ds.\n\nThe **next** " + "word " * 12) + said(reason="stop") + DONE
    with (
        RawServer([stream(), said("Some **bold** wor").encode(), more, rest.encode()]) as server,
        window(raw(server.url), *ASK) as shown,
    ):
        shown.until("wor")
        shown.resize(40)
        more.set()
        code, lines = shown.end(), shown.lines

    assert (0, "Some **bold** words.", "") == (code, *lines[:2])
    assert "The next word word word word word word" == lines[2]


def answered(raw: Callable[..., Peer], *args: str, **how: Any) -> Window:
    """A window with a whole answer."""
    text = said("Hm.", key="reasoning_content") + said("# Title\n\nSome **bold** \x1b]0;x\x07 words\n")
    with (
        RawServer([stream(text, said(reason="stop"), DONE)]) as server,
        window(raw(server.url), *ASK, *args, **how) as shown,
    ):
        assert 0 == shown.end()
        shown.rest = shown.process.stderr.read() if shown.process.stderr else b""
        return shown


def test_reasoning_is_dim(raw: Callable[..., Peer]) -> None:
    """
    It stands above the answer.
    """
    shown = answered(raw)

    assert b"\x1b[2mHm.\x1b[0m" in shown.bytes
    assert shown.terminal.all[0] == "Hm."


def test_a_dumb_terminal_gets_words_only(raw: Callable[..., Peer]) -> None:
    """
    No sequence at all, no carriage return but at the end of lines, and control characters are shown.
    """
    shown = answered(raw, TERM="dumb")

    assert b"\x1b" not in shown.bytes
    assert b"\r" not in shown.bytes.replace(b"\r\n", b"")
    assert ["# Title", "", "Some **bold** ␛]0;x␇ words"] == shown.terminal.all[:3]


def test_raw_text_is_not_restyled(raw: Callable[..., Peer]) -> None:
    """
    `--raw` on a terminal: the words as they came, made visible.
    """
    assert ["# Title", "", "Some **bold** ␛]0;x␇ words"] == answered(raw, "--raw").terminal.all[:3]


def test_no_color_keeps_the_form(raw: Callable[..., Peer]) -> None:
    """
    Markdown is drawn, without colors.
    """
    shown = answered(raw, NO_COLOR="1")

    assert "Some bold ␛]0;x␇ words" in shown.terminal.all
    assert not any(code in shown.bytes for code in (b"\x1b[3", b"\x1b[9", b";3"))


def test_what_is_told_elsewhere_is_not_on_the_terminal(raw: Callable[..., Peer]) -> None:
    """
    With stderr in a file there is no waiting line, neither there nor here.
    """
    shown = answered(raw, only=("stdout",))

    assert "Some bold ␛]0;x␇ words" in shown.terminal.all
    assert b"" == shown.rest


def test_a_pipe_gets_each_piece_at_once_while_the_terminal_shows_the_wait(raw: Callable[..., Peer]) -> None:
    """
    The exact bytes, and nothing of the waiting line in them.
    """
    first, last = threading.Event(), threading.Event()
    answer: list[Step] = [stream(), first, said("Some \x1b **bo").encode(), last, (said(reason="stop") + DONE).encode()]
    with RawServer(answer) as server, window(raw(server.url), *ASK, only=("stderr",)) as shown:
        shown.until("peer/m 0 s")
        first.set()
        assert shown.process.stdout
        piece = shown.process.stdout.read(11)
        last.set()
        code, lines = shown.end(), shown.lines
        rest = shown.process.stdout.read()

    assert (0, b"Some \x1b **bo", b"") == (code, piece, rest)
    assert [line for line in lines if not line.startswith("peer/m · ")] == []
