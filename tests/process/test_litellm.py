"""`llmo` with LiteLLM as a library: what a user sees of it, which is nothing but the answer."""

from __future__ import annotations

import os
import re
import signal
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from tests import peers
from tests.process.conftest import KEY, explained
from tests.providers.test_litellm import COUNTED, DONE, STOP, WORDS, fault
from tests.servers.raw import RawServer, stream, whole

if TYPE_CHECKING:
    from tests.conftest import Llmo, Run

INSTALLED = find_spec("litellm") is not None
needed = pytest.mark.skipif(not INSTALLED, reason=peers.missing("litellm"))
ANSWER = stream(WORDS, STOP, COUNTED, DONE)


class Asked:
    """llmo whose only provider is the library, pointed at a server of ours."""

    def __init__(self, llmo: Llmo, url: str, *, key: bool = True, more: str = "") -> None:
        self.llmo = llmo
        self.profile = llmo.home / "litellm.toml"
        given = 'api_key_env = "PEER_KEY"' if key else ""
        self.profile.write_text(
            f'[providers.litellm]\nkind = "litellm"\nbase_url = "{url}"\n{given}\n{more}\n', "utf-8"
        )

    def args(self, *args: str, model: str) -> tuple[Any, ...]:
        return ("-P", self.profile, "ask", "-m", f"litellm/{model}", *args)

    def __call__(self, *args: str, model: str = "openai/gpt-4o-mini", **how: Any) -> Run:
        return self.llmo(*self.args(*args, model=model), env={"PEER_KEY": KEY}, **how)


@needed
def test_nothing_but_the_answer(llmo: Llmo) -> None:
    """
    No banner, no log, no warning, on neither stream.
    """
    with RawServer([ANSWER]) as server:
        asked = Asked(llmo, f"{server.url}/v1")
        plain, told = asked("-q", "hello"), asked("--json", "hello").json

    assert (plain.code, plain.stdout, plain.stderr) == (0, "Hello", "")
    assert (told["text"], told["served_model"], told["warnings"]) == ("Hello", "served-1", [])
    assert (told["usage"]["input_tokens"], told["cost"]["source"]) == (1000, "computed")


@needed
def test_nothing_but_the_error(llmo: Llmo) -> None:
    """
    The library has a lot to say about errors.
    """
    with RawServer([whole(fault("invalid_api_key", "wrong key"), status="401 No")]) as server:
        run = Asked(llmo, f"{server.url}/v1")("hello")

    assert (run.code, run.stdout) == (4, "")
    assert explained(run) == [
        "llmo: litellm returned HTTP 401: wrong key",
        "hint: set OPENAI_API_KEY, or api_key_env of the provider",
    ]
    assert run.stderr.count("\n") == 2


@needed
def test_no_key_from_a_file_of_the_directory(llmo: Llmo) -> None:
    """
    The library would load a `.env`; a cloned repository must not lend keys.
    """
    (llmo.home / ".env").write_text("OPENAI_API_KEY=sk-from-a-stranger\n", "utf-8")
    profile = llmo.home / "bare.toml"
    profile.write_text('[providers.litellm]\nkind = "litellm"\n', "utf-8")
    with RawServer([ANSWER]) as server:
        # Without an address the library asks the vendor: the proxy sees it when it has a key to do so.
        run = llmo("-P", profile, "ask", "-m", "litellm/openai/gpt-4o-mini", "hello", env={"HTTPS_PROXY": server.url})

    assert (run.code, server.requests) == (4, [])
    assert explained(run)[1] == "hint: set OPENAI_API_KEY, or api_key_env of the provider"


@needed
def test_an_address_without_a_key_is_sent_none(llmo: Llmo) -> None:
    """
    Neither a file's nor the environment's: a vendor's key belongs to the vendor's address.
    """
    (llmo.home / ".env").write_text("OPENAI_API_KEY=sk-from-a-stranger\n", "utf-8")
    with RawServer([ANSWER]) as server:
        asked = Asked(llmo, f"{server.url}/v1", key=False)
        run = llmo(*asked.args("hello", model="openai/gpt-4o-mini"), env={"OPENAI_API_KEY": "sk-of-the-user"})

    assert (run.code, run.stdout) == (0, "Hello")
    assert [request.headers["authorization"] for request in server.requests] == ["Bearer none"]


@needed
def test_an_interrupt_does_not_wait_for_the_import(llmo: Llmo) -> None:
    """
    Ctrl-C ends llmo while the library is still on its way, and after it.
    """
    with RawServer([stream(WORDS), "hang"]) as server:
        asked = Asked(llmo, f"{server.url}/v1")
        process = llmo.start(
            *asked.args("--ndjson", "hello", model="openai/gpt-4o-mini"), env={"PEER_KEY": KEY, "PYTHONUNBUFFERED": "1"}
        )
        assert process.stdout
        seen = b""
        while b'"attempt"' not in seen:
            seen += os.read(process.stdout.fileno(), 4096)
        process.send_signal(signal.SIGINT)
        early = llmo.finish(process)
        process = llmo.start(*asked.args("hello", model="openai/gpt-4o-mini"), env={"PEER_KEY": KEY})
        assert process.stdout
        assert os.read(process.stdout.fileno(), 3) == b"Hel"
        process.send_signal(signal.SIGINT)
        late = llmo.finish(process)

    assert ([early.code, late.code], len(server.requests)) == ([130, 130], 1)
    assert "Traceback" not in early.stderr + late.stderr


@needed
def test_an_unknown_price_under_a_budget(llmo: Llmo) -> None:
    """
    Refused, unless the profile knows the price; the library's zero is none.
    """
    price = '[[prices]]\nmodel = "litellm/*"\ninput_usd = "1"\noutput_usd = "2"\n'
    with RawServer([ANSWER]) as server:
        url = f"{server.url}/v1"
        refused = Asked(llmo, url)("--max-cost", "1", "--json", "hello", model="openai/nobody-knows-it")
        allowed = Asked(llmo, url)("--json", "hello", model="openai/nobody-knows-it")
        priced = Asked(llmo, url, more=price)("--max-cost", "1", "--json", "hello", model="openai/nobody-knows-it")

    assert [refused.code, allowed.code, priced.code] == [3, 0, 0]
    assert [run.json["cost"]["usd"] for run in (allowed, priced)] == [None, "0.002"]
    assert len(server.requests) == 2
    assert server.requests[1].json["max_tokens"] > 0


@pytest.mark.skipif(INSTALLED, reason="litellm is installed")
def test_without_the_extra(llmo: Llmo) -> None:
    """
    Not ready, and how to get it.
    """
    run = Asked(llmo, "http://127.0.0.1:9")("hello")

    assert run.code == 4
    assert re.search(r"litellm is not installed: .* install .*litellm", run.stderr)
