"""Two Amplitude projects side by side, with real lanes of their own."""

from __future__ import annotations

import threading
import typing as t

import pytest

from target_amplitude_nami.amplitude.answers import Answer, Delivered, Fatal
from target_amplitude_nami.delivery.deliveries import Deliveries
from target_amplitude_nami.delivery.delivery import Delivery
from target_amplitude_nami.errors import DeliveryError
from target_amplitude_nami.settings.options import DeliveryOptions
from tests.support.delivery import (
    NotedOutcomes,
    ScriptedSender,
    ScriptedShutdown,
    numbered,
)

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from target_amplitude_nami.outcomes import Project

SECONDS = 20
OPTIONS = DeliveryOptions(
    lanes=2,
    events_per_request=2000,
    event_bytes=900_000,
    batch_wait_seconds=3600,
    retry_for=0,
    events_per_second=None,
    events_per_second_per_id=1000,
)


class Projects:
    """Deliveries to two projects, each with a scripted sender of its own."""

    def __init__(self) -> None:
        self.senders: dict[Project, ScriptedSender] = {
            "main": ScriptedSender(),
            "sandbox": ScriptedSender(),
        }
        self.outcomes = {"main": NotedOutcomes(), "sandbox": NotedOutcomes()}
        self.started: list[Project] = []
        self.shutdown = ScriptedShutdown(lambda: None)
        self.deliveries = Deliveries(self._start)

    def _start(self, project: Project) -> Delivery:
        self.started.append(project)
        return Delivery(
            lambda: self.senders[project],
            OPTIONS,
            self.outcomes[project],
            log=print,
            shutdown=self.shutdown,
        )


@pytest.fixture
def projects() -> Iterator[Projects]:
    projects = Projects()
    yield projects
    projects.deliveries.close()


def test_a_project_is_started_by_its_first_event(projects: Projects) -> None:
    assert projects.deliveries.flush()
    assert projects.started == []
    for number in (1, 2):
        projects.deliveries.submit("sandbox", [numbered(number)])
    assert projects.started == ["sandbox"]


def test_each_event_reaches_its_own_project(projects: Projects) -> None:
    for number in range(6):
        project: Project = "sandbox" if number % 3 == 0 else "main"
        projects.deliveries.submit(project, [numbered(number)])
    assert projects.deliveries.flush()
    assert projects.senders["main"].requests == [[1, 2, 4, 5]]
    assert projects.senders["sandbox"].requests == [[0, 3]]
    assert projects.outcomes["sandbox"].accepted == [0, 3]
    assert projects.deliveries.traffic.requests == 2


def test_in_the_end_none_waits_until_another_is_done(projects: Projects) -> None:
    has_come = threading.Event()

    def slow(numbers: Sequence[int]) -> Answer:
        assert has_come.wait(SECONDS)
        return Delivered(len(numbers))

    projects.senders["main"] = ScriptedSender(slow)
    projects.senders["sandbox"].on_post = has_come.set
    projects.deliveries.submit("main", [numbered(1)])
    projects.deliveries.submit("sandbox", [numbered(2)])
    assert projects.deliveries.flush()


def test_after_the_deadline_the_other_projects_are_still_flushed(
    projects: Projects,
) -> None:
    may_go_on = threading.Event()

    def stuck(numbers: Sequence[int]) -> Answer:
        may_go_on.wait(SECONDS)
        return Delivered(len(numbers))

    projects.senders["main"] = ScriptedSender(stuck)
    projects.deliveries.submit("main", [numbered(1)])
    projects.deliveries.submit("sandbox", [numbered(2)])
    lefts = iter([0.0])
    projects.shutdown.left = lambda: next(lefts, None)
    try:
        assert not projects.deliveries.flush()
        assert projects.outcomes["sandbox"].accepted == [2]
    finally:
        may_go_on.set()


def test_a_failing_project_ends_the_run(projects: Projects) -> None:
    projects.senders["sandbox"].answer_next(Fatal("its key is unknown"))
    projects.deliveries.submit("main", [numbered(1)])
    projects.deliveries.submit("sandbox", [numbered(2)])
    with pytest.raises(DeliveryError, match="its key is unknown"):
        projects.deliveries.flush()
    assert projects.outcomes["main"].accepted == [1]
