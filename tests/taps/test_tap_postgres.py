"""MeltanoLabs' tap-postgres reads tables of several shapes, as its recipe says.

The story, in one project: the tap dies in the midst of the second table and is run
again, users are added, nothing happens, all is read again. Then it hands over files, to
another Amplitude.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.examples.expected import read_records
from tests.taps.pipeline import Pipeline, Run, plain_run
from tests.taps.recipes import Recipe
from tests.taps.tables import SHAPES, USERS, tables

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.story import Record

pytestmark = [pytest.mark.taps, pytest.mark.timeout(300)]

RECIPE: Final = Recipe.of("meltanolabs-tap-postgres")
COUNTED: Final = ("read", "delivered", "filtered", "rejected_by_reason", "duplicate")
NO_TIMES: Final = {"last Tuesday", "2026-06-31T08:00:00Z"}
"""What the sample has as times, and a column of times would not take."""
FIRST, BREAKING, *_ = SHAPES
FIRST_STREAM: Final = f"public-{FIRST}"


@dataclass(frozen=True, slots=True)
class Story:
    """What the runs left behind, each with all that Amplitude then held."""

    rows: dict[str, int]
    """How many there are in each table of events."""
    plain: Run
    broken: Run
    kept: dict[str, Any]
    """The bookmarks that Meltano kept of the broken run."""
    resumed: Run
    added: Run
    quiet: Run
    refreshed: Run
    in_files: Run
    files: list[Path]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("taps")
    records = [r for r in read_records() if r.get("created_date") not in NO_TIMES]
    users = [record for record in records if "event_type" not in record]
    events = by_table([record for record in records if "event_type" in record])
    rows = {table: len(content) for table, content in events.items()}
    plain = plain_run(folder / "plain", [*chain(*events.values()), *users])
    with tables() as source:
        for statements in RECIPE.sql:
            source.execute(statements)
        for table, content in events.items():
            create = source.create_breaking if table == BREAKING else source.create
            create(table, content)
        state = folder / "state"
        pipeline = Pipeline(
            folder,
            RECIPE.extractor(port=source.port),
            RECIPE.loader,
            state=RECIPE.block("state_backend") | {"uri": state.as_uri()},
        )
        pipeline.set(NAMI_DATABASE_PASSWORD="any")
        done = pipeline.start()
        assert done.returncode == 1, done.stdout + done.stderr
        broken, kept = pipeline.result(), bookmarks(state)
        source.repair()
        resumed = pipeline.run()
        source.create(USERS, users)
        added, quiet = pipeline.run(), pipeline.run()
        refreshed = pipeline.run("--full-refresh")
        batch = RECIPE.block("batch_config")
        batch["storage"]["root"] = folder.as_uri()
        in_files = pipeline.run_elsewhere(
            "--state-id-suffix=files", TAP_POSTGRES_BATCH_CONFIG=json.dumps(batch)
        )
    files = list(folder.glob(f"{batch['storage']['prefix']}*.gz"))
    runs = (resumed, added, quiet, refreshed, in_files)
    return Story(rows, plain, broken, kept, *runs, files)


def by_table(events: list[Record]) -> dict[str, list[Record]]:
    """Divide events by their users, so that each user's are in one table."""
    found: dict[str, list[Record]] = {table: [] for table in SHAPES}
    places = list(found)
    users: dict[str, int] = {}
    for event in events:
        user = event.get("user_id", "")
        number = users.setdefault(user, len(users))
        found[places[number % len(places)]].append(event)
    return found


def bookmarks(folder: Path) -> dict[str, Any]:
    """Return the bookmarks in the only state that there is."""
    [path] = folder.rglob("state.json")
    state = json.loads(path.read_text("utf-8"))
    found: dict[str, Any] = state["completed"]["singer_state"]["bookmarks"]
    return found


def counts(run: Run) -> dict[str, Any]:
    return {name: run.report[name] for name in COUNTED}


def test_each_row_arrives_as_its_webhook_would(story: Story) -> None:
    assert story.added.by_id == story.plain.by_id
    assert len(story.added.events) == len(story.plain.events)


def test_a_tap_that_dies_has_delivered_what_it_read(story: Story) -> None:
    read = story.broken.report["read"]
    assert story.rows[FIRST] < read < story.rows[FIRST] + story.rows[BREAKING]
    assert story.broken.report["delivered"] == len(story.broken.events)


def test_the_state_of_a_tap_that_dies_covers_the_tables_it_finished(
    story: Story,
) -> None:
    assert story.kept.keys() == {FIRST_STREAM}


def test_the_next_run_goes_on_where_the_tap_died(story: Story) -> None:
    # The row of the bookmark, and all of the tables that were not finished.
    left = sum(story.rows.values()) - story.rows[FIRST]
    assert story.resumed.report["read"] == 1 + left
    assert len(story.resumed.events) == len(story.plain.events)


def test_the_row_of_each_bookmark_is_read_again_and_not_sent(story: Story) -> None:
    assert story.quiet.report["read"] == len(story.rows) + 1
    assert story.quiet.report["delivered"] == 0
    assert story.quiet.events == story.added.events


def test_a_full_refresh_reads_everything_and_sends_nothing(story: Story) -> None:
    assert story.refreshed.report["read"] == story.plain.report["read"]
    assert story.refreshed.report["delivered"] == 0
    assert story.refreshed.events == story.added.events


def test_amplitude_is_sent_nothing_twice(story: Story) -> None:
    assert story.refreshed.repetitions == 0


def test_users_arrive_as_they_would_in_one_run(story: Story) -> None:
    assert identifies(story.added) == identifies(story.plain)


def test_files_bring_the_same(story: Story) -> None:
    assert story.files
    assert story.in_files.by_id == story.plain.by_id
    assert identifies(story.in_files) == identifies(story.plain)
    assert counts(story.in_files) == counts(story.plain)


def identifies(run: Run) -> list[str]:
    return sorted(map(json.dumps, run.identifies))
