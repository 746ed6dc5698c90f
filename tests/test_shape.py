"""The shape of the code: which way imports point, how long things are, what a start may load."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests import peers
from tests.patience import LONG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Llmo

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "llmo"

LAYERS = {
    part: layer
    for layer, parts in enumerate(
        [
            "__init__ errors types money parameters config clock ids result figures patterns jsontext screen cells",
            "paths settings catalog tokens images classify shapes privacy redact sent extras outline validator verbatim wording data",
            "providers ledger history",
            "chains refusals router candidates affordable budget grouped cap limits retry",
            "engine attempt outputs received bill structured",
            "wiring",
            "answers question portal desk client langchain langwords batch render",
            "cli __main__",
        ]
    )
    for part in parts.split()
}
WORDS = {part for part, layer in LAYERS.items() if layer == 0}
MODULE_LINES = 400
FUNCTION_LINES = 50


class Import(NamedTuple):
    """One import that happens at run time, wherever in the file it stands."""

    module: str
    target: str
    line: int

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.target}"


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of llmo, parsed."""
    return {_name(path): ast.parse(path.read_text("utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}


def _name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def imports() -> tuple[Import, ...]:
    """All imports of all modules, those for type checkers left out."""
    return tuple(Import(name, target, line) for name, tree in modules().items() for target, line in _targets(tree))


def _targets(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in _running(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in line {node.lineno}"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield (inner if inner in modules() else node.module or ""), node.lineno


def _running(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}:
        for other in node.orelse:
            yield from _running(other)
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _running(child)


def _part(module: str) -> str:
    return module.split(".")[1] if "." in module else "__init__"


def _inside() -> list[Import]:
    return [found for found in imports() if found.target.split(".")[0] == "llmo"]


def test_every_module_has_its_layer() -> None:
    """
    A new module says in LAYERS where it belongs.
    """
    assert set() == {_part(name) for name in modules()} - LAYERS.keys()


def test_imports_point_one_way() -> None:
    """
    A module imports its own layer or a lower one.
    """
    placed = [found for found in _inside() if {_part(found.module), _part(found.target)} <= LAYERS.keys()]
    upward = [str(found) for found in placed if LAYERS[_part(found.target)] > LAYERS[_part(found.module)]]

    assert upward == []


def test_batch_and_render_do_not_know_each_other() -> None:
    """
    What is done and how it looks are wired by the command.
    """
    pairs = {("batch", "render"), ("render", "batch")}

    assert [str(found) for found in _inside() if (_part(found.module), _part(found.target)) in pairs] == []


def test_render_knows_only_the_words() -> None:
    """
    Pictures are drawn from what is handed over; redact, which masks keys, is the one tool.
    """
    allowed = WORDS | {"render", "redact"}
    found = [
        str(found) for found in _inside() if _part(found.module) == "render" and _part(found.target) not in allowed
    ]

    assert found == []


def test_commands_know_one_concrete_part_at_most() -> None:
    """
    `cost` reads the ledger, `profile check` probes providers; only `llmo.client.runtime` puts such parts together.
    """
    known: dict[str, set[str]] = {}
    for found in _inside():
        if _part(found.module) == "cli" and _part(found.target) in {"ledger", "providers", "history", "limits"}:
            known.setdefault(found.module, set()).add(_part(found.target))

    assert {module: parts for module, parts in known.items() if len(parts) > 1} == {}


def test_only_the_outer_doors_wire() -> None:
    """
    What is wired is handed over: nobody else can reach for a ledger, a provider or a profile of their own.
    """
    users = {_part(found.module) for found in _inside() if found.target == "llmo.client.runtime"}

    assert users == {"cli", "client", "desk"}


def test_no_import_goes_in_a_circle() -> None:
    """
    Each module can be understood after those that it imports, imports inside functions counted too.
    """
    graph: dict[str, set[str]] = {name: set() for name in modules()}
    for found in _inside():
        if found.target != found.module and found.target in graph:
            graph[found.module].add(found.target)

    assert _circle(graph) is None


def _circle(graph: dict[str, set[str]]) -> list[str] | None:
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str] | None:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return None
        for target in sorted(graph[name]):
            if found := visit(target, [*path, name]):
                return found
        done.add(name)
        return None

    return next((found for name in sorted(graph) if (found := visit(name, []))), None)


WRITERS = {"jsontext", "providers.wire", "sent", "redact"}
"""Who spells JSON: for people and programs, for servers, and to count or find what was spelled."""
INSIDE = {
    "batch.identity", "batch.intents", "batch.state", "batch.formats", "batch.rows", "batch.template", "cli.asking",
    "ledger.records", "settings.cache",
}  # fmt: skip
"""Who spells it for llmo itself: in keys, in state, and in what a prompt or a message says of a value."""


def test_one_place_writes_json() -> None:
    """
    `jsontext.write` alone: `json.dumps` writes NaN, which is no JSON, and half characters, which no file takes.
    """
    users = {
        name.removeprefix("llmo.")
        for name, tree in modules().items()
        if re.search(r"\b(?:json\.|(?<!\.))dumps\(", ast.unparse(tree))
    }

    assert set() == users - WRITERS - INSIDE


def test_nobody_imports_click() -> None:
    """
    Typer carries its own copy since 0.29 and does not bring click along.
    """
    assert [str(found) for found in imports() if found.target.split(".")[0] == "click"] == []


def test_one_file_imports_litellm() -> None:
    """
    litellm is an extra that takes seconds to import: it stays behind its bridge.
    """
    users = {found.module for found in imports() if found.target.split(".")[0] == "litellm"}

    assert users <= {"llmo.providers.litellm.provider"}


def test_langchain_stays_in_its_extra() -> None:
    """
    Two files import it; nothing imports those.
    """
    bridge = {"llmo.langchain", "llmo.langchain.convert"}
    users = {found.module for found in imports() if found.target.split(".")[0] == "langchain_core"}
    behind = {
        found.module for found in imports() if found.target in bridge or found.target.rpartition(".")[0] in bridge
    }

    assert (bridge, {"llmo.langchain"}) == (users, behind)


def test_one_place_asks_whether_there_is_a_terminal() -> None:
    """
    Only `cli/context.py` calls isatty; everybody else is told.
    """
    askers = {name for name, tree in modules().items() if "isatty" in ast.unparse(tree)}

    assert askers <= {"llmo.cli.context"}


def test_one_place_writes_to_the_terminal() -> None:
    """
    `cli/context.py` takes out what a terminal would obey or hide; others write only what no stranger said.
    """
    writers = {
        name
        for name, tree in modules().items()
        if re.search(r"std(?:out|err)\.write\(|(?<![.\w])print\(", ast.unparse(tree))
    }

    assert writers - {"llmo.cli.context"} == {
        "llmo.cli",  # the version
        "llmo.cli.app",  # help, and an error by way of the same rules
        "llmo.cli.commands.ask.compare",  # a line that moves, whose names were made visible
        "llmo.client",  # an example in its docstring
    }


def test_modules_are_short() -> None:
    """
    A file is read in one sitting.
    """
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in PACKAGE.rglob("*.py")}

    assert {str(path.relative_to(ROOT)): n for path, n in lengths.items() if n > MODULE_LINES} == {}


def test_functions_are_short() -> None:
    """
    A function fits on a screen.
    """
    long = {
        f"{name}:{node.lineno} {node.name}": lines
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES
    }

    assert long == {}


HTTP = {"httpx", "httpcore", "aiohttp", "h11"}
CORE = HTTP | {"pydantic", "pydantic_settings", "rich", "asyncio", "sqlite3", "jsonschema_rs", "minijinja", "tomlkit"}
EXTRAS = {"litellm", "openai", "anthropic", "ollama", "pyarrow", "ray", "langchain_core", "genai_prices"}
PROGRAM = (
    "import sys\nfrom llmo.cli import main\ntry:\n main(sys.argv[1:])\nfinally:\n print(*sys.modules, file=sys.stderr)"
)


def loaded(llmo: Llmo, *args: str) -> set[str]:
    """The top-level packages in memory after a command ended well."""
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, *args],
        env=llmo.env(),
        cwd=llmo.home,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=LONG,
    )
    assert run.returncode == 0, run.stderr
    return {name.split(".")[0] for name in run.stderr.splitlines()[-1].split()}


def test_version_loads_nothing(llmo: Llmo) -> None:
    """
    `llmo --version` is bare Python.
    """
    assert set() == loaded(llmo, "--version") & (CORE | EXTRAS | {"typer", "importlib_metadata"})


@pytest.mark.parametrize(
    "args",
    [
        pytest.param(("--help",), id="llmo"),
        pytest.param(("ask", "--help"), id="ask"),
        pytest.param(("batch", "--help"), id="batch"),
        pytest.param(("profile", "--help"), id="profile"),
    ],
)
def test_help_loads_typer_and_nothing_else(llmo: Llmo, args: tuple[str, ...]) -> None:
    """
    Whoever reads help does not wait for HTTP clients, validators or renderers.
    """
    assert set() == loaded(llmo, *args) & (CORE | EXTRAS)


@pytest.mark.parametrize(
    "args",
    [
        pytest.param(("-P", "offline", "route", "hello", "--json"), id="route"),
        pytest.param(("-P", "offline", "cost", "--json"), id="cost"),
        pytest.param(("-P", "offline", "models", "--json"), id="models"),
        pytest.param(("-P", "offline", "models", "--names"), id="models-names"),
        pytest.param(("profile", "path"), id="profile-path"),
        pytest.param(("profile", "list"), id="profile-list"),
    ],
)
def test_commands_that_send_nothing_load_no_http_client(llmo: Llmo, args: tuple[str, ...]) -> None:
    """
    Plans, sums and lists need no network, so they pay for none.
    """
    assert set() == loaded(llmo, *args) & (HTTP | EXTRAS | {"jsonschema_rs", "minijinja"})


@pytest.mark.skipif(find_spec("litellm") is None, reason=peers.missing("litellm"))
@pytest.mark.parametrize("args", [("route", "hello"), ("models", "--json"), ("cost",), ("profile", "check", "--probe")])
def test_litellm_is_not_imported_to_know_that_it_is_there(llmo: Llmo, args: tuple[str, ...]) -> None:
    """
    It takes seconds: only a question to it pays for them.
    """
    profile = llmo.home / "litellm.toml"
    profile.write_text('model = "litellm/openai/gpt-4o-mini"\n[providers.litellm]\nkind = "litellm"\n', "utf-8")

    assert set() == loaded(llmo, "-P", str(profile), *args) & (HTTP | EXTRAS)


def test_a_question_loads_one_http_client(llmo: Llmo) -> None:
    """
    `ask` never loads what only `batch` uses.
    """
    assert set() == loaded(llmo, "-P", "offline", "ask", "hello") & (EXTRAS | {"aiohttp", "jsonschema_rs", "minijinja"})


def test_the_wheel_brings_its_data() -> None:
    """
    Every file that pyproject.toml installs beside the package is there and not empty.
    """
    import tomllib

    shared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    paths = [ROOT / name for name in shared["shared-data"]]
    files = [file for path in paths for file in (path.iterdir() if path.is_dir() else [path])]
    empty = [str(path) for path in files if not path.is_file() or not path.stat().st_size]

    assert empty == []
