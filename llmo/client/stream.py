"""One question of a client: asked to its end, or read as it comes."""

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
    """A question of a client; `answer` when `run` has ended, however it ended."""

    def __init__(self, session: Session, question: Question) -> None:
        self._session, self._question = session, question
        self._result: Result | None = None
        self._task = ""

    async def run(self, put: Callable[[str], object] | None = None) -> Answer:
        """
        Ask; `put` gets the text as it comes, with a schema in one piece, when it has been found to match.

        Raises the error that the answer ended with. Cancelled, it books what was received.
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
        """The answer, partial when it was cancelled. Raises the error that it ended with, if any."""
        if self._result is None:
            raise UsageError("there is no answer yet", hint="read the stream to its end, or close it")
        return answers.answer(self._result, task=self._task)


class _StreamPieces:
    """What both streams are: an answer whose pieces are handed over from the other loop."""

    def __init__(self, owner: object, portal: Portal, asked: ClientQuestion) -> None:
        # The owner is kept: a client that nobody holds any more closes itself.
        self._owner, self._portal, self._asked = owner, portal, asked
        self._work: PortalCall[Answer] | None = None
        self._over = False

    @property
    def result(self) -> Answer:
        """The answer, when the pieces have ended; partial when closed early. Raises the error it ended with."""
        if self._work is not None and not self._work.future.done():
            raise UsageError("there is no answer yet", hint="read the stream to its end, or close it")
        return self._asked.answer

    def _begin(self, put: Callable[[str | None], object]) -> PortalCall[Answer]:
        """Start; `put` gets each piece, and None at the end."""
        asked = self._asked
        work = self._portal.start(lambda: asked.run(put))
        work.future.add_done_callback(lambda _: put(None))
        return work

    def _ended(self, stop: type[Exception]) -> Exception:
        """What to raise at the end: its error once, `stop` ever after."""
        error = None if self._over or self._work is None else self._work.future.exception()
        self._over = True
        return error if isinstance(error, Exception) else stop()

    def __del__(self) -> None:
        if self._work is not None:
            self._work.cancel()


class Stream(_StreamPieces):
    """Iterates over pieces of text, then has a `result`. Left early, `close` it (or use `with`): it is booked then."""

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
        """End it; what was received is booked when this returns."""
        self._over = True
        if self._work is not None:
            self._work.cancel()
            wait([self._work.future])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class AsyncStream(_StreamPieces):
    """The same for `async for`, on one loop. Left early, `close` it (or use `async with`)."""

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
        """End it; what was received is booked when this returns."""
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
    """Put from another thread; a loop that has gone has no reader."""

    def put(piece: str | None) -> None:
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(queue.put_nowait, piece)

    return put
