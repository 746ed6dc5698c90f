"""Anthropic's message batches: the requests go in with the call that creates one, and one file comes back."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any, ClassVar

from llmo.errors import ConfigError, Expired, ProviderError, Unprocessed
from llmo.providers.anthropic.provider import AnthropicDecoder, encode
from llmo.providers.batches import BatchItem, BatchLimits, BatchStatus, FoundBatch
from llmo.providers.http import batch_calls, error_mapping, fields
from llmo.providers.http.listing import pages, queried
from llmo.providers.provider import admit
from llmo.providers.transports.transport import FileBody, shown, split

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection
    from typing import BinaryIO
    from urllib.parse import SplitResult

    from llmo.providers.anthropic.provider import Anthropic
    from llmo.providers.batches import Submission
    from llmo.types.events import Emit
    from llmo.types.messages import Request

_PATH = "/v1/messages/batches"
_COUNTS = ("processing", "succeeded", "errored", "canceled", "expired")


class AnthropicBatches:
    """The batches of a provider of kind anthropic."""

    limits: ClassVar[BatchLimits] = BatchLimits(requests=100_000, size=250_000_000)

    def __init__(self, provider: Anthropic) -> None:
        self._provider = provider

    def line(self, name: str, request: Request, model: str) -> bytes:
        """The request as the service takes it."""
        context = self._provider.context
        admit(context, request, self._provider.url(_PATH), model)
        params = encode(request, model, context, streams=False)
        return b'{"custom_id":%b,"params":%b}\n' % (fields.write(name), params)

    async def newest(self) -> str:
        """The id of the newest batch: of those that follow it one may be ours, as there is no metadata to tell."""
        page = await self._provider.fetch(queried(self._provider.url(_PATH), {"limit": "1"}))
        return fields.text(fields.obj(next(iter(fields.seq(page.get("data"))), None)).get("id"))

    async def upload(self, submission: Submission) -> str:
        """Nothing: the lines go with `create`."""
        del submission
        return ""

    async def create(self, submission: Submission) -> str:
        """`POST /v1/messages/batches`, streamed from the disk."""
        file = FileBody(submission.path, b'{"requests":[', b"]}", b",")
        call = self._provider.call("POST", self._provider.url(_PATH))
        return await batch_calls.made(self._provider, batch_calls.carrying(call, file, "application/json"))

    async def find(self, submission: Submission, *, known: Collection[str]) -> list[FoundBatch]:
        """
        The batches of as many requests that were created after `submission.after`.

        Those that have ended are told apart by the ids in their results; of others nobody can tell.
        """
        found: list[FoundBatch] = []
        async with aclosing(self._newer(submission.after)) as listed:
            async for batch in listed:
                status = self._status(batch)
                if status.id and status.id not in known and status.total in (None, submission.count):
                    mine = await self._has(status, submission.nonce) if status.results else None
                    found += [FoundBatch(status.id, certain=bool(mine))] if mine is not False else []
        return sorted(found, key=lambda one: not one.certain)

    async def _newer(self, than: str) -> AsyncGenerator[dict[str, Any]]:
        """The batches that were created after one, latest first; all of them where there was none."""
        url = self._provider.url(_PATH)
        async with aclosing(pages(self._provider, url, size=100, cursor="after_id")) as listed:
            async for page in listed:
                for batch in page:
                    if than and fields.text(batch.get("id")) == than:
                        return
                    yield batch

    async def _has(self, status: BatchStatus, nonce: str) -> bool:
        """Whether the first result of an ended batch has an id of the submission."""
        head = b""
        async with aclosing(batch_calls.pieces(self._provider, self._results(status.results[0]))) as body:
            async for piece in body:
                head += piece
                if b"\n" in piece:
                    break
        try:
            return self.read(head.partition(b"\n")[0]).id.startswith(f"{nonce}-")
        except ValueError:
            return False

    async def status(self, batch: str) -> BatchStatus:
        """`GET /v1/messages/batches/ID`; all counts but one stay 0 until the end."""
        return self._status(await self._provider.fetch(self._url(batch)), batch)

    def _status(self, told: dict[str, Any], batch: str | None = None) -> BatchStatus:
        word = fields.text(told.get("processing_status"))
        counts = fields.obj(told.get("request_counts"))
        numbers = [fields.count(counts.get(name)) for name in _COUNTS]
        ended, results = word == "ended", fields.text(told.get("results_url"))
        return BatchStatus(
            id=fields.text(told.get("id")) if batch is None else batch,
            word=error_mapping.clean(word, None, 40) or "of unknown state",
            ended=ended,
            total=sum(one or 0 for one in numbers) if any(numbers) else None,
            finished=sum(one or 0 for one in numbers[1:]) if ended else None,
            results=(results,) if ended and results else (),
        )

    async def download(self, results: str, out: BinaryIO) -> None:
        """The results, from the API's own host only."""
        await batch_calls.saved(self._provider, self._results(results), out)

    def _results(self, url: str) -> str:
        """The address of results. Raises `ConfigError` for one on another host: the key would go there."""
        here = split(self._provider.url(_PATH))
        try:
            there: SplitResult | None = split(url)
        except ConfigError:
            there = None
        if there is None or (there.scheme, there.netloc) != (here.scheme, here.netloc):
            raise ConfigError(
                f"{self._provider.context.name} names results on another host: {shown(url)}",
                hint="the key is sent only to the host of base_url; nothing was sent",
            )
        return url

    async def cancel(self, batch: str) -> None:
        """`POST /v1/messages/batches/ID/cancel`."""
        await batch_calls.cancelled(self._provider, self._provider.call("POST", f"{self._url(batch)}/cancel"))

    def read(self, line: bytes) -> BatchItem:
        """A line of the results; only `succeeded` is billed."""
        told = fields.obj(fields.read(line))
        name, result = fields.text(told.get("custom_id")), fields.obj(told.get("result"))
        if not name:
            raise ValueError("no line of a batch")
        match result.get("type"):
            case "succeeded" if isinstance(result.get("message"), dict):
                return BatchItem(name, result["message"])
            case "errored":
                error = fields.obj(result.get("error"))
                return BatchItem(name, None, self._errored(error), fields.text(error.get("request_id")) or None)
            case "expired":
                return BatchItem(name, None, Expired("the batch expired before it came to this row; it cost nothing"))
            case "canceled":
                return BatchItem(
                    name, None, Unprocessed("the batch was cancelled before it came to this row; it cost nothing")
                )
        return BatchItem(name, None, batch_calls.unanswered(self._provider))

    def _errored(self, error: dict[str, Any]) -> ProviderError:
        said = error_mapping.parse_error(None, error_mapping.NO_HEADERS, error)
        found = self._provider.failed(said or error_mapping.ErrorBody("no reason given"))
        found.may_be_billed = False
        return found

    def decode(self, item: BatchItem, emit: Emit) -> None:
        """A whole message, as from the endpoint itself."""
        message = {"type": "message", **batch_calls.answer(item, emit)}
        self._provider.whole(message, AnthropicDecoder(self._provider.context, self._provider.failed), emit)

    def _url(self, batch: str) -> str:
        return f"{self._provider.url(_PATH)}/{batch_calls.part(batch)}"
