"""The batch services of both vendors, against a server that refuses what theirs refuse."""

from __future__ import annotations

import asyncio
import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from llmo.config.profile import ProviderConfig
from llmo.errors import ConfigError, Expired, ProviderError, RateLimited, Rejected, Unprocessed, Withheld
from llmo.providers.batches import BatchFault, FoundBatch, Submission
from llmo.providers.provider import ProviderContext
from llmo.providers.registry import batch_service, factory
from llmo.providers.transports.aiohttp import AiohttpTransport
from llmo.providers.transports.httpx import HttpxTransport
from llmo.providers.transports.pooled import PooledTransport
from llmo.providers.transports.transport import UPLOADED_AT_ONCE, FileBody
from llmo.types.events import Finish, Text, Usage
from llmo.types.messages import Message, Params, Request
from tests.servers.batch_service import BatchServer

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from pathlib import Path

    from llmo.providers.batches import BatchService
    from llmo.providers.transports.transport import Transport
    from llmo.types.events import Event

T = TypeVar("T")
KINDS = pytest.mark.parametrize("kind", ["openai", "anthropic"])


@pytest.fixture
def server() -> Iterator[BatchServer]:
    with BatchServer() as found:
        yield found


def run(
    server: BatchServer,
    kind: str,
    use: Callable[[BatchService], Coroutine[Any, Any, T]],
    transport: Callable[[], Transport] = HttpxTransport,
) -> T:
    """What `use` makes of the batch service of a kind."""

    async def main() -> T:
        wire = transport()
        url = f"{server.url}/v1" if kind == "openai" else server.url
        made = factory(kind)(ProviderContext(kind, url, "sk-key", ProviderConfig(kind=kind), wire))
        service = batch_service(kind, made)
        assert service is not None
        try:
            return await use(service)
        finally:
            await wire.close()

    return asyncio.run(main())


def asked(text: str, **params: Any) -> Request:
    return Request((Message("user", text),), Params(**params), stream=False)


def written(path: Path, *lines: bytes) -> None:
    path.write_bytes(b"".join(lines))


async def created(service: BatchService, path: Path, *texts: str, nonce: str = "n1") -> tuple[Submission, str]:
    """A batch of these prompts, `nonce-0` and so on."""
    written(path, *(service.line(f"{nonce}-{n}", asked(text), "m") for n, text in enumerate(texts)))
    plain = Submission(run="r", nonce=nonce, path=path, count=len(texts), after=await service.newest())
    sent = replace(plain, upload=await service.upload(plain))
    return sent, await service.create(sent)


async def answers(service: BatchService, batch: str) -> dict[str, list[Event | ProviderError]]:
    """What has become of every request of a batch that has ended."""
    found: dict[str, list[Event | ProviderError]] = {}
    status = await service.status(batch)
    assert status.ended
    for name in status.results:
        out = io.BytesIO()
        await service.download(name, out)
        for line in out.getvalue().splitlines():
            item = service.read(line)
            said = found.setdefault(item.id, [])
            try:
                service.decode(item, said.append)
            except ProviderError as exc:
                said.append(exc)
    return found


def told(events: list[Event | ProviderError]) -> tuple[str, int, str]:
    """Text, output tokens and reason of an answer."""
    usage = next(one for one in events if isinstance(one, Usage))
    finish = next(one for one in events if isinstance(one, Finish))
    return "".join(one.text for one in events if isinstance(one, Text)), usage.output_tokens, finish.reason


@KINDS
@pytest.mark.parametrize("transport", [HttpxTransport, AiohttpTransport, PooledTransport])
def test_a_batch_goes_in_and_its_answers_come_out(
    server: BatchServer, kind: str, transport: Callable[[], Transport], tmp_path: Path
) -> None:
    """
    Each answer is read as one from the endpoint itself, whatever carries the file.
    """
    texts = ("hello", "naïve ☃", "a\nb")

    async def use(service: BatchService) -> dict[str, list[Event | ProviderError]]:
        _, batch = await created(service, tmp_path / "lines", *texts)
        return await answers(service, batch)

    found = run(server, kind, use, transport)

    assert {f"n1-{n}": (f"echo: {text}", 5, "stop") for n, text in enumerate(texts)} == {
        name: told(events) for name, events in found.items()
    }


