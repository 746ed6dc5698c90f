"""llmo against the real proxy of LiteLLM, which stands in front of aimock."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests import peers
from tests.process.conftest import Peer, explained
from tests.servers import litellm_proxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Llmo
    from tests.servers.aimock import Aimock
    from tests.servers.litellm_proxy import Proxy


@pytest.fixture(scope="session")
def _proxy(_aimock: Aimock) -> Iterator[Proxy]:
    program = litellm_proxy.command()
    if program is None:
        pytest.skip(peers.missing("litellm-proxy"))
    yield from litellm_proxy.serve(program, _aimock.url)


@dataclass(frozen=True)
class Behind(Peer):
    """llmo with the proxy as its only provider, told of it by the environment alone."""

    proxy: Proxy | None = None

    def env(self) -> dict[str, str]:
        """The address and the key, as LiteLLM's own tools read them."""
        assert self.proxy
        return {"LITELLM_PROXY_URL": self.proxy.url, "LITELLM_PROXY_API_KEY": self.proxy.key}


@pytest.fixture
def proxy(_proxy: Proxy, llmo: Llmo, tmp_path: Path) -> Behind:
    """llmo behind the proxy, whose models have no price in the profile."""
    path = tmp_path / "proxy.toml"
    path.write_text('model = "litellm-proxy/m"\n[providers.litellm-proxy]\nkind = "litellm-proxy"\n', "utf-8")
    return Behind("litellm-proxy", llmo, path, proxy=_proxy)


def test_an_answer_and_what_the_proxy_says_it_cost(proxy: Behind) -> None:
    """
    Streamed or whole, the cost is the proxy's own.
    """
    for flag in ("--stream", "--no-stream"):
        run = proxy("ask", "counted", "--json", flag)
        assert (0, "Counted.", 12, 3) == (
            run.code,
            run.json["text"],
            run.json["usage"]["input_tokens"],
            run.json["usage"]["output_tokens"],
        ), run
        assert {"usd": "0.0000036", "source": "reported"} == {k: run.json["cost"][k] for k in ("usd", "source")}, run


def test_a_model_without_a_price_is_unknown_and_not_free(proxy: Behind) -> None:
    """
    The proxy's 0 is no price, and under a cap it is refused; a refresh brings the prices that it has.
    """
    run = proxy("ask", "counted", "--json", "-m", "litellm-proxy/unpriced")
    refused = proxy("ask", "counted", "--json", "--max-cost", "1")
    refreshed = proxy("models", "--refresh", "--json")
    held = proxy("ask", "counted", "--json", "--max-cost", "1")
    own = proxy("ask", "counted", "--json", "--max-cost", "1", "-m", "litellm-proxy/own")
    still = proxy("ask", "counted", "--json", "--max-cost", "1", "-m", "litellm-proxy/unpriced")

    assert (0, None, "unknown") == (run.code, run.json["cost"]["usd"], run.json["cost"]["source"]), run
    assert (3, 3) == (refused.code, still.code), (refused, still)
    assert {"mock": "0.15", "m": "0.15", "always-busy": None, "unpriced": None, "own": "0"} == {
        one["model"]: one["price"] and one["price"]["input_usd"] for one in refreshed.json
    }, refreshed
    assert (0, "0.0000036", True) == (held.code, held.json["cost"]["usd"], held.json["cost"]["reserved_usd"] != "0")
    assert (0, "0") == (own.code, own.json["cost"]["usd"]), own


