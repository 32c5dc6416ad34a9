"""The figures of a run in the OpenMetrics text format."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from target_amplitude_nami.accounting.counts import OUTCOMES
from target_amplitude_nami.accounting.metrics import openmetrics
from tests.support.reports import NOTHING, REPORT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_amplitude_nami.accounting.report import Report


def samples(report: Report) -> dict[str, dict[tuple[str, ...], float]]:
    """Return the values of each metric by its labels, those that differ."""
    parsed = text_string_to_metric_families(openmetrics(report))  # type: ignore[no-untyped-call]
    return {
        family.name: {_own(sample.labels): sample.value for sample in family.samples}
        for family in parsed
    }


def _own(labels: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(value for name, value in labels.items() if name != "integration")


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
    text = openmetrics(dataclasses.replace(REPORT, integration=name))
    for family in text_string_to_metric_families(text):  # type: ignore[no-untyped-call]
        assert {sample.labels["integration"] for sample in family.samples} == {name}


def test_an_empty_run_has_metrics_too() -> None:
    assert samples(NOTHING)["nami_requests"] == {(): 0}


def test_records_are_listed_by_outcome_and_then_by_event_type() -> None:
    keys = list(samples(REPORT)["nami_records"])
    outcomes = [outcome for _, outcome, _ in keys]
    assert list(dict.fromkeys(outcomes)) == list(OUTCOMES)
    for each in OUTCOMES:
        of_outcome = [key for key in keys if key[1] == each]
        assert of_outcome == sorted(of_outcome)
