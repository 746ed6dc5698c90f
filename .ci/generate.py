"""Write completions/ and man/ from the program; with --check, only say which are stale."""

from __future__ import annotations

import sys
from pathlib import Path

import manual
from shells import bash, fish, powershell, zsh
from surface import surface

ROOT = Path(__file__).parent.parent


def generated() -> dict[Path, str]:
    """Every generated file with its text."""
    root = surface()
    files = {
        "completions/llmo.bash": bash.script(root),
        "completions/_llmo": zsh.script(root),
        "completions/llmo.fish": fish.script(root),
        "completions/llmo.ps1": powershell.script(root),
    }
    files |= {f"man/man{name[-1]}/{name}": text for name, text in manual.pages(root).items()}
    return {ROOT / name: text for name, text in files.items()}


def main() -> int:
    """Write, or check; the exit code."""
    files = generated()
    stale = [path for path, text in files.items() if not path.exists() or path.read_text("utf-8") != text]
    left = [path for path in (ROOT / "man").rglob("*") if path.is_file() and path not in files]
    if "--check" in sys.argv:
        for path in stale + left:
            print(f"stale: {path.relative_to(ROOT)}")
        return 1 if stale or left else 0
    for path in stale:
        path.write_text(files[path], "utf-8")
    for path in left:
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
