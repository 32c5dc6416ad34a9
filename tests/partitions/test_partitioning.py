"""The bytes of the events do not depend on how the records are partitioned."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pytest

from target_amplitude_nami import EncodedEvent, EventBuilder, Settings, deliver
from tests.support import nami
from tests.support.run_target import API_KEY
from tests.support.server import ScriptedServer
from tests.support.shapes import SHAPES, SOURCES, Shape

if TYPE_CHECKING:
    from collections.abc import Iterable

RECORDS: Final = [
    *(nami.impression(number) for number in range(20)),
    *(nami.subscription(number) for number in range(20)),
    # Of one user, unordered, some of them anonymous.
    *(
        nami.subscription(7, id=nami.event_id(100 + n), created_date=when)
        for n, when in enumerate(
            ["2026-06-03T08:00:00Z", "2026-06-01T08:00:00Z", "2026-06-02T08:00:00Z"]
        )
    ),
    *(
        nami.subscription(7, id=nami.event_id(200 + n), external_ids=None)
        for n in range(3)
    ),
]


class _Body(msgspec.Struct):
    events: list[msgspec.Raw]


def sent(server: ScriptedServer) -> Counter[bytes]:
    """Return the bytes of each event that arrived, and how often."""
    bodies = [request.body for request in server.received]
    return Counter(
        bytes(event)
        for body in bodies
        for event in msgspec.json.decode(body, type=_Body).events
    )


def built(rows: Iterable[dict[str, Any]], settings: Settings) -> Counter[bytes]:
    """Return the bytes of the event that each row makes by itself."""
    builder = EventBuilder(settings)
    events = [builder.build(row) for row in rows]
    return Counter(event.body for event in events if isinstance(event, EncodedEvent))


@pytest.mark.parametrize("partitions", [1, 3, 7])
@pytest.mark.parametrize("shape", (SHAPES | SOURCES).values(), ids=SHAPES | SOURCES)
def test_the_bytes_are_those_of_each_row_by_itself(
    shape: Shape, partitions: int
) -> None:
    rows = [shape(record) for record in RECORDS]
    random.Random(partitions).shuffle(rows)  # noqa: S311 - any order will do
    with ScriptedServer() as server:
        settings = Settings.load({"api_key": API_KEY, "endpoint": server.url})
        outcomes = [deliver(rows[n::partitions], settings) for n in range(partitions)]

        assert sent(server) == built(rows, settings)
    assert sum(outcome.report.delivered for outcome in outcomes) == len(rows)
