"""What the parts of the Singer target share: what they ask of a run."""

from __future__ import annotations

import dataclasses
import typing as t

from target_amplitude_nami.accounting.reject_sink import RejectSink

if t.TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_amplitude_nami.nami.records import NamiEvent, NamiUser
    from target_amplitude_nami.outcomes import Origin, Refusal
    from target_amplitude_nami.pipeline.event_filter import EventFilter
    from target_amplitude_nami.singer.recognition import Recognition

TakeRecord: t.TypeAlias = "Callable[[dict[str, t.Any], str, bytes], None]"
"""Takes a record, the stream that it was read from, and its message."""


class Outcomes(t.Protocol):
    """Takes what becomes of records that never reach the pipeline."""

    def filter(self, origin: Origin, reason: str, /) -> None:
        """Settle a record that the settings leave out."""

    def reject(self, origin: Origin, refusal: Refusal, /) -> None:
        """Settle a record that cannot be delivered, and keep it."""


class SingerRejects(RejectSink, t.Protocol):
    """Keeps rejected records, and the SCHEMA messages that they came under."""

    def declare(self, stream: str, schema_line: bytes, /) -> None:
        """Take a stream's SCHEMA message, which will stand before its rejects."""


@dataclasses.dataclass(frozen=True, slots=True)
class SinkParts:
    """What the sinks of all streams are made of."""

    hand_over: Callable[[NamiEvent | NamiUser, str, bytes], None]
    """Hands what was read to the pipeline, with its stream and its message."""
    outcomes: Outcomes
    event_filter: EventFilter
    recognition: Recognition
    note_misfit: Callable[[str], None]
    """Takes a column that begins like one of Nami's fields and is no part of it."""
    event_streams: Sequence[str]
    user_streams: Sequence[str]
    separator: str
    """What stands between the parts of a flattened column's name."""
    validates: bool
    """Whether records are checked against the schemas of their streams."""
