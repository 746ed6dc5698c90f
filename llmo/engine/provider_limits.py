"""What a provider allows as far as it is configured: flags, profile and the habits of its type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.config.kinds import KINDS
from llmo.types.dataclass import dataclass

if TYPE_CHECKING:
    from llmo.config.profile import ProviderConfig


@dataclass(frozen=True, slots=True)
class ProviderLimits:
    """
    What one provider allows, per minute; None where nothing is known.

    `split` says that it counts as Anthropic, `adapts` that the concurrency is only what to begin with.
    """

    rpm: float | None = None
    tpm: float | None = None
    concurrency: int | None = None
    itpm: float | None = None
    otpm: float | None = None
    split: bool = False
    adapts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RateOverrides:
    """What the command line asks for; `share` leaves headroom on the key for others."""

    rpm: float | None = None
    tpm: float | None = None
    share: float = 1.0
    concurrency: int | None = None


def limits(config: ProviderConfig, wish: RateOverrides | None = None) -> ProviderLimits:
    """A provider's limits: flag, else profile, else those of its type."""
    wish = wish or RateOverrides()
    kind = KINDS[config.kind]
    rpm, tpm, itpm, otpm = (
        limit * wish.share if limit else None
        for limit in (wish.rpm or config.rpm, wish.tpm or config.tpm, config.itpm, config.otpm)
    )
    given = wish.concurrency or config.concurrency
    adapts = not given and kind.concurrency > 1
    return ProviderLimits(rpm, tpm, given or kind.concurrency, itpm, otpm, kind.splits_tokens, adapts)
