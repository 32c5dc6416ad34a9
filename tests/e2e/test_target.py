"""The target as a process: a long run in which one record in a hundred is bad."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from target_amplitude_nami.local.faults import Do, Fault, Faults, When
from target_amplitude_nami.local.ingest.behaviour import Behaviour
from target_amplitude_nami.local.server import LocalAmplitude
from tests.support import bad_records, nami, singer
from tests.support.run_target import API_KEY, TargetRun, run_target

if TYPE_CHECKING:
    from collections.abc import Iterator

GOOD_FOR_EACH_BAD = 99
LAST_STATE = {"bookmarks": {"events": {"position": 1.5}}}


@dataclass(frozen=True, slots=True)
class LongRun:
    """What went in, what became of it, and the Amplitude that it went to."""

    good: frozenset[str]
    """The event ids of the good records."""
    bad: list[tuple[str, bytes]]
    run: TargetRun
    local: LocalAmplitude

    @property
    def reasons(self) -> Counter[str]:
        return Counter(reason for reason, _ in self.bad)


@pytest.fixture(scope="module")
def long_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LongRun]:
    folder = tmp_path_factory.mktemp("long")
    bad = bad_records.bad_lines()
    good = [
        _good(number) for number in range(10_000, 10_000 + GOOD_FOR_EACH_BAD * len(bad))
    ]
    lines = [singer.record(stream, record) for stream, record in good]
    for reason_and_line in bad:
        place = random.Random(str(reason_and_line)).randrange(len(lines))  # noqa: S311
        lines.insert(place, reason_and_line[1])
    messages = [*bad_records.SCHEMAS, *lines, singer.state(LAST_STATE)]
    with LocalAmplitude(
        folder / "amplitude.db",
        faults=Faults(
            (
                _on_user(bad_records.REFUSED_USER, Do(status=400, raw="<html>no")),
                _on_user(bad_records.TOO_LARGE_USER, Do(status=413, json={})),
            )
        ),
        behaviour=Behaviour(silenced_devices=frozenset({bad_records.SILENCED_DEVICE})),
    ) as local:
        settings = {
            "api_key": API_KEY,
            "endpoint": local.endpoint("http_v2"),
            "batch_size_rows": 400,
            "metrics_path": "metrics/nami.prom",
            "integration_name": 'radio "live"',
            **bad_records.SETTINGS,
        }
        run = run_target(folder, settings, messages)
        ids = frozenset(str(record["id"]) for _, record in good)
        yield LongRun(ids, bad, run, local)


def _good(number: int) -> tuple[str, dict[str, object]]:
    if number % 7 == 0:
        return bad_records.MAPPED, nami.impression(number, divisor=4)
    kind = nami.impression if number % 2 else nami.subscription
    return bad_records.EVENTS, kind(number)


def _on_user(user_id: str, do: Do) -> Fault:
    return Fault(do=do, when=When(user_id=user_id))


def test_the_run_succeeds(long_run: LongRun) -> None:
    assert long_run.run.exit_code == 0, long_run.run.log
    assert long_run.run.states == [LAST_STATE]
    assert "Traceback" not in long_run.run.log


def test_every_good_record_arrives_once(long_run: LongRun) -> None:
    arrived = Counter(e.sent["insert_id"] for e in long_run.local.events())
    assert arrived == Counter(long_run.good)


def test_every_bad_record_is_rejected_for_its_own_reason(long_run: LongRun) -> None:
    rejects = long_run.run.rejects
    assert Counter(r["rejected"]["reason"] for r in rejects) == long_run.reasons
    assert long_run.run.report["rejected_by_reason"] == long_run.reasons


def test_every_bad_line_is_kept_byte_for_byte(long_run: LongRun) -> None:
    path = long_run.run.folder / "output" / "rejects.singer"
    kept = path.read_bytes()
    for reason, line in long_run.bad:
        if line.startswith(b'{"type": "RECORD"') and b'"record": ' in line:
            assert line.rstrip()[:-1] + b',"rejected":' in kept, reason


def test_a_reject_says_in_words_what_is_wrong_and_where(long_run: LongRun) -> None:
    why = {r["rejected"]["reason"]: r["rejected"] for r in long_run.run.rejects}
    assert why["user_id_too_short"]["field"] == "user_id"
    assert "min_id_length" in why["user_id_too_short"]["detail"]
    assert why["time_unreadable"]["field"] == "created_date"
    assert "'yesterday'" in why["time_unreadable"]["detail"]
    assert why["amplitude_refused"]["status"] == 400
    assert why["amplitude_too_large"]["status"] == 413
    assert why["schema_violation"]["status"] is None
    assert all(each["detail"] and each["at"] for each in why.values())


def test_the_report_adds_up(long_run: LongRun) -> None:
    report = long_run.run.report
    assert report["outcome"] == "complete"
    assert report["integration"] == 'radio "live"'
    assert report["read"] == len(long_run.good) + len(long_run.bad)
    assert report["delivered"] == len(long_run.good)
    assert report["rejected"] == len(long_run.bad)
    assert report["filtered"] == report["open"] == 0
    outcomes = ("read", "delivered", "filtered", "rejected", "held", "duplicate")
    for outcome in outcomes:
        rows = report["by_event_type"].values()
        assert sum(row[outcome] for row in rows) == report[outcome]


def test_the_report_counts_requests_as_amplitude_does(long_run: LongRun) -> None:
    requests = list(long_run.local.requests())
    report = long_run.run.report
    assert report["requests"] == len(requests)
    assert report["body_bytes"] == sum(r.wire_bytes for r in requests)
    assert report["retries"] == report["throttled"] == 0


def test_the_metrics_file_is_openmetrics_with_the_same_figures(
    long_run: LongRun,
) -> None:
    folder = long_run.run.folder / "metrics"
    text = (folder / "nami.prom").read_text("utf-8")
    parsed = text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    families = {family.name: family for family in parsed}
    report = long_run.run.report
    records = families["amplitude_nami_run_records"]
    outcomes: Counter[str] = Counter()
    for sample in records.samples:
        assert sample.labels["integration"] == 'radio "live"'
        outcomes[sample.labels["outcome"]] += int(sample.value)
    assert outcomes == {
        "delivered": report["delivered"],
        "rejected": report["rejected"],
    }
    [requests] = families["amplitude_nami_run_requests"].samples
    assert requests.value == report["requests"]
    assert [path.name for path in folder.iterdir()] == ["nami.prom"]


def test_the_log_ends_with_a_table_that_adds_up(long_run: LongRun) -> None:
    log = long_run.run.logged("INFO")
    report = long_run.run.report
    heading = next(line for line in log if line.split()[:1] == ["read"])
    assert heading.split() == [
        "read",
        "delivered",
        "filtered",
        "rejected",
        "held",
        "duplicate",
    ]
    table = log[log.index(heading) + 1 :][: len(report["by_event_type"])]
    for line, (label, row) in zip(table, report["by_event_type"].items(), strict=True):
        name, *figures = line.rsplit(maxsplit=6)
        assert name == label
        assert [int(figure.replace(",", "")) for figure in figures] == list(
            row.values()
        )
    assert any(line.startswith(f"{report['read']:,} records read: ") for line in log), (
        log
    )


def test_the_log_says_where_the_rejects_are(long_run: LongRun) -> None:
    [warning] = [w for w in long_run.run.logged("WARNING") if "rejects" in w]
    assert warning.startswith(f"{len(long_run.bad)} records could not be delivered")
    assert "output/rejects.singer" in warning
