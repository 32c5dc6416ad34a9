"""The report of a run, in its three forms, and the files that it is written to."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import re
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from target_amplitude_nami.accounting.ledger import Counts
from target_amplitude_nami.accounting.report import Progress, Report, write_atomically
from target_amplitude_nami.delivery.outgoing import Traffic
from target_amplitude_nami.errors import OutputUnwritable
from target_amplitude_nami.store.model import IdConflict, StoreFigures

if TYPE_CHECKING:
    from collections.abc import Mapping

COUNTS = Counts(
    read={"user.subscription.renewed": 12_003, "device.impression": 40, "(other)": 5},
    delivered={"user.subscription.renewed": 11_995, "device.impression": 18},
    filtered={
        ("device.impression", "before_start_date"): 10,
        ("(other)", "not_nami"): 4,
    },
    rejected={
        ("user.subscription.renewed", "time_unreadable"): 2,
        ("user.subscription.renewed", "no_ids"): 3,
        ("device.impression", "time_unreadable"): 2,
        ("(other)", "line_not_json"): 1,
    },
    held={"device.impression": 9},
    duplicate={"device.impression": 1, "user.subscription.renewed": 3},
    released=2,
    id_conflicts=3,
    conflicting_ids=("a-1", 'b"\n' + "x" * 100),
    late=1_200,
    without_user_id=18,
)
REPORT = Report(
    integration="radio",
    destination="https://api2.amplitude.com/2/httpapi",
    outcome="complete",
    started_at="2026-06-01T00:00:00+00:00",
    seconds=10.0,
    counts=COUNTS,
    traffic=Traffic(requests=7, retries=2, throttled=1, body_bytes=1_234_567),
    texts_cut=3,
    memory=StoreFigures(
        waiting=12,
        waiting_since=1_780_000_000,
        id_conflicts={"device_of_several_users": 1},
        named_id_conflicts=[
            IdConflict("device_of_several_users", "device-1", "nami-2", "nami-1")
        ],
    ),
)
NOTHING = dataclasses.replace(
    REPORT,
    counts=Counts({}, {}, {}, {}, {}, {}),
    traffic=Traffic(),
    seconds=0.0,
    texts_cut=0,
    memory=StoreFigures(),
)


def samples(report: Report) -> dict[str, dict[tuple[str, ...], float]]:
    """Return the values of each metric by its labels, those that differ."""
    parsed = text_string_to_metric_families(report.to_openmetrics())  # type: ignore[no-untyped-call]
    return {
        family.name: {_own(sample.labels): sample.value for sample in family.samples}
        for family in parsed
    }


def _own(labels: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(value for name, value in labels.items() if name != "integration")


def test_the_table_is_one_that_people_can_read() -> None:
    assert list(REPORT.lines()) == [
        "radio -> https://api2.amplitude.com/2/httpapi: complete",
        (
            "                               read  delivered  filtered  rejected"
            "      held  duplicate"
        ),
        (
            "(other)                           5          0         4         1"
            "         0          0"
        ),
        (
            "device.impression                40         18        10         2"
            "         9          1"
        ),
        (
            "user.subscription.renewed    12,003     11,995         0         5"
            "         0          3"
        ),
        "filtered: 10 before_start_date, 4 not_nami",
        "rejected: 4 time_unreadable, 3 no_ids, 1 line_not_json",
        (
            "id_conflict: 3 of the duplicates have the id and device of another event "
            "but another type or time; Amplitude keeps one of them: "
            '"a-1", "b\\"\\n' + "x" * 57 + '"'
        ),
        (
            "delivered: 1,200 late (user properties left as they were), "
            "18 without a user id"
        ),
        "memory: 2 held records let go, so read again",
        (
            "memory: 12 records wait for an External ID, the oldest since "
            "2026-05-28T20:26:40+00:00"
        ),
        "memory: odd ids: 1 device_of_several_users; `report_path` names some",
        "7 requests, 2 retries, 1 throttled, 1,234,567 bytes sent, 3 texts cut",
        REPORT.summary(),
    ]


@pytest.mark.parametrize(
    ("late", "without_user_id", "lines"),
    [
        (0, 0, []),
        (1, 0, ["delivered: 1 late (user properties left as they were)"]),
        (0, 2, ["delivered: 2 without a user id"]),
    ],
)
def test_what_is_odd_of_no_event_takes_no_line(
    late: int, without_user_id: int, lines: list[str]
) -> None:
    counts = dataclasses.replace(COUNTS, late=late, without_user_id=without_user_id)
    table = dataclasses.replace(REPORT, counts=counts).lines()
    assert [line for line in table if line.startswith("delivered:")] == lines


def test_the_summary_is_one_line() -> None:
    assert REPORT.summary() == (
        "12,048 records read: 12,013 delivered, 14 filtered, 8 rejected, 9 held, "
        "4 duplicate, in 10.0 s (1,201 events/s)"
    )


def test_a_long_name_moves_the_columns_and_not_one_row() -> None:
    name = "user.subscription." + "x" * 60
    counts = dataclasses.replace(COUNTS, read={**COUNTS.read, name: 1})
    heading, *rows = list(dataclasses.replace(REPORT, counts=counts).lines())[1:6]
    assert {len(row) for row in rows} == {len(heading)}


def test_an_empty_run_has_a_report_too() -> None:
    assert list(NOTHING.lines())[-1] == (
        "0 records read: 0 delivered, 0 filtered, 0 rejected, 0 held, 0 duplicate, "
        "in 0.0 s (0 events/s)"
    )
    assert json.loads(NOTHING.to_json())["by_event_type"] == {}
    assert samples(NOTHING)["nami_requests"] == {(): 0}


def test_what_is_open_is_told() -> None:
    counts = dataclasses.replace(COUNTS, delivered={"device.impression": 18})
    report = dataclasses.replace(REPORT, counts=counts, outcome="interrupted")
    assert "4 duplicate, 11,995 open, in" in report.summary()
    assert json.loads(report.to_json())["open"] == 11_995


def test_the_json_adds_up() -> None:
    report = json.loads(REPORT.to_json())
    assert report["read"] == sum(
        report[fate]
        for fate in ("delivered", "filtered", "rejected", "held", "duplicate", "open")
    )
    for fate in ("filtered", "rejected"):
        assert sum(report[f"{fate}_by_reason"].values()) == report[fate]
    for row in report["by_event_type"].values():
        assert row.pop("read") == sum(row.values())
    assert report["events_per_second"] == 1201.3
    assert report["body_bytes"] == 1_234_567
    assert report["released"] == 2
    assert report["id_conflict"] == 3
    assert report["named_id_conflicts"][0] == "a-1"
    assert (report["late"], report["without_user_id"]) == (1_200, 18)
    assert report["waiting"] == 12


def test_odd_ids_are_named_in_the_json_and_nowhere_else() -> None:
    assert json.loads(REPORT.to_json())["named_odd_ids"] == [
        {
            "kind": "device_of_several_users",
            "value": "device-1",
            "nami_user_id": "nami-2",
            "other": "nami-1",
        }
    ]
    assert "nami-2" not in "".join([*REPORT.lines(), REPORT.to_openmetrics()])


def test_the_metrics_say_what_the_json_says() -> None:
    found = samples(REPORT)
    assert found["nami_records"] == {
        ("device.impression", "delivered", ""): 18,
        ("user.subscription.renewed", "delivered", ""): 11_995,
        ("(other)", "filtered", "not_nami"): 4,
        ("device.impression", "filtered", "before_start_date"): 10,
        ("(other)", "rejected", "line_not_json"): 1,
        ("device.impression", "rejected", "time_unreadable"): 2,
        ("user.subscription.renewed", "rejected", "no_ids"): 3,
        ("user.subscription.renewed", "rejected", "time_unreadable"): 2,
        ("device.impression", "held", ""): 9,
        ("device.impression", "duplicate", ""): 1,
        ("user.subscription.renewed", "duplicate", ""): 3,
    }
    assert found["nami_records_waiting"] == {(): 12}
    assert found["nami_requests"] == {(): 7}
    assert found["nami_retries"] == {(): 2}
    assert found["nami_events_late"] == {(): 1_200}
    assert found["nami_events_without_user_id"] == {(): 18}
    assert found["nami_throttled"] == {(): 1}
    assert found["nami_body_bytes"] == {(): 1_234_567}
    assert found["nami_texts_cut"] == {(): 3}
    assert found["nami_id_conflicts"] == {(): 3}
    assert found["nami_run_seconds"] == {(): 10.0}


@pytest.mark.parametrize("name", ['a "b"', "a\\b", "a\nb", "ä {} ☃", "a,b=c"])
def test_any_integration_name_makes_valid_metrics(name: str) -> None:
    text = dataclasses.replace(REPORT, integration=name).to_openmetrics()
    for family in text_string_to_metric_families(text):  # type: ignore[no-untyped-call]
        assert {sample.labels["integration"] for sample in family.samples} == {name}


def test_progress_is_told_again_and_again_until_the_end() -> None:
    told = threading.Semaphore(0)
    progress = Progress(told.release, every_seconds=0.001)
    for _ in range(3):
        assert told.acquire(timeout=10)
    progress.end()
    while told.acquire(blocking=False):
        pass
    assert not told.acquire(timeout=0.05)


def test_a_short_run_says_nothing_in_between() -> None:
    told: list[None] = []
    progress = Progress(lambda: told.append(None))
    progress.end()
    assert told == []


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "report.json"
    write_atomically(path, "first\n", 0o644)
    with path.open(encoding="utf-8") as reader:
        write_atomically(path, "second ☃\n", 0o644)
        assert reader.read() == "first\n"
    assert path.read_text("utf-8") == "second ☃\n"
    assert list(path.parent.iterdir()) == [path]


def test_a_pipe_is_written_to_and_stays_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK)) as reader:
        write_atomically(path, "text", 0o644)
        assert reader.read() == "text"
    assert path.is_fifo()


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputUnwritable, match=re.escape(f"{tmp_path} cannot be")):
        write_atomically(tmp_path, "text", 0o644)


def test_what_was_written_in_vain_is_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: Path, _target: Path) -> None:
        assert source.exists()
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OutputUnwritable, match="Operation not permitted"):
        write_atomically(tmp_path / "report.json", "text", 0o644)
    assert list(tmp_path.iterdir()) == []


def test_what_a_link_leads_to_is_written_and_the_link_stays(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere" / "report.json"
    target.parent.mkdir()
    target.write_text("old")
    links = [tmp_path / "link", tmp_path / "link to the link"]
    links[0].symlink_to("elsewhere/report.json")
    links[1].symlink_to(links[0])
    with target.open(encoding="utf-8") as reader:
        write_atomically(links[1], "new", 0o600)
        assert reader.read() == "old"
    assert target.read_text() == "new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert all(link.is_symlink() for link in links)
    assert sorted(tmp_path.rglob("*")) == sorted([target.parent, target, *links])


def test_a_link_to_nothing_yet_is_written_through(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "new folder" / "report.json")
    write_atomically(link, "text", 0o644)
    assert (tmp_path / "new folder" / "report.json").read_text() == "text"
    assert link.is_symlink()


def test_a_link_to_a_pipe_is_written_to() -> None:
    """As `/dev/stderr` is one, where the log goes into a pipe."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as reader:
        write_atomically(Path(f"/dev/fd/{writing}"), "text", 0o644)
        os.close(writing)
        assert reader.read() == "text"


def test_a_link_in_a_circle_is_told(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(link)
    with pytest.raises(OutputUnwritable, match="link cannot be written"):
        write_atomically(link, "text", 0o644)


def test_no_link_that_was_planted_is_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even by who could tell the name of what is made on the way."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    monkeypatch.setattr("secrets.token_hex", lambda _: "guessed")
    (tmp_path / ".nami-guessed").symlink_to(victim)
    with pytest.raises(OutputUnwritable, match="File exists"):
        write_atomically(tmp_path / "report.json", "text", 0o644)
    assert victim.read_text() == "precious"


def test_the_longest_name_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 255)
    write_atomically(path, "text", 0o644)
    assert list(tmp_path.iterdir()) == [path]
