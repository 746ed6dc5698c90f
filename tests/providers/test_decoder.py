"""What a decoder keeps while an answer comes in: counts, costs and who answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from llmo.errors import ProviderError
from llmo.providers.http.counts import AbsurdError
from llmo.providers.http.decoder import Decoder
from llmo.providers.registry import factory
from llmo.types.events import Notice, ReportedCost, ServedBy, Usage
from tests.contract.dialects import DIALECTS, LITELLM, OPENAI, Row, Scripted, events, link
from tests.providers.test_error_mapping import told

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.types.events import Event


class Plain(Decoder):
    """Of no dialect."""

    marker = "end"

    def read(self, message: dict[str, Any]) -> list[Event]:
        del message
        return []

    def money(self, message: dict[str, Any]) -> None:
        del message


@pytest.fixture
def decoder() -> Plain:
    def failed(*_: Any) -> ProviderError:
        return ProviderError("failed")

    return Plain(link(OPENAI, Scripted([])), failed)


def usage(fields: Mapping[str, Any]) -> Usage | None:
    return None if (found := number(fields)) is None else Usage(found, 1)


def number(fields: Mapping[str, Any]) -> int | None:
    if fields.get("n", 0) < 0:
        raise AbsurdError(f"{fields['n']} tokens")
    return fields.get("n")


@pytest.mark.parametrize(
    ("said", "kept", "doubted"),
    [
        pytest.param([3], 3, False, id="once"),
        pytest.param([3, 5], 5, False, id="the last one"),
        pytest.param([3, None], 3, False, id="no word changes nothing"),
        pytest.param([3, -1], None, True, id="what can't be true takes its place"),
        pytest.param([-1, None], None, True, id="and stays"),
        pytest.param([-1, 3], 3, False, id="until it is said well"),
        pytest.param([3, 0], 0, False, id="zero is a word"),
    ],
)
def test_the_last_figure_that_a_server_gives_counts(
    decoder: Plain, said: list[int | None], kept: int | None, doubted: bool
) -> None:
    """
    Of tokens and of cost, each for itself, and once.
    """
    for one in said:
        fields = {} if one is None else {"n": one}
        decoder.count(usage, fields)
        decoder.bill(number, fields)
    assert decoder.counted == (kept is not None or doubted)
    owed = decoder.owed()

    assert [one for one in owed if isinstance(one, Usage)] == ([] if kept is None else [Usage(kept, 1)])
    assert [one for one in owed if isinstance(one, ReportedCost)] == ([] if kept is None else [ReportedCost(kept)])
    notices = [str(one) for one in owed if isinstance(one, Notice)]
    assert len(notices) == 2 * doubted
    assert ["token counts" in notice for notice in notices] == [True, False][: len(notices)]
    assert ["a cost" in notice for notice in notices] == [False, True][: len(notices)]
    assert decoder.owed() == []


def test_who_answered_is_told_when_it_is_news(decoder: Plain) -> None:
    """
    With all that was told before; what is no name is no news.
    """
    told = [
        decoder.serve(model="m"),
        decoder.serve(model="m"),
        decoder.serve(),
        decoder.serve(model=7, service_tier=None),
        decoder.serve(service_tier="flex"),
        decoder.serve(model="n", upstream="u"),
        decoder.serve(upstream="u", service_tier="flex"),
    ]

    assert told == [
        [ServedBy(model="m")], [], [], [], [ServedBy(model="m", service_tier="flex")],
        [ServedBy(model="n", service_tier="flex", upstream="u")], [],
    ]  # fmt: skip


@pytest.mark.parametrize("row", [row for row in DIALECTS if row.kind != "ollama"], ids=lambda row: row.kind)
@pytest.mark.parametrize(
    ("content_type", "read"),
    [
        pytest.param("text/event-stream", True, id="events"),
        pytest.param("text/event-stream; charset=utf-8", True, id="with its characters"),
        pytest.param("application/x-ndjson", True, id="lines"),
        pytest.param("", True, id="nothing"),
        pytest.param("application/json", False, id="whole"),
        pytest.param("text/html; charset=utf-8", False, id="a page"),
    ],
)
def test_which_replies_come_in_messages(row: Row, content_type: str, read: bool) -> None:
    """
    A whole answer does not, nor does the page of a gateway.
    """
    provider: Any = factory(row.kind)(link(row, Scripted([])))

    assert provider.streams(content_type) is read


@pytest.mark.parametrize(
    ("status", "word", "kind"),
    [
        pytest.param(500, "server_is_overloaded", "unavailable", id="overloaded"),
        pytest.param(500, "overloaded_error", "unavailable", id="overloaded of Anthropic"),
        pytest.param(400, "server_is_overloaded", "context_too_long", id="a status of the request counts more"),
        pytest.param(400, "slow_down", "rate_limited", id="too fast"),
        pytest.param(400, "billing_not_active", "quota_exhausted", id="no credit"),
        pytest.param(400, "model_deprecated", "model_not_found", id="gone"),
        pytest.param(400, "content_filter", "content_refused", id="refused"),
        pytest.param(400, "permission_denied", "credentials", id="not allowed"),
    ],
)
def test_the_word_of_an_error_counts_more_than_its_text(status: int, word: str, kind: str) -> None:
    """
    In whichever field it stands.
    """
    text = "maximum context length is 9 tokens"

    assert [told(status, {"error": {"message": text, name: word}}).kind for name in ("code", "type")] == [kind] * 2


def test_the_code_of_an_error_counts_more_than_its_type() -> None:
    """
    OpenAI calls some overloads a rate limit.
    """
    error = {"message": "busy", "code": "server_is_overloaded", "type": "rate_limit_error"}

    assert told(503, {"error": error}).kind == "unavailable"
    assert told(503, {"error": {**error, "code": "x"}}).kind == "rate_limited"


@pytest.mark.parametrize(
    ("status", "error", "hint"),
    [
        pytest.param(
            429,
            {"message": "litellm.RateLimitError: OpenAIException - no credit", "type": "insufficient_quota"},
            "retrying does not help: a budget of the proxy, or its account at the provider, is used up",
            id="the upstream's credit",
        ),
        pytest.param(
            401,
            {"message": "litellm.AuthenticationError: OpenAIException - wrong key"},
            "the proxy's own key for this model was refused: check the proxy's configuration",
            id="the proxy's key",
        ),
        pytest.param(429, {"message": "OpenAIException - too fast", "type": "rate_limit_error"}, None, id="too fast"),
    ],
)
def test_a_hint_of_a_proxy_is_for_its_failure_alone(status: int, error: dict[str, Any], hint: str | None) -> None:
    """
    What the upstream said stands in the same words for every failure.
    """
    failed = told(status, {"error": error}, row=LITELLM)

    assert failed.hint == hint


def test_events_of_a_reply_end_with_its_failure() -> None:
    """
    A page where an answer was expected is one.
    """
    found = events(OPENAI, Scripted([b"<html>"], headers={"content-type": "text/html"}))

    assert isinstance(found[-1], ProviderError)
