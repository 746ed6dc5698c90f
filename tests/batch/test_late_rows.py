"""Rows that can't be read or sent: at the beginning they refuse the run, later each fails alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from llmo.batch.input import head

if TYPE_CHECKING:
    from tests.conftest import Llmo

PROFILE = 'model = "offline/echo"\n[providers.offline]\nkind = "offline"\n'
GOOD = [json.dumps({"id": f"r{n}", "prompt": f"row {n}"}) for n in range(head.ROWS)]
ARGS = ("-P", "p.toml", "batch", "-o", "out.jsonl", "--errors", "failed.jsonl", "--progress", "none", "-j", "8")


def line(name: str, schema: object = None, **fields: object) -> str:
    """A line as OpenAI's batches have them."""
    if schema is not None:
        fields["response_format"] = {"type": "json_schema", "json_schema": {"name": "s", "schema": schema}}
    body = {"messages": [{"role": "user", "content": "x"}], **fields}
    return json.dumps({"id": name, "custom_id": name, "method": "POST", "url": "/v1/chat/completions", "body": body})


ROWS = {
    "broken": ('{"id": "x", "prompt": ', "broken JSON: rows.jsonl:{}: Expecting value at column 22"),
    "list": ('["x"]', "a row must be an object or a string: rows.jsonl:{}: a list"),
    "number": ("5", "a row must be an object or a string: rows.jsonl:{}: 5"),
    "infinite": (
        '{"id": "x", "prompt": "x", "n": [1e999]}',
        "broken JSON: rows.jsonl:{}: a number is out of range: 1e999",
    ),
    "NaN": ('{"id": "x", "prompt": "x", "n": NaN}', "broken JSON: rows.jsonl:{}: NaN is not JSON"),
    "minus infinity": ('{"id": "x", "n": -Infinity}', "broken JSON: rows.jsonl:{}: -Infinity is not JSON"),
    "digits": ('{"id": "x", "n": ' + "1" * 5000 + "}", "broken JSON: rows.jsonl:{}: a number has more digits than"),
    "deep": ("[" * 100_000, "broken JSON: rows.jsonl:{}: nested more than 200 levels deep"),
    "zeros": ("\0" * 8, "broken JSON: rows.jsonl:{}: Expecting value at column 1"),
    "no text": ('{"id": "x", "prompt": 5}', "not a text: rows.jsonl:{}: prompt"),
    "no prompt": ('{"id": "y", "prompt": " "}', "empty prompt: rows.jsonl:{}"),
    "id null": ('{"id": null, "prompt": "x"}', "no id: rows.jsonl:{}: id"),
    "id missing": ('{"prompt": "x"}', "no id: rows.jsonl:{}: id"),
    "id again": ('{"id": "r7", "prompt": "other"}', "duplicate id: r7: rows.jsonl:{}"),
    "line max_tokens": (
        line("z", max_tokens=-10_000_000),
        "not a request: rows.jsonl:{}: max_tokens must be at least 1: -10000000",
    ),
    "line format": (
        line("zf", response_format="json"),
        "not a request: rows.jsonl:{}: response_format is not an object",
    ),
    "line no schema": (
        line("zn", response_format={"type": "json_schema", "json_schema": []}),
        "not a request: rows.jsonl:{}: response_format.json_schema is not an object",
    ),
    "line schema": (
        line("zs", schema={"type": "strnig"}),
        'not a request: rows.jsonl:{}: response_format: not a JSON Schema: type: "strnig" is not one of',
    ),
    "line schema elsewhere": (
        line("ze", schema={"$ref": "https://nobody.test/s.json"}),
        "not a request: rows.jsonl:{}: response_format: the schema references something outside of it: ",
    ),
    "line schema a list": (
        line("zl", schema=[1]),
        "not a request: rows.jsonl:{}: response_format: a JSON Schema must be an object here: [1]",
    ),
}


def write(llmo: Llmo, lines: list[str]) -> None:
    (llmo.home / "p.toml").write_text(PROFILE, "utf-8")
    (llmo.home / "rows.jsonl").write_text("\n".join(lines) + "\n", "utf-8")


def out(llmo: Llmo) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (llmo.home / "out.jsonl").read_text("utf-8").splitlines()]


