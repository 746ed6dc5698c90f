"""Inputs of every format, as rows; what is broken names its place."""

from __future__ import annotations

import gzip
import io
import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmo.batch.input.hash_table import Counts, HashTable
from llmo.batch.input.head import Sampled, automatic_id, checked
from llmo.batch.input.identity import Identity
from llmo.batch.input.reading import rows
from llmo.batch.input.requests import RequestBuilder
from llmo.batch.input.rows import Row, files, inputs
from llmo.batch.input.template import Template
from llmo.errors import UsageError
from llmo.errors.installing import install_command
from llmo.types.messages import Image, Message, Params


def read(tmp_path, name, data, **more):
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    found = list(rows(inputs([str(path)], io.BytesIO(), **more)))
    for row in found:
        if row.fault is not None:
            raise row.fault
    return [row.fields for row in found]


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        pytest.param("a.jsonl", '{"a": 1}\n\n"x"\r\n', [{"a": 1}, {"text": "x"}], id="jsonl"),
        pytest.param("a.ndjson", '\ufeff{"a": "é"}', [{"a": "é"}], id="ndjson with a BOM"),
        pytest.param("a.csv", '\ufeffa,b\n1,"x\n""y"""\n\n', [{"a": "1", "b": 'x\n"y"'}], id="csv"),
        pytest.param("a.tsv", "a\tb\n1\t2,3\n", [{"a": "1", "b": "2,3"}], id="tsv"),
        pytest.param("a.txt", "one\n\n  \ntwo \r\n", [{"text": "one"}, {"text": "two "}], id="lines"),
        pytest.param("a", '{"a": 1}\n', [{"a": 1}], id="JSON lines without a name"),
        pytest.param("a.log", "{broken\n" * 0 + "plain\n", [{"text": "plain"}], id="lines without a name"),
        pytest.param("a.jsonl", "", [], id="empty"),
    ],
)
def test_every_format_becomes_rows(tmp_path, name, data, expected):
    """
    The name says the format, else the first line.
    """
    assert expected == read(tmp_path, name, data)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        pytest.param("a.jsonl", '{"a": 1}\n{"a": \n', "broken JSON: {path}:2: Expecting value", id="broken"),
        pytest.param("a.jsonl", "[1]\n", "a row must be an object or a string: {path}:1: a list", id="list"),
        pytest.param("a.jsonl", '{"a": NaN}\n', "broken JSON: {path}:1: NaN is not JSON", id="NaN"),
        pytest.param("a.jsonl", "[" * 100_000, "broken JSON: {path}:1: nested more than 200 levels deep", id="deep"),
        pytest.param("a.jsonl", b'{"a": "\xff"}', "not UTF-8: {path}:1: byte 0xff", id="bytes"),
        pytest.param("a.csv", "a,b\n1,2\n1,2,3\n", "ragged row: {path}:3: 3 fields, the header has 2", id="ragged"),
        pytest.param("a.csv", 'a,b\n1,"x\ny"\n1\n', "ragged row: {path}:4: 1 fields", id="after a quoted line break"),
        pytest.param("a.csv", 'a\n"x', "broken CSV: {path}:2: unexpected end of data", id="open quote"),
        pytest.param("a.csv", "a,a\n", "column named twice: {path}: a", id="twice"),
        pytest.param("a.csv", b"a\n\xff\n", "not UTF-8: {path}:2: byte 0xff", id="csv bytes"),
        pytest.param("a.txt", b"ok\n\xff\n", "not UTF-8: {path}:2", id="lines bytes"),
    ],
)
def test_what_is_broken_names_its_place(tmp_path, name, data, message):
    """
    File and line, before anything is sent.
    """
    with pytest.raises(UsageError) as caught:
        read(tmp_path, name, data)

    assert caught.value.message.startswith(message.format(path=tmp_path / name))


def test_parquet_without_its_library_says_how_to_get_it(tmp_path, monkeypatch):
    """
    It is an extra.
    """
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(UsageError) as caught:
        read(tmp_path, "a.parquet", b"PAR1")

    assert caught.value.hint == install_command("pyarrow")


