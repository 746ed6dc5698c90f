"""Ray itself, imported where it is needed; all of it is untyped here."""

from __future__ import annotations

import os
from typing import Any

from llmo.batch.executors.ray.away import Absent
from llmo.errors import UsageError
from llmo.errors.installing import install_command

QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DISABLE_IMPORT_WARNING": "1"}
"""Nothing is sent to the makers of Ray, and it says nothing of its own."""
ANSWER_S = 30.0
"""Seconds that a broker may take for one answer."""


def ray() -> Any:
    """The library. Raises `UsageError` where it is not installed."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    try:
        import ray as library
    except ImportError as exc:
        why = "is not installed" if getattr(exc, "name", None) == "ray" else f"cannot be imported: {exc}"
        raise UsageError(f"--engine ray: the package ray {why}", hint=install_command("ray")) from None
    return library


class Asks:
    """`AskBroker` over the handle of an actor, from any thread and from the event loop."""

    def __init__(self, broker: Any) -> None:
        self._broker = broker
        self._errors = ray().exceptions

    def __call__(self, method: str, *given: object) -> Any:
        """Wait for what it returns. Raises `Absent`."""
        try:
            # Not `ray.get`, which warns when the event loop waits for it, as planning does for what is on record.
            return getattr(self._broker, method).remote(*given).future().result(ANSWER_S)
        except self._errors.RayTaskError:
            raise
        except (self._errors.RayError, TimeoutError) as exc:
            raise Absent from exc

    async def soon(self, method: str, *given: object) -> Any:
        """The same without keeping the event loop. Raises `Absent`."""
        try:
            return await getattr(self._broker, method).remote(*given)
        except self._errors.RayTaskError:
            raise
        except self._errors.RayError as exc:
            raise Absent from exc
