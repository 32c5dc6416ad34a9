"""What a retry has done."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from target_amplitude_nami.accounting.counts import Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryResult:
    """What a retry has done with a rejects file, or would do."""

    file: str
    outcome: str
    """`complete`, `interrupted` or `failed`; `nothing` where no record was to be tried;
    `disabled` where `enabled` is false."""
    dry_run: bool
    before: Mapping[str, int] = field(default_factory=dict)
    """The records in the file before, by reason."""
    tried: Mapping[str, int] = field(default_factory=dict)
    """Those of them that were chosen, by reason."""
    after: Mapping[str, int] = field(default_factory=dict)
    """The records in the file now, by reason."""
    delivered: int = 0
    filtered: int = 0
    held: int = 0
    duplicate: int = 0
    settled: int = 0
    """How many records have left the file."""
    failed_again: int = 0
    of_other_integrations: Mapping[str, int] = field(default_factory=dict)
    """Records that were left alone, as they are those of another integration."""
    released: int = 0
    """How many of those counted above came out of the memory file."""
    error: str | None = None
    """What ended the retry early."""


def outcomes_in(counts: Counts) -> dict[str, int]:
    """Return how many records had each outcome but that of a reject."""
    return {
        "delivered": sum(counts.delivered.values()),
        "filtered": sum(counts.filtered.values()),
        "held": sum(counts.held.values()),
        "duplicate": sum(counts.duplicate.values()),
        "released": counts.released,
    }
