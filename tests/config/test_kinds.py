"""A provider type is one row: nothing else in the program knows it by name."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from llmo.config.kinds import KINDS
from llmo.providers.registry import factory
from tests.patience import LONG
from tests.servers.raw import RawServer, whole
from tests.test_shape import modules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Llmo

USAGE = {"prompt_tokens": 3, "completion_tokens": 2}
ANSWER = whole({"choices": [{"message": {"content": "Hi."}, "finish_reason": "stop"}], "model": "m", "usage": USAGE})
REGISTERED = """
import sys
from llmo.config import kinds

kinds.KINDS["acme"] = kinds.ProviderKind(
    implementation="llmo.providers.openai.provider:OpenAI",
    url_env="ACME_URL", key_env="ACME_KEY", key_host="api.acme.example", key_follows=True,
    parameters=kinds.ALL - {"seed"}, billing="subscription",
)
from llmo.cli import main

main(sys.argv[1:])
"""
SAYS = {
    "config.defaults": "the default profile lists clouds and names their models",
    "config.validation": "the setting `offline`",
    "config.checks": "the setting `offline`",
    "routing.chains": "the steps of a fallback",
    "catalog.table": "the source of prices",
}
"""Modules in which a word that is also the name of a type stands for something else, or for a user's default."""


def acme(llmo: Llmo, server: RawServer, *args: str) -> Any:
    """llmo with one more row in its table."""
    known = {"ACME_URL": f"{server.url}/v1", "ACME_KEY": "key-of-acme"}
    return subprocess.run(
        [sys.executable, "-c", REGISTERED, *args],
        env=llmo.env(known), cwd=llmo.home, capture_output=True, text=True, check=False, timeout=LONG,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_a_row_is_all_that_a_new_type_needs(llmo: Llmo) -> None:
    """
    It is found by its variables, asked at its address with its key, billed as it says, and named in errors.
    """
    with RawServer([ANSWER]) as server:
        answer = acme(llmo, server, "ask", "hello", "-m", "acme/m", "--json", "--no-stream")
        refused = acme(llmo, server, "ask", "hello", "-m", "acme/m", "--seed", "1")
        wrong = acme(llmo, server, "profile", "set", "providers.x.kind", "acne")

    found = json.loads(answer.stdout)
    assert ("Hi.", "0", "subscription") == (found["text"], found["cost"]["usd"], found["cost"]["source"]), answer
    assert [("/v1/chat/completions", "Bearer key-of-acme")] == [
        (one.path, one.headers["authorization"]) for one in server.requests
    ]
    assert refused.stderr.startswith("llmo: acme (acme) does not support the parameter: seed"), refused
    assert "unknown kind: acne; did you mean acme?" in wrong.stderr


def test_every_row_names_its_code() -> None:
    """
    The class is there, in a folder of its own.
    """
    folders = [factory(name).__module__ for name in KINDS]

    assert folders == [f"llmo.providers.{name.replace('-', '_')}.provider" for name in KINDS]


def test_nobody_compares_a_type_by_its_name() -> None:
    """
    What depends on the type is in its row, or in its own folder.
    """
    found = {name: list(_compared(tree)) for name, tree in _others().items()}

    assert {name: words for name, words in found.items() if words} == {}


def test_names_of_types_stand_in_the_table_alone() -> None:
    """
    No other module keeps a list or a table by type; the same word may mean something else there.
    """
    said = {
        name.removeprefix("llmo.")
        for name, tree in _others().items()
        if any(isinstance(node, ast.Constant) and node.value in KINDS for node in ast.walk(tree))
    }

    assert said <= set(SAYS)


def _others() -> dict[str, ast.Module]:
    """All modules but the table and the providers' own folders."""
    own = tuple(row.implementation.rpartition(".")[0] for row in KINDS.values())
    return {name: tree for name, tree in modules().items() if name != "llmo.config.kinds" and not name.startswith(own)}


def _compared(tree: ast.Module) -> Iterator[str]:
    """Names of types that stand in a comparison or in the pattern of a case."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare | ast.MatchValue):
            yield from (
                f"line {node.lineno}: {part.value!r}"
                for part in ast.walk(node)
                if isinstance(part, ast.Constant) and part.value in KINDS
            )
