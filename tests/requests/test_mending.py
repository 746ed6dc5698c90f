"""What is read of an answer that is not JSON alone, and what is not: a wrong value is worse than none."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmo.requests import mending
from llmo.requests.mending import Read, read

OBJECT: Any = {"a": 1}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('```json\n{"a": 1}\n```', id="a fence"),
        pytest.param('```\n{"a": 1}\n```\n', id="a fence without a language"),
        pytest.param('```json {"a": 1}```', id="a fence on one line"),
        pytest.param(
            'Here is [1] what you asked {for}:\n```json\n{"a": 1}\n```\nBye {x}.', id="a fence among brackets"
        ),
        pytest.param('```json\n{"a": 1}', id="a fence that is not closed"),
        pytest.param('{"a": 1}\n```', id="a fence that was not opened"),
        pytest.param('Sure! {"a": 1}', id="words before"),
        pytest.param('{"a": 1}\n\nTell me if you need more.', id="words after"),
        pytest.param('json\n{"a": 1}', id="a language"),
        pytest.param('{"a": 1,}', id="a trailing comma"),
        pytest.param('{"a": 1 ,\n}', id="a trailing comma on its own line"),
        pytest.param('OK:\n```\n{\n  "a": 1,\n}\n```', id="all of it"),
        pytest.param('<think>Perhaps {"a": 2}? No, [1].</think>\n{"a": 1}', id="thoughts"),
        pytest.param('Perhaps {"a": 2}?</think>{"a": 1}', id="thoughts without a beginning"),
        pytest.param('<think>x</think>```json\n{"a": 1,}\n```', id="thoughts before a fence"),
    ],
)
def test_what_leaves_no_choice_is_read(text: str) -> None:
    """And marked as mended."""
    assert Read(OBJECT, mended=True) == read(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": ",}"}', {"a": ",}"}),
        ('x {"a": ",]", "b": "\\",}",}', {"a": ",]", "b": '",}'}),
        ("list: [1, [2, 3,], {},]", [1, [2, 3], {}]),
        ("```json\n5\n```", 5),
        ('```\n"x"\n```', "x"),
        ('x {"a": "```", "b": "```"}', {"a": "```", "b": "```"}),
        ('{"t": "</think>"}', {"t": "</think>"}),
        ('x {"t": "</think>",}', {"t": "</think>"}),
        (' \n{"a": 1}\n', {"a": 1}),
    ],
)
def test_texts_inside_stay_as_they_are(text: str, value: Any) -> None:
    """Commas, fences and brackets in them mean nothing."""
    assert value == read(text).data


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("I can't do that.", id="words"),
        pytest.param('{"a": 1', id="not closed"),
        pytest.param('{"a": [1, 2', id="cut in a list"),
        pytest.param('{"a": "x', id="cut in a text"),
        pytest.param('{"a": 1} {"a": 2}', id="two"),
        pytest.param('{"a": 1}\n{"a": 1}', id="two lines"),
        pytest.param('For example {"a": 2}. So: {"a": 1}', id="an example and an answer"),
        pytest.param('```json\n{"a": 1}\n```\nor\n```json\n{"a": 2}\n```', id="two fences"),
        pytest.param('See [1]: {"a": 1}', id="a reference, which is a list too"),
        pytest.param('Set {x} to {"a": 1}', id="braces in words"),
        pytest.param("{'a': 1}", id="Python"),
        pytest.param("{a: 1}", id="JavaScript"),
        pytest.param('{"a": 1 "b": 2}', id="a comma missing"),
        pytest.param('{"a": 1,, "b": 2}', id="a comma twice"),
        pytest.param('{"a": 1,,}', id="a comma twice at the end"),
        pytest.param("[,]", id="a comma alone"),
        pytest.param('{"a":,}', id="a value missing"),
        pytest.param('{"a": 1} // done {', id="an open bracket behind"),
        pytest.param('x {"a": NaN}', id="NaN"),
        pytest.param('x {"a": 1e999}', id="a number that is none"),
        pytest.param("The answer is 5.", id="a number in words"),
        pytest.param("True", id="Python's truth"),
        pytest.param("x " + "[" * 300 + "]" * 300, id="too deep"),
    ],
)
def test_what_leaves_a_choice_is_not(text: str) -> None:
    """The model is asked again, or the row is invalid: it is never guessed what it meant."""
    with pytest.raises(ValueError):
        read(text)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
WORDS = st.text(st.characters(codec="utf-8", exclude_characters='[]{}"`'), max_size=30).filter(
    lambda text: mending.THOUGHT not in text
)


@settings(max_examples=300, deadline=None)
@given(st.lists(VALUES, max_size=3) | st.dictionaries(st.text(), VALUES, max_size=3), WORDS, WORDS, st.booleans())
def test_a_value_among_words_is_the_value(value: Any, before: str, after: str, fence: bool) -> None:
    """Whatever its texts hold, and whatever the words are."""
    spelled = json.dumps(value, ensure_ascii=False)
    text = f"{before}\n```json\n{spelled}\n```\n{after}" if fence else f"{before} {spelled} {after}"

    assert value == read(text).data


@settings(max_examples=300, deadline=None)
@given(VALUES.filter(lambda value: isinstance(value, dict | list)), st.integers(0, 200), st.integers(1, 5))
def test_a_value_that_lost_something_is_that_value_or_nothing(value: Any, at: int, size: int) -> None:
    """Unless what is left is JSON by itself, which a validator judges."""
    spelled = json.dumps(value)
    cut = spelled[:at] + spelled[at + size :]
    try:
        json.loads(cut)
    except ValueError:
        try:
            found = read(cut)
        except ValueError:
            return
        # A comma may be all that is too much, or a piece outside of the brackets all that is left over.
        assert json.dumps(found.data, separators=(",", ":")) in cut.replace(" ", "").replace(",]", "]").replace(
            ",}", "}"
        )


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('"' + '\\"' * 200_000, id="quotes in a text that never ends"),
        pytest.param("x {" + '"\\"' * 200_000 + "}", id="quotes"),
        pytest.param("x [" + ", " * 300_000 + "]", id="commas"),
        pytest.param("x [" + " " * 600_000 + "1,]", id="spaces"),
        pytest.param("x [" + "1,     " * 100_000 + "]", id="spaces behind commas"),
        pytest.param("```" * 200_000, id="fences"),
        pytest.param("</think>" * 80_000, id="thoughts"),
        pytest.param("{[" * 300_000 + "]}", id="brackets"),
    ],
)
def test_any_answer_is_read_or_refused(text: str) -> None:
    """In time that grows with its length."""
    with suppress(ValueError):
        read(text)
