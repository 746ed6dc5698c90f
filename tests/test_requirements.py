"""What llmo needs is declared, and from which version on."""

import ast
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]


def imported():
    """The packages by others that llmo's modules import, anywhere in them."""
    for path in (ROOT / "llmo").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module.partition(".")[0]


def test_every_import_is_declared():
    """
    A package that only another one brings may be gone with its next release.
    """
    needed = [
        *PROJECT["dependencies"],
        *(
            one
            for name in ("litellm", "parquet", "postgres", "ray", "remote", "zstd", "langchain")
            for one in EXTRAS[name]
        ),
    ]
    declared = {one.partition(">")[0].partition("[")[0].lower().replace(".", "-") for one in needed}
    known = dict(packages_distributions())
    # `compression` is in the standard library from 3.14 on; before, an extra that need not be here brings it.
    known.setdefault("backports", ["backports.zstd"])
    names = {name for name in imported() if name not in {*sys.stdlib_module_names, "compression", "llmo"}}
    brought = {
        (known[name][0] if name in known else name).lower().replace("_", "-").replace(".", "-") for name in names
    }

    assert set() == brought - declared


def test_every_requirement_has_a_lowest_version_that_ci_installs():
    """
    One constraint for each: a minimum that nobody installs is a guess.
    """
    printed = subprocess.run(
        [sys.executable, ROOT / ".ci" / "lowest.py"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    needed = [
        *PROJECT["dependencies"],
        *(one for extra in EXTRAS.values() for one in extra if not one.startswith(("llmo-cli[", "types-"))),
    ]

    assert len(needed) == len(printed)
    assert all(one.startswith(line.partition("==")[0]) for one, line in zip(needed, printed, strict=True))
