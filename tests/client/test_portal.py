"""A loop in a thread of its own: what ends how."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from llmo.client.portal import Portal
from llmo.errors import Cancelled, ConfigError, UsageError
from tests.patience import LONG


class Log:
    """A cleanup that writes itself down."""

    def __init__(self, error: Exception | None = None) -> None:
        self.lines: list[str] = []
        self.error = error

    async def cleanup(self) -> None:
        self.lines.append("cleanup")
        if self.error:
            raise self.error

    async def forever(self, begun: threading.Event | None = None) -> None:
        if begun:
            begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.lines.append("ended")


def test_the_cleanup_comes_after_everything_has_ended() -> None:
    """
    Work under way is cancelled first, and whoever waits for it gets `Cancelled`.
    """
    log, begun = Log(), threading.Event()
    portal = Portal(log.cleanup)
    work = portal.start(lambda: log.forever(begun))
    begun.wait(LONG)
    portal.close()

    assert ["ended", "cleanup"] == log.lines
    with pytest.raises(Cancelled):
        work.future.result(LONG)
    with pytest.raises(UsageError, match="the client is closed"):
        portal.start(log.forever)


def test_close_raises_what_the_cleanup_raised_once() -> None:
    """
    A ledger that can't be written is no secret of the thread's.
    """
    portal = Portal(Log(ConfigError("ledger cannot be used")).cleanup)
    portal.call(lambda: asyncio.sleep(0))

    with pytest.raises(ConfigError, match="ledger"):
        portal.close()
    portal.close()


def test_a_portal_that_was_never_used_has_no_thread() -> None:
    """
    Making a client and closing it costs nothing.
    """
    log = Log()
    portal = Portal(log.cleanup)
    portal.close()

    assert [] == log.lines


def test_a_loop_that_cannot_be_made_is_an_error_not_a_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Out of file descriptors, say: the caller hears of it, and the next call tries again.
    """

    def run(main: Any) -> None:
        main.close()
        raise OSError(24, "Too many open files")

    portal = Portal(Log().cleanup)
    with monkeypatch.context() as patched:
        patched.setattr(asyncio, "run", run)
        with pytest.raises(OSError, match="Too many open files"):
            portal.call(lambda: asyncio.sleep(0))

    assert "up" == portal.call(lambda: asyncio.sleep(0, "up"))
    portal.close()


def test_the_cancellation_of_a_waiter_ends_its_work() -> None:
    """
    Before the waiter goes on.
    """
    log, begun = Log(), threading.Event()
    portal = Portal(log.cleanup)

    async def main() -> None:
        waiter = asyncio.create_task(portal.acall(lambda: log.forever(begun)))
        await asyncio.to_thread(begun.wait, LONG)
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter
        assert ["ended"] == log.lines

    asyncio.run(main())
    portal.close()
