"""Addresses, keys, readiness."""

from __future__ import annotations

import json
import sys
import types
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from llmo.config import ollama
from llmo.config.credentials import api_key, base_url, why_not_ready, withheld
from llmo.config.profile import ProviderConfig
from llmo.errors import CredentialsError
from llmo.errors.installing import install_command

PYTHON = sys.executable


@pytest.mark.parametrize(
    ("value", "url"),
    [
        pytest.param("", "http://127.0.0.1:11434", id="unset"),
        pytest.param("box", "http://box:11434", id="host"),
        pytest.param(' "box:9" ', "http://box:9", id="blanks and quotes"),
        pytest.param(":9", "http://127.0.0.1:9", id="port"),
        pytest.param("http://box", "http://box", id="http means 80"),
        pytest.param("https://box", "https://box", id="https means 443"),
        pytest.param("https://box:8443/ol/", "https://box:8443/ol", id="path"),
        pytest.param("0.0.0.0", "http://127.0.0.1:11434", id="bind address"),
        pytest.param("0.0.0.0:8080", "http://127.0.0.1:8080", id="bind address with port"),
        pytest.param("[::]", "http://[::1]:11434", id="bind address v6"),
        pytest.param("[::]:8080", "http://[::1]:8080", id="bind address v6 with port"),
        pytest.param("::1", "http://[::1]:11434", id="bare v6"),
        pytest.param("[::1]:9", "http://[::1]:9", id="v6 with port"),
        pytest.param("box:x", "http://box:11434", id="bad port"),
        pytest.param("https://box:99999", "https://box", id="port out of range"),
        pytest.param("ollama.com", "https://ollama.com", id="cloud"),
    ],
)
def test_ollama_host_means_what_ollama_takes_it_for(value, url):
    """
    The rules of Ollama's own server and client, facts of envconfig/config.go.
    """
    assert url == ollama.address(value)


OPENAI = {"OPENAI_API_KEY": "sk-secret"}


@pytest.mark.parametrize(
    ("name", "config", "env", "key"),
    [
        pytest.param("openai", {}, OPENAI, "sk-secret", id="the vendor itself"),
        pytest.param("work", {}, OPENAI, "sk-secret", id="the vendor by another name"),
        pytest.param(
            "openai", {"base_url": "https://api.openai.com/v1/"}, OPENAI, "sk-secret", id="the vendor spelled"
        ),
        pytest.param("openai", {"base_url": "https://evil.example/v1"}, OPENAI, None, id="a foreign address"),
        pytest.param("openai", {"base_url": "http://api.openai.com/v1"}, OPENAI, None, id="not encrypted"),
        pytest.param("openai", {"base_url": "https://api.openai.com@evil.example"}, OPENAI, None, id="user in front"),
        pytest.param("openai", {"base_url": "https://api.openai.com.evil.example"}, OPENAI, None, id="longer host"),
        pytest.param("openai", {"base_url": "https://api.openai.com\\@evil.example"}, OPENAI, None, id="backslash"),
        pytest.param(
            "openai",
            {"base_url": "https://gateway/v1"},
            OPENAI | {"OPENAI_BASE_URL": "https://gateway/v1/"},
            "sk-secret",
            id="address and key of one environment",
        ),
        pytest.param(
            "vllm", {"base_url": "http://h/v1", "api_key_env": "OPENAI_API_KEY"}, OPENAI, "sk-secret", id="on purpose"
        ),
        pytest.param("openai", {"api_key_env": "MINE"}, OPENAI | {"MINE": " k \n"}, "k", id="own variable, stripped"),
        pytest.param("openai", {"api_key_env": "MINE"}, OPENAI, None, id="own variable unset, vendor's not taken"),
        pytest.param("ollama", {"kind": "ollama"}, {"OLLAMA_API_KEY": "k"}, None, id="ollama at home"),
        pytest.param(
            "ollama",
            {"kind": "ollama", "base_url": "https://box"},
            {"OLLAMA_API_KEY": "k", "OLLAMA_HOST": "https://box"},
            None,
            id="ollama elsewhere",
        ),
        pytest.param(
            "ollama",
            {"kind": "ollama", "base_url": "https://ollama.com"},
            {"OLLAMA_API_KEY": "k"},
            "k",
            id="ollama cloud",
        ),
        pytest.param(
            "litellm-proxy",
            {"kind": "litellm-proxy", "base_url": "http://h:4000"},
            {"LITELLM_PROXY_API_KEY": "k"},
            "k",
            id="own proxy",
        ),
        pytest.param(
            "other",
            {"kind": "litellm-proxy", "base_url": "http://h:4000"},
            {"LITELLM_PROXY_API_KEY": "k"},
            None,
            id="another proxy",
        ),
    ],
)
def test_a_key_goes_only_where_it_belongs(name, config, env, key):
    """
    A vendor's variable is for the vendor; elsewhere the profile must say so.
    """
    config = ProviderConfig(**{"kind": "openai"} | config)

    assert key == api_key(name, config, env)


