"""Keys that are pressed while an answer is written: they must not appear in the midst of it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if sys.platform != "win32":
    import termios

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TextIO

_ECHO = 3
"""Where termios keeps the local modes."""
_SILENCED: dict[int, list[Any]] = {}
"""Terminals without echo, and the modes they had."""


@contextmanager
def unseen(terminal: TextIO | None, moved: Callable[[], None]) -> Iterator[None]:
    """
    Don't echo keys on a terminal; the shell gets them afterwards. Signals of keys stay.

    `moved` is called when the process continues after Ctrl-Z: others have written to the terminal.
    """
    if terminal is None:
        yield
        return
    number = terminal.fileno()
    loop = asyncio.get_running_loop()

    def stopped() -> None:
        restore()
        loop.remove_signal_handler(signal.SIGTSTP)
        os.kill(os.getpid(), signal.SIGTSTP)
        # Here it continues.
        moved()
        _silence(number)
        loop.add_signal_handler(signal.SIGTSTP, stopped)

    _silence(number)
    # Some parents have it ignored.
    listens = sys.platform != "win32" and signal.getsignal(signal.SIGTSTP) is signal.SIG_DFL
    if listens:
        loop.add_signal_handler(signal.SIGTSTP, stopped)
    try:
        yield
    finally:
        restore()
        if listens:
            loop.remove_signal_handler(signal.SIGTSTP)


def restore() -> None:
    """Echo again on every terminal; it may have been closed."""
    while _SILENCED:
        _set(*_SILENCED.popitem())


def _silence(number: int) -> None:
    if sys.platform == "win32":
        return
    with suppress(OSError, termios.error):
        modes = termios.tcgetattr(number)
        silent = list(modes)
        silent[_ECHO] &= ~termios.ECHO
        if _set(number, silent):
            _SILENCED[number] = modes


def _set(number: int, modes: list[Any]) -> bool:
    """Set the modes of a terminal; in the background, where that would stop the process, leave them."""
    if sys.platform != "win32":
        with suppress(OSError, termios.error):
            if os.tcgetpgrp(number) == os.getpgrp():
                termios.tcsetattr(number, termios.TCSANOW, modes)
                return True
    return False
