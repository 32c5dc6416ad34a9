"""The rejects of a partition, by default kept in its outcome within a bound."""

from __future__ import annotations

import threading
import typing as t

import msgspec

from target_amplitude_nami.singer.reject_lines import (
    UNREADABLE_LINES,
    record_message,
    unreadable_line,
    with_reason,
)

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from target_amplitude_nami.outcomes import Refusal

MOST_REJECT_BYTES: t.Final = 1 << 20
"""So many bytes of rejects are in one outcome: an engine keeps all of a job at once."""


class RejectedRecord(msgspec.Struct, frozen=True, gc=False):
    """A record that could not be delivered, as it stands in a rejects file."""

    stream: str
    message: bytes
    """The RECORD message with the reason beside the record: one line without its end.
    """


class PartitionRejects:
    """Keeps the rejects of one partition; any thread may write."""

    advice: t.Final = ""
    """The report of the whole job says where they are."""

    def keep(self, record: Mapping[str, t.Any], stream: str, refusal: Refusal) -> None:
        """Keep a record that has no form in JSON, as Python writes it.

        It stands in the file like a line that nobody could read, so that a retry does
        not send in its place what it is not.
        """
        del stream
        line = unreadable_line(_as_python_writes(record))
        self.take(UNREADABLE_LINES, line, refusal)

    def write(self, stream: str, line: bytes, refusal: Refusal) -> None:
        """Keep a record, unless `keep` has it."""
        if line:
            self.take(stream, record_message(stream, line), refusal)

    def take(self, stream: str, message: bytes, refusal: Refusal) -> None:
        """Keep a RECORD message of a stream; each kind has its own way."""
        raise NotImplementedError

    def declare_if_missing(self, stream: str) -> None:
        """Do nothing: who writes the file declares its streams."""

    def sync(self) -> None:
        """Do nothing: nothing is safe before the whole partition is."""

    def close(self) -> None:
        """Do nothing: what is here is still to be taken."""


class CollectedRejects(PartitionRejects):
    """Collects the rejects of a partition for its outcome."""

    def __init__(self, integration: str, most_bytes: int = MOST_REJECT_BYTES) -> None:
        """Start with none.

        Args:
            integration: Whose rejects these are, should several share a file.
            most_bytes: How many bytes to keep; of what is more, only the number is.
        """
        self._integration = integration
        self._room = most_bytes
        self._lock = threading.Lock()
        self._records: list[RejectedRecord] = []
        self._left_out = 0

    @property
    def records(self) -> tuple[RejectedRecord, ...]:
        """Those that there was room for."""
        return tuple(self._records)

    @property
    def left_out(self) -> int:
        """How many more there were."""
        return self._left_out

    def take(self, stream: str, message: bytes, refusal: Refusal) -> None:
        """Keep a RECORD message, or count it where there is no room."""
        rejected = RejectedRecord(
            stream, with_reason(message, refusal, self._integration)
        )
        with self._lock:
            if len(rejected.message) <= self._room:
                self._room -= len(rejected.message)
                self._records.append(rejected)
            else:
                self._left_out += 1


def _as_python_writes(record: Mapping[str, t.Any]) -> bytes:
    """Return a record as Python writes it, or each member that can be written."""
    try:
        text = repr(record)
    except Exception:  # noqa: BLE001 - whatever the values' own code does
        text = f"{{{', '.join(map(_member, record.items()))}}}"
    return text.encode("utf-8", "backslashreplace")


def _member(member: tuple[object, object]) -> str:
    try:
        return "{!r}: {!r}".format(*member)
    except Exception:  # noqa: BLE001 - as above
        name, value = member
        name = repr(name) if isinstance(name, str) else type(name).__qualname__
        return f"{name}: {type(value).__qualname__}"
