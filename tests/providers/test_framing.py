"""Bytes to messages and back: framing, JSON of strangers, and addresses."""

from __future__ import annotations

from collections import UserList
from types import MappingProxyType
from typing import Any

import pytest

from llmo.errors import Rejected
from llmo.providers.http import fields
from llmo.providers.http.framing import Framer, NdjsonFramer, SseFramer
from llmo.types.events import MOST_COUNTED
from llmo.types.messages import Image
from llmo.types.money import DOLLAR

BOM = b"\xef\xbb\xbf"


def framed(framer: Framer, *chunks: bytes) -> list[bytes]:
    found = [message for chunk in chunks for message in framer.feed(chunk)]
    return found + framer.end()


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        pytest.param([b"a\nb\n"], [b"a", b"b"], id="lines"),
        pytest.param([b"a", b"b", b"c\nd"], [b"abc", b"d"], id="pieces"),
        pytest.param([b"\n\r\na\r\n \n"], [b"a\r", b" "], id="blank"),
        pytest.param([BOM + b"a\n" + BOM + b"b\n"], [b"a", BOM + b"b"], id="mark"),
        pytest.param([BOM[:1], BOM[1:] + b"a\n"], [b"a"], id="mark-in-pieces"),
        pytest.param([BOM + b" a "], [b"a"], id="mark-and-no-end"),
        pytest.param([b" \r"], [], id="blank-end"),
        pytest.param([b"a\n", b"", b"b"], [b"a", b"b"], id="nothing"),
        pytest.param([b"a", b"b"], [b"ab"], id="no-end"),
        pytest.param(["a\u2028b\u0085c\n".encode()], ["a\u2028b\u0085c".encode()], id="line-ends-of-unicode"),
    ],
)
def test_lines_are_cut_at_line_feeds_alone(chunks: list[bytes], expected: list[bytes]) -> None:
    """
    Wherever the network cuts.
    """
    assert framed(NdjsonFramer(), *chunks) == expected


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        pytest.param([b"data: a\n\ndata:b\n\n"], [b"a", b"b"], id="space-or-none"),
        pytest.param([b"data:  a\n\n"], [b" a"], id="one-space-only"),
        pytest.param([b"data: a\ndata: b\ndata\ndata: c\n\n"], [b"a\nb\n\nc"], id="several-lines"),
        pytest.param([b"data\n\ndata:\n\ndata: \n\n"], [], id="empty"),
        pytest.param([b"event: x\nid: 1\n: c\nretry: 2\ndatum: z\ndata2\ndata: a\n\n"], [b"a"], id="other-fields"),
        pytest.param([b"data: a\r\n\r\ndata: b\r\rdata: c\n\n"], [b"a", b"b", b"c"], id="line-ends"),
        pytest.param([b"data: a\r", b"\n\r", b"\ndata: b\r\n\r\n"], [b"a", b"b"], id="cut-between-cr-and-lf"),
        pytest.param([b"data: a\r", b"", b"\n\n"], [b"a"], id="nothing-between-cr-and-lf"),
        pytest.param([b"data: a\r", b"\ndata: b\r\n\r\n"], [b"a\nb"], id="several-lines-cut-between-cr-and-lf"),
        pytest.param([b"data: a\r\ndata: b\r\n\r\n"], [b"a\nb"], id="several-lines-with-both"),
        pytest.param([b"\ndata: a\n", b"\ndata: b\n\n"], [b"a", b"b"], id="a-line-feed-that-is-no-half"),
        pytest.param([b"data: a\r", b"data: b\r", b"\r"], [b"a\nb"], id="cr-alone"),
        pytest.param([b"data: a\r\n", b"\ndata: b\n\n"], [b"a", b"b"], id="mixed"),
        pytest.param([BOM + b"data: a\n\n"], [b"a"], id="mark"),
        pytest.param([b"data: a\ndata: b"], [b"a\nb"], id="no-end"),
        pytest.param([b"data: a\n\nevent: x"], [b"a"], id="no-end-of-another-field"),
    ],
)
def test_events_are_cut_as_the_standard_says(chunks: list[bytes], expected: list[bytes]) -> None:
    """
    Three line ends, fields of several lines, and comments.
    """
    assert framed(SseFramer(), *chunks) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(BOM + b'{"a":1}', {"a": 1}, id="mark"),
        pytest.param(b'"a\x03b"', "a\x03b", id="control-character"),
        pytest.param(b'"a\xffb"', "a\ufffdb", id="bad-utf-8"),
        pytest.param(b"[" + b"9" * 5000 + b"]", [float("inf")], id="endless-number"),
        pytest.param(
            b'["a\x03", ' + b"9" * 5000 + b"]", ["a\x03", float("inf")], id="endless-beside-a-control-character"
        ),
    ],
)
def test_json_of_strangers_is_read(data: bytes, expected: Any) -> None:
    """
    One bad character or figure costs no answer.
    """
    assert fields.read(data) == expected


@pytest.mark.parametrize(
    ("data", "says"), [(b"", "Expecting"), (b"{", "Expecting"), (b"[" * 100_000, "nested too deeply")]
)
def test_what_is_no_json_is_said(data: bytes, says: str) -> None:
    """
    Always as the same error.
    """
    with pytest.raises(ValueError, match=says):
        fields.read(data)


