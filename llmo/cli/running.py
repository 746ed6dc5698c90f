"""Run one coroutine as the program: signals cancel it, and say which they were."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any

from llmo.errors import Exit

if TYPE_CHECKING:
    from collections.abc import Coroutine

CODES = {signal.SIGINT: Exit.SIGINT, signal.SIGTERM: Exit.SIGTERM}


def run(main: Coroutine[Any, Any, int]) -> int:
    """
    Run to the end; the exit code.

    SIGINT and SIGTERM cancel `main` once, which books and prints what it has; its own code is
    then replaced by the signal's. A second signal ends the process at once.
    """
    caught: list[Exit] = []

    async def watched() -> int:
        task = asyncio.ensure_future(main)
        loop = asyncio.get_running_loop()

        def stop(number: signal.Signals) -> None:
            caught.append(CODES[number])
            loop.remove_signal_handler(number)
            task.cancel()

        for number in CODES:
            loop.add_signal_handler(number, stop, number)
        try:
            return await task
        except asyncio.CancelledError:
            if not caught:
                raise
            return int(caught[0])

    code = asyncio.run(watched())
    return int(caught[0]) if caught else code
