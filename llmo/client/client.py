"""
llmo for programs: the engine, ledger, budgets and privacy of the command line, behind two small classes.

    import llmo

    with llmo.Client("offline") as client:
        print(client.ask("Name three rivers of Europe.").text)
        for piece in client.stream("And in Asia?", max_tokens=200, tags={"team": "maps"}):
            print(piece, end="")

Both classes run an event loop in a background thread: `Client` can be used inside a running loop (notebooks),
`AsyncClient` from any number of loops, and neither blocks the caller's loop. Failures are raised as `llmo.errors`, with
the attempts that were made and the text received so far. Prompts and answers are not saved.
"""

from __future__ import annotations

import asyncio
import logging
import os
import weakref
from typing import TYPE_CHECKING, Self, Unpack

from llmo.client import answers
from llmo.client.portal import Portal
from llmo.client.question import Options, cap, question
from llmo.client.runtime import Runtime
from llmo.client.session import Session, Terms
from llmo.client.stream import AsyncStream, ClientQuestion, Stream
from llmo.config import parameters
from llmo.engine import output_limits
from llmo.engine.provider_limits import RateOverrides, limits
from llmo.types.ids import ulid

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from llmo.client.answers import Answer, Estimate, Limits
    from llmo.client.question import Dollars, Prompt, Question


class _Owner:
    """The part that both clients share: a session that runs on the loop of a portal."""

    def __init__(
        self,
        profile: str | Path | None = None,
        *,
        env: Mapping[str, str] | None = None,
        concurrency: int | None = None,
        max_cost: Dollars | None = None,
        allow_unpriced: bool = False,
    ) -> None:
        """
        `profile` is a name or a path, `env` replaces the process's environment.

        `max_cost` caps everything that this client spends. `concurrency` is how many requests may be in flight at
        each provider; above 1 the client is tuned for many requests, as `llmo batch` is: a hold that a budget refuses
        waits for the client's other calls to settle, and `timeout` does not include waiting. Raises `ConfigError` for
        an invalid profile.
        """
        concurrency = parameters.whole("concurrency", concurrency)
        cap(max_cost)
        runtime = Runtime(
            env=dict(os.environ) if env is None else env,
            profile_name=None if profile is None else os.fspath(profile),
            online=True,
        )
        log = logging.getLogger("llmo")
        terms = Terms(
            run=ulid(runtime.clock.now()),
            max_cost=None if max_cost is None else str(max_cost),
            allow_unpriced=allow_unpriced,
            rates=RateOverrides(concurrency=concurrency),
            width=concurrency if concurrency is not None and concurrency > 1 else None,
            warn=log.warning,
            tell=log.info,
        )
        self._session = Session(runtime, terms)
        self._portal = Portal(self._session.close)
        # Not at exit: the process ends anyway, and `llmo cost --reconcile` settles holds left open.
        weakref.finalize(self, self._portal.stop).atexit = False

    @property
    def run(self) -> str:
        """The name of this client in the ledger: `llmo cost --run`."""
        return self._session.terms.run

    def _asked(self, prompt: Prompt, options: Options, *, shown: bool) -> ClientQuestion:
        """Prepare a question; an answer that is `shown` as it arrives cannot be started over."""
        # Whole bodies are cheaper for many requests; a stream keeps the text received before a failure.
        stream = shown or self._session.terms.width is None
        return ClientQuestion(self._session, question(prompt, options, stream=stream, restart=not shown))

    async def _estimate(self, asked: Question) -> Estimate:
        session = self._session
        money = session.allowance(asked.tags)
        return answers.estimate(output_limits.decided(session.plan(asked), money))

    async def _limits(self) -> Limits:
        session = self._session
        return answers.Limits(
            budgets=tuple(map(answers.budget, session.statuses())),
            providers={name: self._pace(name) for name in session.runtime.profile.providers},
        )

    def _pace(self, name: str) -> answers.Pace:
        from llmo.config.credentials import why_not_ready

        session, runtime = self._session, self._session.runtime
        config = runtime.profile.providers[name]
        allowed = limits(config, session.terms.rates)
        return answers.Pace(
            rpm=allowed.rpm,
            tpm=allowed.tpm,
            concurrency=allowed.concurrency,
            cooling_s=max(session.rate_limits.cooling(name), runtime.ledger.cooling(name)),
            not_ready=why_not_ready(name, config, runtime.env),
        )


class Client(_Owner):
    """A blocking client; may be shared by threads. Use it in `with`, or call `close`."""

    def ask(self, prompt: Prompt, **options: Unpack[Options]) -> Answer:
        """Return the answer to a prompt or messages; see `llmo.client.question.Options`. Raises `LlmoError`."""
        asked = self._asked(prompt, options, shown=False)
        return self._portal.call(asked.run)

    def stream(self, prompt: Prompt, **options: Unpack[Options]) -> Stream:
        """Return the answer as a stream; nothing is sent until it is first read."""
        return Stream(self, self._portal, self._asked(prompt, options, shown=True))

    def estimate(self, prompt: Prompt, **options: Unpack[Options]) -> Estimate:
        """Return which models would answer and at what cost, without sending anything."""
        asked = question(prompt, options)
        return self._portal.call(lambda: self._estimate(asked))

    def limits(self) -> Limits:
        """Return what is left of each budget, and the rate limits of each provider."""
        return self._portal.call(self._limits)

    def close(self) -> None:
        """Cancel and settle calls in flight and close connections; later calls are refused."""
        self._portal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class AsyncClient(_Owner):
    """An async client; may be shared by tasks and loops. Use it in `async with`, or call `close`."""

    @classmethod
    def beside(cls, client: Client) -> Self:
        """Return a client that shares everything with a `Client`; closing that one closes both."""
        made = cls.__new__(cls)
        made._session, made._portal = client._session, client._portal  # noqa: SLF001 - two faces of one client
        made._kept = client  # noqa: SLF001 - its own
        return made

    _kept: Client | None = None

    async def ask(self, prompt: Prompt, **options: Unpack[Options]) -> Answer:
        """Return the answer to a prompt or messages; see `llmo.client.question.Options`. Raises `LlmoError`."""
        asked = self._asked(prompt, options, shown=False)
        return await self._portal.acall(asked.run)

    def stream(self, prompt: Prompt, **options: Unpack[Options]) -> AsyncStream:
        """Return the answer as a stream; nothing is sent until it is first read."""
        return AsyncStream(self, self._portal, self._asked(prompt, options, shown=True))

    async def estimate(self, prompt: Prompt, **options: Unpack[Options]) -> Estimate:
        """Return which models would answer and at what cost, without sending anything."""
        asked = question(prompt, options)
        return await self._portal.acall(lambda: self._estimate(asked))

    async def limits(self) -> Limits:
        """Return what is left of each budget, and the rate limits of each provider."""
        return await self._portal.acall(self._limits)

    async def close(self) -> None:
        """Cancel and settle calls in flight and close connections; later calls are refused."""
        await asyncio.to_thread(self._portal.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()
