"""Log-based replication by real taps: wal2json of PostgreSQL, and MariaDB's binlog.

Meltano runs tap and target three times: when the tables are first read, after rows were
added, changed and deleted, and when nothing has happened since.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.support import nami
from tests.taps.pipeline import Pipeline, plain_run
from tests.taps.sources import EVENTS, USERS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.taps.pipeline import Run
    from tests.taps.sources import Source

pytestmark = [pytest.mark.taps, pytest.mark.timeout(300)]

FIRST = [
    nami.subscription(1, created_date="2026-06-01T08:00:00.250000+00:00"),
    nami.subscription(2, created_date="2026-06-01T09:00:00.000000+00:00"),
    nami.impression(
        3,
        event_type="device.transaction",
        created_date="2026-06-01T10:00:00.000000+00:00",
        amount=9.99,
        currency="EUR",
        is_free_trial_conversion=False,
        purchase_date="2026-06-01T09:59:58.500Z",
        subscription_interval_count=1,
    ),
]
ADDED = nami.subscription(4, created_date="2026-06-03T08:00:00.000000+00:00")
ADDED_AND_DELETED = nami.impression(5, created_date="2026-06-03T09:00:00.000000+00:00")
CHANGED_USER = nami.user(1, updated_at="2026-06-04T00:00:00Z", active_entitlements=[])
DELETED_USER = nami.user(2)
EVERY_EVENT = [*FIRST, ADDED, ADDED_AND_DELETED]


@dataclass(frozen=True, slots=True)
class Story:
    """The three runs."""

    first: Run
    changed: Run
    quiet: Run


@pytest.fixture(scope="module")
def story(source: Source, tmp_path_factory: pytest.TempPathFactory) -> Story:
    received = {"received_at": "2026-06-05"}
    source.create(EVENTS, "id", [*EVERY_EVENT, received])
    source.create(USERS, "user_id", [nami.user(1)])
    source.insert(EVENTS, *FIRST)
    source.insert(USERS, nami.user(1), DELETED_USER)
    folder = tmp_path_factory.mktemp("taps")
    pipeline = Pipeline(folder, source.extractor(), source.recipe.loader)
    first = pipeline.run()

    source.insert(EVENTS, ADDED, ADDED_AND_DELETED)
    source.update(EVENTS, FIRST[0] | received)
    source.delete(EVENTS, ADDED_AND_DELETED)
    source.delete(EVENTS, FIRST[1])
    source.update(USERS, CHANGED_USER)
    source.delete(USERS, DELETED_USER)
    return Story(first, pipeline.run(), pipeline.run())


def test_each_row_arrives_as_its_webhook_would(story: Story, tmp_path: Path) -> None:
    assert story.changed.by_id == plain_run(tmp_path, EVERY_EVENT).by_id


def test_the_first_run_delivers_what_is_in_the_tables(story: Story) -> None:
    assert set(story.first.by_id) == {event["id"] for event in FIRST}
    assert story.first.report["delivered"] == len(FIRST)


def test_the_log_brings_just_what_is_new(story: Story) -> None:
    new = story.changed.by_id.keys() - story.first.by_id.keys()
    assert new == {ADDED["id"], ADDED_AND_DELETED["id"]}
    assert len(story.changed.events) == len(EVERY_EVENT)
    [identify] = story.changed.identifies[len(story.first.identifies) :]
    assert identify["user_id"] == nami.external_id(1)
    assert identify["user_properties"]["$set"]["namiml_active_skus"] == []


def test_a_row_that_changed_is_no_new_event(story: Story) -> None:
    assert story.changed.report["duplicate"] == 1


def test_deleted_rows_are_filtered_and_counted(story: Story) -> None:
    reasons = story.changed.report["filtered_by_reason"]
    assert reasons == {"deleted_at_source": 3}
    assert story.changed.report["rejected"] == 0


def test_a_run_without_changes_delivers_nothing(story: Story) -> None:
    assert story.quiet.report["delivered"] == 0
    assert story.quiet.report["rejected"] == 0
    assert story.quiet.events == story.changed.events
    assert story.quiet.identifies == story.changed.identifies


def test_amplitude_is_sent_nothing_twice(story: Story) -> None:
    assert story.quiet.repetitions == 0
