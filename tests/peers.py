"""
Programs and libraries by others that some tests need: a test skips by name where one is missing.

`LLMO_TEST_REQUIRE` names those that must be there, separated by commas: a test that would skip for one of them fails.
`.ci/run` sets it to what it has installed.
"""

from __future__ import annotations

import os
import re

import pytest

PEERS = {
    "aimock": "run .ci/run once, or set LLMO_TEST_AIMOCK to its dist/cli.js",
    "backports-zstd": "pip install -e '.[dev,zstd]'",
    "bash": "it is in the packages of the system",
    "chromium": "or chromium-browser, google-chrome, chrome",
    "fish": "it is in the packages of the system",
    "fsspec": "pip install -e '.[dev,remote]'",
    "groff": "it is in the packages of the system",
    "langchain": "pip install -e '.[dev,dev-langchain]'",
    "litellm": "pip install -e '.[dev,litellm]'",
    "litellm-proxy": "run .ci/run once, or set LLMO_TEST_LITELLM to a venv's bin/litellm",
    "man": "it is in the packages of the system, as man-db",
    "mandoc": "it is in the packages of the system",
    "pyarrow": "pip install -e '.[dev,parquet]'",
    "postgresql": "it is in the packages of the system",
    "psycopg": "pip install -e '.[dev,postgres]'",
    "ray": "pip install -e '.[dev,ray]'",
    "shellcheck": "it is in the packages of the system",
    "valgrind": "it is in the packages of the system",
    "zsh": "it is in the packages of the system",
}
_MISSING = re.compile(r"([\w-]+) is not installed: ")


def missing(peer: str) -> str:
    """The reason of a skip."""
    return f"{peer} is not installed: {PEERS[peer]}"


def required() -> frozenset[str]:
    """What must be there. Raises `UsageError` for a name that no test speaks of."""
    names = frozenset(filter(None, os.environ.get("LLMO_TEST_REQUIRE", "").split(",")))
    if unknown := names - PEERS.keys():
        raise pytest.UsageError(f"LLMO_TEST_REQUIRE: unknown: {', '.join(sorted(unknown))}; known: {', '.join(PEERS)}")
    return names


def refuse(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Make a failure of a skip for what must be there."""
    if not report.skipped or not isinstance(report.longrepr, tuple):
        return
    reason = report.longrepr[2].removeprefix("Skipped: ")
    if (found := _MISSING.match(reason)) and found[1] in required():
        report.outcome = "failed"
        report.longrepr = f"LLMO_TEST_REQUIRE: {reason}"
