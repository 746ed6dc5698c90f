"""The command line: `main` is the console script. Nothing heavy is imported before it is known what is asked."""

from __future__ import annotations

import gc
import sys

OBJECTS = 10_000
"""New objects after which Python looks for garbage."""


def main(argv: list[str] | None = None) -> None:
    """Run llmo and exit with its code; without `argv`, as the console script, the process ends with it."""
    args = sys.argv[1:] if argv is None else argv
    if args == ["--version"]:
        from llmo.types.version import __version__

        sys.stdout.write(f"llmo {__version__}\n")
        return
    if argv is None:
        # Imports make many objects and no garbage; looking for it every 700 objects is a twentieth of a start.
        gc.set_threshold(OBJECTS)
    try:
        from llmo.cli.running import run

        code = run(args)
    except KeyboardInterrupt:
        code = 130
    if argv is None:
        from llmo.cli.leaving import leave

        leave(code)
    raise SystemExit(code)
