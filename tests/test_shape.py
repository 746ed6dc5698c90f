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
from tests.servers.raw import RawServer, whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.conftest import Llmo

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "llmo"

MODULE_LINES = 350
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


def test_imports_keep_their_direction() -> None:
    """
    The contracts in pyproject.toml: fourteen rooms and one direction, no circles, commands apart from each other.
    """
    run = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=LONG,
    )  # fmt: skip

    assert run.returncode == 0, run.stdout[-3000:] + run.stderr


def test_the_root_holds_folders() -> None:
    """
    Which room a change belongs in can be read from the listing.
    """
    files = {path.name for path in PACKAGE.iterdir() if path.is_file()}

    assert files == {"__init__.py", "__main__.py", "py.typed"}


def test_a_class_name_stands_for_one_class() -> None:
    """
    Whoever searches for a name finds what it means.
    """
    homes: dict[str, list[str]] = {}
    for name, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                homes.setdefault(node.name, []).append(name)

    assert {name: found for name, found in homes.items() if len(found) > 1} == {}


def test_inits_are_empty() -> None:
    """
    A name is imported from where it is defined; commands declare their flags, and errors are one file.
    """
    busy = {
        name
        for name, tree in modules().items()
        if (PACKAGE.parent / Path(*name.split(".")) / "__init__.py").exists() and len(tree.body) > 1
    }

    assert {name for name in busy if not name.startswith("llmo.cli.commands.")} == {
        "llmo",
        "llmo.cli",
        "llmo.errors",
        "llmo.langchain",
    }


WRITERS = {"types.jsontext", "providers.http.fields", "requests.content", "types.redact"}
"""Who spells JSON: for people and programs, for servers, and to count or find what was spelled."""
INSIDE = {
    "batch.input.csv_table", "batch.input.identity", "batch.input.readers", "batch.input.record", "batch.input.rows", "batch.input.template", "batch.resume.intents",
    "batch.resume.manifest", "config.cache", "engine.answer_cache", "ledger.records",
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


def test_one_file_imports_litellm() -> None:
    """
    litellm is an extra that takes seconds to import: it stays behind its bridge.
    """
    users = {found.module for found in imports() if found.target.split(".")[0] == "litellm"}

    assert users <= {"llmo.providers.litellm.provider"}


def test_one_place_makes_dataclasses() -> None:
    """
    Import them from `llmo.types.dataclass`: those of the standard library are a third of a short command's time.
    """
    made = {"dataclasses.dataclass", "dataclasses.field", "dataclasses.replace"}
    users = {
        f"{name}:{node.lineno}"
        for name, tree in modules().items()
        for node in _running(tree)
        if isinstance(node, ast.ImportFrom) and made & {f"{node.module}.{alias.name}" for alias in node.names}
    }

    assert users == set()


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
        "llmo.cli.app",  # help
        "llmo.cli.running",  # help, and an error by way of the same rules
        "llmo.cli.commands.ask.compare",  # a line that moves, whose names were made visible
        "llmo.client.client",  # an example in its docstring
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


HTTP = {"httpx", "httpcore", "aiohttp", "h11", "httptools", "aiohappyeyeballs"}
CORE = HTTP | {"pydantic", "pydantic_settings", "rich", "asyncio", "sqlite3", "jsonschema_rs", "minijinja", "tomlkit"}
EXTRAS = {
    "litellm",
    "openai",
    "anthropic",
    "ollama",
    "pyarrow",
    "backports",
    "fsspec",
    "ray",
    "langchain_core",
    "genai_prices",
}
PROGRAM = (
    "import sys\nfrom llmo.cli import main\ntry:\n main(sys.argv[1:])\nfinally:\n print(*sys.modules, file=sys.stderr)"
)


def loaded(llmo: Llmo, *args: str, env: Mapping[str, str] | None = None) -> set[str]:
    """The top-level packages in memory after a command ended well."""
    return {name.split(".")[0] for name in loaded_modules(llmo, *args, env=env)}


def loaded_modules(llmo: Llmo, *args: str, env: Mapping[str, str] | None = None) -> set[str]:
    """The same, module by module."""
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, *args],
        env=llmo.env(env),
        cwd=llmo.home,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=LONG,
    )
    assert run.returncode == 0, run.stderr
    return set(run.stderr.splitlines()[-1].split())


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
    assert set() == loaded(llmo, *args) & (HTTP | EXTRAS | {"asyncio", "ssl", "jsonschema_rs", "minijinja"})


@pytest.mark.parametrize(
    "args",
    [
        pytest.param(("ask", "hello", "--json"), id="ask"),
        pytest.param(("route", "hello", "-m", "echo"), id="route"),
        pytest.param(("cost", "--by", "model"), id="cost"),
        pytest.param(("models", "--names"), id="models"),
    ],
)
def test_a_plain_command_line_is_read_without_typer(llmo: Llmo, args: tuple[str, ...]) -> None:
    """
    Typer is half of a short command's time; help and mistakes pay for it.
    """
    assert set() == loaded(llmo, "-P", "offline", *args) & {"typer", "click", "pydantic"}


RARE = {
    "llmo.cli.app",  # help, and lines that are not plain
    "llmo.cli.tab_words",  # after the first Tab
    "llmo.render.svg",  # cost --html
    "llmo.routing.contact_data",  # detect = ["contact"]
}


@pytest.mark.parametrize(
    "args", [("ask", "hello"), ("route", "hello", "--json"), ("cost", "--json"), ("models", "--names")]
)
def test_a_usual_command_loads_nothing_that_it_rarely_needs(llmo: Llmo, args: tuple[str, ...]) -> None:
    """
    Each of them is some milliseconds of every start.
    """
    llmo("-P", "offline", "ask", "hello")

    assert set() == loaded_modules(llmo, "-P", "offline", *args) & RARE


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


@pytest.mark.parametrize("way", ["direct", "proxy"])
def test_a_question_to_a_server_loads_httpx_only_for_a_proxy(llmo: Llmo, way: str) -> None:
    """
    Its import takes longer than all else that a question does.
    """
    answer = {
        "id": "1",
        "model": "m",
        "choices": [{"index": 0, "message": {"content": "Hi."}, "finish_reason": "stop"}],
    }
    with RawServer([whole(answer)]) as server:
        profile = llmo.home / "server.toml"
        address = server.url if way == "direct" else "http://llmo.invalid"
        profile.write_text(
            f'model = "s/m"\n[providers.s]\nkind = "openai"\nbase_url = "{address}/v1"\n'
            "[[prices]]\nmodel = 's/*'\ninput_usd = '0'\noutput_usd = '0'\n",
            "utf-8",
        )
        env = {} if way == "direct" else {"HTTP_PROXY": server.url}
        found = loaded(llmo, "-P", str(profile), "ask", "hello", "--no-stream", env=env)

    assert len(server.requests) == 1
    assert found & (HTTP | EXTRAS) == {"httptools", "aiohappyeyeballs"} | (
        set() if way == "direct" else {"httpx", "httpcore", "h11"}
    )


def test_the_wheel_brings_its_data() -> None:
    """
    Every file that pyproject.toml installs beside the package is there and not empty.
    """
    import tomllib

    shared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    paths = [ROOT / name for name in shared["shared-data"]]
    files = [file for path in paths for file in (filter(Path.is_file, path.rglob("*")) if path.is_dir() else [path])]
    empty = [str(path) for path in files if not path.is_file() or not path.stat().st_size]

    assert empty == []
