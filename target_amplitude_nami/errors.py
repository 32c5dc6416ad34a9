"""The exceptions of the target, arranged by what the caller can do about each.

    AmplitudeNamiError
    ├── ConfigurationError    fix the settings
    ├── InputUnreadable       fix the tap, or the table: it is not what it should be
    ├── NothingRecognised     select other streams, or name those that hold Nami data
    ├── OutputUnwritable      make the file writable, or choose another path
    ├── StoreUnusable         close, repair or move the file of `memory_path`
    ├── DeliveryError         fix the destination, or wait and run again
    ├── RequestFailed         correct the keys or the address, or wait and ask again
    ├── LedgerImbalance       report a bug: a record is unaccounted for
    └── UnreadableRecord      fix the record and send it again

All but the last end the run, with exit code 1 and the message as its last line in the
log. The last rejects one record, and the run goes on.
"""

# Each name is what is the matter, so that `except` reads as a sentence.
# ruff: noqa: N818

from __future__ import annotations

from typing import TYPE_CHECKING

from target_amplitude_nami.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable


class AmplitudeNamiError(Exception):
    """Base class of everything that this package raises on purpose."""

    def __str__(self) -> str:
        """Return the message as one line, whatever a tap or server put into it."""
        return printable(super().__str__())


class ConfigurationError(AmplitudeNamiError):
    """The settings are wrong; nothing was read and nothing sent.

    Attributes:
        problems: One line for each mistake, without the value of any secret.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        """Take a sentence for each mistake, and make each of them one line."""
        self.problems = tuple(printable(problem) for problem in problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return " ".join(self.problems)


class InputUnreadable(AmplitudeNamiError):
    """What the tap writes is not Singer output, or two columns have one name."""


class NothingRecognised(AmplitudeNamiError):
    """Records were read, and none of them was recognised as Nami's."""


class OutputUnwritable(AmplitudeNamiError):
    """A file that the run must write cannot be written."""


class StoreUnusable(AmplitudeNamiError):
    """The file of `memory_path` is in use, damaged, or of an unknown version."""


class DeliveryError(AmplitudeNamiError):
    """Nothing more can be delivered; the message says what to do."""


class RequestFailed(AmplitudeNamiError):
    """An API of Amplitude does not give what it was asked for.

    Attributes:
        status: The HTTP status of the answer; None when there was none.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        """Take what went wrong and what to do, and the answer's status."""
        super().__init__(message)
        self.status = status


class LedgerImbalance(AmplitudeNamiError):
    """Records read and records settled differ at the end of the run."""


class UnreadableRecord(AmplitudeNamiError):
    """A record that is meant for Nami but cannot be understood.

    Attributes:
        reason: A stable code, under which the reject is counted.
        field: The Nami field.
        detail: A sentence for people.
        event_type: The record's event type, where it has one.
    """

    def __init__(self, reason: str, field: str, detail: str) -> None:
        """Take why the record is rejected (`reason`, `detail`), and for which field."""
        super().__init__(reason, field, detail)
        self.reason = reason
        self.field = field
        self.detail = detail
        self.event_type: str | None = None

    def __str__(self) -> str:
        return printable(self.detail)