def test_what_is_withheld_can_be_told():
    """
    A key that is there and not sent is named, so that a 401 of a gateway can be explained.
    """
    config = ProviderConfig(kind="openai", base_url="https://gateway/v1")

    assert "OPENAI_API_KEY" == withheld("openai", config, OPENAI)
    assert None is withheld("openai", ProviderConfig(kind="openai"), OPENAI)


def test_addresses():
    """
    The profile's, else the vendor's variable for the provider of that name, else the kind's.
    """
    env = {"OPENAI_BASE_URL": "https://e/v1/", "OLLAMA_HOST": ":9"}

    assert ["https://p", "https://e/v1", "https://api.openai.com/v1", "http://127.0.0.1:9", ""] == [
        base_url("openai", ProviderConfig(kind="openai", base_url="https://p/"), env),
        base_url("openai", ProviderConfig(kind="openai"), env),
        base_url("work", ProviderConfig(kind="openai"), env),
        base_url("ollama", ProviderConfig(kind="ollama"), env),
        base_url("offline", ProviderConfig(kind="offline"), env),
    ]


def command(code, **config):
    return ProviderConfig(kind="openai", api_key_cmd=(PYTHON, "-c", code), **config)


def test_a_command_prints_the_key():
    """
    The last line break is taken off, and the vendor's variable wins: environment over profile.
    """
    config = command("print('from-command')")

    assert "from-command" == api_key("openai", config, {})
    assert "sk-secret" == api_key("openai", config, OPENAI)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        pytest.param(
            command("import sys; print('hidden'); sys.exit('hidden')"),
            f"api_key_cmd of openai failed: {PYTHON}: exit code 1",
            id="exit code",
        ),
        pytest.param(command(""), f"api_key_cmd of openai failed: {PYTHON}: it printed nothing", id="nothing"),
        pytest.param(
            command("print('hidden\\nhidden')"),
            f"not a key: what {PYTHON} printed has a space, a line break or a character outside ASCII",
            id="several lines",
        ),
        pytest.param(
            ProviderConfig(kind="openai", api_key_cmd=("/no/such/program",)),
            "api_key_cmd of openai failed: /no/such/program: no such file or directory",
            id="not there",
        ),
    ],
)
def test_a_command_that_fails_is_named_without_its_output(config, message):
    """
    What a password manager prints is in no message.
    """
    with pytest.raises(CredentialsError) as caught:
        api_key("openai", config, {})

    assert message == caught.value.message
    assert "hidden" not in f"{caught.value.hint}"


def test_a_command_that_hangs_is_given_up(monkeypatch):
    """
    A command has its time, and no more.
    """
    monkeypatch.setattr("llmo.config.credentials.PATIENCE", 0.2)
    with pytest.raises(CredentialsError, match=r"no response within 0\.2 s"):
        api_key("openai", command("import time; time.sleep(60)"), {})


