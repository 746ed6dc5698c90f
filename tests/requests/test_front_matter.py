"""Front matter: TOML between two lines `+++`, and what is wrong with it in one line."""

from __future__ import annotations

import pytest

from llmo.errors import UsageError
from llmo.requests.front_matter import Divided, FrontMatter, divided

WHOLE = """\
+++
description = "Classify a message"
model = ["a/b", "c/d"]
task = "simple"
system = '''
You are terse.'''
max_tokens = 20
temperature = 0.5

[schema]
type = "object"
+++


Classify: {{ text }}
"""


def test_a_template_is_front_matter_and_text() -> None:
    """
    The text begins where something is said; its line is that of the file.
    """
    expected = FrontMatter(
        description="Classify a message",
        model=("a/b", "c/d"),
        task="simple",
        system="You are terse.",
        schema={"type": "object"},
        max_tokens=20,
        temperature=0.5,
        lines={
            "description": 2, "model": 3, "task": 4, "system": 5, "max_tokens": 7, "temperature": 8, "schema": 10,
        },
    )  # fmt: skip

    assert Divided(expected, "Classify: {{ text }}\n", 15) == divided("t.md", WHOLE)
    assert expected == divided("t.md", WHOLE.replace("\n", "\r\n")).front


@pytest.mark.parametrize(
    "text",
    [
        "Say {{ text }}",
        "",
        "\n+++\nx = 1\n+++\n",
        "++++\nx\n++++\n",
        "--- \nnote: two\n---\n",
        "+++ b/file\n-old\n+++\n",
    ],
)
def test_a_text_without_front_matter_stays_as_it_is(text: str) -> None:
    """
    A diff and a ruled page are no front matter.
    """
    assert Divided(FrontMatter(), text, 1) == divided("t.md", text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("+++\n\nmodle = 1\n+++\n", "t.md:3: modle: unknown key; did you mean model?", id="unknown"),
        pytest.param("+++\nmodel = 1\n+++\n", "t.md:2: model: expected a string or a list of strings, got 1", id="type"),
        pytest.param("+++\nmodel = ''\n+++\n", "t.md:2: model: is empty; leave it out", id="empty"),
        pytest.param("+++\nsystem = [1]\n+++\n", "t.md:2: system: expected a string, got a list", id="list"),
        pytest.param(
            "+++\nschema = 5\n+++\n",
            "t.md:2: schema: expected a table, JSON or the name of a file, got 5",
            id="schema",
        ),
        pytest.param("+++\nmax_tokens = 0\n+++\n", "t.md:2: max_tokens must be at least 1: 0", id="range"),
        pytest.param("+++\ntemperature = nan\n+++\n", "t.md:2: temperature is not a number: nan", id="nan"),
        pytest.param("+++\nmodel = 'x'\n", "t.md:1: front matter is not closed: no second line +++", id="unclosed"),
        pytest.param("+++\nmodel =\n+++\n", "t.md:2:8: not valid TOML: invalid value", id="toml"),
        pytest.param(
            "+++\nschema = " + "[" * 5000 + "\n+++\n",
            "t.md: not valid TOML: nested too deeply or a number too long",
            id="deep",
        ),
        pytest.param(
            "+++\n#" + "x" * (1 << 20) + "\n+++\n",
            "t.md:1: front matter is too large: 1,048,579 characters, the maximum is 1,048,576",
            id="huge",
        ),
        pytest.param(
            "---\nmodel: x\n---\nhi", "t.md:1: front matter is TOML between lines +++, not YAML", id="yaml"
        ),
    ],
)  # fmt: skip
def test_front_matter_that_cannot_be_used_is_one_line_with_its_place(text: str, message: str) -> None:
    """
    The file, the line, and what is wrong.
    """
    with pytest.raises(UsageError) as failed:
        divided("t.md", text)

    assert message == failed.value.message
