"""tap-rest-api-msdk reads an API page by page, as its recipe says.

The story: a run when half of the webhooks have arrived, one when all have, and one when
nothing has happened since.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

from tests.examples.expected import read_records
from tests.taps.pipeline import Pipeline, plain_run
from tests.taps.recipes import Recipe
from tests.taps.webhook_api import TOKEN, webhook_api

if TYPE_CHECKING:
    from tests.support.story import Record
    from tests.taps.pipeline import Run

pytestmark = [pytest.mark.taps, pytest.mark.timeout(300)]

RECIPE: Final = Recipe.of("tap-rest-api-msdk")
STREAMS: Final = 2


@dataclass(frozen=True, slots=True)
class Story:
    """What the runs left behind."""

    plain: Run
    first: Run
    second: Run
    quiet: Run
    pages: int
    """How many the first run asked for."""
    half: int
    """How many records the API had then."""


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("taps")
    records = read_records()
    users = [record for record in records if "event_type" not in record]
    events = [record for record in records if "event_type" in record]
    # A user is read after the events, and those of the second run are after the first.
    split = len(events) // 2
    early = [*events[:split], users[0], *events[split:], *users[1:]]
    plain = plain_run(folder / "plain", early)
    with webhook_api() as api:
        api.add("/webhooks", wrapped(events[:split]))
        api.add("/users", users[:1])
        tap = RECIPE.extractor(api_url=api.url)
        pipeline = Pipeline(folder, tap, RECIPE.loader)
        pipeline.set(WEBHOOKS_TOKEN=TOKEN)
        first, pages = pipeline.run(), api.pages
        api.add("/webhooks", wrapped(events[split:]))
        api.add("/users", users[1:])
        second = pipeline.run()
        return Story(plain, first, second, pipeline.run(), pages, split + 1)


def wrapped(events: list[Record]) -> list[Record]:
    return [{"payload": event} for event in events]


def test_each_record_arrives_as_its_webhook_would(story: Story) -> None:
    assert story.second.by_id == story.plain.by_id
    assert len(story.second.events) == len(story.plain.events)


def test_users_arrive_as_they_would_in_one_run(story: Story) -> None:
    from_api = sorted(map(json.dumps, story.second.identifies))
    assert from_api == sorted(map(json.dumps, story.plain.identifies))


def test_all_pages_are_read(story: Story) -> None:
    assert story.first.report["read"] == story.half
    assert story.pages > STREAMS


def test_a_run_reads_what_is_new_and_the_last_record_again(story: Story) -> None:
    new = story.plain.report["read"] - story.half
    assert story.second.report["read"] == new + STREAMS
    assert story.quiet.report["read"] == STREAMS


def test_amplitude_is_sent_nothing_twice(story: Story) -> None:
    assert story.quiet.report["delivered"] == 0
    assert story.quiet.repetitions == 0
