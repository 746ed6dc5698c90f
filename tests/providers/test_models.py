"""What providers list, and what proves that they are there."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from llmo.catalog.listing import ListedModel
from llmo.errors import ProviderError, Rejected, Unauthorized
from llmo.providers.registry import factory
from tests import virtual
from tests.contract.dialects import ANTHROPIC, JSON, OLLAMA, OPENAI, Row, Scripted, link

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from llmo.providers.transports.transport import HttpRequest, HttpResponse


class Pages(Scripted):
    """A transport that knows some addresses; the others are 404."""

    def __init__(self, **pages: Any) -> None:
        super().__init__([])
        self.pages = {name.replace("_", "/"): page for name, page in pages.items()}

    @asynccontextmanager
    async def exchange(self, call: HttpRequest) -> AsyncGenerator[HttpResponse]:
        self.calls.append(call)
        path = call.url.partition("://")[2].partition("/")[2]
        status, body = self.pages.get(path, (404, "404 page not found"))
        yield Scripted([(body if isinstance(body, str) else json.dumps(body)).encode()], status, JSON)


def models(row: Row, transport: Scripted) -> Sequence[ListedModel]:
    return virtual.run(factory(row.kind)(link(row, transport)).models())


def check(row: Row, transport: Scripted) -> str:
    return virtual.run(factory(row.kind)(link(row, transport)).check())


def test_models_of_openai() -> None:
    """
    Shutdown dates are shown; vLLM adds the context, others by another name, which wins.
    """
    data = [
        {"id": "a", "shutdown_date": "2026-12-11"},
        {"id": "b", "max_model_len": 4096},
        {"id": "c", "context_length": 8192, "max_model_len": 4096},
        {"id": None},
        "d",
    ]

    assert models(OPENAI, Pages(v1_models=(200, {"data": data}))) == [
        ListedModel("a", shutdown="2026-12-11"),
        ListedModel("b", context=4096),
        ListedModel("c", context=8192),
    ]


def test_models_of_anthropic_come_in_pages() -> None:
    """
    All pages are read.
    """
    able = {"structured_outputs": {"supported": True}, "thinking": {"supported": False}}
    first = {"data": [{"id": "a", "max_input_tokens": 9, "max_tokens": 3, "capabilities": able}], "has_more": True}
    transport = Pages(
        **{
            "v1_models?limit=1000": (200, {**first, "last_id": "a"}),
            "v1_models?limit=1000&after_id=a": (200, {"data": [{"id": "b", "retires_at": "2027"}], "has_more": False}),
        }
    )
    transport.pages = {name.replace("after/id", "after_id"): page for name, page in transport.pages.items()}

    assert models(ANTHROPIC, transport) == [
        ListedModel("a", context=9, max_output=3, abilities=frozenset({"schema"})),
        ListedModel("b", shutdown="2027"),
    ]


def test_models_of_ollama() -> None:
    """
    What only embeds is left out.
    """
    tags = [
        {"name": "qwen3:8b", "capabilities": ["completion", "thinking"]},
        {"name": "nomic:latest", "capabilities": ["embedding"]},
        {"name": "old:latest"},
        {"name": "big:cloud", "capabilities": ["completion", "vision"], "remote_host": "https://ollama.com"},
        {"name": "able:latest", "capabilities": ["completion", "tools", "insert"]},
        {"name": ""},
        7,
    ]

    assert models(OLLAMA, Pages(api_tags=(200, {"models": tags}))) == [
        ListedModel("qwen3:8b", abilities=frozenset({"reasoning", "schema"})),
        ListedModel("old:latest"),
        ListedModel("big:cloud", abilities=frozenset({"vision"})),
        ListedModel("able:latest", abilities=frozenset({"tools", "schema"})),
    ]


@pytest.mark.parametrize(
    ("row", "pages", "expected"),
    [
        pytest.param(
            OPENAI, {"v1_models": (200, {"data": [{}, {}]})}, "https://api.openai.com/v1 lists 2 models", id="openai"
        ),
        pytest.param(
            OPENAI,
            {"v1_models": (403, {"error": {"message": "scoped"}})},
            "https://api.openai.com/v1 responds, but lists no models for this key (403)",
            id="openai-scoped-key",
        ),
        pytest.param(
            ANTHROPIC,
            {"v1_models?limit=1": (200, {"data": []})},
            "https://api.anthropic.com responds, key accepted",
            id="anthropic",
        ),
        pytest.param(
            OLLAMA, {"api_version": (200, {"version": "0.9.1"})}, "Ollama 0.9.1 at http://127.0.0.1:11434", id="ollama"
        ),
        pytest.param(OLLAMA, {"": (200, "Ollama is running")}, "Ollama at http://127.0.0.1:11434", id="ollama-root"),
    ],
)
def test_checks_that_pass(row: Row, pages: dict[str, Any], expected: str) -> None:
    """
    The cheapest call that proves address and key.
    """
    assert check(row, Pages(**pages)) == expected


@pytest.mark.parametrize(
    ("row", "pages", "expected"),
    [
        pytest.param(OPENAI, {"v1_models": (401, {"error": {"message": "bad key"}})}, Unauthorized, id="openai-key"),
        pytest.param(OPENAI, {}, Rejected, id="openai-elsewhere"),
        pytest.param(ANTHROPIC, {"v1_models?limit=1": (401, {"error": {"message": "no"}})}, Unauthorized, id="key"),
        pytest.param(OLLAMA, {}, Rejected, id="ollama-elsewhere"),
        pytest.param(OLLAMA, {"": (200, "nginx")}, ProviderError, id="ollama-is-nginx"),
    ],
)
def test_checks_that_fail(row: Row, pages: dict[str, Any], expected: type[ProviderError]) -> None:
    """
    The failure is that of a call.
    """
    with pytest.raises(expected):
        check(row, Pages(**pages))
