"""Chooses the rejects to deliver again."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

if t.TYPE_CHECKING:
    import datetime as dt

    from target_amplitude_nami.singer.reject_reading import RejectLine


@dataclass(frozen=True, slots=True)
class RejectFilter:
    """Which records of a rejects file are tried again."""

    integration: str
    """Only its own: another one's belong to another app, with settings of its own."""
    reasons: frozenset[str] = frozenset()
    """Empty: whatever the reason."""
    since: dt.datetime | None = None
    """Only those rejected at that time or later."""

    def takes(self, line: RejectLine) -> bool:
        """Return whether a record is tried again."""
        if self.is_of_another(line):
            return False
        if self.reasons and line.reason not in self.reasons:
            return False
        return self.since is None or (line.at is not None and line.at >= self.since)

    def is_of_another(self, line: RejectLine) -> bool:
        """Return whether a record is the reject of another integration."""
        return line.integration not in {None, self.integration}
