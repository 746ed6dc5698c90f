"""
Completions for bash, zsh and fish, written from the surface of the program.

Commands, options and fixed values stand in the scripts, so that a Tab starts no Python; only the names of models and
profiles are asked from llmo, which answers them without a network. What Typer generates would ask Python for every
Tab, loses the first Tab of a zsh session, and breaks words at a colon in bash.
"""

from __future__ import annotations

HEADER = "# Completion of llmo for {}. Written by .ci/generate.py from the program: do not edit."
TASKS = "simple complex general auto"
MODELS = "models --names"
"""Prints `provider/model`, one a line."""
PROFILES = "profile list"
"""Prints one profile a line, after a mark of two columns."""


def quoted(text: str) -> str:
    """A word of bash or zsh."""
    return "'" + text.replace("'", "'\\''") + "'"
