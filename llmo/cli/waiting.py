"""The line on stderr that stands until the first token: which model is asked, and for how long."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from llmo.render.progress_bar import CLEAR, ERASE
from llmo.render.side_by_side import wrapped
from llmo.types.redact import masked

if TYPE_CHECKING:
    from types import TracebackType

    from llmo.cli.context import Context, GivesWay

FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
PLAIN = "-\\|/"
FRAME_S = 0.1


class WaitingLine:
    """
    Shows the line while its context is open, unless stderr is not a terminal that can erase it, or with --quiet.

    `name` is the model that is asked now. `then` gives way to other lines after it.
    """

    def __init__(self, ctx: Context, *, then: GivesWay | None) -> None:
        self.name, self._line = "", ""
        self._ctx, self._then = ctx, then
        self._size = None if ctx.quiet else ctx.stderr_size
        self._task: asyncio.Task[None] | None = None
        encoding = (getattr(ctx.stderr, "encoding", None) or "").lower().replace("-", "")
        self._frames = FRAMES if encoding == "utf8" else PLAIN

    async def __aenter__(self) -> Self:
        """Begin."""
        self._ctx.bar = self._then
        if self._size:
            self._ctx.bar = self
            self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the line away."""
        self.stop()
        self._ctx.bar = None

    def stop(self) -> None:
        """Take the line away for good."""
        if self._task:
            self._task.cancel()
            self._task = None
            self.clear()
            self._ctx.bar = self._then

    def clear(self) -> None:
        """Take the line away until it changes."""
        if self._line:
            self._ctx.draw(CLEAR)
            self._line = ""

    def draw(self) -> None:
        """Nothing: it is drawn again soon."""

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        began, frame = loop.time(), 0
        # Nothing flickers before an answer that comes at once.
        while self._size:
            await asyncio.sleep(FRAME_S)
            line = f"{self._frames[frame % len(self._frames)]} {masked(self.name)} {int(loop.time() - began)} s"
            # One column stays free, and the cursor at the begin: so a new size of the terminal leaves nothing behind.
            self._line = wrapped(line, max(1, self._size().columns - 1))[0]
            self._ctx.draw(f"\r{self._line}{ERASE}\r")
            frame += 1
