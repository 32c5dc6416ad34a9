"""The report and the rejects of a run, and what is said if they cannot be read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.local.queries.findings import rejects as rejects_module
from target_amplitude_nami.local.queries.findings.finding import Severity
from target_amplitude_nami.local.run_note import RunFiles, RunNote
from tests.local.queries.findings.finding_out import (
    about_user,
    finding,
    found_by,
    good,
    trusted,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.local.bench import Bench

REPORT: dict[str, Any] = {
    "outcome": "complete",
    "read": 100,
    "delivered": 90,
    "filtered": 5,
    "rejected": 2,
    "held": 1,
    "duplicate": 2,
    "open": 0,
    "rejected_by_reason": {"time_unreadable": 2},
}
RECORD = {"id": "one", "event_type": "device.impression"}
REJECT: dict[str, Any] = {
    "type": "RECORD",
    "stream": "events",
    "record": RECORD,
    "rejected": {
        "reason": "time_unreadable",
        "field": "created_date",
        "detail": "created_date is 'soon'",
    },
}
SCHEMA = {"type": "SCHEMA", "stream": "events", "schema": {}, "key_properties": []}


@pytest.fixture
def bench(bench: Bench) -> Bench:
    """A bench with one event with which nothing is wrong."""
    bench.send(about_user())
    return bench


def report(folder: Path, **figures: Any) -> RunFiles:
    path = folder / "report.json"
    path.write_text(json.dumps(REPORT | figures))
    return RunFiles(report=path)


def rejects(folder: Path, *messages: object) -> RunFiles:
    path = folder / "rejects.singer"
    path.write_text("".join(f"{json.dumps(message)}\n" for message in messages))
    return RunFiles(rejects=path)


def test_without_files_nothing_is_said_of_a_run(bench: Bench) -> None:
    evidence = trusted(bench)["evidence"]
    assert (evidence["rejects"], evidence["report"]) == (None, None)
    assert good(bench).isdisjoint({"no_rejects", "report_adds_up"})


@pytest.mark.parametrize(
    "case",
    [
        (
            "run_not_complete",
            "problem",
            7,
            {"outcome": "failed", "open": 7, "read": 107},
        ),
        ("report_does_not_add_up", "problem", 1, {"delivered": 89}),
        ("records_waiting", "note", 3, {"waiting": 3}),
        ("columns_not_understood", "warning", 9, {"columns_not_understood": {"a": 9}}),
        ("id_conflicts", "warning", 2, {"id_conflict": 2}),
        ("odd_ids", "warning", 5, {"odd_ids": {"a": 2, "b": 3}}),
        ("texts_cut", "note", 4, {"texts_cut": 4}),
        ("records_rejected", "warning", 2, {}),
    ],
)
def test_what_a_report_says_becomes_a_finding(
    bench: Bench,
    tmp_path: Path,
    case: tuple[str, Severity, int, dict[str, Any]],
) -> None:
    key, severity, count, figures = case
    found = finding(bench, key, report(tmp_path, **figures))
    assert found is not None
    assert (found.severity, found.count) == (severity, count)
    fine = report(tmp_path, rejected=0, delivered=92, rejected_by_reason={})
    assert finding(bench, key, fine) is None
    assert {"report_adds_up", "no_rejects"} <= good(bench, fine)


def test_ids_that_do_not_fit_are_named_in_words(bench: Bench, tmp_path: Path) -> None:
    ids = {"device_of_several_users": 1, "user_with_several_external_ids": 2}
    found = finding(bench, "odd_ids", report(tmp_path, odd_ids=ids))
    assert found is not None
    assert found.text == (
        "Records name ids that do not fit together: 1 device of several Nami users, "
        "2 Nami users with several External IDs each."
    )


def test_rejects_are_counted_by_reason_with_the_line_of_an_example(
    bench: Bench, tmp_path: Path
) -> None:
    other = {**REJECT, "rejected": {"reason": "anonymous_user"}}
    files = rejects(tmp_path, SCHEMA, other, REJECT, REJECT)
    found = trusted(bench, files)["evidence"]["rejects"]
    assert (found["count"], found["is_complete"], found["problem"]) == (3, True, None)
    assert [(e["reason"], e["count"], e["line"]) for e in found["reasons"]] == [
        ("time_unreadable", 2, 3),
        ("anonymous_user", 1, 2),
    ]
    example = found["reasons"][0]
    assert (example["type"], example["detail"]) == (
        "device.impression",
        "created_date is 'soon'",
    )


def test_the_share_of_rejects_is_known_if_the_report_is_of_the_same_run(
    bench: Bench, tmp_path: Path
) -> None:
    files = RunFiles(
        report(tmp_path).report, rejects(tmp_path, SCHEMA, REJECT, REJECT).rejects
    )
    found = finding(bench, "records_rejected", files)
    assert found is not None
    assert (found.count, found.of, found.severity) == (2, 100, Severity.WARNING)
    files = RunFiles(files.report, rejects(tmp_path, SCHEMA, REJECT).rejects)
    found = finding(bench, "records_rejected", files)
    assert found is not None
    assert (found.count, found.of) == (1, None)


def test_many_rejects_are_a_problem(bench: Bench, tmp_path: Path) -> None:
    found = finding(
        bench,
        "records_rejected",
        report(tmp_path, rejected=5, delivered=87),
    )
    assert found is not None
    assert found.severity is Severity.PROBLEM


def test_a_rejects_file_without_records_is_good(bench: Bench, tmp_path: Path) -> None:
    files = rejects(tmp_path, SCHEMA)
    assert finding(bench, "records_rejected", files) is None
    assert "no_rejects" in good(bench, files)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"read": 1}',
        b"\xff\xfe",
        b'{"read": "many"}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_report_is_a_finding(
    bench: Bench, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(content)
    found = finding(bench, "report_unreadable", RunFiles(report=path))
    assert found is not None
    assert f"`{path}` cannot be read as the report of a run" in found.text
    assert "`--report`" in found.advice


@pytest.mark.parametrize("kind", ["report", "rejects"])
def test_a_missing_file_is_a_finding_if_somebody_named_it(
    bench: Bench, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "nowhere"
    found = finding(bench, f"{kind}_unreadable", RunFiles(**{kind: path}))
    assert found is not None
    assert "No such file or directory" in found.text
    folder = finding(bench, f"{kind}_unreadable", RunFiles(**{kind: tmp_path}))
    assert folder is not None
    assert "it is not a file" in folder.text


def test_files_that_a_run_noted_and_never_wrote_are_no_finding(
    bench: Bench, tmp_path: Path
) -> None:
    nowhere = str(tmp_path / "nowhere")
    bench.store.note_run(RunNote(report_path=nowhere, rejects_path=nowhere))
    assert not {"report_unreadable", "rejects_unreadable"} & {
        each.key for each in found_by(bench).findings
    }


def test_named_files_win_over_those_that_a_run_noted(
    bench: Bench, tmp_path: Path
) -> None:
    noted = rejects(tmp_path, SCHEMA, REJECT).rejects
    bench.store.note_run(RunNote(rejects_path=str(noted)))
    assert trusted(bench)["evidence"]["rejects"]["count"] == 1
    other = tmp_path / "other"
    other.mkdir()
    files = rejects(other, SCHEMA, REJECT, REJECT)
    assert trusted(bench, files)["evidence"]["rejects"]["count"] == 2


def test_lines_that_are_no_messages_count_as_rejects_to_correct(
    bench: Bench, tmp_path: Path
) -> None:
    path = tmp_path / "rejects.singer"
    path.write_bytes(b'{"type": "RECORD"\n\n  \n\xff\n' + b"[" * 100_000)
    found = trusted(bench, RunFiles(rejects=path))["evidence"]["rejects"]
    assert [(e["reason"], e["count"], e["line"]) for e in found["reasons"]] == [
        ("line_not_json", 3, 1)
    ]


def test_of_a_huge_rejects_file_the_start_is_read(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = rejects(tmp_path, SCHEMA, *[REJECT] * 10)
    assert files.rejects is not None
    monkeypatch.setattr(rejects_module, "_MOST_BYTES", 500)
    found = trusted(bench, files)["evidence"]["rejects"]
    assert not found["is_complete"]
    assert 0 < found["count"] < 10
    said = finding(bench, "records_rejected", files)
    assert said is not None
    assert "in the first 64 MB of the file" in said.text


def test_a_rejects_file_that_changes_is_read_again(
    bench: Bench, tmp_path: Path
) -> None:
    assert (
        trusted(bench, rejects(tmp_path, REJECT))["evidence"]["rejects"]["count"] == 1
    )
    files = rejects(tmp_path, REJECT, REJECT)
    assert trusted(bench, files)["evidence"]["rejects"]["count"] == 2
