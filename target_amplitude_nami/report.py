"""What a run did, in numbers: a table for the log, JSON, and an OpenMetrics file."""

from __future__ import annotations

import dataclasses
import json
import os
import threading
import typing as t
from collections import Counter

from target_amplitude_nami.errors import OutputUnwritable

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from target_amplitude_nami.amplitude.outgoing import Traffic
    from target_amplitude_nami.ledger import Counts

PROGRESS_SECONDS: t.Final = 10


@dataclasses.dataclass(frozen=True, slots=True)
class Report:
    """The figures of a run, or of its course so far."""

    integration: str
    destination: str
    outcome: str
    """`complete`, `interrupted`, `failed` or `disabled`; `running` before the end."""
    started_at: str
    """ISO 8601, UTC."""
    seconds: float
    counts: Counts
    traffic: Traffic
    texts_cut: int

    @property
    def read(self) -> int:
        """Records read."""
        return sum(self.counts.read.values())

    @property
    def delivered(self) -> int:
        """Records whose event Amplitude has."""
        return sum(self.counts.delivered.values())

    @property
    def filtered(self) -> int:
        """Records left out by the settings."""
        return sum(self.counts.filtered.values())

    @property
    def rejected(self) -> int:
        """Records written to the rejects file."""
        return sum(self.counts.rejected.values())

    @property
    def events_per_second(self) -> float:
        """Events delivered a second, over the whole run."""
        return self.delivered / self.seconds if self.seconds else 0.0

    def summary(self) -> str:
        """Return the report in one line."""
        text = (
            f"{self.read:,} records read: {self.delivered:,} delivered, "
            f"{self.filtered:,} filtered, {self.rejected:,} rejected"
        )
        if self.counts.open:
            text += f", {self.counts.open:,} open"
        return (
            f"{text}, in {self.seconds:.1f} s ({self.events_per_second:,.0f} events/s)"
        )

    def lines(self) -> Iterator[str]:
        """Yield the report as a table for the log."""
        yield f"{self.integration} -> {self.destination}: {self.outcome}"
        rows = self._rows()
        width = max(map(len, rows), default=0)
        yield (
            f"{'':{width}}{'read':>10}{'delivered':>11}{'filtered':>10}{'rejected':>10}"
        )
        for label, row in rows.items():
            yield (
                f"{label:{width}}{row['read']:>10,}{row['delivered']:>11,}"
                f"{row['filtered']:>10,}{row['rejected']:>10,}"
            )
        for name, counts in (
            ("filtered", self.counts.filtered),
            ("rejected", self.counts.rejected),
        ):
            reasons = _by_reason(counts)
            if reasons:
                listed = ", ".join(f"{n:,} {reason}" for reason, n in reasons.items())
                yield f"{name}: {listed}"
        traffic = self.traffic
        yield (
            f"{traffic.requests:,} requests, {traffic.retries:,} retries, "
            f"{traffic.throttled:,} throttled, {traffic.body_bytes:,} bytes sent, "
            f"{self.texts_cut:,} texts cut"
        )
        yield self.summary()

    def to_json(self) -> str:
        """Return the report as a JSON document."""
        return json.dumps(
            {
                "integration": self.integration,
                "destination": self.destination,
                "outcome": self.outcome,
                "started_at": self.started_at,
                "seconds": round(self.seconds, 3),
                "events_per_second": round(self.events_per_second, 1),
                "read": self.read,
                "delivered": self.delivered,
                "filtered": self.filtered,
                "rejected": self.rejected,
                "open": self.counts.open,
                "filtered_by_reason": _by_reason(self.counts.filtered),
                "rejected_by_reason": _by_reason(self.counts.rejected),
                "by_event_type": self._rows(),
                "texts_cut": self.texts_cut,
                **dataclasses.asdict(self.traffic),
            },
            indent=2,
        )

    def to_openmetrics(self) -> str:
        """Return the figures in the OpenMetrics text format."""
        labels = {"integration": self.integration}
        lines: list[str] = []
        _add_counter(
            lines,
            "nami_records",
            "Records by what became of them; reason is empty where there is none.",
            self._samples(),
            labels,
        )
        for name, text, value in (
            ("nami_requests", "Requests sent.", self.traffic.requests),
            ("nami_retries", "Requests sent again.", self.traffic.retries),
            ("nami_throttled", "Answers that asked to wait.", self.traffic.throttled),
            ("nami_body_bytes", "Bytes of request bodies.", self.traffic.body_bytes),
            ("nami_texts_cut", "Texts cut to 1,024 characters.", self.texts_cut),
        ):
            _add_counter(lines, name, text, [({}, value)], labels)
        lines += [
            "# TYPE nami_run_seconds gauge",
            "# HELP nami_run_seconds How long the run took.",
            f"nami_run_seconds{_labels(labels)} {self.seconds:.3f}",
            "# EOF",
        ]
        return "\n".join(lines) + "\n"

    def _rows(self) -> dict[str, dict[str, int]]:
        counts = self.counts
        filtered, rejected = _by_label(counts.filtered), _by_label(counts.rejected)
        return {
            label: {
                "read": counts.read[label],
                "delivered": counts.delivered.get(label, 0),
                "filtered": filtered[label],
                "rejected": rejected[label],
            }
            for label in sorted(counts.read)
        }

    def _samples(self) -> Iterator[tuple[dict[str, str], int]]:
        for label, count in sorted(self.counts.delivered.items()):
            yield {"event_type": label, "fate": "delivered", "reason": ""}, count
        for fate, counts in (
            ("filtered", self.counts.filtered),
            ("rejected", self.counts.rejected),
        ):
            for (label, reason), count in sorted(counts.items()):
                yield {"event_type": label, "fate": fate, "reason": reason}, count


class Progress:
    """Says every ten seconds how far the run is."""

    def __init__(
        self, say: Callable[[], None], every_seconds: float = PROGRESS_SECONDS
    ) -> None:
        """Begin; `say` is called from a thread of its own."""
        self._say = say
        self._every = every_seconds
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop saying anything."""
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._end.wait(self._every):
            self._say()


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old one or the new one, never half.

    A device or a pipe is written to, not replaced.

    Raises:
        OutputUnwritable: When the disk does not take it.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")
            return
        try:
            beside.write_text(text, encoding="utf-8")
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise OutputUnwritable(
            f"{path} cannot be written ({error.strerror}): mend the disk or choose "
            f"another path"
        ) from error


def _by_reason(counts: Mapping[tuple[str, str], int]) -> dict[str, int]:
    reasons: Counter[str] = Counter()
    for (_, reason), count in counts.items():
        reasons[reason] += count
    return dict(reasons.most_common())


def _by_label(counts: Mapping[tuple[str, str], int]) -> Counter[str]:
    labels: Counter[str] = Counter()
    for (label, _), count in counts.items():
        labels[label] += count
    return labels


def _add_counter(
    lines: list[str],
    name: str,
    text: str,
    samples: t.Iterable[tuple[dict[str, str], int]],
    labels: dict[str, str],
) -> None:
    lines += [f"# TYPE {name} counter", f"# HELP {name} {text}"]
    lines += [f"{name}_total{_labels(labels | own)} {n}" for own, n in samples]


def _labels(labels: Mapping[str, str]) -> str:
    listed = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items())
    return f"{{{listed}}}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
