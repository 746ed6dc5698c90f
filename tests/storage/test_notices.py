"""Files in which processes tell each other."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from llmo.storage.notices import LARGE, OLD_S, Notices

if TYPE_CHECKING:
    from pathlib import Path


def test_each_hears_the_last_of_the_others_and_not_itself(tmp_path: Path) -> None:
    """
    Of the same thing only.
    """
    one, two, three = (Notices(tmp_path / "rates", name) for name in ("k", "k", "other"))

    assert (one.swap(b"1"), two.swap(b"2"), three.swap(b"3")) == ([], [b"1"], [])
    assert (one.swap(b"11"), two.swap(b"22")) == ([b"2"], [b"11"])
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "rates").iterdir()} == {0o600}


def test_a_file_of_a_process_that_is_long_gone_is_deleted(tmp_path: Path) -> None:
    """
    A killed process can't.
    """
    one, two = Notices(tmp_path, "k"), Notices(tmp_path, "k")
    one.swap(b"1")
    (left,) = tmp_path.iterdir()
    cut = tmp_path / f".{left.name}.x1"
    cut.write_bytes(b"")
    then = left.stat().st_mtime - OLD_S - 1
    for path in (left, cut):
        os.utime(path, (then, then))

    assert two.swap(b"2") == [b"", b""]
    assert [path.name for path in tmp_path.iterdir()] == [two.own]


def test_what_else_lies_there_does_no_harm(tmp_path: Path) -> None:
    """
    A directory, a link to nowhere, a large file under the name of a notice.
    """
    (tmp_path / "k.dir").mkdir()
    (tmp_path / "k.link").symlink_to(tmp_path / "nowhere")
    (tmp_path / "k.large").write_bytes(b"x" * 10 * LARGE)

    assert Notices(tmp_path, "k").swap(b"1") == [b"x" * LARGE]


def test_a_directory_that_cannot_be_made_is_an_error_of_the_system(tmp_path: Path) -> None:
    """
    The exchange goes on without.
    """
    (tmp_path / "file").write_text("")

    with pytest.raises(OSError):
        Notices(tmp_path / "file" / "rates", "k").swap(b"1")
