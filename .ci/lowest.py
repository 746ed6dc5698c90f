"""
Print the lowest version that each requirement admits, as constraints for pip (`pip install -c`).

A minimum that nobody installs is a guess. A requirement without one is an error here, as it admits any version.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).parent.parent / "pyproject.toml"
REQUIREMENT = re.compile(r"([\w.-]+)(?:\[[\w,-]+\])?(?:[<>=!~]=?[\w.*]+,)*(?:>=|==)([\w.]+)")


def lowest() -> Iterator[str]:
    """Constraints, extras included."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    for requirement in [
        *project["dependencies"],
        *(one for extra in project["optional-dependencies"].values() for one in extra),
    ]:
        if requirement.startswith(("llmo-cli[", "types-")):
            continue  # stubs: nothing runs them
        found = REQUIREMENT.match(requirement)
        if found is None:
            raise SystemExit(f"pyproject.toml: no lowest version: {requirement}")
        yield f"{found[1]}=={found[2]}"


if __name__ == "__main__":
    print("\n".join(lowest()))
