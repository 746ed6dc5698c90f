"""Cursor's CLI, which a flat plan pays for: an agent, run so that it can only answer."""

from __future__ import annotations

import asyncio
import re
from itertools import chain
from typing import TYPE_CHECKING

from llmo.catalog.listing import ListedModel
from llmo.config import child_environment, programs
from llmo.config.kinds import KINDS
from llmo.errors import Incomplete, ProviderError, Rejected, TimedOut, Unauthorized
from llmo.providers.cursor.events import CursorDecoder, plain
from llmo.providers.cursor.process import Child
from llmo.providers.cursor.supervisor import CANNOT_START
from llmo.providers.http import error_mapping, fields
from llmo.providers.http.framing import NdjsonFramer
from llmo.providers.http.provider import expressible
from llmo.providers.provider import admit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmo.providers.provider import ProviderContext
    from llmo.types.events import Emit
    from llmo.types.messages import Request

VERSION = re.compile(r"20\d\d\.\d\d\.\d\d-[0-9a-f]+")
PROBE_S = 20.0
"""What a command that asks no model may take."""
LINGER = (15.0, 5.0)
"""Seconds for a run that has answered to end by itself, and from SIGTERM to SIGKILL."""
HASTE = (0.2, 0.5)
"""The same when llmo itself wants to end: the answer is in."""
CLOSING_S = 10.0
ACTING = 4
"""How much longer a silence may last while a tool works."""
_MODEL = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._\-\[\]=,]*) - \S", re.MULTILINE)


class Cursor:
    """A provider of kind cursor."""

    def __init__(self, context: ProviderContext) -> None:
        self.context = context
        self._command: tuple[str, ...] = ()
        self._answered: dict[Child, asyncio.Task[None]] = {}
        self._stopped: set[asyncio.Task[None]] = set()

    async def send(self, request: Request, model: str, emit: Emit) -> None:
        """Run it once; the answer counts when its result says so, whatever the exit code."""
        admit(self.context, request, "", model)
        given = prompt(request, self.context)
        if not model or model.startswith("-"):
            raise Rejected(f"not the name of a model: {error_mapping.clean(model, None)}")
        child = await self._start([*await self._program(), *arguments(model, streamed=request.stream)], given)
        reader = CursorDecoder(self.context, streamed=request.stream)
        try:
            await self._hear(child, reader, emit)
            if reader.result is None:
                raise await self._died(child, reader)
            for event in reader.end():
                emit(event)
        except ProviderError as exc:
            for event in reader.owed():
                emit(event)
            if not reader.spoken:
                raise
            raise Incomplete(f"the stream ended early: {exc.message}", hint=exc.hint) from exc
        finally:
            self._leave(child, answered=reader.result is not None)

    async def _hear(self, child: Child, reader: CursorDecoder, emit: Emit) -> None:
        """Emit what it says until its result, or until it says no more."""
        lines = NdjsonFramer()
        while reader.result is None and (chunk := await self._next(child, reader)):
            for event in chain.from_iterable(map(reader.feed, lines.feed(chunk))):
                emit(event)
        if reader.result is None:
            for event in chain.from_iterable(map(reader.feed, lines.end())):
                emit(event)

    async def _next(self, child: Child, reader: CursorDecoder) -> bytes:
        """A piece of output; raises `TimedOut` after too long a silence."""
        idle = self.context.config.idle_timeout or KINDS[self.context.config.kind].idle
        silence = idle * ACTING if reader.acting else idle
        try:
            async with asyncio.timeout(silence):
                return await child.read()
        except TimeoutError:
            raise TimedOut(
                f"{self.context.name} sent nothing for {silence:g} s",
                hint="raise idle_timeout of the provider to wait longer",
            ) from None

    async def _died(self, child: Child, reader: CursorDecoder) -> ProviderError:
        child.end(*HASTE)
        code = await child.code()
        failed = reader.failed(code, child.said)
        if code == CANNOT_START:
            failed.may_be_billed = False
        return failed

    def _leave(self, child: Child, *, answered: bool) -> None:
        """See the child off without waiting for it: an answer is not late because its process lingers."""
        if answered:
            child.end(*LINGER)
            self._answered[child] = asyncio.ensure_future(child.over())
            self._answered[child].add_done_callback(lambda _: self._answered.pop(child, None))
            return
        child.end(0, LINGER[1])
        task = asyncio.ensure_future(child.over())
        self._stopped.add(task)
        task.add_done_callback(self._stopped.discard)

    async def _program(self) -> tuple[str, ...]:
        """What to start; another tool's `agent` is not asked."""
        if not self._command:
            found = programs.find(self.context.config, self.context.env)
            if isinstance(found, str):
                raise Unauthorized(f"{self.context.name}: {found}", hint="set command of the provider to the program")
            if not found.proven:
                said = await self._printed(found.command, "--version")
                if not VERSION.match(said):
                    raise Unauthorized(
                        f"{found.command[0]} is not Cursor's: "
                        f"it says {error_mapping.clean(said, None, 60) or 'nothing'}",
                        hint="install cursor-agent, or set command of the provider",
                    )
            self._command = found.command
        return self._command

    async def _start(self, command: Sequence[str], given: bytes = b"") -> Child:
        return await Child.start(command, given, environment(self.context))

    async def _printed(self, command: Sequence[str], *arguments: str) -> str:
        """What a command prints that asks no model."""
        child = await self._start([*command, *arguments])
        said, reader = b"", CursorDecoder(self.context, streamed=False)
        try:
            async with asyncio.timeout(PROBE_S):
                while piece := await child.read():
                    said += piece
                code = await child.code()
        except TimeoutError:
            raise TimedOut(f"{' '.join(arguments)} of {self.context.name} did not end in {PROBE_S:g} s") from None
        finally:
            self._leave(child, answered=False)
        if code:
            for line in said.splitlines():
                reader.feed(line)
            raise reader.failed(code, child.said)
        return plain(said.decode("utf-8", "replace")).strip()

    async def models(self) -> Sequence[ListedModel]:
        """`models`; what the account may use, and not all of it."""
        printed = await self._printed(await self._program(), "models")
        return [ListedModel(name) for name in _MODEL.findall(printed)]

    async def check(self) -> str:
        """`--version`; whether somebody is logged in only a call tells."""
        command = await self._program()
        said = error_mapping.clean(await self._printed(command, "--version"), self.context.api_key, 60)
        return f"{command[0]} {said}"

    async def close(self) -> None:
        """End what still runs; a stubborn one is killed."""
        for child in list(self._answered):
            child.end(*HASTE)
        if running := [*self._answered.values(), *self._stopped]:
            await asyncio.wait(running, timeout=CLOSING_S)