@KINDS
def test_a_request_of_a_batch_is_that_of_a_call_without_a_stream(server: BatchServer, kind: str) -> None:
    """
    Also where a long answer, or the request itself, would be streamed.
    """

    async def use(service: BatchService) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(service.line("n-0", asked("hi", max_tokens=30_000, temperature=0.5), "m"))
        return found

    line = run(server, kind, use)
    body = line["body" if kind == "openai" else "params"]

    assert {
        "model": "m",
        "max_tokens": 30_000,
        "temperature": 0.5,
        "messages": [{"role": "user", "content": "hi"}],
    } == body
    assert line["custom_id"] == "n-0"


@KINDS
def test_a_private_request_is_no_line_of_a_batch_elsewhere(server: BatchServer, kind: str) -> None:
    """
    The last check before it would be written to a file that leaves this machine.
    """
    server.url = "https://cloud.example"

    async def use(service: BatchService) -> None:
        service.line("n-0", replace(asked("hi"), private=True), "m")

    with pytest.raises(Withheld):
        run(server, kind, use)


@KINDS
def test_a_batch_is_found_again_by_its_nonce(server: BatchServer, kind: str, tmp_path: Path) -> None:
    """
    Among more batches than fit a page; another one of as many requests is told apart where that can be.
    """

    async def use(service: BatchService) -> tuple[Any, ...]:
        await created(service, tmp_path / "older", "a", "b", nonce="n0")
        sent, batch = await created(service, tmp_path / "lines", "a", "b", nonce="n1")
        for number in range(101):
            await created(service, tmp_path / "later", "a", nonce=f"m{number}")
        lost = replace(sent, nonce="n2")
        return (
            await service.find(sent, known=()),
            await service.find(sent, known={batch}),
            await service.find(lost, known=()),
            batch,
        )

    server.polls = 0
    found, known, lost, batch = run(server, kind, use)

    assert [(batch, True)] == [tuple(one) for one in found]
    assert (known, lost) == ([], [])


def test_a_batch_without_results_is_only_perhaps_ours(server: BatchServer, tmp_path: Path) -> None:
    """
    Anthropic keeps no name: until the end only the number of requests tells, and what was there before.
    """

    async def use(service: BatchService) -> list[FoundBatch]:
        await created(service, tmp_path / "older", "a", "b", nonce="n0")
        sent, _ = await created(service, tmp_path / "lines", "a", "b", nonce="n1")
        await created(service, tmp_path / "later", "a", nonce="n3")
        return await service.find(sent, known=())

    assert run(server, "anthropic", use) == [FoundBatch("msgbatch_1", certain=False)]


@KINDS
def test_what_was_not_answered_says_why_and_what_it_cost(server: BatchServer, kind: str, tmp_path: Path) -> None:
    """
    Expired and cancelled requests cost nothing, nor do those that were refused.
    """
    busy = {"error": {"type": "rate_limit_error", "code": "rate_limit_exceeded", "message": "slow down"}}
    bad = {"error": {"type": "invalid_request_error", "message": "no such thing"}}
    outcomes: dict[str, Any] = {"late": "expired", "busy": (429, busy), "bad": (400, bad)}
    server.outcome = lambda text: outcomes[text]

    async def use(service: BatchService) -> dict[str, list[Event | ProviderError]]:
        _, batch = await created(service, tmp_path / "lines", *outcomes)
        return await answers(service, batch)

    found = run(server, kind, use)
    errors = [next(one for one in found[f"n1-{n}"] if isinstance(one, ProviderError)) for n in range(3)]

    assert [type(one) for one in errors] == [Expired, RateLimited, Rejected]
    assert not any(one.may_be_billed for one in errors)


@KINDS
def test_a_cancelled_batch_has_results(server: BatchServer, kind: str, tmp_path: Path) -> None:
    """
    What was finished is there, the rest says that it was not begun; cancelling again changes nothing.
    """

    async def use(service: BatchService) -> dict[str, list[Event | ProviderError]]:
        _, batch = await created(service, tmp_path / "lines", "a", "b", "c", "d")
        await service.cancel(batch)
        await service.cancel(batch)
        return await answers(service, batch)

    found = run(server, kind, use)
    lost = {name for name, events in found.items() if isinstance(events[-1], Unprocessed)}

    assert len(found) == 4
    assert lost == {"n1-0", "n1-2"}


