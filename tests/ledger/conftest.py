"""The tests of the ledger run with both storages, where a PostgreSQL server can be started."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.ledger.storages import Storage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=["sqlite", "postgres"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    """Where a test keeps its ledgers."""
    made = Storage(request.param, tmp_path)
    yield made
    made.close()
