"""How to install what only some people need, by the way in which llmo itself was installed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from llmo.errors import installing
from llmo.errors.installing import install_command

ROOT = Path(__file__).parent.parent.parent
OTHER = re.compile(
    r"\bllmo\[[a-z]+[],]|\b(?:pip|pipx|uv|tool) (?:install|inject|run|download) (?:-\S+ )*['\"]?llmo\b(?![-/])|\buvx llmo\b"
)
"""Words that install the other `llmo`."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The environment that llmo runs in, with llmo installed in it."""
    info = tmp_path / "llmo_cli-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.4\nName: llmo-cli\nVersion: 1.0\nRequires-Dist: rich>=14\n"
        "Requires-Dist: pyarrow>=20; extra == 'parquet'\n"
        "Requires-Dist: backports-zstd>=1.0; (python_version < '3.14') and extra == 'zstd'\n"
        "Requires-Dist: litellm!=1.82.7,>=1.83; extra == 'litellm'\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def python(home: Path) -> None:
    """An interpreter where the shell finds it."""
    (home / "bin").mkdir()
    (home / "bin" / "python").write_text("#!/bin/sh\n")
    (home / "bin" / "python").chmod(0o755)


def receipt(home: Path, *requirements: str) -> None:
    """What uv keeps beside a tool."""
    (home / "uv-receipt.toml").write_text(f"[tool]\nrequirements = [{', '.join(requirements)}]\n")


def test_pipx_puts_a_package_beside_the_tool(home: Path) -> None:
    """The name is that of the environment, which `pipx install --suffix` changes."""
    (home / "pipx_metadata.json").write_text("{}")

    assert install_command("pyarrow") == f"pipx inject {home.name} 'pyarrow>=20'"
    assert install_command("litellm", upgrade=True) == f"pipx inject --force {home.name} 'litellm!=1.82.7,>=1.83'"


@pytest.mark.parametrize(
    ("tool", "words"),
    [
        pytest.param('{ name = "llmo-cli" }', "llmo-cli", id="index"),
        pytest.param('{ name = "llmo-cli", specifier = "==0.1.0" }', "llmo-cli==0.1.0", id="version"),
        pytest.param('{ name = "llmo-cli", directory = "/src/ll mo" }', "'/src/ll mo'", id="checkout"),
        pytest.param(
            '{ name = "llmo-cli", path = "/l.whl", extras = ["zstd"] }', "'/l.whl[zstd]'", id="wheel-and-extra"
        ),
        pytest.param('{ name = "llmo-cli", editable = "/src" }', "--editable /src", id="editable"),
        pytest.param(
            '{ name = "llmo-cli", git = "https://host/l?rev=v1" }', "'llmo-cli @ git+https://host/l@v1'", id="git"
        ),
        pytest.param('{ name = "llmo-cli", url = "https://host/l.whl" }', "'llmo-cli @ https://host/l.whl'", id="url"),
    ],
)
def test_uv_installs_the_tool_again_from_where_it_came(home: Path, tool: str, words: str) -> None:
    """No index is asked for what was installed from a checkout."""
    receipt(home, tool)

    assert install_command("pyarrow") == f"uv tool install --with 'pyarrow>=20' {words}"


def test_uv_is_told_again_what_it_would_forget(home: Path) -> None:
    """`uv tool install` removes what an earlier `--with` brought, unless it is named."""
    receipt(
        home,
        '{ name = "llmo-cli", directory = "/src" }',
        '{ name = "fsspec", specifier = ">=2024.2" }',
        '{ name = "own", editable = "/own" }',
    )

    assert install_command("pyarrow") == (
        "uv tool install --with 'pyarrow>=20' --with 'fsspec>=2024.2' --with-editable /own /src"
    )


@pytest.mark.parametrize("text", ["", "[tool]", "[tool]\nrequirements = []", "[tool]\nrequirements = [1]", "["])
def test_a_receipt_that_says_something_else_is_passed_over(
    home: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hint is no place to fail; uv's environments have no pip, so uv is named with the interpreter."""
    monkeypatch.setattr(installing, "_has_pip", lambda: False)
    (home / "uv-receipt.toml").write_text(text)

    assert install_command("pyarrow") == f"uv pip install --python {home}/bin/python 'pyarrow>=20'"


def test_a_venv_is_named_unless_its_python_is_the_one_of_the_shell(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`python` of an activated venv; without that, it would be another Python's."""
    monkeypatch.setattr(installing, "_has_pip", lambda: True)
    before = install_command("backports.zstd")
    python(home)

    assert before == f"{home}/bin/python -m pip install 'backports-zstd>=1.0'"
    assert install_command("backports.zstd") == "python -m pip install 'backports-zstd>=1.0'"
    assert install_command("litellm", upgrade=True) == "python -m pip install --upgrade 'litellm!=1.82.7,>=1.83'"
    assert install_command("keyring") == "python -m pip install keyring"


def test_a_checkout_on_the_path_has_no_metadata(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bare name, then."""
    monkeypatch.setattr(installing, "DISTRIBUTION", "no-such-distribution")
    monkeypatch.setattr(installing, "_has_pip", lambda: True)
    python(home)

    assert install_command("pyarrow") == "python -m pip install pyarrow"


def test_a_shell_of_windows_knows_only_double_quotes(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In single ones, > would write to a file."""
    monkeypatch.setattr(installing, "_has_pip", lambda: True)
    python(home)
    posix = install_command("pyarrow")
    monkeypatch.setattr(installing, "os", type("Windows", (), {"name": "nt"}))

    assert posix == "python -m pip install 'pyarrow>=20'"
    assert install_command("pyarrow") == 'python -m pip install "pyarrow>=20"'


def test_no_text_says_to_install_another_project() -> None:
    """
    `llmo` on the package index is somebody else's: no file has it as a requirement, with an extra or without.
    """
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a repository")
    files = [ROOT / name for name in listed.stdout.splitlines() if ROOT / name != Path(__file__)]
    texts = {path: path.read_text("utf-8", "replace") for path in files if path.is_file()}

    assert [(path.name, found[0]) for path, text in texts.items() for found in OTHER.finditer(text)] == []


def test_pyproject_and_the_hints_mean_one_distribution() -> None:
    """Its own extras ask for it by that name."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    assert project["name"] == installing.DISTRIBUTION
    assert project["optional-dependencies"]["dev"][0] == f"{installing.DISTRIBUTION}[test]"
