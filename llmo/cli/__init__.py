"""The command line: `main` is the console script. Nothing heavy is imported before it is known what is asked."""

from __future__ import annotations

import sys


def main(argv: list[str] | None = None) -> None:
    """Run llmo and exit with its code; without `argv`, as the console script, the process ends with it."""
    args = sys.argv[1:] if argv is None else argv
    if args == ["--version"]:
        from llmo.types.version import __version__

        sys.stdout.write(f"llmo {__version__}\n")
        return
    try:
        from llmo.cli.running import run

        code = run(args)
    except KeyboardInterrupt:
        code = 130
    if argv is None:
        from llmo.cli.leaving import leave

        leave(code)
    raise SystemExit(code)
