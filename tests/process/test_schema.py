"""Hostile answers and hostile schemas, through the whole program: what is paid, what is kept, what is said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.process.conftest import explained
from tests.process.test_answers import GOOD, answer
from tests.servers.raw import RawServer, whole

if TYPE_CHECKING:
    from pathlib import Path

    from tests.process.conftest import Peer

SCHEMA = {
    "type": "object",
    "properties": {
        "text": {"type": "string", "pattern": "^(a+)+$"},
        "mail": {"type": "string", "pattern": r"^([a-zA-Z0-9_.+-]+)@([a-zA-Z0-9-]+\.)+[a-zA-Z]{2,}$"},
        "tree": {"$ref": "#/$defs/tree"},
        "step": {"type": "number", "multipleOf": 0.01},
        "list": {"type": "array", "items": {"type": "integer"}, "uniqueItems": True},
    },
    "additionalProperties": False,
    "$defs": {
        "tree": {
            "anyOf": [
                {"properties": {"left": {"$ref": "#/$defs/tree"}}, "required": ["left"]},
                {"properties": {"left": {"$ref": "#/$defs/tree"}}, "required": ["left", "right"]},
            ]
        }
    },
}


def nested(depth: int, leaf: str = "1") -> str:
    """An object in an object, so many times."""
    return '{"left":' * depth + leaf + "}" * depth


HOSTILE = {
    "5,000 arrays": "[" * 5_000 + "]" * 5_000,
    "100,000 arrays": "[" * 100_000 + "]" * 100_000,
    "5,000 objects": '{"tree":' + nested(5_000) + "}",
    "never closed": "[" * 3_000,
    "looping": '{"list": [' + "1, " * 20_000,
    "branches": '{"tree":' + nested(150, "{}") + "}",
    "huge number": '{"step": 1e999}',
    "negative huge number": '{"step": -1e999}',
    "NaN": '{"step": NaN}',
    "Infinity": '{"step": Infinity}',
    "5,000 digits": '{"step": ' + "7" * 5_000 + "}",
    "backtracking": json.dumps({"text": "a" * 40 + "!"}),
    "e-mail": json.dumps({"mail": "a" * 50_000 + "!"}),
    "half a character": '{"text": "\\ud800"}',
    "NUL": '{"text": "a\0"}',
    "escaped NUL": '{"text": "a\\u0000"}',
    "a megabyte": json.dumps({"text": "b" * 2**20}),
    "a name of a megabyte": json.dumps({"c" * 2**20: 1}),
    "many errors": json.dumps({"list": ["x"] * 100_000}),
    "nothing": "",
    "words": "I can't do that.",
    "words around two": 'Here it is: {"text": "aa"} or {"text": "aaa"}',
    "words around a wrong one": 'Here it is: {"text": "b"}',
    "cut": '```json\n{"text": "aa"',
}


def chat(text: str) -> bytes:
    """A whole answer."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return whole({**answer(GOOD), "choices": [choice]})


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    """SCHEMA in a file."""
    path = tmp_path / "schema.json"
    path.write_text(json.dumps(SCHEMA), "utf-8")
    return path


