"""Gathers everything that findings rest on, as the page shows it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from target_amplitude_nami.local.ingest.effects import Kind
from target_amplitude_nami.local.queries.findings.completeness import (
    Completeness,
    completeness,
)
from target_amplitude_nami.local.queries.findings.counts import (
    Naming,
    TypeCount,
    read_counts,
)
from target_amplitude_nami.local.queries.findings.identity import Identity, identity
from target_amplitude_nami.local.queries.findings.money import MoneySummary, money
from target_amplitude_nami.local.queries.findings.rejects import Rejects, read_rejects
from target_amplitude_nami.local.queries.findings.report import Report, read_report
from target_amplitude_nami.local.queries.findings.timeliness import (
    Timeliness,
    timeliness,
)
from target_amplitude_nami.local.run_note import read_note

if TYPE_CHECKING:
    import sqlite3

    from target_amplitude_nami.local.run_note import RunFiles, RunNote


class OtherType(msgspec.Struct, frozen=True):
    """An event type that is not one of Nami's."""

    type: str
    events: int
    is_beyond: bool
    """Whether it exceeds the number of types of a project: no chart shows it."""


class Traffic(msgspec.Struct, frozen=True):
    """What became of requests, and of events that came twice."""

    requests: int
    refused: int
    duplicates: int


class Evidence(msgspec.Struct, frozen=True):
    """Everything that findings rest on."""

    events: int
    """All events that Amplitude lists, of all types."""
    user_source: str
    """Which id users are known by, where a run noted that."""
    has_names: bool
    """Whether a run noted the names that it sends event types under."""
    identity: Identity
    completeness: list[Completeness]
    timeliness: Timeliness
    other_types: list[OtherType]
    traffic: Traffic
    money: MoneySummary
    rejects: Rejects | None
    report: Report | None


class Gathered(msgspec.Struct, frozen=True):
    """The evidence, and the counts of each type that it is made of."""

    evidence: Evidence
    types: list[TypeCount]


def gather(connection: sqlite3.Connection, files: RunFiles) -> Gathered:
    """Return everything that findings rest on.

    Args:
        connection: The file, in a transaction.
        files: The report and the rejects that were given; those that the last run
            noted take their place.
    """
    note = read_note(connection)
    types = read_counts(connection, Naming(note))
    listed = [each for each in types if each.kind is not Kind.IDENTIFY]
    [[requests, refused, duplicates]] = connection.execute(
        "SELECT requests, refused, duplicates FROM totals"
    )
    evidence = Evidence(
        events=sum(each.events for each in listed),
        user_source=note.user_source if note else "",
        has_names=note is not None,
        identity=identity(connection, types),
        completeness=completeness(types),
        timeliness=timeliness(connection, types),
        other_types=[
            OtherType(each.name, each.events, each.kind is Kind.BEYOND)
            for each in sorted(listed, key=lambda each: (-each.events, each.name))
            if each.nami is None or each.kind is Kind.BEYOND
        ],
        traffic=Traffic(requests, refused, duplicates),
        money=money(connection),
        rejects=_rejects(files, note),
        report=_report(files, note),
    )
    return Gathered(evidence, types)


def _rejects(files: RunFiles, note: RunNote | None) -> Rejects | None:
    """Return the rejects; None if nobody named a file, or the run has made none."""
    if files.rejects is not None:
        return read_rejects(files.rejects)
    if note is None or note.rejects_path is None:
        return None
    path = Path(note.rejects_path)
    return read_rejects(path) if path.exists() else None


def _report(files: RunFiles, note: RunNote | None) -> Report | None:
    """Return the report; None if nobody named a file, or the run has written none."""
    if files.report is not None:
        return read_report(files.report)
    if note is None or note.report_path is None:
        return None
    path = Path(note.report_path)
    return read_report(path) if path.exists() else None
