"""The public face as a caller's type checker sees it; nobody runs this."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_type

from target_amplitude_nami import (
    AmplitudeNamiError,
    AmplitudeWriter,
    ConfigurationError,
    EncodedEvent,
    EventBuilder,
    Filtered,
    Outcome,
    Report,
    Settings,
    UserProfile,
    deliver,
)
from target_amplitude_nami.arrow import records_of
from target_amplitude_nami.outcomes import Refusal

if TYPE_CHECKING:
    import csv
    import logging
    from collections.abc import Iterable, Mapping

    from target_amplitude_nami.writer_rejects import Reject


def write(rows: csv.DictReader[str], logger: logging.Logger) -> int:
    try:
        settings = Settings.load({"api_key": "key"})
    except ConfigurationError as error:
        assert_type(error.problems, tuple[str, ...])
        return 1
    assert_type(settings, Settings)
    with AmplitudeWriter(settings, on_reject=keep, logger=logger) as writer:
        assert_type(writer, AmplitudeWriter)
        for row in rows:
            writer.write(row)
            writer.write(row, stream="events")
        writer.flush()
    assert_type(writer.report, Report)
    assert_type(writer.report.delivered, int)
    AmplitudeWriter(settings).close()
    return 0


def deliver_frame(writer: AmplitudeWriter, frame: Frame) -> None:
    for record in records_of(frame):
        writer.write(record)


class Frame:
    """What a data frame is to whoever wants its Arrow data."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return a capsule."""
        raise NotImplementedError


def keep(reject: Reject) -> None:
    assert_type(reject.reason, str)
    assert_type(reject.status, int | None)


def build(settings: Settings, record: Mapping[str, object]) -> bytes | str:
    builder = EventBuilder(settings)
    known = UserProfile(external_id="user-1")
    match builder.build(record, known):
        case EncodedEvent() as event:
            return event.body
        case Filtered() as filtered:
            return filtered.reason
        case Refusal() as refusal:
            return refusal.detail


def is_ours(error: Exception) -> bool:
    return isinstance(error, AmplitudeNamiError)


def deliver_partitions(
    partitions: Iterable[Iterable[Mapping[str, object]]], settings: Settings
) -> Report:
    outcomes = [
        deliver(records, settings, attempt=number, slots=2)
        for number, records in enumerate(partitions)
    ]
    assert_type(outcomes, list[Outcome])
    assert_type(outcomes[0] + outcomes[1], Outcome)
    return sum(outcomes[1:], outcomes[0]).report
