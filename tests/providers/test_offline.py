"""The offline provider: useful text, schemas, settable failures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmo.config.profile import OfflineConfig, ProviderConfig
from llmo.errors import Incomplete, ProviderError, RateLimited, Unavailable
from llmo.providers.offline.provider import Offline, Unplugged, count
from llmo.providers.offline.sample import sample
from llmo.providers.provider import ProviderContext
from llmo.requests.validator import checked
from llmo.types import jsontext
from llmo.types.events import Event, Finish, Text, Usage
from llmo.types.messages import Message, Params, Request
from tests import virtual
from tests.emitted import emitted

if TYPE_CHECKING:
    from llmo.types.jsontext import Json


def offline(**config: Any) -> Offline:
    made = ProviderConfig(kind="offline", offline=OfflineConfig(**config))
    return Offline(ProviderContext(name="offline", base_url="", config=made, transport=Unplugged(), api_key=None))


def ask(
    provider: Offline, text: str = "one two three", clock: virtual.VirtualClock | None = None, **params: Any
) -> list[Event]:
    stream = params.pop("stream", True)
    request = Request((Message("user", text),), Params(**params), stream=stream)

    async def read() -> list[Event]:
        return await emitted(provider, request, "echo")

    return virtual.run(read(), clock)


def text(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Text))


def test_it_echoes_in_sentences_and_counts() -> None:
    """
    The same prompt has the same answer, streamed or not.
    """
    answer = "You said: one two three\n\nThat is 3 words. No model was asked."
    streamed, whole = ask(offline()), ask(offline(), stream=False)

    assert (answer, answer) == (text(streamed), text(whole))
    assert [Usage(3, count(answer)), Finish("stop")] == streamed[-2:] == whole[-2:]


def test_a_token_limit_cuts_and_says_so() -> None:
    """
    The limit is kept, as a provider would.
    """
    events = ask(offline(), max_tokens=4)

    assert ("You said: one", Finish("length"), Usage(3, 4)) == (text(events), events[-1], events[-2])


def test_a_stop_text_ends_it() -> None:
    """
    Nothing from the stop text on.
    """
    assert text(ask(offline(), stop=(" two",))) == "You said: one"


def test_a_reply_file_is_played_in_turn(tmp_path: Any) -> None:
    """
    One line a call, over and over.
    """
    script = tmp_path / "replies"
    script.write_text("first\nsecond\n")
    provider = offline(reply_file=str(script))

    assert [text(ask(provider)) for _ in range(3)] == ["first", "second", "first"]


def test_delays_pass_between_words() -> None:
    """
    Time to the first word and between words can be set.
    """
    clock = virtual.VirtualClock()
    events = ask(offline(delay=0.5, first_token_delay=2.0), clock=clock)

    words = sum(isinstance(e, Text) for e in events)
    assert clock.elapsed == pytest.approx(2.0 + 0.5 * (words - 1))


@pytest.mark.parametrize(
    ("fail", "error"), [("rate_limited", RateLimited), ("unavailable", Unavailable), ("cut", Incomplete)]
)
def test_it_fails_as_told_on_every_nth_call(fail: str, error: type[ProviderError]) -> None:
    """
    Budgets, fallback and resume can be tried without a key.
    """
    provider = offline(fail=fail, fail_every=3)
    outcomes = []
    for _ in range(6):
        try:
            ask(provider)
            outcomes.append("ok")
        except error:
            outcomes.append("failed")

    assert outcomes == ["ok", "ok", "failed"] * 2


def test_an_enum_follows_the_prompt() -> None:
    """
    A member that the prompt names last is taken, so that classification looks sensible.
    """
    schema: dict[str, Json] = {
        "type": "object",
        "properties": {"category": {"enum": ["billing", "bug", "praise"]}},
        "required": ["category"],
    }

    assert json.loads(sample(schema, "Classify. The billing page has a bug")) == {"category": "bug"}


def classified(message: str, **properties: Json) -> Any:
    """What a classification of a message says, after an instruction that names every member."""
    schema: dict[str, Json] = {"type": "object", "properties": properties}
    prompt = f"Classify the message as billing, bug, other, en or de. An empty one is other.\n\n---\n{message}\n---\n"
    return json.loads(sample(schema, prompt))


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("Guten Tag, die App stürzt beim Öffnen ab und ich kann nicht arbeiten.", "de"),
        ("Bonjour, je n'arrive plus à me connecter.", "fr"),
        ("Доброго дня, дякую за швидку доставку! Усе працює чудово.", "uk"),  # noqa: RUF001
        ("Не приходит код подтверждения.", "ru"),  # noqa: RUF001
        ("先週購入したヘッドホンの左側から音が出ません。", "ja"),
        ("请帮我退款", "zh"),
        ("سلام، برنامه بسته می\u200cشود.", "fa"),
        ("كيف أغيّر كلمة المرور؟", "ar"),
        ("teşekkürler, sorun çözüldü", "tr"),
        ("x = 1", "en"),
        ("", "en"),
    ],
)
def test_a_language_is_that_of_the_message(message: str, code: str) -> None:
    """
    Of the passage between the marks, not of the instruction; as code, as English name, or in an enumeration.
    """
    codes = ["ar", "de", "en", "fa", "fr", "ja", "ru", "tr", "uk", "zh", "other"]
    found = classified(message, language={"enum": codes}, lang={"type": "string"}, name={"enum": ["German", "English"]})

    assert (code, code) == (found["language"], found["lang"])
    assert {"de": "German", "en": "English"}.get(code, "German") == found["name"]


def test_an_enum_is_not_taken_from_the_instruction_or_from_a_part_of_a_word() -> None:
    """
    `he` is no part of `the`, and what the instruction lists is no evidence.
    """
    assert {"who": "she"} == classified("What the mother says: she leaves", who={"enum": ["he", "she", "they"]})
    assert {"kind": "other"} == classified("Good day to you all", kind={"enum": ["billing", "bug", "other"]})
    assert {"kind": "delivery"} == classified("It was never delivered", kind={"enum": ["delivery", "other"]})


def test_texts_follow_the_name_of_their_field() -> None:
    """
    What the message has of that kind, else an example of it; the first sentence that says something for the rest.
    """
    message = "Hi! Order A-20931 for Anna Berg (anna@example.org) of 2026-03-02 costs €64. Please call."
    names = ("summary", "orderId", "customer_name", "email", "date", "currency", "website")
    found = classified(message, **{name: {"type": "string"} for name in names}, total={"type": "number"})

    assert {
        "summary": "Order A-20931 for Anna Berg (anna@example.org) of 2026-03-02 costs €64.",
        "orderId": "A-20931",
        "customer_name": "Anna Berg",
        "email": "anna@example.org",
        "date": "2026-03-02",
        "currency": "EUR",
        "website": "https://example.com/",
        "total": 0.5,
    } == found


def test_a_list_of_keywords_and_a_number_come_from_the_message() -> None:
    """
    Within what the schema allows.
    """
    found = classified(
        "Three passengers lost 4 suitcases in Rotterdam",
        tags={"type": "array", "items": {"type": "string"}, "maxItems": 2},
        count={"type": "integer", "minimum": 1},
        few={"type": "integer", "maximum": 3, "minimum": 3},
        title={"type": "string", "maxLength": 20},
    )

    assert {"tags": ["passengers", "suitcases"], "count": 4, "few": 3, "title": "Three passengers"} == found


def test_a_million_letters_are_not_read() -> None:
    """
    The end of a prompt is enough, whatever it is made of.
    """
    schema: dict[str, Json] = {"properties": {"email": {}, "summary": {}, "id": {}, "date": {}, "phone": {}}}
    for text_ in ("a@" * 10**6, "1-" * 10**6, "A" * 10**6, "Aa " * 10**6, "---\n" * 10**5, ". " * 10**6):
        assert len(sample(schema, text_)) < 2000


@pytest.mark.parametrize(
    "pattern",
    [
        "^[a-z]{2}$",
        r"^\d{4}-\d{2}$",
        "^(foo|bar)+x?$",
        r"^[^a-z\s]{3}$",
        "^$",
        r"\w+@\w+\.com",
        "^[A-Z][a-z]*$",
        r"^\S.b$",
    ],
)
def test_a_pattern_is_matched(pattern: str) -> None:
    """
    A string with a pattern gets one that it matches.
    """
    schema = {"type": "string", "pattern": pattern}

    assert checked(schema).check(sample(schema, "hello"))[1] == []


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param({"$ref": "#"}, id="itself"),
        pytest.param({"allOf": [{"$ref": "#"}, {"$ref": "#"}]}, id="itself twice"),
        pytest.param({"required": ["x"], "properties": {"x": {"$ref": "#"}}}, id="without an end"),
        pytest.param({"properties": {name: {"$ref": "#"} for name in "abcdefghij"}}, id="ten of itself"),
        pytest.param({"type": "array", "minItems": 10**12, "items": {"$ref": "#"}}, id="arrays of arrays"),
        pytest.param({"type": "array", "minItems": 1e300, "items": {"const": "x" * 10**6}}, id="large constants"),
        pytest.param({"type": "string", "minLength": 10**12}, id="long text"),
        pytest.param({"type": "string", "minLength": -1e300, "maxLength": -(10**30)}, id="less than no text"),
        pytest.param({"type": "string", "pattern": "^(a{1000}){1000}$"}, id="long pattern"),
        pytest.param({"type": "string", "pattern": "^(a?){30}a{30}$"}, id="pattern that backtracks"),
        pytest.param({"type": "string", "pattern": "(" * 5000 + ")" * 5000}, id="deep pattern"),
        pytest.param({"enum": ["x"] * 10**6}, id="long enum"),
        pytest.param({"type": "integer", "minimum": -(10**4200), "maximum": -(10**4100)}, id="huge integers"),
        pytest.param({"type": "number", "minimum": 10**4200}, id="huge numbers"),
        pytest.param({"type": "number", "minimum": -1e308, "maximum": 1e308}, id="wide"),
        pytest.param({"type": "number", "multipleOf": 1e-308, "minimum": 1e308}, id="fine"),
        pytest.param({"type": "number", "minimum": float("nan"), "multipleOf": float("inf")}, id="no numbers"),
        pytest.param({"type": {"x": 1}, "properties": [1], "required": 5, "anyOf": {}, "enum": "x"}, id="no schema"),
        pytest.param({"anyOf": [True]}, id="true"),
        pytest.param({"$ref": "#/anyOf/7", "anyOf": [{}]}, id="no such branch"),
        pytest.param({"$ref": "http://127.0.0.1:9/x"}, id="remote"),
    ],
)
def test_a_hostile_schema_has_a_short_answer(schema: Any) -> None:
    """
    Also one that nobody checked: a row of someone else's brings its own.
    """
    answer = sample(schema, "hello")

    assert answer == sample(schema, "hello")
    assert len(answer) < 2 * 10**6
    assert json.loads(answer) == jsontext.read(answer)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "maximum": -5},
        {"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 5},
        {"type": "integer", "minimum": 2.5, "maximum": 3.5},
        {"type": "integer", "multipleOf": 1.5, "minimum": 1},
        {"type": "number", "maximum": -0.5},
        {"type": "number", "multipleOf": 0.01, "minimum": 19.985, "maximum": 19.995},
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        {
            "allOf": [{"$ref": "#/$defs/a"}, {"required": ["b"]}],
            "$defs": {"a": {"properties": {"b": {"type": "null"}}}},
        },
    ],
    ids=str,
)
def test_numbers_keep_within_their_bounds(schema: Any) -> None:
    """
    Closed and open ones, from above alone, in steps.
    """
    assert [] == checked(schema).check(sample(schema, "hello"))[1]


SCALARS = st.sampled_from(
    [
        {"type": "string"},
        {"type": "string", "minLength": 3, "maxLength": 5},
        {"type": "string", "format": "date"},
        {"type": "integer", "minimum": 3, "maximum": 9, "multipleOf": 3},
        {"type": "integer"},
        {"type": "number", "minimum": -1, "maximum": 0},
        {"type": "boolean"},
        {"type": "null"},
        {"enum": ["a", 1, None]},
        {"const": {"x": 1}},
        {"type": ["null", "integer"]},
        {"anyOf": [{"type": "integer"}, {"type": "string"}]},
    ]
)
SCHEMAS = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.builds(lambda items, low: {"type": "array", "items": items, "minItems": low}, inner, st.integers(0, 2)),
        st.dictionaries(st.sampled_from("abcd"), inner, max_size=4).map(
            lambda p: {"type": "object", "properties": p, "required": list(p), "additionalProperties": False}
        ),
    ),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(schema=SCHEMAS, prompt=st.text(max_size=40))
def test_an_answer_to_a_schema_meets_it(schema: dict[str, Any], prompt: str) -> None:
    """
    Whatever the schema and the prompt.
    """
    assert checked(schema).check(sample(schema, prompt))[1] == []
