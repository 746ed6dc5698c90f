"""One question of a client, answered at once or as a stream."""

from __future__ import annotations

import asyncio
from concurrent.futures import wait
from contextlib import suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Self

from llmo.client import answers
from llmo.client.session import QuestionEnded
from llmo.errors import UsageError
from llmo.types.events import Text

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from llmo.client.answers import Answer
    from llmo.client.portal import Portal, PortalCall
    from llmo.client.question import Question
    from llmo.client.session import Session
    from llmo.engine.progress import Progress
    from llmo.engine.results import Result


class ClientQuestion:
    """A question of a client; `answer` is available once `run` has ended, even if it was cancelled."""

    def __init__(self, session: Session, question: Question) -> None:
        self._session, self._question = session, question
        self._result: Result | None = None
        self._task = ""

    async def run(self, put: Callable[[str], object] | None = None) -> Answer:
        """
        Ask; `put` receives the text as it arrives, or in one piece once it matches the schema if there is one.

        Raises the error of a failed answer. When cancelled, settles what was received.
        """
        plan = self._session.plan(self._question)
        self._task = plan.task.name
        whole = self._question.request.schema is not None

        def emit(event: Progress | QuestionEnded) -> None:
            match event:
                case Text(piece) if put is not None and not whole:
                    put(piece)
                case QuestionEnded(result):
                    self._result = result

        await self._session.run(self._question, emit, plan=plan)
        answer = self.answer
        if put is not None and whole:
            put(answer.text)
        return answer

    @property
    def answer(self) -> Answer:
        """Return the answer, partial if it was cancelled. Raises the error of a failed answer."""
        if self._result is None:
            raise UsageError("there is no answer yet", hint="read the stream to its end or close it first")
        return answers.answer(self._result, task=self._task)


class _StreamPieces:
    """The part that both streams share: pieces are handed over from the portal's loop."""

    def __init__(self, owner: object, portal: Portal, asked: ClientQuestion) -> None:
        # Keep the owner alive: a client that is no longer referenced closes itself.
        self._owner, self._portal, self._asked = owner, portal, asked
        self._work: PortalCall[Answer] | None = None
        self._over = False

    @property
    def result(self) -> Answer:
        """Return the answer once the stream has ended, partial if it was closed early. Raises its error."""
        if self._work is not None and not self._work.future.done():
            raise UsageError("there is no answer yet", hint="read the stream to its end or close it first")
        return self._asked.answer

    def _begin(self, put: Callable[[str | None], object]) -> PortalCall[Answer]:
        """Start; `put` receives each piece, and None at the end."""
        asked = self._asked
        work = self._portal.start(lambda: asked.run(put))
        work.future.add_done_callback(lambda _: put(None))
        return work

    def _ended(self, stop: type[Exception]) -> Exception:
        """Return what to raise at the end: the error the first time, then `stop`."""
        error = None if self._over or self._work is None else self._work.future.exception()
        self._over = True
        return error if isinstance(error, Exception) else stop()

    def __del__(self) -> None:
        if self._work is not None:
            self._work.cancel()


class Stream(_StreamPieces):
    """Iterates over pieces of text, then has a `result`. To stop early, call `close` or use `with`."""

    def __init__(self, owner: object, portal: Portal, asked: ClientQuestion) -> None:
        super().__init__(owner, portal, asked)
        self._queue: SimpleQueue[str | None] = SimpleQueue()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        if self._over:
            raise StopIteration
        if self._work is None:
            self._work = self._begin(self._queue.put)
        piece = self._queue.get()
        if piece is None:
            raise self._ended(StopIteration)
        return piece

    def close(self) -> None:
        """Stop the stream; what was received is settled when this returns."""
        self._over = True
        if self._work is not None:
            self._work.cancel()
            wait([self._work.future])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class AsyncStream(_StreamPieces):
    """A stream for `async for`, on one loop. To stop early, call `close` or use `async with`."""

    def __init__(self, owner: object, portal: Portal, asked: ClientQuestion) -> None:
        super().__init__(owner, portal, asked)
        self._queue: asyncio.Queue[str | None] = asyncio.Queue()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        if self._over:
            raise StopAsyncIteration
        if self._work is None:
            self._work = self._begin(_into(asyncio.get_running_loop(), self._queue))
        piece = await self._queue.get()
        if piece is None:
            raise self._ended(StopAsyncIteration)
        return piece

    async def close(self) -> None:
        """Stop the stream; what was received is settled when this returns."""
        self._over = True
        if self._work is not None:
            self._work.cancel()
            await asyncio.wait([asyncio.wrap_future(self._work.future)])

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()


def _into(loop: asyncio.AbstractEventLoop, queue: asyncio.Queue[str | None]) -> Callable[[str | None], Any]:
    """Return a function that puts from another thread, and does nothing once the loop is closed."""

    def put(piece: str | None) -> None:
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(queue.put_nowait, piece)

    return put
