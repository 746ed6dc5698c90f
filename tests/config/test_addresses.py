"""What counts as this machine, and that nothing private goes anywhere else, by whatever way."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from llmo.config.addresses import loopback, on_this_machine
from llmo.config.kinds import KINDS
from llmo.config.load import load
from llmo.config.profile import ProviderConfig
from llmo.errors import Withheld
from llmo.providers.offline.provider import Unplugged
from llmo.providers.provider import ProviderContext
from llmo.providers.registry import factory
from llmo.types.events import Finish, Text, Usage
from llmo.types.messages import Message, Request
from tests.emitted import ignore
from tests.fakes import HELLO, A, Scripted, Stage, candidate, plan
from tests.servers.raw import RawServer, whole

if TYPE_CHECKING:
    from pathlib import Path

HERE = (
    "http://127.0.0.1",
    "http://127.0.0.1:11434/v1",
    "https://127.0.0.2/",
    "http://127.255.255.254:1",
    "HTTP://LocalHost:11434",
    "http://localhost/v1",
    "http://[::1]:8000/v1",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::FFFF:7f00:1]:80",
    "http://[::1%lo]/",
    "http://[::1%25lo]:80/",
    "http://127.0.0.1/@evil.example/",
)
ELSEWHERE = (
    *("", "127.0.0.1", "localhost", "http://", "http:///v1", "ftp://127.0.0.1/", "file:///v1", "unix:///run/x.sock"),
    *("http+unix://%2Frun%2Fx.sock/v1", "http://127.evil.example.com/v1", "http://127.0.0.1.evil.example/"),
    *("http://localhost.evil.example", "http://x.localhost/", "http://ip6-localhost/", "http://localhost./v1"),
    *(
        "http://127.1/",
        "http://127.0.1",
        "http://0x7f.1/",
        "http://0x7f000001",
        "http://2130706433/",
        "http://017700000001",
    ),
    *(
        "http://0177.0.0.1/",
        "http://127.0.0.01/",
        "http://127.000.000.001",
        "http://127.0.0.1.",
        "http://0.0.0.0:11434",
    ),
    *(
        "http://0/",
        "http://[::]/",
        "http://[::127.0.0.1]/",
        "http://[::ffff:8.8.8.8]/",
        "http://[fe80::1%lo]/",
        "http://[127.0.0.1]",
    ),
    *("http://128.0.0.1", "http://10.0.0.1", "http://192.168.1.2:8000", "http://169.254.0.1"),
    *("http://127.0.0.1@evil.example/", "http://user:pw@127.0.0.1/", "http://evil.example#@127.0.0.1/"),
    *("http://evil.example?@127.0.0.1/", "http://evil.example\\@127.0.0.1/", "http://127.0.0.1\\@evil.example/"),
    *(
        "http://127.0.0.1\\.evil.example/",
        "http://127.0.0.1 .evil.example/",
        "http://127.0.0.1\t/",
        "http://127.0.0.1\n/",
    ),
    *(
        "http://127。0。0。1/",
        "http://127\uff0e0\uff0e0\uff0e1/",
        "http://①②⑦.0.0.1/",
        "http://l\u200bocalhost/",
        "http://ⓛocalhost/",
    ),
    *(
        "http://127%2e0%2e0%2e1/",
        "http://%31%32%37.0.0.1/",
        "http://127.0.0.1:80:90/",
        "http://127.0.0.1:x/",
        "http://١٢٧.0.0.1",
    ),
    *(
        "http://localhost,evil.example/",
        "http://localhost;evil.example/",
        "http://[::1]evil.example/",
        "http://[::1",
        "//127.0.0.1/",
    ),
)


@pytest.mark.parametrize("url", HERE)
def test_a_loopback_address_is_this_machine(url: str) -> None:
    """
    As IPv4, as IPv6, as IPv4 inside IPv6, or by the one name.
    """
    assert loopback(url)


@pytest.mark.parametrize("url", ELSEWHERE)
def test_everything_else_is_elsewhere(url: str) -> None:
    """
    Names that begin alike, old ways to write numbers, and what two parsers read as two hosts.
    """
    assert not loopback(url)


@pytest.mark.parametrize(
    ("kind", "model", "local", "expected"),
    [
        pytest.param("openai", "m", None, True, id="a server here"),
        pytest.param("openai", "m", False, False, id="a tunnel here, as the profile says"),
        pytest.param("ollama", "m:latest", None, True, id="ollama"),
        pytest.param("ollama", "gpt-oss:120b-cloud", True, False, id="ollama's cloud"),
        pytest.param("ollama", "gpt-oss:Cloud", None, False, id="ollama's cloud in capitals"),
        pytest.param("openai", "gpt-oss:120b-cloud", None, False, id="ollama's cloud in OpenAI's dialect"),
        pytest.param("litellm", "bedrock/m", None, False, id="a library that knows many hosts"),
        pytest.param("litellm", "ollama/m", True, True, id="a library as the profile says"),
        pytest.param("cursor", "m", None, False, id="cursor"),
    ],
)
def test_an_address_here_is_not_all(kind: Any, model: str, local: bool | None, expected: bool) -> None:
    """
    Who hands prompts on is this machine only where the profile says so, and Ollama's cloud never is.
    """
    config = ProviderConfig(kind=kind, base_url="http://127.0.0.1:9", local=local)

    assert expected is on_this_machine(config, "http://127.0.0.1:9", model)


def test_a_library_without_an_address_is_nowhere() -> None:
    """
    `local = true` of the kind litellm is said of its base_url: without one each model goes to a host of its own.
    """
    assert not on_this_machine(ProviderConfig(kind="litellm", local=True), "", "ollama/m")


@pytest.mark.parametrize(
    ("lines", "env"),
    [
        pytest.param('kind = "openai"\nbase_url = "https://far.test/v1"', {}, id="in the file"),
        pytest.param(
            'kind = "offline"',
            {"LLMO_PROVIDERS__OFFLINE__KIND": "openai", "LLMO_PROVIDERS__OFFLINE__BASE_URL": "https://far.test/v1"},
            id="by variables",
        ),
    ],
)
def test_the_name_offline_makes_no_server_private(llmo: Any, lines: str, env: dict[str, str]) -> None:
    """
    The kind keeps a prompt on this machine, not what a provider is called.
    """
    path = llmo.home / "p.toml"
    path.write_text(f"[providers.offline]\n{lines}\n", "utf-8")
    run = llmo("-P", path, "ask", "--private", "hello", "-m", "offline/m", env=env)

    assert (4, True) == (run.code, "not on this machine" in run.stderr)


@pytest.mark.parametrize(
    ("variable", "value", "model"),
    [
        ("OPENAI_BASE_URL", "http://127.evil.example/v1", "openai/m"),
        ("OPENAI_BASE_URL", "http://2130706433/v1", "openai/m"),
        ("ANTHROPIC_BASE_URL", "http://localhost.evil.example", "anthropic/m"),
        ("OLLAMA_HOST", "127.evil.example", "ollama/m"),
        ("OLLAMA_HOST", "http://127.1:11434", "ollama/m"),
        ("LLMO_PROVIDERS__OLLAMA__BASE_URL", "http://127.evil.example:1", "ollama/m"),
    ],
)
def test_a_variable_can_not_make_a_strange_host_private(llmo: Any, variable: str, value: str, model: str) -> None:
    """
    Addresses of the environment are judged as those of the profile are.
    """
    env = {variable: value, "OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k"}
    run = llmo("route", "hello", "-m", model, "--private", "--json", env=env)

    assert [None] == [one["rank"] for one in run.json["candidates"]], run
    assert "not on this machine" in run.json["candidates"][0]["why"]


@pytest.mark.parametrize(
    ("lines", "env", "expected"),
    [
        pytest.param('base_url = "http://gpu:1/v1"\nlocal = true', {}, True, id="said of this address"),
        pytest.param("local = true", {"OPENAI_BASE_URL": "http://gpu:1/v1"}, True, id="said of the variable's"),
        pytest.param(
            'base_url = "http://gpu:1/v1"\nlocal = true', {"OPENAI_BASE_URL": "http://b:1/v1"}, False, id="moved"
        ),
        pytest.param(
            'base_url = "http://gpu:1/v1"\nlocal = true',
            {"LLMO_PROVIDERS__OPENAI__BASE_URL": "http://b:1/v1"},
            False,
            id="moved by llmo's own",
        ),
        pytest.param(
            'base_url = "http://gpu:1/v1"\nlocal = true',
            {"OPENAI_BASE_URL": "http://b:1/v1", "LLMO_PROVIDERS__OPENAI__LOCAL": "true"},
            True,
            id="moved and said again",
        ),
    ],
)
def test_local_is_said_of_one_address(tmp_path: Path, lines: str, env: dict[str, str], expected: bool) -> None:
    """
    Who moves a provider by a variable says again whether the new place may have private data.
    """
    path = tmp_path / "p.toml"
    path.write_text(f'[providers.openai]\nkind = "openai"\n{lines}\n', "utf-8")

    for _ in range(2):  # the second time from the cache
        loaded = load(str(path), env=env | {"LLMO_CACHE_DIR": str(tmp_path)})
        assert expected is loaded.profile.providers["openai"].local


HTTP = [kind for kind, entry in KINDS.items() if entry.http]
REFUSED = whole({"error": {"message": "no"}}, status="403 Forbidden")
PROXY = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy")


@pytest.mark.parametrize("kind", HTTP)
@pytest.mark.parametrize(
    "args",
    [
        pytest.param(("ask", "hello", "--retries", "0"), id="ask"),
        pytest.param(("ask", "hello", "--compare", "-m", "peer/m", "-m", "peer/n", "--retries", "0"), id="compare"),
        pytest.param(("batch", "rows.txt", "--retries", "0"), id="batch"),
        pytest.param(("models", "--refresh"), id="refresh"),
        pytest.param(("route", "hello", "--probe"), id="probe"),
        pytest.param(("profile", "check", "--probe"), id="check"),
    ],
)
def test_what_counts_as_local_goes_through_no_proxy(
    llmo: Any, tmp_path: Path, kind: str, args: tuple[str, ...]
) -> None:
    """
    A proxy of the environment receives nothing of what `local = true` promises to keep, by either transport.
    """
    path = tmp_path / "p.toml"
    path.write_text(
        f'model = "peer/m"\n[providers.peer]\nkind = "{kind}"\nbase_url = "http://gpu.invalid:1/v1"\n'
        'local = true\napi_key_env = "K"\n',
        "utf-8",
    )
    (llmo.home / "rows.txt").write_text("hello\n", "utf-8")
    with RawServer([REFUSED]) as proxy:
        run = llmo("-P", path, *args, env={"K": "key-of-peer"} | dict.fromkeys(PROXY, proxy.url))

    assert [] == proxy.requests, run
    assert "Traceback" not in run.stderr


class Recording(Unplugged):
    """A transport that says who called."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def exchange(self, call: Any) -> Any:
        self.calls.append(call)
        return super().exchange(call)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "offline"])
