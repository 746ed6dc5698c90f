"""
The end of the process: what Python does at exit, except for taking its memory apart object by object.

That is a sixth of the CPU of a short command. Threads are waited for, exit handlers run, the ledger is closed and what
is left in buffers is written; the operating system frees the rest.
"""

from __future__ import annotations

import atexit
import os
import sys
from contextlib import suppress

TOOLS = 6
"""Places that `sys.monitoring` has for profilers and debuggers."""


def leave(code: int) -> None:
    """End the process with `code`; returns where Python itself must do it, which then reports what went wrong."""
    if _watched():
        return
    try:
        _finish()
    except BaseException:  # noqa: BLE001 - Python meets it again
        return
    os._exit(code)


def _watched() -> bool:
    """Whether somebody looks at this process after its last line: `python -i`, a profiler or a debugger."""
    if sys.flags.inspect or sys.getprofile() or sys.gettrace():
        return True
    monitoring = getattr(sys, "monitoring", None)  # since Python 3.12
    return monitoring is not None and any(map(monitoring.get_tool, range(TOOLS)))


def _finish() -> None:
    """Do what `Py_FinalizeEx` does before it takes modules apart, in its order."""
    if "threading" in sys.modules:
        sys.modules["threading"]._shutdown()  # noqa: SLF001 - as Python calls it
    atexit._run_exitfuncs()  # noqa: SLF001 - as Python calls it
    _close_ledger()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def _close_ledger() -> None:
    """Let SQLite tidy up its write-ahead log, as it does when the last connection is closed."""
    context = sys.modules.get("llmo.cli.context")
    if context is not None and (ledger := vars(context.current()).get("ledger")) is not None:
        with suppress(Exception):  # every transaction is stored; the next start tidies up
            ledger.close()