def test_a_key_with_a_line_break_is_refused_before_it_reaches_a_header():
    """
    A broken key is named by its source.
    """
    with pytest.raises(CredentialsError, match="not a key: OPENAI_API_KEY has a space"):
        api_key("openai", ProviderConfig(kind="openai"), {"OPENAI_API_KEY": "a\nb"})


def test_the_keyring_is_an_extra(monkeypatch):
    """
    Without the package, the message says how to get it.
    """
    monkeypatch.setitem(sys.modules, "keyring", None)
    config = ProviderConfig(kind="openai", api_key_keyring="llm")
    with pytest.raises(CredentialsError) as caught:
        api_key("openai", config, {})

    assert ("api_key_keyring of openai needs the package keyring", install_command("keyring")) == (
        caught.value.message,
        caught.value.hint,
    )


def test_the_keyring_has_the_key_under_service_and_provider(monkeypatch):
    """
    `keyring set llm openai` is where the key is looked for; one that is not there is an error with that line.
    """
    errors: Any = types.ModuleType("keyring.errors")
    errors.KeyringError = OSError
    keyring: Any = types.ModuleType("keyring")
    keyring.get_password = lambda service, name: {("llm", "openai"): "kept"}.get((service, name))
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    monkeypatch.setitem(sys.modules, "keyring.errors", errors)
    config = ProviderConfig(kind="openai", api_key_keyring="llm")

    assert "kept" == api_key("openai", config, {})
    with pytest.raises(CredentialsError, match="the keyring has no password for llm, work"):
        api_key("work", config, {})


@pytest.mark.parametrize(
    ("config", "env", "why"),
    [
        pytest.param({}, {}, "OPENAI_API_KEY is not set", id="no key"),
        pytest.param({}, {"OPENAI_API_KEY": " "}, "OPENAI_API_KEY is not set", id="blank key"),
        pytest.param({}, OPENAI, None, id="key"),
        pytest.param({"base_url": "http://127.0.0.1:1/v1"}, {}, None, id="a server that may want none"),
        pytest.param({"base_url": "http://h", "api_key_env": "X"}, {}, "X is not set", id="named and unset"),
        pytest.param({"api_key_env": "X", "api_key_cmd": ("/no/such",)}, {}, None, id="a command is not run"),
        pytest.param({"kind": "ollama"}, {}, None, id="ollama"),
        pytest.param(
            {"kind": "ollama", "base_url": "https://ollama.com"}, {}, "OLLAMA_API_KEY is not set", id="ollama cloud"
        ),
        pytest.param({"kind": "offline"}, {}, None, id="offline"),
    ],
)
def test_ready_says_why_not(config, env, why):
    """
    Told from profile and environment alone.
    """
    assert why == why_not_ready("openai", ProviderConfig(**{"kind": "openai"} | config), env)


@pytest.fixture
def tags():
    """A server that answers as Ollama does, and what it answers."""
    answer = [b"{}"]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/api/tags" else 404)
            self.end_headers()
            self.wfile.write(answer[0])

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", answer
        server.shutdown()
        thread.join()


def test_ollama_is_asked_for_its_models(tags, tmp_path):
    """
    What is found is remembered for that address; a server that is no Ollama is nobody.
    """
    url, answer = tags
    env = {"LLMO_CACHE_DIR": str(tmp_path)}
    answer[0] = json.dumps({"models": [{"name": "llama3.2:latest"}]}).encode()
    models = ollama.discover(url) or ()
    ollama.remember(url, models, env, now=1.0)

    assert ("llama3.2:latest",) == models == ollama.remembered(url, env)
    assert () == ollama.remembered("http://127.0.0.1:11434", env)
    assert None is ollama.discover(f"{url}/elsewhere")
    answer[0] = b"<html>"
    assert None is ollama.discover(url)
    assert None is ollama.discover("http://127.0.0.1:1")
