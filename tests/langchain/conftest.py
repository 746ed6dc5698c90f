"""A home of its own for LangChain's suites, which make models themselves; and a loop for their async tests."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a coroutine: pytest-asyncio comes with langchain-tests, wants an ini option, and is turned off."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where profiles, ledger and caches of a test are."""
    for kind in ("CONFIG", "DATA", "CACHE"):
        monkeypatch.setenv(f"LLMO_{kind}_DIR", str(tmp_path / kind.lower()))
    monkeypatch.delenv("LLMO_PROFILE", raising=False)
    return tmp_path
