"""The figures of a run as gauges."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, TypeAlias

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import (
    text_string_to_metric_families as parse_classic,
)

from target_amplitude_nami.accounting.counts import OUTCOMES
from target_amplitude_nami.accounting.metrics import (
    RUN_OUTCOMES,
    Earlier,
    metrics,
    read_earlier,
)
from target_amplitude_nami.store.model import StoreFigures
from tests.support.reports import NOTHING, REPORT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from prometheus_client import Metric

    from target_amplitude_nami.accounting.report import Report

START = 1_780_272_000
"""When the report's run began."""
NOW = START + 10
HOUR = 3600

Parse: TypeAlias = "Callable[[str], Iterable[Metric]]"

by_both_parsers = pytest.mark.parametrize(
    "parse", [parse_classic, parse_openmetrics], ids=["classic", "OpenMetrics"]
)


def samples(
    report: Report,
    earlier: Earlier | None = None,
    *,
    parse: Parse = parse_classic,
) -> dict[str, dict[tuple[str, ...], float]]:
    """Return the values of each metric by its labels, those that differ."""
    parsed = parse(metrics(report, earlier or Earlier(), NOW))
    return {
        family.name.removeprefix("amplitude_nami_"): {
            _own(sample.labels): sample.value for sample in family.samples
        }
        for family in parsed
    }


def _own(labels: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(labels[name] for name in labels if name != "integration")


@by_both_parsers
def test_the_metrics_say_what_the_json_says(parse: Parse) -> None:
    found = samples(REPORT, parse=parse)
    assert found.pop("run_records") == {
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
    assert found.pop("run_outcome") == {
        (outcome,): outcome == "complete" for outcome in RUN_OUTCOMES
    }
    assert {name: values[()] for name, values in found.items()} == {
        "run_start_timestamp_seconds": START,
        "run_end_timestamp_seconds": NOW,
        "run_updated_timestamp_seconds": NOW,
        "run_duration_seconds": 10,
        "last_success_timestamp_seconds": NOW,
        "watermark_timestamp_seconds": START - HOUR,
        "watermark_lag_seconds": HOUR + 10,
        "held_records": 12,
        "oldest_held_timestamp_seconds": 1_780_000_000,
        "run_records_read": 12_048,
        "run_records_open": 0,
        "run_duplicates": 4,
        "run_id_conflicts": 3,
        "run_events_late": 1_200,
        "run_events_anonymous": 18,
        "run_users": 321,
        "run_texts_cut": 3,
        "run_requests": 7,
        "run_retries": 2,
        "run_throttled": 1,
        "run_body_bytes": 1_234_567,
    }


@by_both_parsers
def test_all_are_gauges_with_a_text(
    parse: Parse,
) -> None:
    for family in parse(metrics(REPORT, Earlier(), NOW)):
        assert family.type == "gauge"
        assert family.documentation


@by_both_parsers
@pytest.mark.parametrize("name", ['a "b"', "a\\b", "a\nb", "ä {} ☃", "a,b=c", "a\\n"])
def test_any_integration_name_makes_valid_metrics(parse: Parse, name: str) -> None:
    text = metrics(dataclasses.replace(REPORT, integration=name), Earlier(), NOW)
    for family in parse(text):
        assert {sample.labels["integration"] for sample in family.samples} == {name}
    assert read_earlier(text, name).last_success == NOW
    assert read_earlier(text, "another") == Earlier()


def test_a_run_without_records_has_metrics_too() -> None:
    found = samples(dataclasses.replace(NOTHING, outcome="failed"))
    assert found["run_requests"] == {(): 0}
    absent = [name for name, values in found.items() if not values]
    assert absent == [
        "last_success_timestamp_seconds",
        "watermark_timestamp_seconds",
        "watermark_lag_seconds",
        "oldest_held_timestamp_seconds",
        "run_records",
    ]


@pytest.mark.parametrize("outcome", [one for one in RUN_OUTCOMES if one != "complete"])
def test_the_last_success_survives_a_run_that_is_none(outcome: str) -> None:
    report = dataclasses.replace(REPORT, outcome=outcome)
    found = samples(report, Earlier(last_success=5.0))
    assert found["last_success_timestamp_seconds"] == {(): 5}
    assert bool(found["run_end_timestamp_seconds"]) == (outcome != "running")


def test_a_dry_run_is_no_success_and_delivers_nothing() -> None:
    report = dataclasses.replace(REPORT, is_dry_run=True)
    found = samples(report, Earlier(last_success=5.0, watermark=4.0))
    assert found["last_success_timestamp_seconds"] == {(): 5}
    assert found["watermark_timestamp_seconds"] == {(): 4}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (START - 2.0 * HOUR, START - HOUR),
        (float(START), START),  # a run may deliver old events alone
        (NOW + 25.0 * HOUR, START - HOUR),  # the clock was wrong
    ],
)
def test_the_watermark_never_goes_back(before: float, after: float) -> None:
    found = samples(REPORT, Earlier(watermark=before))
    assert found["watermark_timestamp_seconds"] == {(): after}
    assert found["watermark_lag_seconds"] == {(): NOW - after}


def test_while_a_run_goes_on_the_oldest_held_record_is_that_of_before() -> None:
    running = dataclasses.replace(
        REPORT, outcome="running", store=StoreFigures(waiting=3)
    )
    found = samples(running, Earlier(oldest_held=7.0))
    assert found["oldest_held_timestamp_seconds"] == {(): 7}


def test_what_outlives_a_run_is_read_from_the_metrics_of_the_run_before() -> None:
    text = metrics(REPORT, Earlier(), NOW)
    assert read_earlier(text, REPORT.integration) == Earlier(
        last_success=NOW, watermark=START - HOUR, oldest_held=1_780_000_000
    )


@pytest.mark.parametrize(
    "text",
    ["", "no metrics", 'amplitude_nami_last_success_timestamp_seconds{a="b"} x\n'],
)
def test_of_other_text_nothing_is_understood(text: str) -> None:
    assert read_earlier(text, "radio") == Earlier()


def test_records_are_listed_by_outcome_and_then_by_event_type() -> None:
    keys = list(samples(REPORT)["run_records"])
    outcomes = [outcome for _, outcome, _ in keys]
    assert list(dict.fromkeys(outcomes)) == list(OUTCOMES)
    for each in OUTCOMES:
        of_outcome = [key for key in keys if key[1] == each]
        assert of_outcome == sorted(of_outcome)


@pytest.mark.parametrize(
    ("before", "after"),
    [(NOW + HOUR, {(): NOW + HOUR}), (NOW + 25.0 * HOUR, {})],
    ids=["clocks differ", "the clock was wrong"],
)
def test_a_success_of_the_far_future_is_forgotten(
    before: float, after: dict[tuple[()], float]
) -> None:
    failed = dataclasses.replace(REPORT, outcome="failed")
    found = samples(failed, Earlier(last_success=before))
    assert found.get("last_success_timestamp_seconds", {}) == after
