"""
LangChain's own standard suites (langchain-tests), against the `offline` profile.

What is declared unsupported stands below with its reason; everything else runs. `test_serdes` skips itself:
langchain_core.load revives only the classes of a list that LangChain keeps.
"""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests import peers

pytest.importorskip("langchain_tests", reason=peers.missing("langchain"))

import httpx
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from llmo.langchain.chat_model import ChatLlmo

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
UNSUPPORTED = {
    "has_tool_calling": "an llmo request has no tools: bind_tools is not there",
    "has_tool_choice": "as tools",
    "supports_image_urls": "llmo fetches nothing, and not every dialect lets the provider fetch",
    "supports_image_tool_message": "as tools",
    "supports_pdf_inputs": "no dialect of llmo carries documents",
    "supports_pdf_tool_message": "as tools",
    "supports_audio_inputs": "no dialect of llmo carries sound",
    "supports_video_inputs": "no dialect of llmo carries video",
    "supports_anthropic_inputs": "its test sends tool_use blocks and cache marks: as tools",
    "enable_vcr_tests": "`offline` makes no HTTP call that could be recorded",
}


class Declared:
    """What both suites are told of ChatLlmo."""

    @property
    def chat_model_class(self) -> type[ChatLlmo]:
        return ChatLlmo

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"llmo_profile": "offline", "model": "offline/echo"}

    @property
    def has_structured_output(self) -> bool:
        return True

    @property
    def supports_image_inputs(self) -> bool:
        return True

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def supports_model_override(self) -> bool:
        return True

    @property
    def model_override_value(self) -> str:
        return "offline/other"

    @property
    def returns_usage_metadata(self) -> bool:
        return True

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        return {"LLMO_PROFILE": "offline"}, {}, {"llmo_profile": "offline"}


for name in UNSUPPORTED:
    setattr(Declared, name, property(lambda _: False))


class TestUnit(Declared, ChatModelUnitTests):
    """Without a request."""


class TestIntegration(Declared, ChatModelIntegrationTests):
    """Invoked, streamed, batched, with usage, stop, structure, pictures."""

    @pytest.fixture(autouse=True)
    def _picture(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The suite would fetch the picture that it sends; no test of ours leaves this machine."""
        monkeypatch.setattr(httpx, "get", lambda _url, **_: httpx.Response(200, content=PIXEL))
