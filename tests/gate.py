"""A server that answers some requests and keeps all others until it is opened: what is in flight is known, not guessed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from tests.patience import until
from tests.servers.raw import RawServer, whole

if TYPE_CHECKING:
    from subprocess import Popen
    from typing import Self

CHAT = whole(
    {
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi."}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5},
    }
)
PROFILE = """
model = "gate/m"
[providers.gate]
kind = "openai"
base_url = "{url}/v1"
api_key_env = "GATE_KEY"
[[prices]]
model = "gate/*"
input_usd = "1"
output_usd = "2"
"""


class Gate:
    """Answers the first `free` requests; use it with `with`."""

    def __init__(self, free: int) -> None:
        self.opened = threading.Event()
        self.server = RawServer(*[[CHAT]] * free, [self.opened, CHAT])

    def __enter__(self) -> Self:
        self.server.__enter__()
        return self

    def __exit__(self, *how: object) -> None:
        self.server.__exit__(*how)

    @property
    def profile(self) -> str:
        """A profile whose model is behind the gate, and costs something."""
        return PROFILE.format(url=self.server.url)

    @property
    def env(self) -> dict[str, str]:
        """Its key."""
        return {"GATE_KEY": "sk-gate"}

    def open(self) -> None:
        """Answer everything."""
        self.opened.set()

    def wait(self, requests: int, process: Popen[bytes]) -> None:
        """Until so many requests have come."""
        until(lambda: len(self.server.requests) >= requests, lambda: process.poll() is None)