def test_files_are_rows_sorted_once_each_hidden_ones_only_by_name(tmp_path):
    """
    Paths, patterns and directories; what the run writes itself is left out.
    """
    for name in ("b.txt", "a.md", "sub/c.txt", ".hidden", ".git/x", "out.jsonl"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    found = files([str(tmp_path), str(tmp_path / "*.txt"), str(tmp_path / ".hidden")], without=[tmp_path / "out.jsonl"])
    texts = [str(row.fields["text"]) for row in rows(found)]

    assert sorted(texts) == [".hidden", "a.md", "b.txt", "sub/c.txt"]
    assert [row.fields["name"] for row in rows(found[:1])] == ["a.md"]


PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


def test_a_file_that_is_an_image_is_sent_as_one(tmp_path):
    """
    As `ask -f` does; its bytes are part of the key, and a template may name it.
    """
    (tmp_path / "a.png").write_bytes(PNG)
    (tmp_path / "b.txt").write_text("words")
    picture, text = rows(files([str(tmp_path)]))
    builder = RequestBuilder(template=None, system=None, params=Params(), schema=None, choice={})
    templated = RequestBuilder(
        template=Template("{{ name }}: {{ text }}"), system=None, params=Params(), schema=None, choice={}
    )
    key = builder(picture).key

    assert builder(picture).request.messages == (Message("user", "", (Image("a.png", "image/png", PNG),)),)
    assert templated(picture).request.messages[0].text == "a.png: "
    assert templated(text).request.messages == (Message("user", "b.txt: words"),)
    (tmp_path / "a.png").write_bytes(PNG + b"x")
    assert key != builder(next(rows(files([str(tmp_path)])))).key


def test_a_folder_with_what_is_no_row_says_so_for_each(tmp_path):
    """
    A PDF, a program, an image that is none, a packed text; pipes are passed over, as they may never end.
    """
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7")
    (tmp_path / "b.png").write_bytes(b"\x7fELF\0")
    (tmp_path / "c.txt").write_bytes(b"caf\xe9")
    (tmp_path / "d.txt.gz").write_bytes(gzip.compress(b"words"))
    (tmp_path / "e.txt").symlink_to(tmp_path / "gone")
    os.mkfifo(tmp_path / "f")
    (tmp_path / "g").write_bytes(b"")
    found = list(rows(files([str(tmp_path)])))

    assert [row.fields.get("text") if row.fault is None else row.fault.message for row in found] == [
        f"PDF files are not supported: {tmp_path}/a.pdf",
        f"binary file: {tmp_path}/b.png",
        f"{tmp_path}/c.txt: not UTF-8 text: byte 4 is 0xe9",
        "words",
        f"cannot read {tmp_path}/e.txt: No such file or directory",
        "",
    ]


def test_rows_are_counted_over_all_inputs_and_named_by_their_own(tmp_path):
    """
    With the line that each begins at, broken ones too.
    """
    (tmp_path / "a.jsonl").write_text('{"a": 1}\n\n{"a": \n{"a": 3}\n')
    (tmp_path / "b.txt").write_text("one\n\ntwo\n")
    names = [str(tmp_path / "a.jsonl"), str(tmp_path / "b.txt"), "-"]
    found = list(rows(inputs(names, io.BytesIO(b'{"c": 1}\n'))))

    assert [(row.index, row.where) for row in found] == [
        (0, f"{names[0]}:1"),
        (1, f"{names[0]}:3"),
        (2, f"{names[0]}:4"),
        (3, f"{names[1]}:1"),
        (4, f"{names[1]}:3"),
        (5, "stdin:1"),
    ]
    assert [row.fault is None for row in found] == [True, False, True, True, True, True]
    assert found[1].content == found[1].line == '{"a": '
    assert found[0].content == {"a": 1}


@pytest.mark.parametrize(
    ("name", "given", "form"),
    [
        pytest.param("a.JSONL", None, "jsonl", id="a suffix in capitals"),
        pytest.param("a.csv", "lines", "lines", id="the flag wins over the suffix"),
        pytest.param("a.dat", None, "jsonl", id="the first line"),
        pytest.param("a.dat", "csv", "csv", id="the flag wins over the first line"),
        pytest.param("-", None, "jsonl", id="standard input by its first line"),
        pytest.param("-", "lines", "lines", id="the flag wins there too"),
    ],
)
def test_the_format_of_an_input_is_found_once(tmp_path, name, given, form):
    """
    From the flag, the name or the first line.
    """
    data = b'{"a": 1}\n'
    if name != "-":
        (tmp_path / name).write_bytes(data)
        name = str(tmp_path / name)
    (found,) = inputs([name], io.BytesIO(data), format=given)

    assert (found.format, found.name) == (form, "stdin" if name == "-" else name)
    for _ in range(2):
        with found.open() as file:
            assert file.read() == data


def test_an_input_that_can_not_be_read_is_refused_by_its_name(tmp_path):
    """
    Before anything is sent.
    """

    def said(*names, stdin=None):
        with pytest.raises(UsageError) as caught:
            inputs(names, stdin)
        return caught.value.message, caught.value.hint

    missing = str(tmp_path / "none")
    assert said(missing) == (f"cannot read {missing}: No such file or directory", None)
    assert said(str(tmp_path)) == (f"is a directory: {tmp_path}", "use --files to make each file in it a row")
    assert said("-") == ("no input", "name a file, as in llmo batch rows.jsonl -o out.jsonl, or pipe rows in")
    assert said("-", "-", stdin=io.BytesIO(b"x"))[0] == "standard input can be read only once: -"


def test_a_pipe_can_be_read_again_and_again():
    """
    It is staged, so that it is checked before it is sent.
    """
    (staged,) = inputs(["-"], io.BytesIO(b'{"a": 1}\n{"a": 2}\n'))

    assert [[row.fields["a"] for row in rows([staged])] for _ in range(3)] == [[1, 2]] * 3


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)
RECORDS = st.lists(st.dictionaries(st.text(min_size=1, max_size=3), VALUES, max_size=3), max_size=12)