def test_late_rows_that_can_not_be_sent_fail_alone(llmo: Llmo) -> None:
    """
    Each is an error row of kind usage with its line; all others are sent, the exit code is 7.
    """
    write(llmo, [*GOOD, *(line for line, _ in ROWS.values()), json.dumps({"id": "last", "prompt": "last"})])
    run = llmo(*ARGS, "rows.jsonl", "--id-field", "id")
    lines = out(llmo)
    failed = sorted((line for line in lines if line["status"] == "error"), key=lambda line: line["index"])
    expected = [said.format(head.ROWS + 1 + n) for n, (_, said) in enumerate(ROWS.values())]

    assert (7, len(GOOD) + 1) == (run.code, sum(line["status"] == "ok" for line in lines)), run.stderr
    assert {("usage", "0", 0)} == {(line["error"]["kind"], line["cost_usd"], line["attempts"]) for line in failed}
    assert expected == [line["error"]["message"][: len(said)] for line, said in zip(failed, expected, strict=True)]
    assert len(lines) == len({line["id"] for line in lines})
    apart = (llmo.home / "failed.jsonl").read_text("utf-8").split("\n")
    unread = [line for name, (line, _) in ROWS.items() if not name.startswith(("no ", "id ", "line "))]
    assert unread == [line for line in apart if line in unread]


def test_the_same_command_tries_them_again_and_pays_for_no_other(llmo: Llmo) -> None:
    """
    They may have been mended.
    """
    broken = {name: line for name, (line, _) in ROWS.items() if not name.startswith("line ")}
    write(llmo, [*GOOD, *broken.values()])
    llmo(*ARGS, "rows.jsonl", "--id-field", "id")
    again = llmo(*ARGS, "rows.jsonl", "--id-field", "id")
    write(llmo, [*GOOD, json.dumps({"id": "mended", "prompt": "x"})])
    mended = llmo(*ARGS, "rows.jsonl", "--id-field", "id")

    assert (7, 0) == (again.code, mended.code)
    assert f"{len(GOOD):,} rows are done, {len(broken)} failed rows are retried" in again.stderr
    assert "calls" not in again.stderr
    assert "offline/echo: 1 call," in mended.stderr


@pytest.mark.parametrize("name", ROWS)
def test_an_early_one_refuses_the_run(llmo: Llmo, name: str) -> None:
    """
    Exit 2, its line, and nothing is sent or written.
    """
    line, said = ROWS[name]
    write(llmo, [*GOOD[:20], line])
    run = llmo(*ARGS, "rows.jsonl", "--id-field", "id")

    assert (2, "") == (run.code, run.stdout)
    message = run.stderr.splitlines()[0]
    assert message.startswith(
        f"llmo: {said.format(21)}".replace(": rows.jsonl:21", ":", 1)
        if name == "id again"
        else f"llmo: {said.format(21)}"
    )
    assert not (llmo.home / "out.jsonl").exists()
    assert not (llmo.home / "data" / "ledger.db").exists()


def test_check_makes_every_row_an_early_one(llmo: Llmo) -> None:
    """
    Whoever wants to know before anything is paid.
    """
    write(llmo, [*GOOD, '{"id": "x"'])
    run = llmo(*ARGS, "rows.jsonl", "--check")

    assert (2, True) == (run.code, run.stderr.startswith(f"llmo: broken JSON: rows.jsonl:{len(GOOD) + 1}: "))
    assert not (llmo.home / "out.jsonl").exists()


@pytest.mark.parametrize(
    ("name", "data", "bad"),
    [
        pytest.param(
            "rows.csv", b"id,prompt\n%b" % b"".join(b"r%d,x\n" % n for n in range(1000)) + b"z\n", "ragged", id="csv"
        ),
        pytest.param(
            "rows.csv",
            b"id,prompt\n%b" % b"".join(b"r%d,x\n" % n for n in range(1000)) + b'z,"a"b\nlast,x\n',
            "broken CSV",
            id="quote",
        ),
        pytest.param("rows.txt", b"row\n" * 1000 + b"caf\xe9\nlast\n", "not UTF-8", id="lines"),
        pytest.param("rows.jsonl", b'{"prompt": "x"}\n' * 1000 + b'"caf\xe9"\n"last"\n', "not UTF-8", id="jsonl"),
    ],
)
def test_other_formats_go_on_too(llmo: Llmo, name: str, data: bytes, bad: str) -> None:
    """
    What is after the bad row is read.
    """
    (llmo.home / "p.toml").write_text(PROFILE, "utf-8")
    (llmo.home / name).write_bytes(data)
    run = llmo(*ARGS, name)
    failed = [line for line in out(llmo) if line["status"] == "error"]

    assert 7 == run.code, run.stderr
    assert [("usage", True)] == [(line["error"]["kind"], line["error"]["message"].startswith(bad)) for line in failed]
    assert ("last" in name or data.count(b"\n") - data.count(b"id,prompt")) == len(out(llmo))


def test_an_input_that_goes_away_ends_the_run_with_its_name(llmo: Llmo) -> None:
    """
    No internal error.
    """
    from llmo.batch.input.reading import rows
    from llmo.batch.input.rows import Input
    from llmo.errors import UsageError

    path = llmo.home / "gone.jsonl"
    with pytest.raises(UsageError, match=r"^cannot read gone\.jsonl: No such file"):
        list(rows([Input("gone.jsonl", "jsonl", lambda: path.open("rb"))]))
