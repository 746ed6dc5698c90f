"""Lines of keys in TOML texts."""

from __future__ import annotations

import tomllib

import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from llmo.config.toml_positions import positions

TEXT = '''\
# [not.a.table]
a = 1  # b = 2
"quoted key" = 'x'
c.d."e.f" = [
  "one", # ]
  [1, 2],
  { k = "}", l = [ "]" ] },
]

[table . "sub.table"]
text = """
[fake]
x = 1 \\""" still
"""
raw = \'\'\'
y = '' \'\'\'
date = 1979-05-27 07:32:00
after = true
[[items]]
name = "a"
[items.match]
k = 1
[[items.inner]]
z = 1
[[items]]
name = "b"
[[items.inner]]
z = 2
[[items.inner]]
z = 3
'''


def test_each_key_has_its_line():
    """
    Tables, lists of tables, dotted and quoted keys, items of lists; nothing inside strings and comments.
    """
    assert {
        ("a",): 2,
        ("quoted key",): 3,
        ("c",): 4,
        ("c", "d"): 4,
        ("c", "d", "e.f"): 4,
        ("c", "d", "e.f", 0): 5,
        ("c", "d", "e.f", 1): 6,
        ("c", "d", "e.f", 1, 0): 6,
        ("c", "d", "e.f", 1, 1): 6,
        ("c", "d", "e.f", 2): 7,
        ("c", "d", "e.f", 2, "k"): 7,
        ("c", "d", "e.f", 2, "l"): 7,
        ("c", "d", "e.f", 2, "l", 0): 7,
        ("table",): 10,
        ("table", "sub.table"): 10,
        ("table", "sub.table", "text"): 11,
        ("table", "sub.table", "raw"): 15,
        ("table", "sub.table", "date"): 17,
        ("table", "sub.table", "after"): 18,
        ("items",): 19,
        ("items", 0): 19,
        ("items", 0, "name"): 20,
        ("items", 0, "match"): 21,
        ("items", 0, "match", "k"): 22,
        ("items", 0, "inner"): 23,
        ("items", 0, "inner", 0): 23,
        ("items", 0, "inner", 0, "z"): 24,
        ("items", 1): 25,
        ("items", 1, "name"): 26,
        ("items", 1, "inner"): 27,
        ("items", 1, "inner", 0): 27,
        ("items", 1, "inner", 0, "z"): 28,
        ("items", 1, "inner", 1): 29,
        ("items", 1, "inner", 1, "z"): 30,
    } == positions(TEXT)


def paths(value, above=()):
    """All paths of a parsed TOML text."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield (*above, key)
        yield from paths(inner, (*above, key))


SCALARS = st.one_of(st.booleans(), st.integers(-(2**60), 2**60), st.floats(allow_nan=False), st.text(), st.datetimes())
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=12
)


@given(st.dictionaries(st.text(), TREES, max_size=4), st.booleans())
def test_whatever_the_parser_takes_is_found(tree, multiline):
    """
    Every part of every valid text has a line, and no part is invented.
    """
    text = tomli_w.dumps(tree, multiline_strings=multiline)

    assert set(paths(tomllib.loads(text))) == set(positions(text))
