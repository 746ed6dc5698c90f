"""One attempt's place at a provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from llmo.types.events import RateInfo, Usage


class Line(Protocol):
    """Who gives permits, and takes them back."""

    def leave(self, permit: Permit, usage: Usage | None) -> None:
        """End an attempt."""
        ...

    def refused(self, permit: Permit, seconds: float) -> None:
        """Take note of a 429."""
        ...

    def learn(self, info: RateInfo, permit: Permit | None = None) -> None:
        """Take limits from headers."""
        ...


class Permit:
    """One attempt's place at the provider; it is given back with `release`, once."""

    __slots__ = ("_gate", "amounts", "at", "counted", "granted", "marks", "refused")

    def __init__(self, gate: Line, amounts: tuple[float, ...]) -> None:
        self._gate = gate
        self.amounts = amounts
        self.marks: tuple[float, ...] = ()
        self.counted: tuple[float, ...] = ()
        self.at = 0.0
        self.granted = self.refused = False

    def release(self, usage: Usage | None = None) -> None:
        """Make room; `usage` is what stays charged, all that was asked for when it is not known."""
        self._gate.leave(self, usage)

    def refuse(self, retry_after: float | None) -> None:
        """Take note of a 429, before the release; all rows wait for `retry_after` seconds."""
        self._gate.refused(self, retry_after or 0.0)

    def learn(self, info: RateInfo) -> None:
        """Take the limits that the answer to this very request states."""
        self._gate.learn(info, self)
