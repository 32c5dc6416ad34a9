"""The figures of a run as gauges, for the textfile collector of node-exporter.

The text is valid both in Prometheus' own format and in OpenMetrics: the line `# EOF`,
which OpenMetrics wants, is a comment in the other.
"""

from __future__ import annotations

import datetime as dt
import re
import typing as t

import msgspec

from target_amplitude_nami.accounting.counts import OUTCOMES

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from target_amplitude_nami.accounting.report import Report

RUN_OUTCOMES: t.Final = (
    "running",
    "complete",
    "too_many_rejects",
    "interrupted",
    "failed",
    "disabled",
)
"""Each has a series, which is 1 for the run's outcome and 0 for the others."""

_PREFIX: t.Final = "amplitude_nami_"
_LAST_SUCCESS: t.Final = "last_success_timestamp_seconds"
_WATERMARK: t.Final = "watermark_timestamp_seconds"
_OLDEST_HELD: t.Final = "oldest_held_timestamp_seconds"

_CLOCKS_DIFFER: t.Final = 24 * 3600.0

_Samples: t.TypeAlias = "Iterable[tuple[dict[str, str], float]]"
_Family: t.TypeAlias = tuple[str, str, _Samples]
"""Name, text and samples; of one sample without further labels, its value alone."""


class Earlier(msgspec.Struct, frozen=True):
    """What the metrics of earlier runs said, as far as it outlives a run."""

    last_success: float | None = None
    """When the last run ended that was complete, s since 1970."""
    watermark: float | None = None
    """When the newest event happened that was delivered, s since 1970."""
    oldest_held: float | None = None
    """Since when the oldest held record waits, s since 1970."""


def read_earlier(text: str, integration: str) -> Earlier:
    """Return what outlives a run of the metrics that an earlier run wrote.

    Args:
        text: Its file; of anything else nothing is understood.
        integration: Whose metrics to look for.
    """
    labels = re.escape(_labels({"integration": integration}))

    def find(name: str) -> float | None:
        hit = re.search(rf"(?m)^{_PREFIX}{name}{labels} ([0-9]+(?:\.[0-9]+)?)$", text)
        return float(hit[1]) if hit else None

    return Earlier(find(_LAST_SUCCESS), find(_WATERMARK), find(_OLDEST_HELD))


def metrics(report: Report, earlier: Earlier, now: float) -> str:
    """Return a run's metrics as text; docs/report.md lists them.

    Args:
        report: The report of the run, at its end or so far.
        earlier: What the metrics said before the run.
        now: Seconds since 1970.
    """
    own = {"integration": report.integration}
    lines: list[str] = []
    for name, text, samples in (
        *_of_the_run(report, now),
        *_over_runs(report, earlier, now),
        *_of_records(report),
    ):
        lines += [
            f"# HELP {_PREFIX}{name} {text}",
            f"# TYPE {_PREFIX}{name} gauge",
            *(
                f"{_PREFIX}{name}{_labels(own | labels)} {_number(value)}"
                for labels, value in samples
            ),
        ]
    return "\n".join([*lines, "# EOF"]) + "\n"


def _of_the_run(report: Report, now: float) -> Iterator[_Family]:
    started = dt.datetime.fromisoformat(report.started_at).timestamp()
    has_ended = report.outcome != "running"
    yield (
        "run_outcome",
        "The outcome of the last run has 1, the others 0.",
        [({"outcome": one}, float(one == report.outcome)) for one in RUN_OUTCOMES],
    )
    yield (
        "run_start_timestamp_seconds",
        "When the last run began.",
        _sample(started),
    )
    yield (
        "run_end_timestamp_seconds",
        "When the last run ended; absent while it goes on.",
        _sample(now if has_ended else None),
    )
    yield (
        "run_updated_timestamp_seconds",
        "When these figures were written: every ten seconds, as long as a run goes on.",
        _sample(now),
    )
    yield (
        "run_duration_seconds",
        "How long the last run took, or how long it has gone on.",
        _sample(report.seconds),
    )


def _over_runs(report: Report, earlier: Earlier, now: float) -> Iterator[_Family]:
    is_success = report.outcome == "complete" and not report.is_dry_run
    yield (
        _LAST_SUCCESS,
        "When the last complete run ended; absent before the first.",
        _sample(now if is_success else _in_the_past(earlier.last_success, now)),
    )
    watermark = _in_the_past(earlier.watermark, now)
    if report.counts.newest_ms is not None and not report.is_dry_run:
        watermark = max(watermark or 0.0, report.counts.newest_ms / 1000)
    yield (
        _WATERMARK,
        "When the newest event happened that was ever delivered.",
        _sample(watermark),
    )
    yield (
        "watermark_lag_seconds",
        "How old that event was when these figures were written.",
        _sample(None if watermark is None else now - watermark),
    )
    waiting = report.store.waiting
    oldest_held: float | None = report.store.waiting_since
    if report.outcome == "running":  # the store is not asked before the end
        oldest_held = earlier.oldest_held
    yield (
        "held_records",
        "Records that wait until their user has an External ID.",
        _sample(waiting),
    )
    yield (
        _OLDEST_HELD,
        "Since when the oldest of them waits; absent where none does.",
        _sample(oldest_held if waiting else None),
    )


def _in_the_past(moment: float | None, now: float) -> float | None:
    """Return a time, unless a clock was wrong then: no alert would ever fire."""
    return None if moment is None or moment > now + _CLOCKS_DIFFER else moment


def _of_records(report: Report) -> Iterator[_Family]:
    counts, traffic = report.counts, report.traffic
    yield (
        "run_records",
        "Settled records of the last run, by what became of them.",
        _records(report),
    )
    for name, text, value in (
        ("run_records_read", "Records that the last run read.", report.read),
        ("run_records_open", "Records of them that are not settled.", counts.open),
        (
            "run_duplicates",
            "Records whose event Amplitude had before, or that are held already.",
            report.duplicate,
        ),
        (
            "run_id_conflicts",
            "Duplicates that are other events than those whose id they have.",
            counts.id_conflicts,
        ),
        (
            "run_events_late",
            "Events delivered too late to change user properties.",
            counts.late,
        ),
        (
            "run_events_anonymous",
            "Events delivered that name a device alone.",
            counts.without_user_id,
        ),
        ("run_users", "Users that delivered records are of.", counts.users),
        ("run_texts_cut", "Texts cut to 1,024 characters.", report.texts_cut),
        ("run_requests", "Requests sent.", traffic.requests),
        ("run_retries", "Requests sent again.", traffic.retries),
        ("run_throttled", "Answers that asked to wait.", traffic.throttled),
        ("run_body_bytes", "Bytes of request bodies.", traffic.body_bytes),
    ):
        yield name, text, _sample(value)


def _records(report: Report) -> Iterator[tuple[dict[str, str], float]]:
    rows = sorted(report.counts.rows(), key=lambda row: (OUTCOMES.index(row[0]), row))
    for outcome, report_key, reason, count in rows:
        yield {"event_type": report_key, "outcome": outcome, "reason": reason}, count


def _sample(value: float | None) -> _Samples:
    return [] if value is None else [({}, value)]


def _number(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _labels(labels: Mapping[str, str]) -> str:
    listed = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items())
    return f"{{{listed}}}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
