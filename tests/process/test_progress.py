"""The progress of a batch as a person sees it, on terminals of several sizes."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import struct
import termios
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.gate import Gate
from tests.patience import LONG
from tests.terminal import Screen

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Llmo

ROWS = "".join(f"row {number}\n" for number in range(10))
ARGS = ("-P", "gate.toml", "batch", "rows.txt", "-o", "out.jsonl", "-j", "2", "--max-tokens", "9", "--max-cost", "5")


class Terminal:
    """llmo on a terminal of its own: what it writes is drawn on `screen`."""

    def __init__(self, llmo: Llmo, width: int, *args: str, env: dict[str, str]) -> None:
        self.screen = Screen(width)
        self._master, slave = os.openpty()
        self._sized(width)

        def take() -> None:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        streams: dict[str, Any] = {"stdin": slave, "stdout": slave, "stderr": slave}
        self.process = llmo.start(*args, env=env, start_new_session=True, preexec_fn=take, **streams)
        os.close(slave)

    def _sized(self, width: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))

    def resize(self, width: int) -> None:
        """Make the window wider or narrower."""
        self.screen.resize(width)
        self._sized(width)

    def type(self, text: bytes) -> None:
        """Press keys."""
        os.write(self._master, text)

    def until(self, true: Callable[[list[str]], object]) -> list[str]:
        """Read until the screen is as it should be; its rows."""
        end = time.monotonic() + LONG
        while not true(self.screen.text):
            assert time.monotonic() < end, self.screen.text
            assert self._read(), self.screen.text
        return self.screen.text

    def ended(self) -> tuple[int, list[str]]:
        """Read to the end; the exit code and the rows."""
        while self._read():
            pass
        os.close(self._master)
        return self.process.wait(LONG), self.screen.text

    def _read(self) -> bool:
        if not select.select([self._master], [], [], 0.1)[0]:
            return True
        try:
            piece = os.read(self._master, 65536)
        except OSError:  # Linux: the other side is closed
            return False
        self.screen.feed(piece.decode())
        return bool(piece)


@pytest.fixture
def place(llmo: Llmo) -> Llmo:
    """A home with ten rows."""
    (llmo.home / "rows.txt").write_text(ROWS, "utf-8")
    return llmo


def begun(gate: Gate, llmo: Llmo, width: int, *more: str) -> Terminal:
    """A run on a terminal, whose server answers some rows and keeps the others."""
    (llmo.home / "gate.toml").write_text(gate.profile, "utf-8")
    return Terminal(llmo, width, *ARGS, *more, env=gate.env)


@pytest.mark.parametrize(
    ("width", "cells", "parts"),
    [
        pytest.param(40, 10, ["4/10", "6 left", "$0.00008"], id="40"),
        pytest.param(80, 10, ["4/10", "6 left", "$0.00008/$5.00", "ETA"], id="80"),
        pytest.param(120, 10, ["4/10", "6 left", "$0.00008/$5.00", "held", "in flight", "ETA"], id="120"),
    ],
)
def test_a_terminal_of_each_width_has_one_line_with_what_matters_most(
    place: Llmo, width: int, cells: int, parts: list[str]
) -> None:
    """
    It is gone at the end, and what is left fits.
    """
    with Gate(free=4) as gate:
        terminal = begun(gate, place, width)
        rows = terminal.until(lambda rows: rows and "4/10" in rows[-1])
        assert (1, 0) == (len(rows), terminal.screen.column)
        assert width > len(rows[0])
        assert parts == [part for part in parts if part in rows[0]]
        assert width == 40 or rows[0].count("━") + rows[0].count("─") >= cells
        gate.open()
        code, rows = terminal.ended()

    assert (0, []) == (code, terminal.screen.unknown)
    assert rows[0].startswith("llmo: 10 rows in")
    assert not any("10/10" in row for row in rows)
    assert width >= max(map(len, rows))


def test_a_resize_and_a_ctrl_c_leave_no_torn_line(place: Llmo) -> None:
    """
    The message stands on its own line, the bar below it, and at the end the cursor below everything.
    """
    with Gate(free=4) as gate:
        terminal = begun(gate, place, 120)
        terminal.until(lambda rows: rows and "4/10" in rows[-1])
        for width in (40, 80, 33):
            terminal.resize(width)
            rows = terminal.until(lambda rows: len(rows) == 1 and len(rows[0]) < terminal.screen.width)
            assert rows[0].count("4/10") == 1
        terminal.resize(120)
        terminal.type(b"\x03")
        rows = terminal.until(lambda rows: len(rows) == 2 and "4/10" in rows[1])
        assert rows[0] == "llmo: stopping: waiting up to 30 s for 2 rows in flight (Ctrl-C again quits now)"
        gate.open()
        code, rows = terminal.ended()

    assert (130, 0, []) == (code, terminal.screen.column, terminal.screen.unknown)
    assert rows[0].startswith("llmo: stopping")
    assert rows[1].startswith("llmo: 6 rows in")
    assert "4 left" in " ".join(rows)
    assert "llmo: resume with: llmo -P gate.toml batch rows.txt -o out.jsonl" in " ".join(rows[2:])


def test_a_second_ctrl_c_takes_the_bar_away(place: Llmo) -> None:
    """
    The prompt of a shell comes at the beginning of an empty line.
    """
    with Gate(free=4) as gate:
        terminal = begun(gate, place, 80)
        terminal.until(lambda rows: rows and "4/10" in rows[-1])
        terminal.type(b"\x03")
        terminal.until(lambda rows: len(rows) > 1)
        terminal.type(b"\x03")
        code, rows = terminal.ended()

    assert (130, 0) == (code, terminal.screen.column)
    assert not any("4/10" in row for row in rows)


def test_a_resumed_bar_starts_where_the_last_one_ended(place: Llmo) -> None:
    """
    Rows that are done count from its first moment.
    """
    with Gate(free=4) as gate:
        terminal = begun(gate, place, 100)
        terminal.until(lambda rows: rows and "4/10" in rows[-1])
        terminal.process.send_signal(signal.SIGKILL)
        terminal.ended()
    with Gate(free=0) as gate:
        terminal = begun(gate, place, 100)
        rows = terminal.until(lambda rows: rows and "left" in rows[-1])
        assert "━" in rows[-1]
        assert "  4/10  6 left  " in rows[-1]
        gate.open()
        code, _ = terminal.ended()

    assert code == 0


def test_answers_on_the_same_terminal_stand_above_the_bar(place: Llmo) -> None:
    """
    Without -o they are lines of their own, and so is everything that is said.
    """
    with Gate(free=3) as gate:
        (place.home / "gate.toml").write_text(gate.profile, "utf-8")
        args = ("-P", "gate.toml", "batch", "rows.txt", "-j", "1", "--max-tokens", "9")
        terminal = Terminal(place, 2000, *args, env=gate.env)
        rows = terminal.until(lambda rows: len(rows) == 4 and "3/10" in rows[-1])
        assert [row[:6] for row in rows[:3]] == ['{"id":'] * 3
        assert all(row.endswith("}") for row in rows[:3])
        gate.open()
        code, rows = terminal.ended()

    assert (0, ['{"id":'] * 10) == (code, [row[:6] for row in rows[:10]])
    assert rows[10].startswith("llmo: 10 rows in")


def test_no_bar_stands_where_rows_go_into_a_pipe(place: Llmo) -> None:
    """
    What reads them writes to the same terminal, and would leave the bar in pieces.
    """
    with Gate(free=10) as gate:
        (place.home / "gate.toml").write_text(gate.profile, "utf-8")
        master, slave = os.openpty()
        run = place.start("-P", "gate.toml", "batch", "rows.txt", env=gate.env, stderr=slave)
        os.close(slave)
        out, _ = run.communicate(timeout=LONG)
        told = os.read(master, 65536)
        os.close(master)

    assert (0, 10) == (run.returncode, len(out.splitlines()))
    assert (True, False) == (b"10 rows in" in told, b"\x1b" in told)


def test_progress_can_be_a_log_or_nothing(place: Llmo) -> None:
    """
    Neither moves the cursor; a terminal that can't gets a log.
    """
    with Gate(free=10) as gate:
        for more, env in ((("--progress", "log"), {}), (("--progress", "none"), {}), ((), {"TERM": "dumb"})):
            (place.home / "gate.toml").write_text(gate.profile, "utf-8")
            run = place(*ARGS, "--restart", "-y", *more, env=gate.env | env, tty=True)
            assert (0, False) == (run.code, "\x1b" in run.stdout)
            assert "10 rows in" in run.stdout
            assert "/10" not in run.stdout
            gate.open()


def test_a_log_goes_where_no_terminal_is(place: Llmo) -> None:
    """
    And a bar only where one is asked for.
    """
    with Gate(free=10) as gate:
        (place.home / "gate.toml").write_text(gate.profile, "utf-8")
        plain = place(*ARGS, env=gate.env)
        gate.open()
        bar = place(*ARGS, "--restart", "-y", "--progress", "bar", env=gate.env)

    assert (0, 0) == (plain.code, bar.code)
    assert (False, True) == ("\r" in plain.stderr, "\r" in bar.stderr)
