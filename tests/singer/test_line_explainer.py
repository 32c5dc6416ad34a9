"""A record is explained with what a run would know when it is its turn."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.amplitude.checks import Checks
from target_amplitude_nami.errors import ConfigurationError
from target_amplitude_nami.explanation.provenance import Builder
from target_amplitude_nami.singer.input_lines import Line, record_in
from target_amplitude_nami.singer.line_explainer import case_of, explain_line
from target_amplitude_nami.singer.line_observer import LineObserver, observe_lines
from target_amplitude_nami.singer.record_search import RecordSearch, search_records
from tests.support.nami import impression, subscription, user
from tests.support.run_target import run_target
from tests.support.singer import records

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from target_amplitude_nami.amplitude.event import EncodedEvent
    from target_amplitude_nami.explanation.case import Case, Seen
    from target_amplitude_nami.explanation.model import Explanation
    from target_amplitude_nami.outcomes import Origin

DRY: dict[str, Any] = {"dry_run": True}


def lines_of(*rows: dict[str, Any]) -> Callable[[], Iterator[Line]]:
    messages = records("events", list(rows))
    return lambda: (Line(number, each) for number, each in enumerate(messages, 1))


def explained(
    rows: list[dict[str, Any]], number: int, config: dict[str, Any] | None = None
) -> Explanation:
    found = explain_line(
        DRY | (config or {}), lines_of(*rows), (number, 0), source="input"
    )
    assert found is not None
    return found


class Bodies(LineObserver):
    """Notes each event that is sent, and the case of its record."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[Case, bytes]] = []
        self._case: Case | None = None

    @override
    def before(self, line: Line) -> None:
        record = record_in(line.message)
        self._case = None if record is None else case_of(self.target, record)

    @override
    def on_outcome(
        self, origin: Origin, seen: Seen, event: EncodedEvent | None = None
    ) -> None:
        if seen.body is not None:
            assert self._case is not None
            self.found.append((self._case, seen.body))


def test_what_is_explained_is_what_is_sent() -> None:
    rows = [
        subscription(1),
        subscription(1, id="late", created_date="2026-05-01T00:00:00Z"),
        impression(2, user_id=subscription(1)["user_id"]),
        subscription(3, id=None),
        subscription(4, external_ids=[]),
        {
            name: value
            for name, value in subscription(1, id="no state").items()
            if name in {"id", "event_type", "user_id", "created_date"}
        },
        user(5),
        user(5, updated_at="2026-07-01T00:00:00Z", active_entitlements=[]),
    ]
    bodies = Bodies()
    observe_lines(DRY, lines_of(*rows), bodies)
    assert len(bodies.found) == len(rows)
    checks = Checks(min_id_length=None, max_event_bytes=10**6)
    for case, body in bodies.found:
        assert case.nami is not None
        event = Builder(case).event_of(case.nami, case.known)
        assert event is not None
        assert checks.encode(event) == body


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"enabled": False}, "`enabled` is false"),
        ({"dry_run": True}, "`dry_run` is true"),
        ({"dry_run": True, "events": ["device.*"]}, None),
        ({"dry_run": False}, None),
    ],
)
def test_settings_with_which_a_run_sends_nothing_are_named(
    config: dict[str, Any], says: str | None
) -> None:
    notes = explained([subscription(1)], 2, config).notes
    assert [note for note in notes if says and says in note] == [*notes]
    assert len(notes) == (says is not None)


def test_a_stream_map_is_part_of_the_way() -> None:
    maps = {"stream_maps": {"events": {"device_id": "'device-' + row_device"}}}
    row = impression(1, device_id=None, row_device="one")
    found = explained([row], 2, maps)
    [device] = [field for field in found.fields if field.name == "device_id"]
    assert (device.value, device.how) == ('"device-one"', "derived")
    assert [source.path for source in device.sources] == ["row_device"]


def test_a_record_that_a_stream_map_leaves_out_or_fails_on_is_explained() -> None:
    for expression, outcome, reason in (
        ("'row' in event_type", "filtered", "stream_map"),
        ("1 / 0", "rejected", "stream_map_failed"),
    ):
        maps = {"stream_maps": {"events": {"__filter__": expression}}}
        found = explained([impression(1)], 2, maps)
        assert (found.outcome, found.reason) == (outcome, reason)


def test_several_records_of_one_are_counted() -> None:
    maps = {
        "stream_maps": {
            "events": {},
            "copies": {"__source__": "events", "id": "id + '-copy'"},
        }
    }
    found = explained([impression(1)], 2, maps)
    assert "the first of 2" in found.notes[-1]


def test_what_only_the_memory_file_knows_is_said_to_be_from_there(
    tmp_path: Path,
) -> None:
    run_target(
        tmp_path,
        {"endpoint": "local", "memory_path": "memory.db"},
        b"".join(records("events", [subscription(1)])),
    )
    config = {
        "endpoint": "local",
        "local_path": str(tmp_path / "output/local-amplitude.db"),
        "memory_path": str(tmp_path / "memory.db"),
    }
    anonymous = impression(1, id="later", user_id=subscription(1)["user_id"])
    known = explain_line(config, lines_of(anonymous), (2, 0), source="input")
    assert known is not None
    assert known.identity is not None
    assert "known from the file of `memory_path`" in known.identity.why[0]
    again = explain_line(config, lines_of(subscription(1)), (2, 0), source="input")
    assert again is not None
    assert again.outcome == "duplicate"
    assert again.notes == ("Amplitude has the event already, from an earlier run.",)


def test_a_project_for_the_sandbox_is_named() -> None:
    config = {"sandbox_api_key": "s" * 32}
    found = explained([impression(1, purchase_env="sandbox")], 2, config)
    assert (found.outcome, found.project) == ("sent", "sandbox")


def test_a_record_of_no_interest_is_explained_though_all_are_left_out() -> None:
    found = explained([{"colour": "red"}], 2)
    assert (found.outcome, found.reason) == ("filtered", "not_nami")
    assert found.shape is not None
    assert found.shape.kind == "other"


def test_wrong_settings_end_it() -> None:
    with pytest.raises(ConfigurationError):
        explained([impression(1)], 2, {"regoin": "eu"})


def test_the_insert_id_of_an_event_without_an_id_finds_it() -> None:
    rows = [subscription(1), subscription(2, id=None)]
    bodies = Bodies()
    observe_lines(DRY, lines_of(*rows), bodies)
    [_, (case, _)] = bodies.found
    assert case.nami is not None
    event = Builder(case).event_of(case.nami, case.known)
    assert event is not None
    found = RecordSearch(event_id=event.insert_id)
    search_records(DRY, lines_of(*rows), found)
    assert (found.places, found.count) == ([(3, 0)], 1)
