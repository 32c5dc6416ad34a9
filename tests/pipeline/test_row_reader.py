"""What a row that comes as a Python mapping is read as."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.nami.model import NamiEvent, NamiUser
from target_amplitude_nami.outcomes import Refusal
from target_amplitude_nami.pipeline.event_filter import OTHER, EventFilter, Filtered
from target_amplitude_nami.pipeline.row_reader import NotSent, RowReader, plain
from tests.support.pipeline_harness import make_settings
from tests.support.records import impression, user
from tests.support.shapes import json_text

if TYPE_CHECKING:
    from tests.support.records import Record


def read(row: Record, **config: Any) -> NamiEvent | NamiUser | NotSent:
    settings = make_settings(**config)
    return RowReader("records", settings, EventFilter(settings.mapping)).read(row)


def test_events_and_users_are_recognised_row_by_row() -> None:
    assert isinstance(read(impression()), NamiEvent)
    assert isinstance(read(user()), NamiUser)


@pytest.mark.parametrize(
    ("row", "report_key", "reason"),
    [
        ({"id": 1, "amount": 5}, OTHER, "not_nami"),
        ({"id": 1, "__deleted": "true"}, OTHER, "deleted_at_source"),
        (impression(__deleted="true"), "device.impression", "deleted_at_source"),
        (
            impression(created_date=None, __deleted="true"),
            "device.impression",
            "deleted_at_source",
        ),
        (
            impression(created_date=None, event_type="purchase.updated"),
            "purchase.updated",
            "event_not_chosen",
        ),
    ],
)
def test_what_is_left_out_is_counted_under_its_event_type(
    row: Record, report_key: str, reason: str
) -> None:
    assert read(row) == NotSent(report_key, Filtered(reason))


@pytest.mark.parametrize("column", ["event_type", "EVENT_TYPE"])
def test_a_row_of_events_without_its_type_is_no_foreign_row(column: str) -> None:
    found = read({"id": 1, "created_date": "2024-05-29", column: None})

    assert isinstance(found, NotSent)
    assert isinstance(found.outcome, Refusal)
    assert found.outcome.reason == "event_type_missing"


@pytest.mark.parametrize(
    ("row", "reason", "field"),
    [
        ({"a": {"b": [object()]}}, "value_not_json", "a.b.0"),
        ({1: "a"}, "value_not_json", "1"),
    ],
    ids=["a value", "a name"],
)
def test_a_row_without_a_form_in_json_is_refused(
    row: Any, reason: str, field: str
) -> None:
    refusal = plain(row)

    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.field) == (reason, field)


def test_a_row_is_read_the_same_whatever_came_before_it() -> None:
    settings = make_settings()
    later = RowReader("records", settings, EventFilter(settings.mapping))
    later.read({"payload": json_text(impression())})
    empty = {"payload": None, "number": 7}

    for row in (user(), user() | {"payload": None}, empty):
        assert later.read(row) == read(row)
    assert isinstance(later.read(user() | {"payload": None}), NamiUser)


def test_an_empty_payload_is_a_reject_where_the_settings_expect_an_event() -> None:
    found = read({"payload": None, "number": 7}, event_streams=["records"])

    assert isinstance(found, NotSent)
    assert isinstance(found.outcome, Refusal)
    assert found.outcome.reason == "payload_missing"
