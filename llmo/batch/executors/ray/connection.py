"""The connection to a Ray cluster, or one of its own on this machine."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from llmo.batch.executors.ray.library import ray
from llmo.errors import Unavailable, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

STORE = 100 << 20
"""Bytes of shared memory for objects of a cluster of our own: rows travel in messages."""


@contextmanager
def connected(namespace: str) -> Iterator[Any]:
    """
    The library, connected to the cluster of RAY_ADDRESS or of this machine, else to a new one that ends with the run.

    Raises `UsageError` where Ray is not installed, and `Unavailable` where the cluster can't be reached.
    """
    library = ray()
    if _named().startswith("ray://"):
        raise UsageError(
            f"llmo is no node of the cluster at {_named()}", hint="run it on a node, with RAY_ADDRESS as HOST:PORT"
        )
    quiet = {"namespace": namespace, "log_to_driver": False, "logging_level": "CRITICAL"}
    try:
        try:
            library.init(address="auto", **quiet)
        except ConnectionError:
            if _named():
                hint = "see RAY_ADDRESS, and RAY_AUTH_TOKEN for a cluster that asks for a token"
                raise Unavailable(f"no Ray cluster at {_named()}", hint=hint) from None
            library.init(
                address="local",
                include_dashboard=False,
                object_store_memory=STORE,
                _node_ip_address="127.0.0.1",
                **quiet,
            )
    except (RuntimeError, OSError) as exc:
        raise Unavailable(f"cannot connect to Ray: {exc}", hint="see `ray status`") from None
    try:
        yield library
    finally:
        library.shutdown()


def processors(library: Any) -> int:
    """How many processors the cluster has: workers that it has room for."""
    return max(1, int(library.cluster_resources().get("CPU", 1)))


def _named() -> str:
    return os.environ.get("RAY_ADDRESS", "")