def arguments(model: str, *, streamed: bool) -> tuple[str, ...]:
    """Headless, reading only, and always with a model: Cursor would remember one as the person's choice."""
    pieces = ("--stream-partial-output",) if streamed else ()
    return ("-p", "--output-format", "stream-json", *pieces, "--trust", "--mode", "ask", "--model", model)


def environment(context: ProviderContext) -> dict[str, str]:
    """The user's, without the keys of others: an agent may run commands."""
    kept = child_environment.for_agent(context.env) | {"NO_OPEN_BROWSER": "1", "NO_COLOR": "1"}
    return kept | {"CURSOR_API_KEY": context.api_key} if context.api_key else kept


def prompt(request: Request, context: ProviderContext) -> bytes:
    """Everything as one text on standard input: other users see arguments, and a leading `-` would be a flag."""
    expressible(context, request)
    turns = [message for message in request.messages if message.role != "system"]
    parts = [message.text for message in request.messages if message.role == "system"]
    if turns[:-1]:
        said = "\n\n".join(f"{'User' if turn.role == 'user' else 'Assistant'}: {turn.text}" for turn in turns[:-1])
        parts.append(f"The conversation so far:\n\n{said}\n\nAnswer this message:")
    parts += [turn.text for turn in turns[-1:]]
    if request.schema is not None:
        schema = fields.write(request.schema).decode()
        parts.append(f"Answer with nothing but JSON that meets this JSON Schema: {schema}")
    return "\n\n".join(part for part in parts if part).encode("utf-8", "replace")
