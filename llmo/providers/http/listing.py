"""Lists that come page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from llmo.providers.http import fields

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from llmo.providers.http.provider import HttpProvider

MOST_PAGES = 1000
"""Pages of a list that are read: a server may name the next one forever."""


async def pages(provider: HttpProvider, url: str, *, size: int, cursor: str) -> AsyncGenerator[list[dict[str, Any]]]:
    """
    The objects of a list, `size` at a time; `cursor` is the parameter with the id that the next page comes after.

    A page that names a place where one has begun already is the last. Raises `ProviderError`.
    """
    after, begun = "", {""}
    for _ in range(MOST_PAGES):
        page = await provider.fetch(queried(url, {"limit": str(size), **({cursor: after} if after else {})}))
        found = [fields.obj(one) for one in fields.seq(page.get("data"))]
        yield found
        after = fields.text(page.get("last_id")) or (fields.text(found[-1].get("id")) if found else "")
        if not page.get("has_more") or after in begun:
            return
        begun.add(after)


def queried(url: str, query: Mapping[str, str]) -> str:
    """An address with a query besides its own."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"
