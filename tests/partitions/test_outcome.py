"""What the outcome of a partition says, and the sum of several."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

import pytest

from target_amplitude_nami import Outcome, Settings, deliver
from target_amplitude_nami.partitions.outcome import outcome_of_nothing
from tests.support import nami
from tests.support.run_target import API_KEY
from tests.support.server import ScriptedServer, reply

if TYPE_CHECKING:
    from collections.abc import Sequence

SETTINGS: Final = Settings.load({"api_key": API_KEY})
FOREIGN: Final = {"x": 1}
FORMLESS: Final = nami.impression(1, score=b"\xff")
DELETED: Final = {"id": nami.event_id(2), "_sdc_deleted_at": "2026-06-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("partitions", "is_all_foreign"),
    [
        ([[FOREIGN]], True),
        ([[FOREIGN], [], [FOREIGN, DELETED]], True),
        ([[]], False),
        ([[FORMLESS]], False),
        ([[DELETED]], False),
        ([[FOREIGN], [nami.impression(1)]], False),
        ([[FOREIGN], [nami.impression(1, created_date="soon")]], False),
    ],
)
def test_a_job_is_foreign_when_it_left_out_records_and_none_was_namis(
    partitions: Sequence[Sequence[dict[str, Any]]], *, is_all_foreign: bool
) -> None:
    with ScriptedServer() as server:
        settings = Settings.load({"api_key": API_KEY, "endpoint": server.url})
        outcomes = [deliver(records, settings) for records in partitions]

    assert sum(outcomes[1:], outcomes[0]).is_all_foreign == is_all_foreign


def outcome_of(began: float, seconds: float) -> Outcome:
    outcome = outcome_of_nothing(SETTINGS, began)
    report = dataclasses.replace(outcome.report, seconds=seconds)
    return dataclasses.replace(outcome, report=report)


def test_a_sum_takes_from_the_first_start_to_the_last_end() -> None:
    total = sum([outcome_of(1.0, 0.25), outcome_of(1.75, 1.5), outcome_of(2.0, 0.25)])

    assert isinstance(total, Outcome)
    assert total.report.started_at == "1970-01-01T00:00:01.000+00:00"
    assert total.report.seconds == 2.25


def test_warnings_that_differ_in_their_figures_alone_are_one() -> None:
    with ScriptedServer(*[reply(503, {}) for _ in range(2)]) as server:
        settings = Settings.load(
            {"api_key": API_KEY, "endpoint": server.url, "backfill": True}
        )
        outcome = deliver([nami.impression(1), FOREIGN], settings)

    assert [text.split(" ")[0] for text in outcome.warnings] == ["Stream", "HTTP"]
    assert (outcome + outcome).warnings == outcome.warnings
