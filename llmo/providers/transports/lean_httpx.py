"""
httpx without its own command line, which imports click, rich and pygments: a third of its import.

httpx itself does without where those are missing. Whoever imported httpx before has it whole.
"""

from __future__ import annotations

import sys

__all__ = ["httpx"]
_COMMAND_LINE = "httpx._main"

if "httpx" in sys.modules:
    import httpx
else:
    # What is None here can't be imported, says Python's import system.
    sys.modules[_COMMAND_LINE] = None  # type: ignore[assignment]
    try:
        import httpx
    finally:
        del sys.modules[_COMMAND_LINE]
