"""Every failure of httpx is one of llmo's, and a whole provider works over a mocked transport."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
import pytest

from llmo.config.profile import ProviderConfig
from llmo.errors import ConfigError, LlmoError, TimedOut, Unavailable
from llmo.providers.provider import ProviderContext
from llmo.providers.registry import factory
from llmo.providers.transports.httpx import HttpxTransport
from llmo.providers.transports.transport import HttpRequest
from llmo.types.events import Finish, Text
from llmo.types.messages import Message, Request
from tests.contract.dialects import OPENAI
from tests.emitted import emitted

if TYPE_CHECKING:
    from pytest_httpx import HTTPXMock

    from llmo.types.events import Event

URL = "https://llmo.invalid/v1/chat/completions"


async def fetch() -> bytes:
    transport = HttpxTransport()
    try:
        async with transport.exchange(HttpRequest("POST", URL, {}, b"{}")) as reply:
            return await reply.read(100)
    finally:
        await transport.close()


@pytest.mark.parametrize(
    ("raised", "expected", "billed"),
    [
        pytest.param(httpx.ConnectTimeout("slow"), TimedOut, False, id="connect-timeout"),
        pytest.param(httpx.ConnectError("refused"), Unavailable, False, id="connect"),
        pytest.param(httpx.ProxyError("407"), Unavailable, False, id="proxy"),
        pytest.param(httpx.ReadError("reset"), Unavailable, True, id="read"),
        pytest.param(httpx.WriteError("reset"), Unavailable, True, id="write"),
        pytest.param(httpx.RemoteProtocolError("disconnected"), Unavailable, True, id="protocol"),
        pytest.param(httpx.UnsupportedProtocol("ftp"), ConfigError, None, id="scheme"),
        pytest.param(httpx.LocalProtocolError("header"), ConfigError, None, id="header"),
    ],
)
def test_failures_of_httpx(
    httpx_mock: HTTPXMock, raised: Exception, expected: type[LlmoError], *, billed: bool | None
) -> None:
    """
    What surely never left is free.
    """
    httpx_mock.add_exception(raised)

    with pytest.raises(expected) as caught:
        asyncio.run(fetch())

    assert getattr(caught.value, "may_be_billed", None) is billed


def test_a_provider_over_httpx(httpx_mock: HTTPXMock) -> None:
    """
    From request to events with nothing faked but the socket.
    """
    httpx_mock.add_response(
        url=URL, method="POST", headers=OPENAI.streamed, content=OPENAI.wire("plain"), match_headers={"x-team": "a"}
    )

    async def ask() -> list[Event]:
        transport = HttpxTransport()
        config = ProviderConfig(kind="openai", headers={"X-Team": "a"})
        provider = factory("openai")(ProviderContext("openai", "https://llmo.invalid", "sk-key", config, transport))
        found = await emitted(provider, Request((Message("user", "hi"),)))
        await transport.close()
        return found

    found = asyncio.run(ask())

    assert "".join(event.text for event in found if isinstance(event, Text)) == "Grüße 😀 a\u2028b\u0085c!"
    assert found[-1] == Finish("stop")
