"""Detected data stays on this machine, wherever in a request it stands and on whatever way it would leave."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import llmo as library
from llmo.errors import ConfigError
from tests.servers.raw import RawServer, whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Llmo, Run

CARD = "4111 1111 1111 1111"
SAID = {"id": "c-1", "model": "m", "choices": [{"index": 0, "message": {"content": "Hi."}, "finish_reason": "stop"}]}
KINDS = ("litellm-proxy", "openrouter", "openai")


class Cloud:
    """llmo with providers that are not on this machine; whatever they would be sent arrives at one server."""

    def __init__(self, llmo: Llmo, server: RawServer) -> None:
        self.llmo, self.server = llmo, server
        self.path = llmo.home / "p.toml"
        one = '[providers.{0}]\nkind = "{0}"\nbase_url = "{1}/v1"\napi_key_env = "CLOUD_KEY"\nlocal = false\n'
        self.path.write_text(
            "".join(one.format(kind, server.url) for kind in KINDS)
            + '[providers.broken]\nkind = "openai"\nbase_url = "http://127.0.0.1:9/v1"\nlocal = true\napi_key_env = "CLOUD_KEY"\n'
            '[aliases]\nfast = "openai/m"\n'
            '[tasks.general]\nprimary = ["openai/m"]\n[tasks.own]\nprimary = ["broken/m", "openrouter/m"]\n'
            '[fallback]\nopenrouter = ["openrouter/m"]\nlitellm = ["litellm-proxy/m"]\n',
            "utf-8",
        )

    def __call__(self, *args: Any, **how: Any) -> Run:
        return self.llmo("-P", self.path, *args, env={"CLOUD_KEY": "key-of-cloud"}, cwd=self.llmo.home, **how)

    def kept(self, run: Run) -> None:
        """Nothing was sent, and what was found is named and not shown."""
        assert (4, []) == (run.code, [one.body for one in self.server.requests]), run
        assert "card number" in run.stderr
        assert "1111" not in f"{run.stdout}{run.stderr}"


@pytest.fixture
def cloud(llmo: Llmo) -> Iterator[Cloud]:
    with RawServer([whole(SAID)]) as server:
        made = Cloud(llmo, server)
        files = {
            "card.txt": CARD,
            "t.txt": "About {{ who }}",
            "card.t.txt": f"About {CARD} and {{{{ who }}}}",
            "front.txt": f'+++\nsystem = "{CARD}"\n+++\nAbout {{{{ who }}}}',
            "s.json": json.dumps({"type": "object", "description": CARD}),
        }
        for name, text in files.items():
            (llmo.home / name).write_text(text, "utf-8")
        yield made


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("args", "stdin"),
    [
        pytest.param((f"my card {CARD}",), None, id="prompt"),
        pytest.param(("-",), f"card {CARD}", id="standard input"),
        pytest.param(("-f", "card.txt", "hello"), None, id="file"),
        pytest.param(("-s", CARD, "hello"), None, id="system"),
        pytest.param(("-s", "@card.txt", "hello"), None, id="system from a file"),
        pytest.param(("--stop", CARD, "hello"), None, id="stop sequence"),
        pytest.param(("--schema", "s.json", "hello"), None, id="schema"),
        pytest.param(("--template", "t.txt", "-D", f"who={CARD}"), None, id="value of a template"),
        pytest.param(("--template", "card.t.txt", "-D", "who=me"), None, id="template"),
        pytest.param(("--template", "front.txt", "-D", "who=me"), None, id="front matter"),
        pytest.param(("-o", f'metadata={{"card": "{CARD}"}}', "hello"), None, id="option"),
        pytest.param(
            ("-o", f'tools=[{{"type": "function", "function": {{"name": "f", "description": "{CARD}"}}}}]', "hello"),
            None,
            id="tool",
        ),
    ],
)
def test_it_is_found_wherever_it_stands(cloud: Cloud, kind: str, args: tuple[str, ...], stdin: str | None) -> None:
    """
    In anything that would be sent; `-m` opens no way, and the message names the flag that does.
    """
    run = cloud("ask", "-m", f"{kind}/m", *args, stdin=stdin)

    cloud.kept(run)
    assert "--allow-private-to" in run.stderr


@pytest.mark.parametrize(
    "args",
    [
        pytest.param(("ask",), id="the task's chain"),
        pytest.param(("ask", "-t", "own", "--retries", "0"), id="the local model fails"),
        pytest.param(("ask", "-m", "broken/m", "-m", "openai/m", "--retries", "0"), id="a chain of -m"),
        pytest.param(("ask", "-m", "fast"), id="alias"),
        pytest.param(("ask", "-m", "m"), id="bare name"),
        pytest.param(("ask", "--strategy", "cheapest"), id="strategy"),
        pytest.param(("ask", "--cache", "1d"), id="cache"),
        pytest.param(("ask", "--compare", "-m", "openai/m", "-m", "openrouter/m"), id="comparison"),
        pytest.param(("ask", "--json", "-m", "litellm-proxy/m"), id="JSON"),
        pytest.param(("ask", "--lenient", "--no-fallback", "-m", "openrouter/m"), id="lenient"),
    ],
)
def test_no_way_leads_out(cloud: Cloud, args: tuple[str, ...]) -> None:
    """
    No fallback, retry, alias, strategy, cache or comparison: whoever is not on this machine gets nothing.
    """
    run = cloud(*args, f"my card {CARD}")

    assert run.code in {4, 5}, run
    assert [] == cloud.server.requests
    assert "1111" not in f"{run.stdout}{run.stderr}"


@pytest.mark.parametrize(
    ("row", "more"),
    [
        pytest.param({"who": CARD}, ("--template", "t.txt"), id="field"),
        pytest.param({"who": "me", "more": CARD}, ("--template", "t.txt", "--system", "@card.txt"), id="system file"),
        pytest.param({"who": "me"}, ("--template", "front.txt"), id="front matter"),
        pytest.param(
            {
                "custom_id": "a",
                "method": "POST",
                "url": "/v1/chat/completions",
                "body": {"model": "m", "messages": [{"role": "user", "content": CARD}]},
            },
            ("--input-format", "openai-batch"),
            id="body",
        ),
        pytest.param(
            {
                "custom_id": "a",
                "method": "POST",
                "url": "/v1/chat/completions",
                "body": {"model": "m", "messages": [{"role": "user", "content": "hi"}], "metadata": {"of": CARD}},
            },
            ("--input-format", "openai-batch"),
            id="metadata of a body",
        ),
    ],
)
def test_no_row_leaves(cloud: Cloud, row: dict[str, Any], more: tuple[str, ...]) -> None:
    """
    Where no row can be answered here, the run does not begin.
    """
    (cloud.llmo.home / "rows.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    run = cloud("batch", "rows.jsonl", *more, "-m", "openai/m", "-o", "out.jsonl")

    cloud.kept(run)


def test_no_program_sends_it(cloud: Cloud) -> None:
    """
    The Python API plans as the command line does, whether it asks at once or streams.
    """
    env = cloud.llmo.env({"CLOUD_KEY": "key-of-cloud"})
    with library.Client(cloud.path, env=env) as client:
        for model in (f"{KINDS[0]}/m", "fast", [f"{KINDS[1]}/m", "openai/m"]):
            with pytest.raises(ConfigError, match="card number"):
                client.ask(f"my card {CARD}", model=model)
            with pytest.raises(ConfigError, match="card number"):
                list(client.stream(f"my card {CARD}", model=model))

    assert [] == cloud.server.requests
