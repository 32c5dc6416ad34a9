"""Takes the rejects of a retry: back to their lines, or behind them."""

from __future__ import annotations

import typing as t

from target_amplitude_nami.singer.reject_lines import (
    UNREADABLE_LINES,
    on_one_line,
    with_reason,
)
from target_amplitude_nami.singer.retry.feed import OF_A_SCHEMA

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from target_amplitude_nami.outcomes import Refusal
    from target_amplitude_nami.singer.parts import SingerRejects
    from target_amplitude_nami.singer.retry.feed import Feed
    from target_amplitude_nami.singer.retry.rejected_again import RejectedAgain


class RetriedRejects:
    """The rejects of a retry.

    Those of the file's own records wait until that is rewritten: until then it has them
    as they were. Others, such as one that was held by an earlier run and is released,
    are appended at once, as in any run.
    """

    def __init__(
        self,
        feed: Feed,
        rejected_again: RejectedAgain,
        appended: SingerRejects,
        integration: str,
        finish: Callable[[], None],
    ) -> None:
        """Take where the rejects go.

        Args:
            feed: Knows the line of a record.
            rejected_again: Takes those of the file's own records.
            appended: Takes all others.
            integration: Whose rejects these are.
            finish: Called when there will be no more.
        """
        self._feed = feed
        self._rejected_again = rejected_again
        self._appended = appended
        self._integration = integration
        self._finish = finish

    @property
    def advice(self) -> str:
        """A sentence for people: where the rejects are."""
        return "They stay in the file, each with its new reason"

    def declare(self, stream: str, schema_line: bytes) -> None:
        """Take a stream's SCHEMA message."""
        self._appended.declare(stream, schema_line)

    def declare_if_missing(self, stream: str) -> None:
        """Make sure that a stream's schema precedes its rejects."""
        self._appended.declare_if_missing(stream)

    def write(self, stream: str, line: bytes, refusal: Refusal) -> None:
        """Keep a record.

        Raises:
            OutputUnwritable: When the disk does not take it.
        """
        number = self._feed.number_of(line)
        if number is None and stream == UNREADABLE_LINES:
            number = self._feed.current
        if number is None:
            self._appended.write(stream, line, refusal)
        elif number != OF_A_SCHEMA:
            message = with_reason(on_one_line(line), refusal, self._integration)
            self._rejected_again.add(number, message + b"\n")

    def sync(self) -> None:
        """Make what was appended survive the machine.

        Raises:
            OutputUnwritable: When the disk does not take it.
        """
        self._appended.sync()

    def close(self) -> None:
        """Rewrite the file, now that nothing more comes.

        Raises:
            AmplitudeNamiError: When the disk does not take it.
        """
        self._appended.close()
        self._finish()
