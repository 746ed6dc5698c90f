"""An event loop in a background thread, for callers that have no loop or several."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import Future, wait
from contextlib import suppress
from functools import partial
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from llmo.errors import Cancelled, UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

T = TypeVar("T")


class PortalCall(Generic[T]):
    """A coroutine on the portal's loop; `future` is done only once it has really ended, even after `cancel`."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.future: Future[T] = Future()
        # A running future can't be cancelled from outside: it would be done before the task is.
        self.future.set_running_or_notify_cancel()
        self._loop = loop
        self._task: asyncio.Task[T] | None = None
        self._cancelled = False

    def begin(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start the coroutine; called in the loop."""
        self._task = self._loop.create_task(coroutine)
        self._task.add_done_callback(self._end)
        if self._cancelled:
            self._task.cancel()
        return self._task

    def refuse(self) -> None:
        """Fail because the portal closed first; called in the loop."""
        self.future.set_exception(Cancelled("the client was closed"))

    def cancel(self) -> None:
        """Request cancellation from any thread, without waiting."""
        self._cancelled = True
        # A loop that has closed has ended all its tasks.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _end(self, task: asyncio.Task[T]) -> None:
        if task.cancelled():
            self.future.set_exception(Cancelled("the client was closed"))
        elif (error := task.exception()) is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(task.result())


class Portal:
    """The background thread, started by the first call; `cleanup` runs on its loop once all calls have ended."""

    def __init__(self, cleanup: Callable[[], Awaitable[None]]) -> None:
        self._cleanup = cleanup
        self._lock = Lock()
        self._pid = os.getpid()
        self._thread: Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._enough: asyncio.Event | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False
        self._failure: BaseException | None = None

    def start(self, make: Callable[[], Coroutine[Any, Any, T]]) -> PortalCall[T]:
        """Run the coroutine that `make` returns. Raises `UsageError` if closed, or in a forked process."""
        if os.getpid() != self._pid:
            raise UsageError("this client belongs to the parent process", hint="create one in each process")
        with self._lock:
            if self._closed:
                raise UsageError("the client is closed")
            loop = self._running()
            work: PortalCall[T] = PortalCall(loop)
            loop.call_soon_threadsafe(self._begin, make, work)
        return work

    def call(self, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run and wait; on Ctrl-C, cancel the work and wait for it before raising."""
        work = self.start(make)
        try:
            return work.future.result()
        except BaseException:
            if not work.future.done():
                work.cancel()
                wait([work.future])
            raise

    async def acall(self, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run and await from any loop; when cancelled, cancel the work and wait for it first."""
        work = self.start(make)
        done = asyncio.wrap_future(work.future)
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            work.cancel()
            await asyncio.wait([done])
            done.exception()
            raise

    def stop(self) -> None:
        """Cancel everything and end the thread, without waiting; may be called from anywhere."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            if self._loop is not None and self._enough is not None:
                self._loop.call_soon_threadsafe(self._enough.set)

    def close(self) -> None:
        """Stop, and wait for the thread to end. Raises what `cleanup` raised."""
        self.stop()
        if self._thread is not None and os.getpid() == self._pid:
            self._thread.join()
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            started: Future[asyncio.AbstractEventLoop] = Future()
            self._thread = Thread(target=self._run, args=(started,), name="llmo-client", daemon=True)
            self._thread.start()
            self._loop = started.result()
        return self._loop

    def _run(self, started: Future[asyncio.AbstractEventLoop]) -> None:
        try:
            asyncio.run(self._serve(started))
        except BaseException as exc:  # noqa: BLE001 - whoever waits for this thread gets it
            if started.done():
                self._failure = exc
            else:
                started.set_exception(exc)

    async def _serve(self, started: Future[asyncio.AbstractEventLoop]) -> None:
        self._enough = asyncio.Event()
        started.set_result(asyncio.get_running_loop())
        try:
            await self._enough.wait()
        finally:
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks)
            await self._cleanup()

    def _begin(self, make: Callable[[], Coroutine[Any, Any, T]], work: PortalCall[T]) -> None:
        if self._closed:
            work.refuse()
            return
        task = work.begin(make())
        self._tasks.add(task)
        task.add_done_callback(partial(_forget, self._tasks))


def _forget(tasks: set[asyncio.Task[Any]], task: asyncio.Task[Any]) -> None:
    tasks.discard(task)
