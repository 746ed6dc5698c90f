"""Names at a host of many hosts: OpenRouter's suffixes choose a host, or name a model of its own."""

from __future__ import annotations

FREE = ":free"
_ROUTES = (":floor", ":exacto")
"""Suffixes that order the hosts of a model; `:nitro` is not among them, as it admits a dearer tier."""


def plain(model: str) -> str:
    """The model that is priced: without a suffix that only orders hosts."""
    for suffix in _ROUTES:
        model = model.removesuffix(suffix)
    return model
