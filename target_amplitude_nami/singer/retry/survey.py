"""Looks through a rejects file before anything is done with it."""

from __future__ import annotations

import typing as t
from collections import Counter
from dataclasses import dataclass, field

from target_amplitude_nami.errors import InputUnreadable
from target_amplitude_nami.singer.reject_reading import NO_REASON, read_reject_line

if t.TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from target_amplitude_nami.singer.retry.reject_filter import RejectFilter


@dataclass(slots=True)
class Survey:
    """What a rejects file holds."""

    lines: int = 0
    """With empty ones and those that are no record."""
    before: Counter[str] = field(default_factory=Counter)
    """Its records by reason."""
    tried: Counter[str] = field(default_factory=Counter)
    """Those of them that are chosen."""
    of_others: Counter[str] = field(default_factory=Counter)
    """Its records of other integrations, by these."""


def survey(lines: Iterable[bytes], reject_filter: RejectFilter, path: Path) -> Survey:
    """Return what a rejects file holds, and make sure that it is one.

    Args:
        lines: Its lines.
        reject_filter: Which are tried again.
        path: What to call it.

    Raises:
        InputUnreadable: For the output of a tap, or anything else that would be lost.
    """
    found = Survey()
    has_reasons = False
    for number, line in enumerate(lines, 1):
        found.lines = number
        head = read_reject_line(line)
        if head is None or head.is_schema:
            continue
        if not head.is_record:
            raise InputUnreadable(
                f"{path} is not a rejects file: line {number:,} is a message of type "
                f"{head.kind[:60]!r}. Give the output of a tap to the target itself"
            )
        has_reasons |= head.reason != NO_REASON and head.at is not None
        found.before[head.reason] += 1
        if reject_filter.is_of_another(head):
            found.of_others[str(head.integration)] += 1
        elif reject_filter.takes(head):
            found.tried[head.reason] += 1
    if found.before and not has_reasons:
        raise InputUnreadable(
            f"{path} is not a rejects file: no record has beside it why it was "
            f"rejected. Give the output of a tap to the target itself"
        )
    return found
