"""What a run did, in numbers: a table for the log, JSON, and an OpenMetrics file."""

from __future__ import annotations

import dataclasses
import datetime as dt
import errno
import json
import os
import secrets
import threading
import typing as t
from collections import Counter
from pathlib import Path

import msgspec

from target_amplitude_nami.errors import OutputUnwritable

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from target_amplitude_nami.accounting.ledger import Counts
    from target_amplitude_nami.delivery.outgoing import Traffic
    from target_amplitude_nami.store.model import StoreFigures

PROGRESS_SECONDS: t.Final = 10

_FATES: t.Final = ("delivered", "filtered", "rejected", "held", "duplicate")
_FATES_WITH_REASONS: t.Final = ("filtered", "rejected")
_LONGEST_ID_SHOWN: t.Final = 60


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
    memory: StoreFigures
    columns_not_understood: Mapping[str, int] = dataclasses.field(default_factory=dict)
    """In how many records each column was that begins like a container of Nami's, and
    is no part of it that is known."""

    @property
    def read(self) -> int:
        """Records read: those of the input, and those that the memory let go."""
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
    def held(self) -> int:
        """Records put into the memory until their user has a name."""
        return sum(self.counts.held.values())

    @property
    def duplicate(self) -> int:
        """Records whose event Amplitude had before."""
        return sum(self.counts.duplicate.values())

    @property
    def events_per_second(self) -> float:
        """Events delivered a second, over the whole run."""
        return self.delivered / self.seconds if self.seconds else 0.0

    def summary(self) -> str:
        """Return the report in one line."""
        text = (
            f"{self.read:,} records read: {self.delivered:,} delivered, "
            f"{self.filtered:,} filtered, {self.rejected:,} rejected, "
            f"{self.held:,} held, {self.duplicate:,} duplicate"
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
        columns = {name: max(10, len(name) + 2) for name in ("read", *_FATES)}
        yield f"{'':{width}}" + "".join(f"{name:>{w}}" for name, w in columns.items())
        for label, row in rows.items():
            yield f"{label:{width}}" + "".join(
                f"{row[name]:>{w},}" for name, w in columns.items()
            )
        for name in _FATES_WITH_REASONS:
            reasons = _by_reason(getattr(self.counts, name))
            if reasons:
                listed = ", ".join(f"{n:,} {reason}" for reason, n in reasons.items())
                yield f"{name}: {listed}"
        if self.columns_not_understood:
            listed = ", ".join(
                f"{name} ({n:,})" for name, n in self.columns_not_understood.items()
            )
            yield f"columns not understood: {listed}"
        yield from self._id_conflict_lines()
        yield from self._delivered_lines()
        yield from self._memory_lines()
        traffic = self.traffic
        yield (
            f"{traffic.requests:,} requests, {traffic.retries:,} retries, "
            f"{traffic.throttled:,} throttled, {traffic.body_bytes:,} bytes sent, "
            f"{self.texts_cut:,} texts cut"
        )
        yield self.summary()

    def _id_conflict_lines(self) -> Iterator[str]:
        if self.counts.id_conflicts:
            named = ", ".join(
                json.dumps(insert_id[:_LONGEST_ID_SHOWN])
                for insert_id in self.counts.conflicting_ids
            )
            yield (
                f"id_conflict: {self.counts.id_conflicts:,} of the duplicates have the "
                f"id and device of another event but another type or time; Amplitude "
                f"keeps one of them: {named}"
            )

    def _delivered_lines(self) -> Iterator[str]:
        counts = self.counts
        parts = []
        if counts.late:
            parts.append(f"{counts.late:,} late (user properties left as they were)")
        if counts.without_user_id:
            parts.append(f"{counts.without_user_id:,} without a user id")
        if parts:
            yield f"delivered: {', '.join(parts)}"

    def _memory_lines(self) -> Iterator[str]:
        memory = self.memory
        if self.counts.released:
            yield f"memory: {self.counts.released:,} held records let go, so read again"
        if memory.waiting:
            yield (
                f"memory: {memory.waiting:,} records wait for an External ID, the "
                f"oldest since {_moment(memory.waiting_since)}"
            )
        if memory.id_conflicts:
            listed = ", ".join(f"{n:,} {kind}" for kind, n in memory.id_conflicts.items())
            yield f"memory: odd ids: {listed}; `report_path` names some"

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
                **{fate: getattr(self, fate) for fate in _FATES},
                "open": self.counts.open,
                "filtered_by_reason": _by_reason(self.counts.filtered),
                "rejected_by_reason": _by_reason(self.counts.rejected),
                "by_event_type": self._rows(),
                "id_conflict": self.counts.id_conflicts,
                "named_id_conflicts": self.counts.conflicting_ids,
                "late": self.counts.late,
                "without_user_id": self.counts.without_user_id,
                "released": self.counts.released,
                "waiting": self.memory.waiting,
                "waiting_since": _moment(self.memory.waiting_since),
                "odd_ids": self.memory.id_conflicts,
                "named_odd_ids": msgspec.to_builtins(self.memory.named_id_conflicts),
                "texts_cut": self.texts_cut,
                "columns_not_understood": dict(self.columns_not_understood),
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
            (
                "nami_events_late",
                "Events delivered too late to change user properties.",
                self.counts.late,
            ),
            (
                "nami_events_without_user_id",
                "Events delivered that name a device alone.",
                self.counts.without_user_id,
            ),
            ("nami_texts_cut", "Texts cut to 1,024 characters.", self.texts_cut),
            (
                "nami_id_conflicts",
                "Duplicates that are other events than those whose id they have.",
                self.counts.id_conflicts,
            ),
        ):
            _add_counter(lines, name, text, [({}, value)], labels)
        lines += [
            "# TYPE nami_run_seconds gauge",
            "# HELP nami_run_seconds How long the run took.",
            f"nami_run_seconds{_labels(labels)} {self.seconds:.3f}",
            "# TYPE nami_records_waiting gauge",
            "# HELP nami_records_waiting Records that wait for an External ID.",
            f"nami_records_waiting{_labels(labels)} {self.memory.waiting}",
            "# EOF",
        ]
        return "\n".join(lines) + "\n"

    def _rows(self) -> dict[str, dict[str, int]]:
        counts = {
            fate: _by_label(getattr(self.counts, fate))
            if fate in _FATES_WITH_REASONS
            else getattr(self.counts, fate)
            for fate in _FATES
        }
        return {
            label: {"read": self.counts.read[label]}
            | {fate: counts[fate].get(label, 0) for fate in _FATES}
            for label in sorted(self.counts.read)
        }

    def _samples(self) -> Iterator[tuple[dict[str, str], int]]:
        for fate in _FATES:
            for key, count in sorted(getattr(self.counts, fate).items()):
                label, reason = key if fate in _FATES_WITH_REASONS else (key, "")
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


def write_atomically(path: Path, text: str, mode: int) -> None:
    """Write a file so that a reader sees the old one or the new one, never half.

    A device or a pipe is written to, not replaced. A symbolic link stays: what it leads
    to is written, so that the file may be anywhere. What is made on the way has a name
    that nobody can guess, and is new: nobody can have put a link there.

    Args:
        path: The file.
        text: What it shall hold.
        mode: Who may read it, as `chmod` has it.

    Raises:
        OutputUnwritable: When the disk does not take it.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")
            return
        _replace(Path(os.path.realpath(path)), text, mode)
    except OSError as error:
        raise OutputUnwritable(
            f"{path} cannot be written ({error.strerror}): mend the disk or choose "
            f"another path"
        ) from error


def _replace(path: Path, text: str, mode: int) -> None:
    if path.is_symlink():  # in a circle
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".nami-{secrets.token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    descriptor = os.open(beside, flags, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _moment(seconds: int | None) -> str | None:
    if seconds is None:
        return None
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat()


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
