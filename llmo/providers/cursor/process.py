"""A program that is asked: started under a keeper, fed on standard input, read as it speaks."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from llmo.errors import Broken

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Mapping, Sequence

KEEPER = Path(__file__).with_name("supervisor.py")
TAIL = 4096
"""Bytes of standard error that are kept."""
_CHUNK = 65536


class Child:
    """
    One run of a program, in an empty directory and a process group of its own.

    Its end is the keeper's work, which goes on when llmo is killed: `end` says when.
    """

    def __init__(self, process: Process, lifeline: int, directory: str, given: bytes) -> None:
        self._process = process
        self._lifeline: int | None = lifeline
        self._directory = directory
        self.said = b""
        """The last of standard error."""
        self._tasks = [asyncio.ensure_future(self._feed(given)), asyncio.ensure_future(self._listen())]

    @classmethod
    async def start(cls, command: Sequence[str], given: bytes, env: Mapping[str, str]) -> Child:
        """Run a command with `given` as all of its standard input. Raises `Broken`."""
        theirs, ours = os.pipe()
        directory = tempfile.mkdtemp(prefix="llmo-")
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", os.fspath(KEEPER), str(theirs), directory, *command),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                pass_fds=(theirs,),
                cwd=directory,
                env=dict(env) | {"PWD": directory},
                start_new_session=True,
            )
        except BaseException as exc:
            os.close(ours)
            with contextlib.suppress(OSError):  # the keeper was quicker
                os.rmdir(directory)  # noqa: PTH106 - no path of pathlib may block in a coroutine
            if not isinstance(exc, (OSError, ValueError)):
                raise
            reason = getattr(exc, "strerror", None) or str(exc)
            raise Broken(f"{command[0]} cannot be started: {reason}", may_be_billed=False) from None
        finally:
            os.close(theirs)
        return cls(process, ours, directory, given)

    async def read(self) -> bytes:
        """The next piece of standard output, empty at its end."""
        assert self._process.stdout
        return await self._process.stdout.read(_CHUNK)

    async def code(self) -> int:
        """Wait for the end; the exit code, 128 + N for signal N."""
        code = await self._process.wait()
        await asyncio.wait(self._tasks)
        return code

    def end(self, grace: float, patience: float) -> None:
        """Let it run for `grace` seconds more, then SIGTERM, `patience` seconds later SIGKILL."""
        if self._lifeline is not None:
            with contextlib.suppress(OSError):  # the keeper has ended
                os.write(self._lifeline, f"{grace:g} {patience:g}\n".encode())

    async def over(self) -> None:
        """Read what nobody wants to know until it has ended, then give everything back."""
        try:
            while await self.read():
                pass
            await self.code()
        finally:
            for task in self._tasks:
                task.cancel()
            if self._lifeline is not None:
                os.close(self._lifeline)
                self._lifeline = None
            # The keeper's work, unless somebody killed the keeper.
            shutil.rmtree(self._directory, ignore_errors=True)

    async def _feed(self, given: bytes) -> None:
        stdin = self._process.stdin
        assert stdin
        with contextlib.suppress(OSError):  # it ended without reading: what it said tells more
            stdin.write(given)
            await stdin.drain()
        stdin.close()
        with contextlib.suppress(OSError):
            await stdin.wait_closed()

    async def _listen(self) -> None:
        assert self._process.stderr
        while piece := await self._process.stderr.read(_CHUNK):
            self.said = (self.said + piece)[-TAIL:]
