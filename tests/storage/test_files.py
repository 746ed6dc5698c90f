"""Replacing a file: all of it or nothing, with the rights that it is to have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from llmo.batch.output.export import export
from llmo.batch.output.journal import encoded
from llmo.batch.resume.manifest import Manifest, read
from llmo.storage.answers import StoredAnswers
from llmo.storage.files import replace, replaced, successor
from llmo.storage.history import History
from llmo.types.clock import SystemClock
from tests.batch.test_lines import GOOD

if TYPE_CHECKING:
    from pathlib import Path


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_an_output_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    """
    With the mode that it had; of a failure nothing stays.
    """
    path = tmp_path / "out"
    path.write_text("old", "utf-8")
    path.chmod(0o640)
    with pytest.raises(TypeError), replaced(path) as out:
        out.writelines([b"new", "no bytes"])  # type: ignore[list-item]
    assert ("old", [path]) == (path.read_text("utf-8"), list(tmp_path.iterdir()))

    with replaced(path) as out:
        out.write(b"new")
    assert ("new", 0o640, [path]) == (path.read_text("utf-8"), mode(path), list(tmp_path.iterdir()))


def test_a_file_of_ours_is_private_and_a_link_stays_a_link(tmp_path: Path) -> None:
    """
    In a folder that is made for it; of a failure nothing stays.
    """
    real, link = tmp_path / "dotfiles" / "p.toml", tmp_path / "p.toml"
    link.symlink_to(real)
    replace(link, b"one")
    replace(link, b"two", durable=False)
    with pytest.raises(TypeError):
        replace(link, "no bytes")  # type: ignore[arg-type]

    assert (True, b"two", 0o600, 0o700) == (link.is_symlink(), real.read_bytes(), mode(real), mode(real.parent))
    assert [real] == list(real.parent.iterdir())


def test_the_folders_of_the_history_are_private(tmp_path: Path) -> None:
    """
    Each of those that are made for it, not the last one alone.
    """
    path = tmp_path / "data" / "llmo" / "history.db"
    StoredAnswers(History(path, SystemClock()), SystemClock()).close()

    assert [0o600, 0o700, 0o700] == [mode(path), mode(path.parent), mode(path.parent.parent)]


def test_the_state_of_a_run_leaves_nothing_beside_it(tmp_path: Path) -> None:
    """
    What a killed run left there goes with the next one.
    """
    path = tmp_path / "state"
    successor(path).write_text("torn", "utf-8")
    Manifest(run="r").write(path)

    assert (Manifest(run="r"), [path]) == (read(path), list(tmp_path.iterdir()))


@pytest.mark.parametrize("shape", ["csv", "openai-batch"])
def test_a_table_keeps_the_mode_that_its_owner_gave_it(tmp_path: Path, shape: str) -> None:
    """
    Who may not read the answers still may not after the next run.
    """
    journal, table = tmp_path / "j.jsonl", tmp_path / "out"
    journal.write_bytes(encoded(GOOD))
    table.touch()
    table.chmod(0o600)
    export(journal, table, shape, kept=())  # type: ignore[arg-type]  # the parameters are shapes

    assert (0o600, True) == (mode(table), table.stat().st_size > 0)