def test_no_answer_ends_a_batch_or_is_bought_twice(raw: Any, schema: Path) -> None:
    """
    Each is `invalid` with its text, the good one after them is data, and a second run sends nothing.
    """
    good = '```json\n{"text": "aaa", "text": "aa"}\n```'
    wordy = 'Sure! Here it is:\n{"text": "aa", "list": [1, 2,],}\nTell me if you need more.'
    texts = [*HOSTILE.values(), good, wordy]
    with RawServer(*[[chat(text)] for text in texts]) as server:
        peer = raw(server.url)
        (peer.llmo.home / "rows.jsonl").write_text(
            "".join(json.dumps({"text": f"row {n}"}) + "\n" for n in range(len(texts)))
        )
        args = (
            "batch",
            "rows.jsonl",
            "-j",
            "1",
            "--schema",
            schema,
            "--repair",
            "0",
            "--retries",
            "0",
            "-o",
            "out.jsonl",
        )
        first, again = peer(*args), peer(*args)
        again_reparsed = peer("batch", "--reparse", "out.jsonl", "--schema", schema)
        rows = [json.loads(line) for line in (peer.llmo.home / "out.jsonl").read_bytes().splitlines()]

    assert (7, 7, 7) == (first.code, again.code, again_reparsed.code), (first, again)
    assert len(texts) == len(server.requests)
    assert [("invalid", text or None, None, "invalid_output") for text in HOSTILE.values()] + [
        ("ok", good, {"text": "aa"}, None),
        ("ok", wordy, {"text": "aa", "list": [1, 2]}, None),
    ] == [(row["status"], row["text"], row["data"], row["error"] and row["error"]["kind"]) for row in rows]
    assert [] == [row["error"]["message"] for row in rows if row["error"] and len(row["error"]["message"]) > 500]
    assert ["local", "local"] == [row["repaired"] for row in rows if "repaired" in row]
    assert "2 repaired without a request" in first.stderr
    assert "llmo: 2 answers match the schema" in again_reparsed.stderr


@pytest.mark.parametrize("name", ["100,000 arrays", "branches", "huge number", "half a character", "e-mail"])
def test_ask_ends_with_the_text_and_the_reason(raw: Any, schema: Path, name: str) -> None:
    """
    One repair, then exit code 1; the JSON can be read.
    """
    with RawServer([chat(HOSTILE[name])]) as server:
        run = raw(server.url)("ask", "hello", "--json", "--schema", schema)

    assert (1, "invalid_output", HOSTILE[name]) == (run.code, run.json["error"]["kind"], run.json["text"])
    assert (2, None) == (len(server.requests), run.json["data"])
    assert explained(run)[0].startswith("llmo: the answer does not match the schema: ")


WORDY = 'Sure! Here it is:\n```json\n{"text": "aa", "list": [1,],}\n```'


@pytest.mark.parametrize("flag", [None, "--json", "--ndjson"])
def test_ask_prints_the_json_of_an_answer_with_words_around_it(raw: Any, schema: Path, flag: str | None) -> None:
    """
    Nothing is asked for again; whoever reads the object has the text as it came too.
    """
    with RawServer([chat(WORDY)]) as server:
        run = raw(server.url)("ask", "hello", "--schema", schema, *([flag] if flag else []))

    assert (0, 1) == (run.code, len(server.requests)), run
    if flag is None:
        assert '{"text": "aa", "list": [1]}' == run.stdout
    else:
        last = run.lines[-1]
        body = last.get("result", last)
        assert (WORDY, {"text": "aa", "list": [1]}, "local") == (body["text"], body["data"], body["repaired"])


@pytest.mark.parametrize("shape", ["jsonl", "csv", "openai-batch"])
def test_data_as_deep_as_is_read_can_be_written(raw: Any, shape: str) -> None:
    """
    In every shape of the output, and read again from it.
    """
    deepest = nested(200)
    with RawServer([chat(deepest)]) as server:
        peer = raw(server.url)
        args = ("batch", "-", "--schema", '{"type": "object"}', "--output-format", shape, "-o", f"out.{shape}", "-q")
        run = peer(*args, stdin="one\n")
        asked = peer("ask", "hello", "--json", "--schema", '{"type": "object"}', "--cache", "1h")
        cached = peer("ask", "hello", "--json", "--schema", '{"type": "object"}', "--cache", "1h")

    assert (0, 0, 0) == (run.code, asked.code, cached.code), run
    assert json.loads(deepest) == asked.json["data"] == cached.json["data"]
    assert nested(200)[:100].replace('"', '""' if shape == "csv" else '"') in (
        (peer.llmo.home / f"out.{shape}").read_text("utf-8").replace("\\", "").replace(": ", ":")
    )


