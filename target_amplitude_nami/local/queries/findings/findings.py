"""Draws the findings from the evidence, the worst first."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from target_amplitude_nami.local.queries.findings.about_completeness import (
    about_completeness,
)
from target_amplitude_nami.local.queries.findings.about_events import (
    about_order,
    about_properties,
    about_traffic,
    about_types,
)
from target_amplitude_nami.local.queries.findings.about_identity import about_identity
from target_amplitude_nami.local.queries.findings.about_money import about_money
from target_amplitude_nami.local.queries.findings.about_run import about_run
from target_amplitude_nami.local.queries.findings.evidence import gather
from target_amplitude_nami.local.queries.findings.finding import (
    RANKS,
    Finding,
    Findings,
    Good,
    Severity,
    as_json,
)
from target_amplitude_nami.local.queries.findings.properties import properties

if TYPE_CHECKING:
    import sqlite3

    from target_amplitude_nami.local.queries.findings.evidence import Gathered
    from target_amplitude_nami.local.run_note import RunFiles


def find(connection: sqlite3.Connection, files: RunFiles) -> Findings:
    """Return what is wrong or worth knowing, and what was found good.

    Args:
        connection: The file, in a transaction.
        files: The report and the rejects of a run, if they were given.
    """
    return findings_of(gather(connection, files))


def findings_of(gathered: Gathered) -> Findings:
    """Draw the findings from the evidence: the worst first, then the largest share."""
    evidence = gathered.evidence
    found = list(
        chain(
            about_identity(evidence),
            about_completeness(evidence),
            about_order(evidence),
            about_types(evidence),
            about_traffic(evidence),
            about_properties(gathered.types),
            about_money(evidence),
            about_run(evidence),
        )
    )
    if not evidence.events:
        found.append(_nothing())
    findings = [each for each in found if isinstance(each, Finding)]
    findings.sort(key=lambda each: (RANKS[each.severity], -(each.share or 0)))
    return Findings(findings, [each for each in found if isinstance(each, Good)])


def trust(connection: sqlite3.Connection, files: RunFiles) -> dict[str, object]:
    """Return the findings and all their evidence, as the page shows them."""
    gathered = gather(connection, files)
    return {
        **as_json(findings_of(gathered)),
        "evidence": gathered.evidence,
        "properties": properties(connection, gathered.types),
    }


def _nothing() -> Finding:
    return Finding(
        key="no_events",
        severity=Severity.PROBLEM,
        text="No event has arrived: there is nothing to trust yet.",
        advice=(
            "Run the target with `endpoint: local`, or send to the address that "
            "`amplitude-nami local` prints."
        ),
        count=0,
        evidence="#/live",
    )