def test_a_provider_sends_nothing_private_elsewhere(kind: Any) -> None:
    """
    Whatever was planned: the last look is at the address that is called.
    """
    wire = Recording()
    config = ProviderConfig(kind=kind, base_url="https://cloud.example/v1", command=("/nowhere/agent",))
    link = ProviderContext(name="peer", base_url="https://cloud.example/v1", api_key="k", config=config, transport=wire)

    async def ask() -> None:
        await factory(kind)(link).send(replace(HELLO, private=True), "m", ignore)

    with pytest.raises(Withheld):
        asyncio.run(ask())

    assert [] == wire.calls


def test_the_engine_hands_nothing_private_to_a_target_elsewhere() -> None:
    """
    A plan that is wrong is not followed: nothing is held, nothing sent, and the local one answers.
    """
    cloud, local = Scripted([Text("no"), Finish("stop")]), Scripted([Text("hi"), Usage(1, 1), Finish("stop")])
    stage = Stage({A: cloud, replace(A, provider="b"): local})
    ranked = plan(candidate(A, 1), candidate(replace(A, provider="b"), 2))
    wrong = replace(ranked, requirements=replace(ranked.requirements, private=True))
    here = replace(wrong.candidates[1], facts=replace(wrong.candidates[1].facts, local=True))
    _, execution = stage.play(plan=replace(wrong, candidates=(wrong.candidates[0], here)))

    assert execution.result is not None
    assert ("hi", [], [True]) == (execution.result.text, cloud.requests, [r.private for r in local.requests])
    assert ["config", "ok"] == [one.outcome for one in execution.result.attempts]
    assert "hold a" not in stage.log
    assert Request((Message("user", "hello"),)) == HELLO


