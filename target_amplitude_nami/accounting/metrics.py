"""The figures of a run in the OpenMetrics text format."""

from __future__ import annotations

import typing as t

from target_amplitude_nami.accounting.counts import OUTCOMES

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from target_amplitude_nami.accounting.report import Report


def openmetrics(report: Report) -> str:
    """Return a report as OpenMetrics text.

    Source: the OpenMetrics specification, "Text format".
    """
    labels = {"integration": report.integration}
    lines: list[str] = []
    _add_counter(
        lines,
        "nami_records",
        "Records by what became of them; reason is empty where there is none.",
        _samples(report),
        labels,
    )
    for name, text, value in (
        ("nami_requests", "Requests sent.", report.traffic.requests),
        ("nami_retries", "Requests sent again.", report.traffic.retries),
        ("nami_throttled", "Answers that asked to wait.", report.traffic.throttled),
        ("nami_body_bytes", "Bytes of request bodies.", report.traffic.body_bytes),
        (
            "nami_events_late",
            "Events delivered too late to change user properties.",
            report.counts.late,
        ),
        (
            "nami_events_without_user_id",
            "Events delivered that name a device alone.",
            report.counts.without_user_id,
        ),
        ("nami_texts_cut", "Texts cut to 1,024 characters.", report.texts_cut),
        (
            "nami_id_conflicts",
            "Duplicates that are other events than those whose id they have.",
            report.counts.id_conflicts,
        ),
    ):
        _add_counter(lines, name, text, [({}, value)], labels)
    lines += [
        "# TYPE nami_run_seconds gauge",
        "# HELP nami_run_seconds How long the run took.",
        f"nami_run_seconds{_labels(labels)} {report.seconds:.3f}",
        "# TYPE nami_records_waiting gauge",
        "# HELP nami_records_waiting Records that wait for an External ID.",
        f"nami_records_waiting{_labels(labels)} {report.store.waiting}",
        "# EOF",
    ]
    return "\n".join(lines) + "\n"


def _samples(report: Report) -> Iterator[tuple[dict[str, str], int]]:
    rows = sorted(report.counts.rows(), key=lambda row: (OUTCOMES.index(row[0]), row))
    for outcome, report_key, reason, count in rows:
        labels = {"event_type": report_key, "fate": outcome, "reason": reason}
        yield labels, count


def _add_counter(
    lines: list[str],
    name: str,
    text: str,
    samples: Iterable[tuple[dict[str, str], int]],
    labels: dict[str, str],
) -> None:
    lines += [f"# TYPE {name} counter", f"# HELP {name} {text}"]
    lines += [f"{name}_total{_labels(labels | own)} {n}" for own, n in samples]


def _labels(labels: Mapping[str, str]) -> str:
    listed = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items())
    return f"{{{listed}}}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
