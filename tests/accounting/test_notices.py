"""Warnings about records, each said once."""

from __future__ import annotations

import logging

import pytest

from target_amplitude_nami.accounting.notices import Notices


def notices(*, expects_history: bool = False, may_remember: bool = True) -> Notices:
    """Return notices for which 1,000 ms is the last time that Amplitude remembers."""
    return Notices(
        logging.getLogger("test"),
        forgotten_before_ms=1_000,
        expects_history=expects_history,
        may_remember=may_remember,
    )


def test_old_events_are_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    given = notices()
    for time in (1_000, 999, 500):
        given.note_time(time)
    [message] = caplog.messages
    assert "Events older than 7 days are sent (one of 1970-01-01)" in message


@pytest.mark.parametrize("may_remember", [True, False])
def test_a_memory_is_advised_only_where_one_can_be_set(
    caplog: pytest.LogCaptureFixture, *, may_remember: bool
) -> None:
    notices(may_remember=may_remember).note_time(0)
    [message] = caplog.messages
    assert "`backfill`" in message
    assert ("`memory_path`" in message) == may_remember


def test_old_events_are_nothing_odd_where_they_are_expected(
    caplog: pytest.LogCaptureFixture,
) -> None:
    notices(expects_history=True).note_time(0)
    assert caplog.messages == []


def test_missing_event_ids_are_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    given = notices()
    for stream in ("first", "second"):
        given.note_no_id(stream)
    [message] = caplog.messages
    assert "Events of stream 'first' have no id" in message


def test_each_column_that_fits_nowhere_is_warned_of_once_and_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    given = notices()
    for column in ("devices_os", "devices_os", "external_ids_x"):
        given.note_misfit(column)
    assert given.misfits == {"devices_os": 2, "external_ids_x": 1}
    assert len(caplog.messages) == 2


def test_no_more_than_a_hundred_columns_are_counted() -> None:
    given = notices()
    for number in range(150):
        given.note_misfit(f"devices_{number}")
    assert len(given.misfits) == 100


def test_a_long_event_type_is_shown_in_part(caplog: pytest.LogCaptureFixture) -> None:
    notices().note_new_type("x" * 1_000)
    assert "x" * 101 not in caplog.text
