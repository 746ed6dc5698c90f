"""`models --refresh` and `profile check --probe`: everybody is asked at once, each with a clock of its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from llmo.cli import listings, readiness
from llmo.cli.commands.models import refresh
from llmo.cli.context import Context
from tests import virtual
from tests.fakes import Scripted
from tests.patience import SILENCE
from tests.process.conftest import KEY
from tests.servers.raw import RawServer, unused_port, whole

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Llmo

KINDS = ["openai", "anthropic", "ollama", "openrouter", "litellm-proxy"]
LISTED = {"data": [{"id": "one"}, {"id": "two"}], "models": [{"name": "one"}]}
IDLE = SILENCE


def providers(url: str, prefix: str) -> str:
    """One provider of each kind that speaks HTTP."""
    return "".join(
        f'[providers."{prefix}-{kind}"]\nkind = "{kind}"\nbase_url = "{url}"\napi_key_env = "PEER_KEY"\nidle_timeout = {IDLE}\nconnect_timeout = {IDLE}\n'
        for kind in KINDS
    )


@pytest.mark.parametrize("args", [("models", "--refresh", "--names"), ("profile", "check", "--probe")])
def test_dead_ones_delay_nobody(llmo: Llmo, tmp_path: Path, args: tuple[str, ...]) -> None:
    """
    Five that hang and five that are gone cost one silence together; those that answer are all there.
    """
    path = tmp_path / "many.toml"
    with RawServer(["hang"]) as hanging, RawServer([whole(LISTED)]) as good:
        gone = f"http://127.0.0.1:{unused_port()}"
        text = providers(hanging.url, "hangs") + providers(gone, "gone") + providers(good.url, "good")
        path.write_text(text, "utf-8")
        run = llmo("-P", path, *args, env={"PEER_KEY": KEY})

    said = {name: what for name, _, what in (line.partition(": ") for line in (run.stdout + run.stderr).splitlines())}
    for kind in KINDS:
        assert any(word in said[f"hangs-{kind}"] for word in ("no data", "did not report")), run
        assert "connection refused" in said[f"gone-{kind}"], run
        assert said[f"good-{kind}"].startswith(("1 model", "2 models", "ready")), run
    assert hanging.most >= len(KINDS)


class Deaf(Scripted):
    """Says nothing for an hour."""

    async def models(self) -> Any:
        await asyncio.sleep(3600)

    async def check(self) -> str:
        await asyncio.sleep(3600)
        return "too late"


def test_patience_is_ten_seconds_each(tmp_path: Path) -> None:
    """
    Whatever clocks a provider has, nobody is waited for longer.
    """
    ctx = Context(
        env={"LLMO_CONFIG_DIR": str(tmp_path), "LLMO_CACHE_DIR": str(tmp_path), "LLMO_DATA_DIR": str(tmp_path)}
    )
    ctx.profile_name = "offline"

    async def ask() -> tuple[str, str, float]:
        listing = listings._listing("offline", Deaf(), refresh.PATIENCE)
        asked = readiness._asked(ctx, readiness.Readiness("offline", ready=True, message=""), Deaf())
        listed, checked = await asyncio.gather(listing, asked)
        return listed.why, checked.message, asyncio.get_running_loop().time()

    assert ("no response within 10 s", "no response within 10 s", 10.0) == virtual.run(ask())
