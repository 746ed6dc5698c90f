"""Profiles that point at the servers of `tests/servers`."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Llmo, Run
    from tests.servers.aimock import Aimock

KEY = "sk-peer-0123456789abcdefghij"
PATHS = {"openai": "/v1", "anthropic": "", "ollama": "", "openrouter": "/api/v1", "litellm-proxy": ""}
PRICES = '[[prices]]\nmodel = "peer/*"\ninput_usd = "1"\noutput_usd = "2"\n'


def profile(url: str, kind: str = "openai", *, more: str = "", provider: str = "") -> str:
    """A profile with one provider, `peer`, and the model `m`."""
    return f"""
model = "peer/m"
{more if not more.startswith("[") else ""}
[providers.peer]
kind = "{kind}"
base_url = "{url}{PATHS[kind]}"
api_key_env = "PEER_KEY"
{provider}
{more if more.startswith("[") else ""}
{PRICES}
"""


@dataclass(frozen=True)
class Peer:
    """llmo with a profile whose only provider is a server of ours."""

    kind: str
    llmo: Llmo
    path: Path
    aimock: Aimock | None = None
    test_id: str = ""

    def env(self) -> dict[str, str]:
        """The key, and nothing else."""
        return {"PEER_KEY": KEY}

    def __call__(self, *args: str | Path, **how: Any) -> Run:
        return self.llmo("-P", self.path, *args, env=self.env(), **how)

    def start(self, *args: str | Path, **how: Any) -> Any:
        """Begin a run and leave it running."""
        return self.llmo.start("-P", self.path, *args, env=self.env(), **how)

    def received(self) -> list[dict[str, Any]]:
        """What aimock got of this test."""
        assert self.aimock
        return self.aimock.journal(self.test_id)

    def with_profile(self, text: str) -> None:
        """Write another profile."""
        self.path.write_text(text, "utf-8")


def against_aimock(kind: str, aimock: Aimock, llmo: Llmo, tmp_path: Path, more: str = "") -> Peer:
    """A profile of its own counters at the server."""
    test_id = uuid.uuid4().hex
    path = tmp_path / "peer.toml"
    path.write_text(
        profile(aimock.url, kind, more=more, provider=f'headers = {{ "X-Test-Id" = "{test_id}" }}'), "utf-8"
    )
    return Peer(kind, llmo, path, aimock, test_id)


@pytest.fixture(params=["openai", "anthropic", "ollama", "openrouter"])
def peer(request: pytest.FixtureRequest, aimock: Aimock, llmo: Llmo, tmp_path: Path) -> Peer:
    """llmo against aimock, once in each dialect."""
    return against_aimock(request.param, aimock, llmo, tmp_path)


@pytest.fixture
def openai(aimock: Aimock, llmo: Llmo, tmp_path: Path) -> Peer:
    """llmo against aimock, in one dialect, where the dialect does not matter."""
    return against_aimock("openai", aimock, llmo, tmp_path)


@pytest.fixture
def raw(llmo: Llmo, tmp_path: Path) -> Any:
    """Point llmo at a `RawServer`, or at any address."""

    def point(url: str, kind: str = "openai", *, more: str = "", provider: str = "") -> Peer:
        path = tmp_path / "raw.toml"
        path.write_text(profile(url, kind, more=more, provider=provider), "utf-8")
        return Peer(kind, llmo, path)

    return point


def explained(run: Run) -> list[str]:
    """The lines of an error; fails when it is anything but `llmo: …` and perhaps `hint: …` at the end of stderr."""
    lines = run.stderr.splitlines()
    starts = [n for n, line in enumerate(lines) if line.startswith("llmo: ")]
    assert starts, run
    assert "Traceback" not in run.stderr, run
    assert "internal error" not in run.stderr, run
    told = lines[starts[-1] :]
    assert len(told) == 1 or (len(told) == 2 and told[1].startswith("hint: ")), run
    return told
