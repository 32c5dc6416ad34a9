"""Events of an export beside those that are expected."""

from __future__ import annotations

import datetime as dt
import io
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.reconciliation.exported import read_archive
from target_amplitude_nami.reconciliation.matching import Matcher, Tally
from target_amplitude_nami.reconciliation.window import window_of
from target_amplitude_nami.reconciliation.workspace import Workspace
from tests.support.archives import archive_of, exported

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = dt.datetime(2026, 11, 23, 14, 59, tzinfo=dt.UTC)


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    """A comparison that expects nothing."""
    with closing(Workspace()) as workspace:
        workspace.index()
        yield workspace


def matched(workspace: Workspace, *events: dict[str, Any]) -> Tally:
    """Return what a matcher counts of these events."""
    hour = NOW.replace(minute=0)
    window = window_of(hour, hour, now=NOW, is_immediate=True, retry_for=0)
    matcher = Matcher(workspace, None, window, sent_names=["device.impression"])
    matcher.take(read_archive(io.BytesIO(archive_of(events)), "an hour"))
    return matcher.tally


@pytest.mark.parametrize(
    "fields",
    [
        {"event_type": "app.opened"},
        {"event_type": ["device.impression"]},
        {"event_type": None},
        {"insert_id": None},
        {"insert_id": ""},
        {"insert_id": 5},
    ],
)
def test_what_these_settings_cannot_have_sent_is_of_other_sources(
    workspace: Workspace, fields: dict[str, Any]
) -> None:
    insert_id = fields.pop("insert_id", "one")
    tally = matched(workspace, exported(insert_id, **fields))
    assert (tally.exported, tally.foreign) == (1, 1)
    assert list(workspace.rows("SELECT * FROM others")) == []


def test_other_events_of_the_types_that_are_sent_are_in_amplitude_alone(
    workspace: Workspace,
) -> None:
    assert matched(workspace, exported(), exported("two")).foreign == 0
    rows = workspace.rows("SELECT insert_id FROM others")
    assert [insert_id for (insert_id,) in rows] == ["one", "two"]
