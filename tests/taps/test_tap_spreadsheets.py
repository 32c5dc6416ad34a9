"""tap-spreadsheets reads CSV files, as its recipe says.

The story: a run over two files; one after another has come, one has changed, and users
have been written into theirs.
"""

from __future__ import annotations

import csv
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

from tests.examples.expected import read_records
from tests.taps.pipeline import Pipeline, Run, plain_run
from tests.taps.recipes import Recipe

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.story import Record

pytestmark = [pytest.mark.taps, pytest.mark.timeout(300)]

RECIPE: Final = Recipe.of("tap-spreadsheets")
CHANGED: Final = 1_790_000_000
"""When, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Story:
    """What the runs left behind."""

    plain: Run
    first: Run
    second: Run
    old: list[Record]
    """Records in the file that was there and has changed."""
    new: list[Record]
    """Records in the files that came later."""


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("taps")
    records = read_records()
    users = [record for record in records if "event_type" not in record]
    events = [record for record in records if "event_type" in record]
    third = len(events) // 3
    parts = events[:third], events[third : 2 * third], events[2 * third :]
    plain = plain_run(folder / "plain", records)
    pipeline = Pipeline(folder, RECIPE.extractor(), RECIPE.loader)
    (pipeline.root / "input").mkdir()

    def write(name: str, records: list[Record], like: list[Record], time: int) -> None:
        path = pipeline.root / "input" / name
        write_csv(path, records, sorted({name for each in like for name in each}))
        os.utime(path, (time, time))

    write("webhooks-1.csv", parts[0], events, CHANGED)
    write("webhooks-2.csv", parts[1], events, CHANGED)
    # Just the names of the columns.
    write("users-1.csv", [], users, CHANGED)
    first = pipeline.run()
    write("webhooks-2.csv", parts[1], events, CHANGED + 60)
    write("webhooks-3.csv", parts[2], events, CHANGED + 60)
    write("users-1.csv", users, users, CHANGED + 60)
    return Story(plain, first, pipeline.run(), parts[1], [*parts[2], *users])


def write_csv(path: Path, records: list[Record], columns: list[str]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        for record in records:
            writer.writerow(
                {
                    name: value if isinstance(value, str) else json.dumps(value)
                    for name, value in record.items()
                }
            )


def test_each_row_arrives_as_its_webhook_would(story: Story) -> None:
    assert story.second.by_id == story.plain.by_id
    assert len(story.second.events) == len(story.plain.events)


def test_users_arrive_as_they_would_in_one_run(story: Story) -> None:
    in_files = sorted(map(json.dumps, story.second.identifies))
    assert in_files == sorted(map(json.dumps, story.plain.identifies))


def test_just_files_that_are_new_or_have_changed_are_read(story: Story) -> None:
    assert story.second.report["read"] == len(story.old) + len(story.new)


def test_amplitude_is_sent_nothing_twice(story: Story) -> None:
    assert story.second.report["duplicate"] > 0
    assert story.second.repetitions == 0
