"""Connected sockets by name: a name is looked up once for many connections, and its addresses are tried in a race."""

from __future__ import annotations

import asyncio
import socket
from typing import TypeAlias

import aiohappyeyeballs

from llmo.providers.transports import transport

FRESH_S = 10.0
"""Seconds for which the addresses of a name are kept."""
RACE_S = 0.25
"""Seconds after which the next address is tried beside the one before (RFC 8305)."""

Address: TypeAlias = aiohappyeyeballs.AddrInfoType


class Resolver:
    """Looks names up."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int], tuple[float, asyncio.Task[list[Address]]]] = {}

    async def connected(self, host: str, port: int) -> socket.socket:
        """A connected socket. Raises `OSError`."""
        opened = await aiohappyeyeballs.start_connection(
            await self._addresses(host, port), happy_eyeballs_delay=RACE_S, interleave=1
        )
        for level, option, value in transport.socket_options():
            opened.setsockopt(level, option, value)
        return opened

    async def _addresses(self, host: str, port: int) -> list[Address]:
        loop = asyncio.get_running_loop()
        since, looking = self._found.get((host, port), (0.0, None))
        if looking is None or loop.time() - since > FRESH_S or (looking.done() and _failed(looking)):
            looking = loop.create_task(_looked_up(host, port))
            looking.add_done_callback(_failed)
            self._found[host, port] = loop.time(), looking
        # Others may wait for the same: whoever gives up does not end it.
        return await asyncio.shield(looking)


def _failed(task: asyncio.Task[list[Address]]) -> bool:
    """Whether it failed; then nobody else has to look at the error."""
    return task.cancelled() or task.exception() is not None


async def _looked_up(host: str, port: int) -> list[Address]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(family, kind, protocol, name, address) for family, kind, protocol, name, address in found]
