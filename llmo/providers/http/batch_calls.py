"""Calls that batch services of all dialects make: an object from a call, a file to a call, a file from a call."""

from __future__ import annotations

from contextlib import aclosing
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from llmo.errors import ProviderError
from llmo.providers.http import error_mapping, fields
from llmo.types.dataclass import replace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO

    from llmo.providers.http.provider import HttpProvider
    from llmo.providers.transports.transport import FileBody, HttpRequest

UPLOAD_S = 3600.0
"""Seconds until a service has taken a file of hundreds of megabytes and says so."""
MOST_PAGES = 1000
"""Pages of a list that are read: a server may name the next one forever."""


async def answered(provider: HttpProvider, call: HttpRequest) -> dict[str, Any]:
    """The object that a call is answered with. Raises `ProviderError`."""
    async with provider.context.transport.exchange(call) as reply:
        body = await reply.read(fields.BODY_LIMIT)
    if reply.status not in (HTTPStatus.OK, HTTPStatus.CREATED):
        raise provider.failure(reply.status, reply.headers, body)
    return provider.parsed(reply.status, reply.headers, body)


async def cancelled(provider: HttpProvider, call: HttpRequest) -> None:
    """Cancel a batch by a call, which is refused once the batch has ended. Raises `ProviderError`."""
    try:
        await answered(provider, call)
    except ProviderError as exc:
        if exc.status not in (HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT):
            raise


async def saved(provider: HttpProvider, url: str, out: BinaryIO) -> None:
    """Write the body at an address as it comes, a piece in memory at a time."""
    async with provider.context.transport.exchange(provider.call("GET", url)) as reply:
        if reply.status != HTTPStatus.OK:
            raise provider.failure(reply.status, reply.headers, await reply.read(error_mapping.BODY_LIMIT))
        async with aclosing(reply.chunks()) as chunks:
            async for chunk in chunks:
                out.write(chunk)


def carrying(call: HttpRequest, file: FileBody, content_type: str) -> HttpRequest:
    """The call with a file as its body."""
    headers = {**call.headers, "content-type": content_type, "content-length": str(file.size)}
    return replace(call, headers=headers, file=file, first=UPLOAD_S)


def part(name: str) -> str:
    """A stranger's id as one part of a path."""
    return quote(name, safe="")


def queried(url: str, query: Mapping[str, str]) -> str:
    """An address with a query besides its own."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"