def refusals(url: str) -> dict[str, tuple[dict[str, Any] | str, str]]:
    """Schemas that no answer is bought for, with what is said."""
    chain = {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(40)} | {"a40": {}}
    return {
        "http": ({"$ref": f"{url}/s.json"}, f"references something outside of it: {url}/s.json"),
        "https": ({"properties": {"a": {"$ref": "https://example.com/x"}}}, "https://example.com/x"),
        "file": ({"items": {"$ref": "file:///etc/hostname"}}, "file:///etc/hostname"),
        "urn": ({"$ref": "urn:example:x"}, "urn:example:x"),
        "$id": ({"$id": f"{url}/root", "$ref": "other"}, "outside of it: other"),
        "$schema": ({"$schema": f"{url}/meta"}, f"unknown $schema: {url}/meta"),
        "$dynamicRef": ({"$dynamicRef": "#nowhere"}, "outside of it: #nowhere"),
        "remote $dynamicRef": ({"$dynamicRef": f"{url}/s#n"}, f"{url}/s#n"),
        "unused": ({"$defs": {"a": {"$ref": f"{url}/unused"}}}, f"{url}/unused"),
        "missing": ({"$ref": "#/$defs/b", "$defs": {"a": {}}}, "outside of it: #/$defs/b"),
        "doubling": ({"$defs": chain, "$ref": "#/$defs/a0"}, "too large: with its references expanded"),
        "pattern": ({"pattern": "("}, "not a regular expression"),
        "huge pattern": ({"pattern": "(a{1000}){1000}"}, "not a regular expression, or too large"),
        "multipleOf": ('{"multipleOf": 1e999}', "is not JSON: a number is out of range: 1e999"),
        "deep": ('{"items":' * 5_000 + "1" + "}" * 5_000, "nested more than 200 levels deep"),
        "type": ({"type": "strin"}, 'not a JSON Schema: type: "strin" is not one of "array", "boolean"'),
    }


@pytest.mark.parametrize(
    ("command", "name"),
    [("ask", name) for name in refusals("")]
    + [(command, name) for command in ("private", "batch", "route", "dry-run") for name in ("http", "deep")],
)
def test_a_schema_is_settled_before_anything_is_paid_and_nothing_is_retrieved(
    raw: Any, command: str, name: str
) -> None:
    """
    Exit code 2 with the reference named; neither the provider nor the host of the schema gets a request.
    """
    with RawServer([chat("{}")]) as server:
        peer: Peer = raw(server.url, provider="local = true")
        schema, said = refusals(server.url)[name]
        path = peer.llmo.home / "s.json"
        path.write_text(schema if isinstance(schema, str) else json.dumps(schema), "utf-8")
        args: dict[str, tuple[str, ...]] = {
            "ask": ("ask", "hello"),
            "private": ("ask", "hello", "--private"),
            "batch": ("batch", "-", "-o", "out.jsonl"),
            "route": ("route", "hello"),
            "dry-run": ("batch", "-", "--dry-run"),
        }
        run = peer(*args[command], "--schema", path, stdin="hello\n")

    assert (2, []) == (run.code, server.requests), run
    assert said in explained(run)[0]
    assert not (peer.llmo.home / "out.jsonl").exists()


def test_a_schema_of_fifty_megabytes_is_refused(raw: Any) -> None:
    """
    With its size, and before anything is paid.
    """
    with RawServer([chat("{}")]) as server:
        peer = raw(server.url)
        (peer.llmo.home / "s.json").write_text(json.dumps({"enum": ["x" * 100] * 500_000}), "utf-8")
        run = peer("ask", "hello", "--schema", "s.json")

    assert (2, []) == (run.code, server.requests)
    assert "llmo: the schema is too large: 52,000,010 characters, the maximum is 1,048,576" == explained(run)[0]


def test_a_forecast_says_what_it_leaves_out(llmo: Any, schema: Path) -> None:
    """
    Repairs are paid requests: only a run that sends none has none to leave out.
    """
    (llmo.home / "rows.jsonl").write_text('"x"\n')
    args = ("batch", "rows.jsonl", "-P", "offline", "--dry-run")
    runs = [llmo(*args, *more) for more in ((), ("--schema", schema), ("--schema", schema, "--repair", "0"))]

    assert ["retries not counted", "retries and repairs not counted", "retries not counted"] == [
        line.rpartition(", ")[2] for run in runs for line in run.stdout.splitlines() if line.startswith("cost: ")
    ]
