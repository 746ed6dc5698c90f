"""Run one coroutine as the program: signals end it, and say which they were."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from llmo.cli import keyboard
from llmo.cli.context import Terminals
from llmo.errors import Exit

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

SIGNALS = {"SIGINT": Exit.SIGINT, "SIGTERM": Exit.SIGTERM, "SIGHUP": Exit.SIGHUP}
FORCE_S = 3.0
"""Seconds that booking has left after a second signal: two come at once where a parent passes them on."""


def run(main: Coroutine[Any, Any, int], runner: asyncio.Runner | None = None) -> int:
    """
    Run to the end, on the loop of `runner` if more is to follow on it; the exit code.

    A signal cancels `main` once, which books and prints what it has; its own code is then replaced by
    the signal's. A second signal leaves it `FORCE_S` for that.
    """
    caught: list[Exit] = []

    async def watched() -> int:
        task = asyncio.ensure_future(main)

        def stop(code: Exit) -> None:
            if caught:
                asyncio.get_running_loop().call_later(FORCE_S, _force, caught[0])
                return
            caught.append(code)
            task.cancel()

        terminals = listen(stop)
        try:
            return await task
        except asyncio.CancelledError:
            if not caught:
                raise
        except OSError as exc:
            # The terminal went away, and the write that found out came before its signal.
            if not (exc.errno == errno.EIO and terminals.drop()):
                raise
            caught.append(Exit.SIGHUP)
        return int(caught[0])

    code = asyncio.run(watched()) if runner is None else _on(runner, watched())
    return int(caught[0]) if caught else code


def _on(runner: asyncio.Runner, main: Coroutine[Any, Any, int]) -> int:
    """Run on a loop that stays, and give the signals back their usual effect."""
    try:
        return runner.run(main)
    finally:
        for name in SIGNALS:
            with suppress(NotImplementedError, AttributeError):
                runner.get_loop().remove_signal_handler(getattr(signal, name))


def _force(code: Exit) -> None:
    keyboard.restore()
    os._exit(int(code))


def listen(heard: Callable[[Exit], None]) -> Terminals:
    """
    Call `heard` in the running loop with the exit code of each signal.

    Under `nohup` a hangup stays ignored.
    """
    loop, terminals = asyncio.get_running_loop(), Terminals()

    def caught(code: Exit) -> None:
        terminals.drop()
        heard(code)

    for name, code in SIGNALS.items():
        number = getattr(signal, name, None)
        if number is None or (code is Exit.SIGHUP and signal.getsignal(number) is signal.SIG_IGN):
            continue
        with suppress(NotImplementedError):
            loop.add_signal_handler(number, caught, code)
    return terminals
