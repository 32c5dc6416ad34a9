"""Defines the protocol for what keeps rejected records."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from target_amplitude_nami.outcomes import Refusal


class RejectSink(t.Protocol):
    """Keeps rejected records with the reason; any thread may write.

    The Singer target's is a file, the library's a callback.
    """

    @property
    def destination(self) -> str:
        """Where a person finds the rejects, for messages."""

    def write(self, stream: str, line: bytes, refusal: Refusal, /) -> None:
        """Keep a record.

        Raises:
            OutputUnwritable: When the disk does not take it.
        """

    def declare_if_missing(self, stream: str, /) -> None:
        """Make sure that a stream's schema precedes its rejects.

        For records that are older than this run.
        """

    def sync(self) -> None:
        """Make sure that what was written survives the machine.

        Raises:
            OutputUnwritable: When the disk does not take it.
        """

    def close(self) -> None:
        """Sync, and write no more.

        Raises:
            OutputUnwritable: When the disk does not take it.
        """