@pytest.mark.parametrize(
    ("prompt", "model", "code", "kind"),
    [
        pytest.param("always-401", "m", 4, "credentials", id="upstream-key"),
        pytest.param("always-500", "m", 5, "unavailable", id="server-error"),
        pytest.param("hello", "always-busy", 5, "rate_limited", id="rate-limited"),
        pytest.param("out-of-quota", "m", 1, "quota_exhausted", id="quota"),
        pytest.param("too-long", "m", 1, "context_too_long", id="context"),
        pytest.param("hello", "nope", 1, "model_not_found", id="model"),
        pytest.param("cut-stream", "m", 6, "incomplete", id="cut"),
        pytest.param("disconnect", "m", 5, "unavailable", id="disconnect"),
    ],
)
def test_a_failure_has_its_code_and_its_object(proxy: Behind, prompt: str, model: str, code: int, kind: str) -> None:
    """
    What went wrong behind the proxy is told apart in front of it.
    """
    run = proxy("ask", prompt, "--json", "--retries", "0", "-m", f"litellm-proxy/{model}")

    assert (code, kind) == (run.code, run.json["error"]["kind"]), run
    explained(run)


def test_a_malformed_upstream_is_said_to_be_empty(proxy: Behind) -> None:
    """
    The proxy ends it well; llmo warns.
    """
    run = proxy("ask", "malformed", "--json")

    assert (0, "", ["the answer is empty"]) == (run.code, run.json["text"], run.json["warnings"]), run


def test_a_wrong_key_is_a_wrong_key(proxy: Behind) -> None:
    """
    Without a database the proxy answers 400 to it.
    """
    run = proxy.llmo(
        *("-P", proxy.path, "ask", "hello", "--json"),
        env=proxy.env() | {"LITELLM_PROXY_API_KEY": "sk-wrong-0123456789"},
    )

    assert (4, "credentials") == (run.code, run.json["error"]["kind"]), run
    assert "LITELLM_PROXY_API_KEY" in run.json["error"]["hint"]


def test_ctrl_c_keeps_what_came_and_books_it(proxy: Behind) -> None:
    """
    Exit code 130, and money for an answer that nobody knows the cost of.
    """
    proxy("models", "--refresh")
    process = proxy.start("ask", "slow", "--max-tokens", "50")
    first = os.read(process.stdout.fileno(), 100)
    process.send_signal(signal.SIGINT)
    run = proxy.llmo.finish(process)
    (call,) = proxy("cost", "--by", "outcome", "--json").json["groups"]

    assert (130, b"one") == (run.code, (first + run.raw)[:3]), run
    assert ("cancelled", 1, 1) == (call["outcome"], call["calls"], call["estimated_calls"]), call
    assert call["cost_usd"] not in (None, "0"), call


def test_a_probe_calls_no_model(proxy: Behind) -> None:
    """
    `profile check --probe` asks for readiness alone.
    """
    run = proxy("profile", "check", "--probe")

    assert (0, True) == (run.code, "is healthy" in run.stdout), run


def test_a_proxy_on_this_machine_is_not_private(proxy: Behind) -> None:
    """
    It hands prompts on.
    """
    run = proxy("ask", "hello", "--private", "--json")

    assert (4, "config") == (run.code, run.json["error"]["kind"]), run


def test_a_deferred_batch_passes_through_the_proxy(proxy: Behind) -> None:
    """
    As an address of OpenAI's dialect: it hands files and batches on to what stands behind it.
    """
    assert proxy.proxy
    llmo, profile = proxy.llmo, proxy.llmo.home / "p.toml"
    profile.write_text(
        f'model = "peer/m"\n[providers.peer]\nkind = "openai"\nbase_url = "{proxy.proxy.url}/v1"\napi_key_env = "PEER_KEY"\n'
    )
    (llmo.home / "rows.jsonl").write_text("".join(f'{{"id": "r{n}", "prompt": "{n}"}}\n' for n in range(3)))
    args = ("-P", profile, "batch", "rows.jsonl", "--deferred", "--wait", "-o", "out.jsonl")
    run = llmo(*args, env={"PEER_KEY": proxy.proxy.key})
    lines = [json.loads(line) for line in (llmo.home / "out.jsonl").read_text().splitlines()]

    assert run.code == 0, run
    assert [("r0", "ok"), ("r1", "ok"), ("r2", "ok")] == sorted((line["id"], line["status"]) for line in lines)