def identities(records, field=None):
    made = [Row(n, fields, name="x", number=n, text=None) for n, fields in enumerate(records)]
    builder = RequestBuilder(template=Template("{{ row }}"), system=None, params=Params(), schema=None, choice={})
    found = checked(made, builder, automatic_id(made) if field is None else field, whole=True)
    name = Identity(found.id_field)
    return {json.dumps([row.fields, *name(row)], sort_keys=True): builder(row).key for row in made}


@settings(max_examples=40, deadline=None)
@given(RECORDS, st.randoms(use_true_random=False))
def test_ids_and_keys_do_not_depend_on_the_order_of_the_input(records, rand):
    """
    Shuffled rows have the same names for the same contents, all different.
    """
    shuffled = list(records)
    rand.shuffle(shuffled)
    before, after = identities(records), identities(shuffled)

    assert before == after
    assert len(before) == len(records)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 2**64 - 1), max_size=40), st.lists(st.integers(0, 2**64 - 1), max_size=5))
def test_a_table_is_a_dict_and_counts_count(keys, others):
    """
    The last value of a key stays.
    """
    table, counts = HashTable(), Counts()
    for value, key in enumerate([*keys, *keys[:3]]):
        table.set(key, value)
        counts.add(key)
    expected = dict(zip([*keys, *keys[:3]], range(len(keys) + 3), strict=False))

    assert [expected.get(key) for key in [*keys, *others]] == [table.get(key) for key in [*keys, *others]]
    assert [[*keys, *keys[:3]].count(key) for key in {*keys, *others}] == [counts.add(key) for key in {*keys, *others}]
    assert len(table) == len(expected)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param([{"custom_id": "x", "id": 1}, {"custom_id": "y", "id": 2}], "custom_id", id="custom_id first"),
        pytest.param([{"id": 1}, {"id": "b"}], "id", id="id"),
        pytest.param([{"id": 1}, {"text": "b"}], None, id="not in every row"),
        pytest.param([{"id": ""}, {"id": "b"}], None, id="empty"),
    ],
)
def test_the_id_is_a_field_only_if_every_row_has_it(fields, expected):
    """
    Else rows are named by their contents.
    """
    made = [Row(n, f, name="x", number=n, text=None) for n, f in enumerate(fields)]

    assert expected == automatic_id(made)


def ask(fields, template=None, **more):
    builder = RequestBuilder(
        template=template, **{"system": None, "params": Params(), "schema": None, "choice": {"models": ["a/b"]}} | more
    )
    return builder(Row(0, fields, name="in.jsonl", number=3, text=None))


def test_without_a_template_prompt_then_text_then_the_whole_row_is_sent():
    """
    In this order.
    """
    prompts = [ask(f).request.messages[-1].text for f in ({"text": "t", "prompt": "p"}, {"text": "t"}, {"a": "é"})]

    assert prompts == ["p", "t", '{"a": "é"}']


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"system": "be brief"}, id="system"),
        pytest.param({"params": Params(max_tokens=5)}, id="parameters"),
        pytest.param({"schema": {"type": "object"}}, id="schema"),
        pytest.param({"choice": {"models": ["a/c"]}}, id="model"),
        pytest.param({"template": Template("{{ text }} ")}, id="prompt"),
    ],
)
def test_whatever_changes_the_request_changes_the_key(change):
    """
    And nothing else does.
    """
    assert ask({"text": "x", "other": 1}).key == ask({"text": "x", "other": 2}).key
    assert ask({"text": "x"}).key != ask({"text": "x"}, **change).key


def test_templates_write_texts_as_they_are_and_all_else_as_json():
    """
    No escaping, no Python spelling.
    """
    template = Template('{{ a }} {{ b }} {{ c.d }} {{ row["e f"] }}')

    assert template.render({"a": "<é>", "b": None, "c": {"d": [True, "x"]}, "e f": 1}) == '<é> null [true, "x"] 1'


