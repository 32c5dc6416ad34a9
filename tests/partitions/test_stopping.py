"""How a partition is stopped in order, and where its rejects go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami import Settings
from target_amplitude_nami.partitions.deliver import deliver_stoppably
from target_amplitude_nami.partitions.rejects import PartitionRejects
from target_amplitude_nami.shutdown import Shutdown
from tests.support import nami
from tests.support.run_target import API_KEY
from tests.support.server import ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_amplitude_nami.outcomes import Refusal


class Listed(PartitionRejects):
    """The reasons of rejects."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def take(self, stream: str, message: bytes, refusal: Refusal) -> None:
        assert (stream, message[:16]) == ("records", b'{"type":"RECORD"')
        self.reasons.append(refusal.reason)


@pytest.fixture
def amplitude() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


def test_after_a_stop_what_was_read_is_delivered_and_the_outcome_says_so(
    amplitude: ScriptedServer,
) -> None:
    shutdown = Shutdown()

    def records() -> Iterator[dict[str, Any]]:
        for number in range(1_000):
            if shutdown.is_requested:
                return
            if number == 29:
                shutdown.request(20)
            yield nami.impression(number)

    settings = Settings.load({"api_key": API_KEY, "endpoint": amplitude.url})
    outcome = deliver_stoppably(
        records(), settings, rejects=Listed(), shutdown=shutdown
    )

    assert outcome.report.outcome == "interrupted"
    assert (outcome.report.delivered, outcome.report.counts.open) == (30, 0)
    assert sum(len(request.events) for request in amplitude.received) == 30


def test_what_a_stop_left_open_is_counted_and_left_to_the_report_of_the_job() -> None:
    shutdown = Shutdown()

    def records() -> Iterator[dict[str, Any]]:
        yield nami.impression(0)
        shutdown.request(0.1)

    # Nothing listens there.
    settings = Settings.load({"api_key": API_KEY, "endpoint": "http://127.0.0.1:9/"})
    outcome = deliver_stoppably(
        records(), settings, rejects=Listed(), shutdown=shutdown
    )

    assert outcome.report.counts.open == 1
    assert not [text for text in outcome.warnings if "not settled" in text]


def test_rejects_go_where_the_caller_says_and_warnings_come_at_once(
    amplitude: ScriptedServer,
) -> None:
    rejects = Listed()
    warned: list[str] = []
    settings = Settings.load({"api_key": API_KEY, "endpoint": amplitude.url})

    outcome = deliver_stoppably(
        [nami.impression(1, created_date="soon"), {"x": 1}, {"x": 2}],
        settings,
        rejects=rejects,
        shutdown=Shutdown(),
        on_warning=warned.append,
    )

    assert rejects.reasons == ["time_unreadable"]
    assert (outcome.report.rejected, outcome.rejects) == (1, ())
    assert len([text for text in warned if "neither Nami events" in text]) == 1
    assert outcome.warnings == tuple(warned)
