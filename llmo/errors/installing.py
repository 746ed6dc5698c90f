"""The command that installs a package beside llmo, for what only some people need: extras, and keyring."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

DISTRIBUTION = "llmo-cli"
"""Its name on a package index, where `llmo` is another project."""


def install_command(package: str, *, upgrade: bool = False) -> str:
    """
    A line for the shell that puts `package`, in a version that llmo takes, where this llmo finds it.

    It names the package and no extra of llmo, so it works for an llmo that no index has. pipx and uv make an
    environment of their own for a tool; `uv tool install` forgets what it is not told again.
    """
    wanted = _requirement(package)
    home = Path(sys.prefix)
    if (home / "pipx_metadata.json").is_file():
        return _line(["pipx", "inject", *(["--force"] if upgrade else []), home.name, wanted])
    if (receipt := home / "uv-receipt.toml").is_file() and (words := _installed_by_uv(receipt)):
        return _line(["uv", "tool", "install", *(["--upgrade"] if upgrade else []), "--with", wanted, *words])
    more = ["--upgrade"] if upgrade else []
    if _has_pip():
        return _line([_python(), "-m", "pip", "install", *more, wanted])
    return _line(["uv", "pip", "install", "--python", sys.executable, *more, wanted])


def _line(words: list[str]) -> str:
    """Words as the shells of this system take them: on Windows, > redirects in single quotes too."""
    if os.name == "nt":
        return " ".join(word if re.fullmatch(r"[\w.:\\/=-]+", word) else f'"{word}"' for word in words)
    return shlex.join(words)


def _requirement(package: str) -> str:
    """`pyarrow>=20`, as an extra of llmo asks for it; the bare name where nothing does."""
    from importlib.metadata import PackageNotFoundError, requires

    try:
        declared = requires(DISTRIBUTION) or []
    except PackageNotFoundError:  # a checkout on the path
        return package
    wanted = (line.partition(";")[0].strip() for line in declared)
    return next((one for one in wanted if _normal(re.split(r"[^\w.-]", one)[0]) == _normal(package)), package)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _python() -> str:
    """`python` where a shell means this interpreter with it."""
    return "python" if shutil.which("python") == sys.executable else sys.executable


def _has_pip() -> bool:
    from importlib.util import find_spec

    return find_spec("pip") is not None


def _installed_by_uv(receipt: Path) -> list[str]:
    """What `uv tool install` was told before: the tool last, empty if the receipt says nothing that is understood."""
    import tomllib

    try:
        tool, *others = tomllib.loads(receipt.read_text("utf-8"))["tool"]["requirements"]
        return [word for other in others for word in _spelled(other, "--with")] + _spelled(tool)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return []


def _spelled(found: dict[str, Any], option: str = "") -> list[str]:
    """A requirement of a receipt as words of the command line."""
    extras = f"[{','.join(found['extras'])}]" if found.get("extras") else ""
    if "editable" in found:
        return [f"{option}-editable" if option else "--editable", found["editable"] + extras]
    if "git" in found:
        url, _, query = found["git"].partition("?")
        revision = re.search(r"(?:rev|tag|branch)=([^&#]+)", query)
        source = f"{found['name']}{extras} @ git+{url}{f'@{revision[1]}' if revision else ''}"
    elif "url" in found:
        source = f"{found['name']}{extras} @ {found['url']}"
    else:
        place = found.get("directory") or found.get("path")
        source = f"{place}{extras}" if place else f"{found['name']}{extras}{found.get('specifier', '')}"
    return [option, source] if option else [source]
