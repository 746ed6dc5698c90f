"""Calls that batch services of all dialects make: an object from a call, a file to a call, a file from a call."""

from __future__ import annotations

from contextlib import aclosing
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from llmo.errors import ProviderError, Unavailable
from llmo.providers.http import error_mapping, fields
from llmo.types.dataclass import replace
from llmo.types.events import ServedBy

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from typing import BinaryIO

    from llmo.providers.batches import BatchItem
    from llmo.providers.http.provider import HttpProvider
    from llmo.providers.transports.transport import FileBody, HttpRequest
    from llmo.types.events import Emit

UPLOAD_S = 3600.0
"""Seconds until a service has taken a file of hundreds of megabytes and says so."""


async def answered(provider: HttpProvider, call: HttpRequest) -> dict[str, Any]:
    """The object that a call is answered with. Raises `ProviderError`."""
    async with provider.context.transport.exchange(call) as reply:
        body = await reply.read(fields.BODY_LIMIT)
    if reply.status not in (HTTPStatus.OK, HTTPStatus.CREATED):
        raise provider.failure(reply.status, reply.headers, body)
    return provider.parsed(reply.status, reply.headers, body)


async def made(provider: HttpProvider, call: HttpRequest) -> str:
    """The id of what a call has made. Raises `ProviderError`."""
    name = fields.text((await answered(provider, call)).get("id"))
    if not name:
        raise Unavailable(f"{provider.context.name} accepted a batch and gave it no id")
    return name


async def cancelled(provider: HttpProvider, call: HttpRequest) -> None:
    """Cancel a batch by a call, which is refused once the batch has ended. Raises `ProviderError`."""
    try:
        await answered(provider, call)
    except ProviderError as exc:
        if exc.status not in (HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT):
            raise


async def pieces(provider: HttpProvider, url: str) -> AsyncGenerator[bytes]:
    """The body at an address as it comes. Raises `ProviderError`."""
    async with provider.context.transport.exchange(provider.call("GET", url)) as reply:
        if reply.status != HTTPStatus.OK:
            raise provider.failure(reply.status, reply.headers, await reply.read(error_mapping.BODY_LIMIT))
        async with aclosing(reply.chunks()) as chunks:
            async for chunk in chunks:
                yield chunk


async def saved(provider: HttpProvider, url: str, out: BinaryIO) -> None:
    """Write the body at an address, a piece in memory at a time. Raises `ProviderError`."""
    async with aclosing(pieces(provider, url)) as body:
        async for piece in body:
            out.write(piece)


def answer(item: BatchItem, emit: Emit) -> dict[str, Any]:
    """The body of an item's answer, once it is told who gave it. Raises the error in its place."""
    if item.request_id:
        emit(ServedBy(request_id=item.request_id))
    if item.error is not None:
        raise item.error
    assert item.body is not None
    return item.body


def unanswered(provider: HttpProvider) -> Unavailable:
    """The error of a line that has neither an answer nor an error."""
    return Unavailable(f"{provider.context.name} returned a batch line without an answer")


def carrying(call: HttpRequest, file: FileBody, content_type: str) -> HttpRequest:
    """The call with a file as its body."""
    headers = {**call.headers, "content-type": content_type, "content-length": str(file.size)}
    return replace(call, headers=headers, file=file, first=UPLOAD_S)


def part(name: str) -> str:
    """A stranger's id as one part of a path."""
    return quote(name, safe="")
