"""Records that come out of order, and events without a user id, are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support import nami
from tests.support.story import about, at, change, shown

if TYPE_CHECKING:
    from tests.support.story import RunHarness

OUT_OF_ORDER = "come out of order"
DAYS = range(1, 6)


def figures(
    harness: RunHarness, records: list[dict[str, Any]], **settings: Any
) -> tuple[int, int, list[str]]:
    """Return how many were late, how many without a user id, and the warnings."""
    run = harness.run(records, **settings)
    warnings = [line for line in run.logged("WARNING") if OUT_OF_ORDER in line]
    return run.report["late"], run.report["without_user_id"], warnings


def test_events_in_order_are_not_late(harness: RunHarness) -> None:
    records = [change(day, day, "monthly") for day in DAYS]
    assert figures(harness, records) == (0, 0, [])
    assert harness.skips == [False] * 5


def test_events_with_the_newest_first_are_late_and_the_log_names_the_remedy(
    harness: RunHarness,
) -> None:
    records = [change(day, day, "monthly") for day in reversed(DAYS)]
    late, _, [warning] = figures(harness, records)
    assert late == 4
    assert harness.skips == [False, True, True, True, True]
    assert warning.startswith("4 of 5 delivered records are older than others")
    assert "replication key" in warning
    assert "ORDER BY" in warning


def test_a_few_late_events_are_counted_and_not_warned_of(harness: RunHarness) -> None:
    order = [1, 3, 2, 4, 5]
    records = [change(day, day, "monthly") for day in order]
    assert figures(harness, records) == (1, 0, [])


@pytest.mark.parametrize(
    ("settings", "late"),
    [({"backfill": True}, 0), ({"stale_user_properties": "send"}, 0), ({}, 4)],
)
def test_only_what_is_kept_back_for_its_age_is_late(
    harness: RunHarness, settings: dict[str, Any], late: int
) -> None:
    records = [change(day, day, "monthly") for day in reversed(DAYS)]
    assert figures(harness, records, **settings)[0] == late


def test_what_was_delivered_before_is_no_late_event(harness: RunHarness) -> None:
    records = [change(day, day, "monthly") for day in DAYS]
    figures(harness, records)
    run = harness.run(records)
    assert (run.report["duplicate"], run.report["late"]) == (5, 0)


def test_events_of_a_device_alone_are_counted(harness: RunHarness) -> None:
    stranger = about(2, nami.impression(9, created_date=at(2), external_ids=None))
    stranger = {**stranger, "user_id": None}
    late, without_user_id, _ = figures(
        harness, [change(1, 1, "monthly"), shown(2, 2), stranger]
    )
    assert (late, without_user_id) == (0, 1)
    assert [event.sent.get("user_id") for event in harness.events].count(None) == 1
