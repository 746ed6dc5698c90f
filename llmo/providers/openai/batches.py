"""OpenAI's batches: a file is uploaded, a batch made of it, and two more files come back."""

from __future__ import annotations

import os
from contextlib import aclosing
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar

from llmo.errors import Expired, ProviderError, Rejected, TimedOut, Unprocessed
from llmo.providers.batches import BatchFault, BatchItem, BatchLimits, BatchStatus, FoundBatch
from llmo.providers.http import batch_calls, error_mapping
from llmo.providers.http import fields as wire
from llmo.providers.http.listing import pages
from llmo.providers.openai.decoder import OpenAIDecoder
from llmo.providers.openai.provider import encode
from llmo.providers.provider import admit
from llmo.providers.transports.transport import FileBody

if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import BinaryIO

    from llmo.providers.batches import Submission
    from llmo.providers.openai.provider import OpenAI
    from llmo.types.events import Emit
    from llmo.types.messages import Request

ENDPOINT = "/v1/chat/completions"
NONCE, RUN = "llmo_nonce", "llmo_run"
"""Names in the metadata of a batch."""
_ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
_LOST = {"batch_expired": Expired, "batch_cancelled": Unprocessed}


class OpenAIBatches:
    """The batches of a provider of kind openai."""

    limits: ClassVar[BatchLimits] = BatchLimits(requests=50_000, size=190_000_000)

    def __init__(self, provider: OpenAI) -> None:
        self._provider = provider

    def line(self, name: str, request: Request, model: str) -> bytes:
        """The request as the service takes it."""
        context = self._provider.context
        admit(context, request, self._provider.url("/batches"), model)
        head = wire.write({"custom_id": name, "method": "POST", "url": ENDPOINT})
        return b'%b,"body":%b}\n' % (head[:-1], encode(request, model, context))

    async def newest(self) -> str:
        """Nothing: the metadata of a batch tells whose it is."""
        return ""

    async def upload(self, submission: Submission) -> str:
        """`POST /files`, streamed from the disk."""
        boundary = f"llmo-{os.urandom(16).hex()}"
        name = f"llmo-{submission.nonce}.jsonl"
        before = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            "Content-Type: application/jsonl\r\n\r\n"
        )
        file = FileBody(submission.path, before.encode(), f"\r\n--{boundary}--\r\n".encode())
        call = self._provider.call("POST", self._provider.url("/files"))
        form = f"multipart/form-data; boundary={boundary}"
        return await batch_calls.made(self._provider, batch_calls.carrying(call, file, form))

    async def create(self, submission: Submission) -> str:
        """`POST /batches`."""
        body = {
            "input_file_id": submission.upload,
            "endpoint": ENDPOINT,
            "completion_window": "24h",
            "metadata": {RUN: submission.run, NONCE: submission.nonce},
        }
        call = self._provider.call("POST", self._provider.url("/batches"), wire.write(body))
        return await batch_calls.made(self._provider, call)

    async def find(self, submission: Submission, *, known: Collection[str]) -> list[FoundBatch]:
        """The batches whose metadata has the nonce: the list is read to its end, for the clocks may differ."""
        url = self._provider.url("/batches")
        async with aclosing(pages(self._provider, url, size=100, cursor="after")) as listed:
            async for page in listed:
                mine = [one for one in page if wire.obj(one.get("metadata")).get(NONCE) == submission.nonce]
                names = [name for one in mine if (name := wire.text(one.get("id"))) and name not in known]
                if names:
                    return [FoundBatch(name, certain=True) for name in names]
        return []

    async def status(self, batch: str) -> BatchStatus:
        """`GET /batches/ID`; an expired or cancelled batch has results as a completed one has."""
        told = await self._provider.fetch(self._url(batch))
        word = wire.text(told.get("status"))
        counts = wire.obj(told.get("request_counts"))
        done = [wire.count(counts.get(name)) for name in ("completed", "failed")]
        files = (wire.text(told.get(name)) for name in ("output_file_id", "error_file_id"))
        return BatchStatus(
            id=batch,
            word=error_mapping.clean(word, None, 40) or "of unknown state",
            ended=word in _ENDED,
            total=wire.count(counts.get("total")) or None,
            finished=sum(one or 0 for one in done) if None not in done else None,
            results=tuple(filter(None, files)) if word in _ENDED else (),
            faults=self._faults(told) if word == "failed" else (),
        )

    def _faults(self, told: dict[str, Any]) -> tuple[BatchFault, ...]:
        listed = [wire.obj(one) for one in wire.seq(wire.obj(told.get("errors")).get("data"))]
        key = self._provider.context.api_key
        found = tuple(
            BatchFault(
                error_mapping.clean(wire.text(one.get("code")), key, 60),
                error_mapping.clean(wire.text(one.get("message")), key) or "no reason given",
                wire.count(one.get("line")),
            )
            for one in listed
        )
        return found or (BatchFault("", "no reason given"),)

    async def download(self, results: str, out: BinaryIO) -> None:
        """`GET /files/ID/content`."""
        url = self._provider.url(f"/files/{batch_calls.part(results)}/content")
        await batch_calls.saved(self._provider, url, out)

    async def cancel(self, batch: str) -> None:
        """`POST /batches/ID/cancel`."""
        await batch_calls.cancelled(self._provider, self._provider.call("POST", f"{self._url(batch)}/cancel", b"{}"))

    def read(self, line: bytes) -> BatchItem:
        """A line of the output or the error file: only a status of 200 without an error is an answer."""
        told = wire.obj(wire.read(line))
        name, response = wire.text(told.get("custom_id")), wire.obj(told.get("response"))
        if not name:
            raise ValueError("no line of a batch")
        asked = wire.text(response.get("request_id")) or None
        if error := told.get("error"):
            return BatchItem(name, None, self._lost(wire.obj(error)), asked)
        body, status = response.get("body"), wire.count(response.get("status_code"))
        if status == HTTPStatus.OK and isinstance(body, dict):
            return BatchItem(name, body, None, asked)
        if status is None or status == HTTPStatus.OK:
            return BatchItem(name, None, batch_calls.unanswered(self._provider), asked)
        written = body if isinstance(body, str) else wire.write(body).decode()
        return BatchItem(name, None, self._provider.failure(status, error_mapping.NO_HEADERS, written.encode()), asked)

    def _lost(self, error: dict[str, Any]) -> ProviderError:
        code, key = wire.text(error.get("code")), self._provider.context.api_key
        said = error_mapping.clean(wire.text(error.get("message")), key) or code or "no reason given"
        kind = _LOST.get(code)
        if kind is not None:
            return kind(f"not answered in time, so not billed: {said}", code=code)
        return (TimedOut if code == "request_timeout" else Rejected)(said, code=code or None)

    def decode(self, item: BatchItem, emit: Emit) -> None:
        """A whole completion, as from the endpoint itself."""
        body = batch_calls.answer(item, emit)
        self._provider.whole(body, OpenAIDecoder(self._provider.context, self._provider.failed), emit)

    def _url(self, batch: str) -> str:
        return self._provider.url(f"/batches/{batch_calls.part(batch)}")