@settings(max_examples=300)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                ["{{ a }}", "{{b}}", "{{\r\na\t}}", "{{ row }}", "{{ none }}", "{{- a -}}", "{{ a|upper }}"]
            ),
            st.sampled_from(
                ["{", "}", "}}", "{#", "#}", "{% raw %}", "{% endraw %}", "{{", " ", "\n", "\r\n", "é", "x"]
            ),
        ),
        max_size=6,
    ),
    st.one_of(st.text(), st.sampled_from(["\ud800", "{{ b }}", "<b>", "\x00"]), st.none(), st.integers(), st.just([1])),
)
def test_a_template_of_texts_and_fields_says_what_the_engine_says(source, value):
    """
    Most templates are put together without the engine, which decides what they mean all the same.
    """
    fields = {"a": value, "b": "B"}
    try:
        template = Template("".join(source))
    except UsageError:
        return
    own = template.render(fields)
    template._plain = None

    assert template.render(fields) == own


@pytest.mark.parametrize(
    ("source", "message"),
    [
        pytest.param("{{ nmae }}", "unknown field: in.jsonl:3: nmae", id="unknown"),
        pytest.param("{{ a.b.c }}", "template fails: in.jsonl:3: ", id="inside"),
        pytest.param(
            "{% for i in range(9999) %}{% for j in range(9999) %}x{% endfor %}{% endfor %}",
            "template fails",
            id="endless",
        ),
        pytest.param("{% include '/etc/passwd' %}", "template fails: in.jsonl:3: ", id="files"),
        pytest.param("{{ a.__class__.__mro__ }}", "template fails: in.jsonl:3: ", id="Python"),
    ],
)
def test_templates_are_strict_and_see_nothing_but_the_row(source, message):
    """
    The row and its fields are named.
    """
    with pytest.raises(UsageError) as caught:
        Template(source).render({"a": {}}, Row(0, {"a": {}}, name="in.jsonl", number=3, text=None))

    assert caught.value.message.startswith(message)
    assert caught.value.hint == "known fields: a"


OPENAI = {
    "custom_id": "q",
    "method": "POST",
    "url": "/v1/chat/completions",
    "body": {
        "model": "gpt-x",
        "messages": [
            {"role": "developer", "content": "s"},
            {
                "role": "user",
                "content": [{"type": "text", "text": "u"}, {"image_url": {"url": "data:image/png;base64,AA=="}}],
            },
        ],
        "max_completion_tokens": 7,
        "stop": "x",
        "top_p": 0.5,
        "response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}},
    },
}


def test_openai_batch_lines_are_requests_as_they_stand():
    """
    Roles, parts, parameters, schema, and the model that the line names.
    """
    asked = ask(OPENAI, params=Params(temperature=0.1))
    request = asked.request

    assert asked.model == "gpt-x"
    assert request.messages[0] == Message("system", "s", verbatim={"role": "developer", "content": "s"})
    assert ("u", b"\0") == (request.messages[1].text, request.messages[1].images[0].data)
    assert request.params == Params(max_tokens=7, temperature=0.1, stop=("x",))
    assert request.body == {
        "stop": "x",
        "top_p": 0.5,
        "temperature": 0.1,
        "response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}},
    }
    assert request.schema == {"type": "object"}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param({"messages": []}, "no messages", id="no messages"),
        pytest.param({"messages": [{"role": "robot", "content": "x"}]}, "role robot is not one of", id="role"),
        pytest.param({"messages": ["x"]}, "messages[0] is not an object", id="message"),
        pytest.param(
            {"messages": [{"role": "user", "content": "x"}], "seed": "1"}, "seed is not a whole number: 1", id="seed"
        ),
        pytest.param({"messages": [{"role": "user", "content": [1]}]}, "content is not", id="part"),
        pytest.param({"messages": [{"role": "user", "content": 1}]}, "content is not", id="content"),
    ],
)
def test_lines_that_are_no_request_say_why(body, message):
    """
    With their place.
    """
    with pytest.raises(UsageError) as caught:
        ask(OPENAI | {"body": body})

    assert caught.value.message.startswith(f"not a request: in.jsonl:3: {message}")


def test_a_sample_is_the_same_each_time():
    """
    And does not depend on chance.
    """
    made = [Row(n, {"text": str(n)}, name="x", number=n, text=None) for n in range(100)]
    picked = [[row.index for row in Sampled(made, 5)(made)] for _ in range(2)]

    assert picked[0] == picked[1]
    assert len(picked[0]) == 5
    assert [] == list(Sampled(made, 0)(made))
