"""
What keeps LiteLLM's HTTP clients where the profile sends them.

They follow redirects with all that they carry, and take any proxy of the environment, and any key of it for whatever
address they are given. llmo's own transports do none of that, and `local = true` promises it.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, wraps
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmo.providers.provider import ProviderContext

NO_KEY = "none"
"""Sent in place of a key where the profile names an address and no key: the library would take the vendor's."""
HERE = ("localhost", "127.0.0.1", "::1")
_held: ContextVar[bool] = ContextVar("llmo_litellm_held", default=False)


@cache
def leash() -> None:
    """Let no client of httpx follow a redirect in a call of ours; calls of others in this process are as they were."""
    import httpx

    awaited, sync = httpx.AsyncClient.send, httpx.Client.send

    @wraps(awaited)
    async def asend(*args: Any, **options: Any) -> httpx.Response:
        return await awaited(*args, **options | ({"follow_redirects": False} if _held.get() else {}))

    @wraps(sync)
    def send(*args: Any, **options: Any) -> httpx.Response:
        return sync(*args, **options | ({"follow_redirects": False} if _held.get() else {}))

    httpx.AsyncClient.send = asend  # type: ignore[method-assign]
    httpx.Client.send = send  # type: ignore[method-assign]


@contextmanager
def held() -> Iterator[None]:
    """A call of ours: the library asks in this context, or in a copy of it."""
    token = _held.set(True)
    try:
        yield
    finally:
        _held.reset(token)


def unproxied(context: ProviderContext, library: Any) -> None:
    """Have no proxy taken for what counts as local; the library's clients of before are forgotten if they might."""
    if not context.direct:
        return
    wanted = dict.fromkeys((*HERE, urlsplit(context.base_url).hostname or HERE[0]))
    for variable in ("no_proxy", "NO_PROXY"):
        named = [name.strip() for name in os.environ.get(variable, "").split(",") if name.strip()]
        missing = [name for name in wanted if name not in named]
        if missing and named != ["*"]:
            os.environ[variable] = ",".join([*named, *missing])
            library.in_memory_llm_clients_cache.flush_cache()