DONE = {"model": "mine", "message": {"role": "assistant", "content": "Hi."}, "done": True, "done_reason": "stop"}
CLOUD = {"remote_model": "gpt-oss:120b", "remote_host": "https://ollama.com:443"}


@pytest.mark.parametrize(
    ("shown", "flag", "expected"),
    [
        pytest.param(whole({"details": {}}), "--private", (0, ["/api/show", "/api/chat"]), id="here"),
        pytest.param(
            whole({"error": "no"}, status="404 Not Found"), "--private", (0, ["/api/show", "/api/chat"]), id="old"
        ),
        pytest.param(whole(CLOUD), "--private", (4, ["/api/show"]), id="cloud"),
        pytest.param(whole(DONE), None, (0, ["/api/chat"]), id="not private"),
    ],
)
def test_a_cloud_model_under_another_name_gets_nothing_private(
    llmo: Any, tmp_path: Path, shown: Any, flag: str | None, expected: tuple[int, list[str]]
) -> None:
    """
    `ollama cp gpt-oss:120b-cloud mine`: what a model is, is asked before the prompt is sent.
    """
    path = tmp_path / "p.toml"
    with RawServer([shown], [whole(DONE)]) as server:
        path.write_text(f'model = "o/mine"\n[providers.o]\nkind = "ollama"\nbase_url = "{server.url}"\n', "utf-8")
        run = llmo("-P", path, "ask", "--no-stream", "the plan", *([flag] if flag else []))

    assert expected == (run.code, [one.path for one in server.requests]), run
    assert expected[0] == 0 or not any(b"the plan" in one.body for one in server.requests)
    assert expected[0] == 0 or "o/mine runs at https://ollama.com:443, but the request is private" in run.stderr
