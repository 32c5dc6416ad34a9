"""The whole sample, out of the logs of real databases."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.examples.expected import read_records
from tests.taps.pipeline import Pipeline, plain_run
from tests.taps.sources import DATABASES, EVENTS, USERS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.story import Record
    from tests.taps.pipeline import Run
    from tests.taps.sources import Source

pytestmark = [pytest.mark.taps, pytest.mark.timeout(300)]

COUNTED = ("read", "delivered", "filtered", "rejected_by_reason", "duplicate")


@pytest.mark.parametrize("database", DATABASES)
def test_the_sample_arrives_from_the_log_as_from_its_archives(
    database: str, tmp_path: Path
) -> None:
    records = read_records()
    users = [record for record in records if "event_type" not in record]
    with DATABASES[database](whole_rows=True) as source:
        source.create(EVENTS, "number", [{"payload": {}}])
        source.create(USERS, "user_id", users)
        pipeline = Pipeline(tmp_path, source.extractor())
        assert pipeline.run().report["read"] == 0
        write(source, records)
        from_log = pipeline.run()
    plain = plain_run(tmp_path / "plain", records)
    assert from_log.by_id == plain.by_id
    assert identifies(from_log) == identifies(plain)
    assert counts(from_log) == counts(plain)


def write(source: Source, records: list[Record]) -> None:
    """Add a row for each webhook; a user has one row, which changes."""
    known = set()
    for number, record in enumerate(records):
        if "event_type" in record:
            source.insert(EVENTS, {"number": f"{number:06}", "payload": record})
        elif record["user_id"] in known:
            source.update(USERS, record)
        else:
            known.add(record["user_id"])
            source.insert(USERS, record)


def identifies(run: Run) -> list[str]:
    return sorted(map(json.dumps, run.identifies))


def counts(run: Run) -> dict[str, Any]:
    return {name: run.report[name] for name in COUNTED}
