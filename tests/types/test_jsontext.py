"""JSON as it is read from strangers and written for everybody."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmo.config import parameters
from llmo.errors import UsageError
from llmo.requests.validator import checked
from llmo.routing import tokens
from llmo.types import jsontext
from llmo.types.messages import Params, Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Llmo

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text(), part, max_size=4),
    max_leaves=30,
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("NaN", "NaN is not JSON", id="nan"),
        pytest.param('{"a": [Infinity]}', "Infinity is not JSON", id="infinity"),
        pytest.param("[-Infinity]", "-Infinity is not JSON", id="minus infinity"),
        pytest.param("[1e999]", "a number is out of range: 1e999", id="1e999"),
        pytest.param("-1e999", "a number is out of range: -1e999", id="-1e999"),
        pytest.param("1" * 5000, "a number has more digits than can be read", id="5,000 digits"),
        pytest.param("1" * 5000 + ".5", "a number is out of range: " + "1" * 40, id="5,000 digits and a half"),
        pytest.param("[" * 201 + "]" * 201, "nested more than 200 levels deep", id="201 deep"),
        pytest.param('{"a":' * 5000 + "1" + "}" * 5000, "nested more than 200 levels deep", id="5,000 deep"),
        pytest.param("[" * 100_000 + "]" * 100_000, "nested more than 200 levels deep", id="100,000 deep"),
        pytest.param("[" * 100_000, "nested more than 200 levels deep", id="100,000 opened"),
        pytest.param("[[[[", "Expecting value: line 1 column 5 (char 4)", id="unbalanced"),
        pytest.param("", "Expecting value: line 1 column 1 (char 0)", id="empty"),
        pytest.param('"a\0b"', "Invalid control character at: line 1 column 3 (char 2)", id="NUL"),
        pytest.param('"half', "Unterminated string starting at: line 1 column 1 (char 0)", id="cut"),
    ],
)
def test_what_is_not_json_is_a_value_error_that_says_why(text: str, message: str) -> None:
    """
    Nothing that a stranger writes raises anything else.
    """
    with pytest.raises(ValueError) as caught:
        jsontext.read(text)

    assert message == str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("[" * 200 + "]" * 200, None, id="200 deep"),
        pytest.param("[" + "[]," * 1000 + "[]]", [[]] * 1001, id="wide"),
        pytest.param('{"a": 1, "a": 2}', {"a": 2}, id="a name twice"),
        pytest.param("\ufeff[1]", [1], id="byte order mark"),
        pytest.param(b"\xef\xbb\xbf[1]", [1], id="byte order mark, bytes"),
        pytest.param("9" * 4300, 10**4300 - 1, id="4,300 digits"),
        pytest.param("1e308", 1e308, id="1e308"),
        pytest.param("1e-999", 0.0, id="1e-999"),
        pytest.param('"\\u0000"', "\0", id="escaped NUL"),
    ],
)
def test_what_is_json_is_read(text: str | bytes, value: object) -> None:
    """
    The bounds refuse nothing that can be written again.
    """
    read = jsontext.read(text)

    assert value is None or read == value
    assert read == json.loads(jsontext.write(read))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(float("nan"), "null", id="nan"),
        pytest.param({"a": [float("inf"), (1.5, -float("inf"))]}, '{"a": [null, [1.5, null]]}', id="infinite"),
        pytest.param("\ud800é", '"\\ud800é"', id="lone surrogate"),
        pytest.param({"\udfff": 1}, '{"\\udfff": 1}', id="lone surrogate in a name"),
        pytest.param(["\U0001f600"], '["\U0001f600"]', id="a pair is no lone one"),
    ],
)
def test_what_is_written_is_json_for_everybody(value: object, text: str) -> None:
    """
    No reader has to know NaN or half a character.
    """
    written = jsontext.write(value)

    assert text == written
    assert written.encode()


def test_indented_and_sorted() -> None:
    """
    Numbers that are not finite are null in every layout.
    """
    assert '{\n  "a": null,\n  "b": 1\n}' == jsontext.write({"b": 1, "a": float("nan")}, indent=2, sort_keys=True)


@given(VALUES)
def test_what_is_written_reads_back(value: object) -> None:
    """
    Reading and writing lose nothing.
    """
    assert value == jsontext.read(jsontext.write(value))


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        pytest.param(("route", "--rows", "deep"), 2, "deep:1: not a JSON object with `prompt`: nested", id="rows"),
        pytest.param(("cost", "--import", "deep"), 2, "deep:1: not an exported call: nested more than", id="ledger"),
        pytest.param(("ask", "hi", "--schema", "deep"), 2, "deep is not JSON: nested more than 200 levels", id="schema"),
        pytest.param(("ask", "hi", "-o", f"x={'[' * 5000}"), 2, "--option x: nested more than 200 levels", id="option"),
        pytest.param(("profile", "set", "aliases", "[" * 5000), 4, "aliases: ", id="profile"),
    ],
)  # fmt: skip
def test_whatever_is_read_as_json_may_be_nested(llmo: Llmo, args: tuple[str, ...], code: int, message: str) -> None:
    """
    A line that says where, never an internal error.
    """
    (llmo.home / "deep").write_text('{"prompt":' * 5000 + "1" + "}" * 5000 + "\n", "utf-8")
    (llmo.home / "config" / "profiles").mkdir(parents=True)
    (llmo.home / "config" / "profiles" / "default.toml").write_text("")
    run = llmo(*args)

    assert (code, "") == (run.code, run.stdout)
    assert run.stderr.startswith(f"llmo: {message}"), run


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda value: jsontext.read(jsontext.write(value)), id="read"),
        pytest.param(jsontext.exact, id="written"),
        pytest.param(checked, id="a schema"),
        pytest.param(parameters.options, id="options"),
        pytest.param(lambda value: tokens.bound(Request((), Params(extra=value)), "openai"), id="sent"),
    ],
)
def test_what_can_be_read_can_be_sent(use: Callable[[object], object]) -> None:
    """
    200 levels are taken everywhere, one more is refused everywhere.
    """
    deep: object = {}
    for _ in range(jsontext.DEEPEST - 2):
        deep = [deep]

    use({"default": deep})
    with pytest.raises((ValueError, UsageError), match="nested more than 200 levels deep"):
        use({"default": [deep]})
