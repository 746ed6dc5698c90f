"""Where things live."""

from __future__ import annotations

import stat

import pytest

from llmo.storage import paths


@pytest.mark.parametrize(
    ("purpose", "variable"),
    [
        pytest.param(paths.config_dir, "LLMO_CONFIG_DIR", id="config"),
        pytest.param(paths.data_dir, "LLMO_DATA_DIR", id="data"),
        pytest.param(paths.cache_dir, "LLMO_CACHE_DIR", id="cache"),
    ],
)
def test_a_variable_says_where(purpose, variable, tmp_path):
    """
    Each directory has its variable, which is taken as it is.
    """
    assert tmp_path / "x" == purpose({variable: str(tmp_path / "x")})


def test_an_empty_variable_counts_as_unset(monkeypatch, tmp_path):
    """
    `LLMO_CONFIG_DIR=` means the platform's own place.
    """
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    assert tmp_path / "llmo" == paths.config_dir({"LLMO_CONFIG_DIR": ""})


def test_missing_parents_are_private_too(tmp_path):
    """
    Nobody else may look into a directory that llmo made, nor into those above it.
    """
    made = paths.ensure_private(tmp_path / "a" / "b")

    assert [0o700, 0o700] == [stat.S_IMODE(path.stat().st_mode) for path in (made, made.parent)]


def test_a_directory_that_exists_stays_as_it_is(tmp_path):
    """
    A directory of the user's keeps the mode that the user gave it.
    """
    tmp_path.chmod(0o755)

    assert 0o755 == stat.S_IMODE(paths.ensure_private(tmp_path).stat().st_mode)
