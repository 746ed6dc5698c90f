"""`llmo.Client` over real connections: aimock in each dialect, wired for few and for many."""

from __future__ import annotations

import asyncio
import signal
import sys
from subprocess import PIPE, Popen
from typing import TYPE_CHECKING, Any

import pytest

import llmo
from llmo.errors import Unauthorized
from tests.patience import LONG

if TYPE_CHECKING:
    from tests.process.conftest import Peer

WIRED = pytest.mark.parametrize("concurrency", [pytest.param(None, id="few"), pytest.param(8, id="many")])
# A shell's background job, and so pytest in one, passes an ignored SIGINT on to its children.
SCRIPT = """
import signal, sys, llmo
signal.signal(signal.SIGINT, signal.default_int_handler)
with llmo.Client(sys.argv[1]) as client:
    for piece in client.stream("slow"):
        print(piece, flush=True)
"""


def settings(peer: Peer, concurrency: int | None) -> dict[str, Any]:
    """What both clients are made with."""
    return {"profile": peer.path, "env": peer.llmo.env(peer.env()), "concurrency": concurrency}


@WIRED
def test_ask_and_stream_answer(peer: Peer, concurrency: int | None) -> None:
    """
    In each dialect, over both transports, and the connections are given back.
    """
    with llmo.Client(**settings(peer, concurrency)) as client:
        answer = client.ask("hello")
        text = "".join(client.stream("hello"))

    assert ("Hello from aimock.", "Hello from aimock.", 2) == (
        answer.text.rstrip("\n"),
        text.rstrip("\n"),
        len(peer.received()),
    )


@WIRED
def test_many_at_once_share_a_client(openai: Peer, concurrency: int | None) -> None:
    """
    Twenty tasks of one loop: every one is answered and paid for once.
    """

    async def main() -> list[llmo.Answer]:
        async with llmo.AsyncClient(**settings(openai, concurrency)) as client:
            return list(await asyncio.gather(*map(client.ask, ["hello"] * 20)))

    answers = asyncio.run(main())

    assert {"Hello from aimock."} == {answer.text for answer in answers}
    assert 20 == len(openai.received()) == len({answer.id for answer in answers})


@WIRED
def test_a_stream_left_early_gives_its_connection_back(openai: Peer, concurrency: int | None) -> None:
    """
    What came is kept, what it may cost is booked, and the client goes on.
    """
    with llmo.Client(**settings(openai, concurrency)) as client:
        with client.stream("slow", max_tokens=100) as stream:
            first = next(stream)
        again = client.ask("hello").text

    assert ("one t", False, "estimated", "Hello from aimock.") == (
        first,
        stream.result.complete,
        stream.result.cost_source,
        again,
    )


@WIRED
def test_a_wrong_key_is_an_error_with_its_attempt(openai: Peer, concurrency: int | None) -> None:
    """
    The same failure, wired either way.
    """
    with llmo.Client(**settings(openai, concurrency)) as client, pytest.raises(Unauthorized) as caught:
        client.ask("always-401")

    assert [("credentials", "0")] == [(attempt.outcome, str(attempt.cost)) for attempt in caught.value.attempts]


def test_ctrl_c_in_a_program_books_what_came(openai: Peer) -> None:
    """
    The interrupt is Python's own, and `llmo cost` knows of the call.
    """
    command = [sys.executable, "-c", SCRIPT, str(openai.path)]
    with Popen(command, env=openai.llmo.env(openai.env()), stdout=PIPE, stderr=PIPE) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=LONG)

    assert (b"one t\n", b"KeyboardInterrupt") == (first, errors.splitlines()[-1])
    booked = openai("cost", "--by", "outcome", "--json").json
    assert [("cancelled", 1)] == [(row["outcome"], row["calls"]) for row in booked["groups"]]