def test_json_goes_out_short_and_readable() -> None:
    """
    Letters stay letters: a prompt costs no more bytes than it has.
    """
    assert fields.write({"a": ["ä", 1.5, None], "b": ()}) == '{"a":["ä",1.5,null],"b":[]}'.encode()
    assert fields.write(MappingProxyType({"a": UserList([1])})) == b'{"a":[1]}'


@pytest.mark.parametrize(
    ("value", "says"),
    [
        pytest.param(
            "a\udce9", "the request contains text that is not valid Unicode: a lone surrogate", id="surrogate"
        ),
        pytest.param(float("inf"), "the request cannot be written as JSON: Out of range float", id="infinite"),
        pytest.param({"a": {1}}, "the request cannot be written as JSON: not JSON: set", id="set"),
        pytest.param({(1,): 2}, "the request cannot be written as JSON: keys must be", id="key"),
    ],
)
def test_what_cannot_be_written_is_refused(value: Any, says: str) -> None:
    """
    Before anything is sent or paid.
    """
    with pytest.raises(Rejected) as caught:
        fields.write(value)

    assert caught.value.message.startswith(says)


def test_a_request_that_is_nested_without_end_is_refused() -> None:
    """
    Python's own limit is not the user's business.
    """
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(Rejected, match="nested too deeply"):
        fields.write(deep)


def test_images_come_to_stand_where_they_were_added() -> None:
    """
    In their order, also beside text that looks like one.
    """
    attachments = fields.Attachments()
    marks = [attachments.add(Image("x", "image/png", data)) for data in (b"\x00", b"\xff")]

    assert attachments.write({"a": marks[0], "b": "llmo-", "c": f"data:{marks[1]}"}) == (
        b'{"a":"AA==","b":"llmo-","c":"data:/w=="}'
    )
    assert fields.Attachments().write({"a": marks[0]}) == b'{"a":"' + marks[0].encode() + b'"}'
    assert fields.Attachments().add(Image("x", "image/png", b"")) != marks[0]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(0, 0, id="zero"),
        pytest.param(5.0, 5, id="point"),
        pytest.param(MOST_COUNTED, MOST_COUNTED, id="most"),
        pytest.param(MOST_COUNTED + 1, None, id="more"),
        pytest.param(-1, None, id="less"),
        pytest.param(0.5, None, id="half"),
        pytest.param(True, None, id="true"),
        pytest.param("5", None, id="text"),
        pytest.param(None, None, id="null"),
    ],
)
def test_what_may_be_a_count(value: Any, expected: int | None) -> None:
    """
    A whole number of tokens that can be.
    """
    assert fields.count(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(0, 0, id="zero"),
        pytest.param(2, 2 * DOLLAR, id="whole"),
        pytest.param(0.1, DOLLAR // 10, id="float"),
        pytest.param("0.25", DOLLAR // 4, id="text"),
        pytest.param("-0.25", None, id="negative"),
        pytest.param("NaN", None, id="nan"),
        pytest.param("Infinity", None, id="infinite"),
        pytest.param("a", None, id="words"),
        pytest.param(True, None, id="true"),
        pytest.param([1], None, id="list"),
        pytest.param(1e30, None, id="too-much"),
    ],
)
def test_what_may_be_an_amount(value: Any, expected: int | None) -> None:
    """
    Dollars, exactly as they are written.
    """
    assert fields.dollars(value) == expected


def test_shapes_of_strangers_are_none_rather_than_an_error() -> None:
    """
    A field may be anything.
    """
    strange: tuple[Any, ...] = (None, 1, "a", [1], {"a": 1})

    assert [fields.obj(value) for value in strange] == [{}, {}, {}, {}, {"a": 1}]
    assert [fields.seq(value) for value in strange] == [[], [], [], [1], []]
    assert [fields.text(value) for value in strange] == ["", "", "a", "", ""]


def test_objects_are_joined_and_the_rest_is_replaced() -> None:
    """
    The option wins, field by field.
    """
    body: dict[str, Any] = {"a": {"x": 1, "y": 2}, "b": 1, "c": [1]}

    assert fields.merged(body, {"a": {"y": 3}, "b": {"z": 1}, "c": 2, "d": None}) == {
        "a": {"x": 1, "y": 3},
        "b": {"z": 1},
        "c": 2,
        "d": None,
    }


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        pytest.param("https://h", "https://h/v1/x", id="bare"),
        pytest.param("https://h///", "https://h/v1/x", id="slashes"),
        pytest.param("https://h/p", "https://h/p/x", id="path"),
        pytest.param("https://h/p/end/", "https://h/p/x", id="ending"),
        pytest.param("https://h/end/tail/", "https://h/v1/x", id="two-endings"),
        pytest.param("https://h/tail/end", "https://h/tail/x", id="endings-in-their-order"),
        pytest.param("https://u:p@h:8/p?k=1#f", "https://u:p@h:8/p/x?k=1", id="query"),
    ],
)
def test_an_address_is_what_people_mean(base: str, expected: str) -> None:
    """
    Endings that llmo adds itself are dropped once each, in their order.
    """
    assert fields.join(base, "/x", root="/v1", cut=("/tail", "/end")) == expected
    assert fields.join("https://h", "/x") == "https://h/x"
