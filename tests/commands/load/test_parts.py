"""How a load is divided, and what it notes of parts that are delivered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami import Settings
from target_amplitude_nami.commands.load.files import InputFile
from target_amplitude_nami.commands.load.parts import Finished, parts_of
from target_amplitude_nami.commands.load.state import LoadState, locked
from target_amplitude_nami.errors import InputUnreadable, OutputUnwritable
from tests.support.run_target import API_KEY

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = Settings.load({"api_key": API_KEY})


def file_of(*row_groups: int, name: str = "/a") -> InputFile:
    return InputFile(name, row_groups, "stamp")


def divided(
    row_groups: tuple[int, ...], finished: Finished, workers: int = 1
) -> list[tuple[tuple[int, ...], int]]:
    parts = parts_of([file_of(*row_groups)], {"/a": finished}, workers)
    return [(part.row_groups, part.rows_before) for part in parts]


@pytest.mark.parametrize(
    ("row_groups", "finished", "parts"),
    [
        ((), Finished(), []),
        ((0, 0), Finished(), []),
        ((90_000, 90_000), Finished(), [((0,), 0), ((1,), 0)]),
        ((9, 1), Finished(frozenset({0, 1})), []),
        ((9, 9, 9), Finished(frozenset({1})), [((0,), 0), ((2,), 0)]),
        ((9, 9), Finished(begun={1: 4}), [((0,), 0), ((1,), 4)]),
        # A quarter of the rows for each part.
        ((10,) * 8, Finished(), [((n, n + 1), 0) for n in (0, 2, 4, 6)]),
        # Small ones together, up to 50,000 rows.
        ((20_000,) * 16, Finished(), [((n, n + 1), 0) for n in range(0, 16, 2)]),
    ],
)
def test_row_groups_that_follow_each_other_are_a_part(
    row_groups: tuple[int, ...],
    finished: Finished,
    parts: list[tuple[tuple[int, ...], int]],
) -> None:
    assert divided(row_groups, finished) == parts


def test_each_worker_has_a_share_of_small_row_groups() -> None:
    assert len(divided((10,) * 100, Finished(), workers=5)) == 20


def test_parts_have_names_of_their_own_in_the_order_of_the_files() -> None:
    files = [file_of(9, 9, name="/b"), file_of(9, name="/a")]
    done = {"/b": Finished(frozenset({0}))}

    parts = parts_of(files, done, 1)

    assert [(part.name, part.rows) for part in parts] == [("1-2", 9), ("2-1", 9)]


@pytest.mark.parametrize(
    ("rows", "groups", "begun"),
    [
        (0, set(), {1: 3}),
        (4, set(), {1: 7}),
        (7, {1}, {}),
        (12, {1}, {2: 5}),
        (37, {1, 2, 3}, {}),
    ],
)
def test_what_is_delivered_of_a_part_is_noted_to_the_row(
    tmp_path: Path, rows: int, groups: set[int], begun: dict[int, int]
) -> None:
    file = file_of(10, 10, 20, 10)
    state = LoadState(tmp_path / "state.json", SETTINGS, "records")
    [part] = parts_of([file], {"/a": Finished(frozenset({0}), {1: 3})}, 1)[:1]
    assert part.row_groups == (1,)
    whole = type(part)("1-2", file, (1, 2, 3), rows_before=3)

    state.note(whole, rows)
    state.save()

    read = LoadState(tmp_path / "state.json", SETTINGS, "records")
    found = read.finished([file])["/a"]
    assert found == Finished(frozenset(groups), begun)


def test_a_row_group_that_was_begun_is_finished_by_the_next_load(
    tmp_path: Path,
) -> None:
    file = file_of(10)
    state = LoadState(tmp_path / "state.json", SETTINGS, "records")
    [part] = parts_of([file], {}, 1)
    state.note(part, 6)
    [rest] = parts_of([file], state.finished([file]), 1)
    assert (rest.rows_before, rest.rows) == (6, 4)

    state.note(rest, 4)

    found = state.finished([file])["/a"]
    assert found == Finished(frozenset({0}), {})


@pytest.mark.parametrize(
    ("stream", "settings", "changed"),
    [
        ("records", {"api_key": "f" * 32}, "the main project"),
        ("records", {"revenue": "transactions"}, "revenue"),
        ("records", {"events": ["user.*"]}, "events"),
        ("events", {}, "--stream"),
    ],
)
def test_the_state_of_other_settings_is_refused_by_name(
    tmp_path: Path, stream: str, settings: dict[str, Any], changed: str
) -> None:
    path = tmp_path / "state.json"
    LoadState(path, SETTINGS, "records").save()
    other = Settings.load({"api_key": API_KEY} | settings)

    with pytest.raises(InputUnreadable, match=rf"other settings \({changed}\)"):
        LoadState(path, other, stream)


@pytest.mark.parametrize(
    "settings",
    [
        {"max_events_per_second": 100},
        {"parallel_requests": 8, "retry_for": 60},
        {"report_path": "report.json", "rejects_path": "others.singer"},
        {"endpoint": "https://relay.example.com/"},
    ],
)
def test_settings_that_change_no_event_may_change(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    path = tmp_path / "state.json"
    LoadState(path, SETTINGS, "records").save()

    LoadState(path, Settings.load({"api_key": API_KEY} | settings), "records")


def test_the_state_file_has_no_key_and_is_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    LoadState(path, SETTINGS, "records").save()

    assert API_KEY not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format": "2", "settings": {}}'])
def test_what_is_no_state_file_is_not_overwritten(tmp_path: Path, text: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(text)

    with pytest.raises(InputUnreadable, match="is not the state file of a load"):
        LoadState(path, SETTINGS, "records")

    assert path.read_text() == text


def test_many_row_groups_take_little_room(tmp_path: Path) -> None:
    file = file_of(*[10] * 5_000)
    state = LoadState(tmp_path / "state.json", SETTINGS, "records")
    for part in parts_of([file], {}, 1):
        state.note(part, part.rows)
    state.save()

    text = (tmp_path / "state.json").read_text()
    assert json.loads(text)["files"]["/a"]["finished"] == [[0, 4_999]]


def test_a_state_file_is_locked_whatever_link_leads_to_it(tmp_path: Path) -> None:
    (tmp_path / "link.json").symlink_to("state.json")

    with (
        locked(tmp_path / "state.json"),
        pytest.raises(OutputUnwritable, match="in use by another load"),
        locked(tmp_path / "link.json"),
    ):
        pass

    assert [path.name for path in tmp_path.iterdir()] == ["link.json"]