def test_a_batch_that_was_refused_as_a_whole_names_the_lines(server: BatchServer, tmp_path: Path) -> None:
    """
    OpenAI takes a batch at once and looks at its file later.
    """

    async def use(service: BatchService) -> tuple[BatchFault, ...]:
        path = tmp_path / "lines"
        line = service.line("n-0", asked("a"), "m")
        written(path, line, line, service.line("n-1", asked("b"), "other"))
        plain = Submission(run="r", nonce="n", path=path, count=3)
        batch = await service.create(replace(plain, upload=await service.upload(plain)))
        status = await service.status(batch)
        assert (status.word, status.ended, status.results) == ("failed", True, ())
        return status.faults

    faults = run(server, "openai", use)

    assert [(fault.line, fault.message) for fault in faults] == [
        (1, "mismatched_model"),
        (2, "duplicate_custom_id"),
        (3, "mismatched_model"),
    ]
    assert not any(fault.crowded for fault in faults)


@pytest.mark.parametrize(
    ("fault", "crowded", "allowed"),
    [
        pytest.param(
            BatchFault(
                "token_limit_exceeded",
                "Enqueued token limit reached for gpt-4o in organization org-x. Limit: 90,000 enqueued tokens. "
                "Please try again once some in_progress batches have been completed.",
            ),
            True,
            90_000,
            id="as told",
        ),
        pytest.param(BatchFault("token_limit_exceeded", "too much"), True, None, id="by its code"),
        pytest.param(BatchFault("invalid_request", "limit: 5"), False, 5, id="another"),
    ],
)
def test_too_many_waiting_tokens_are_no_fault_of_the_rows(
    fault: BatchFault, *, crowded: bool, allowed: int | None
) -> None:
    """
    Such a batch may be created again later.
    """
    assert (fault.crowded, fault.allowed) == (crowded, allowed)


def test_the_key_is_sent_to_no_other_host(server: BatchServer, tmp_path: Path) -> None:
    """
    Results are named by a URL of the server's choice.
    """
    with BatchServer() as other:
        server.results_host = other.url

        async def use(service: BatchService) -> None:
            _, batch = await created(service, tmp_path / "lines", "a")
            await answers(service, batch)

        with pytest.raises(ConfigError, match="results on another host"):
            run(server, "anthropic", use)

        assert other.requests == []


def test_a_file_is_sent_a_piece_at_a_time(tmp_path: Path) -> None:
    """
    Whatever its size; the line breaks between its lines become what JSON wants there.
    """
    path = tmp_path / "lines"
    path.write_bytes(b"x" * 300_000 + b"\n" + b"y" * 100_000 + b"\n")

    async def pieces(body: FileBody) -> list[bytes]:
        return [piece async for piece in body.chunks()]

    plain, joined = FileBody(path, b"<", b">"), FileBody(path, b"[", b"]", b",")
    sent = [asyncio.run(pieces(body)) for body in (plain, joined)]

    assert b"".join(sent[0]) == b"<" + path.read_bytes() + b">"
    assert b"".join(sent[1]) == b"[" + b"x" * 300_000 + b"," + b"y" * 100_000 + b"]"
    assert [len(b"".join(one)) for one in sent] == [plain.size, joined.size]
    assert max(len(piece) for one in sent for piece in one) <= UPLOADED_AT_ONCE


@KINDS
def test_a_line_that_is_none_is_no_answer(server: BatchServer, kind: str) -> None:
    """
    Whoever downloaded it tries again.
    """

    async def use(service: BatchService) -> list[str]:
        wrong = []
        for line in (b"", b"{", b"[]", b'{"custom_id": 7}', b"<html>"):
            try:
                service.read(line)
            except ValueError:
                wrong.append(line.decode())
        return wrong

    assert run(server, kind, use) == ["", "{", "[]", '{"custom_id": 7}', "<html>"]
