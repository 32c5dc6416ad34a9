"""Findings about the run that sent the events: its report and its rejects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_amplitude_nami.local.queries.findings.finding import (
    Finding,
    Good,
    Severity,
    percent,
    quoted,
    section,
    verb,
)
from target_amplitude_nami.local.queries.findings.rejects import (
    RejectReason,
    Rejects,
)
from target_amplitude_nami.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_amplitude_nami.local.queries.findings.evidence import Evidence
    from target_amplitude_nami.local.queries.findings.report import Report, RunReport

_MANY_REJECTS = 0.05
_ODD_IDS = {
    "external_id_of_several_users": (
        "External ID of several Nami users",
        "External IDs of several Nami users each",
    ),
    "device_of_several_users": (
        "device of several Nami users",
        "devices of several Nami users each",
    ),
    "user_with_several_external_ids": (
        "Nami user with several External IDs",
        "Nami users with several External IDs each",
    ),
}
"""What the report calls ids that do not fit together, in words."""
_REJECTS = section("rejects")
_REPORT = section("report")


def about_run(evidence: Evidence) -> Iterator[Finding | Good]:
    """Yield what there is to say about the files of a run."""
    yield from _about_rejects(evidence)
    if evidence.report is not None:
        yield from _about_report(evidence.report)


def _about_rejects(evidence: Evidence) -> Iterator[Finding | Good]:
    rejects = evidence.rejects
    if rejects is None:
        yield from _rejected_by_report(evidence.report)
    elif rejects.problem is not None:
        yield _unreadable("rejects", rejects.path, rejects.problem, _REJECTS)
    elif not rejects.count:
        yield Good("no_rejects", "No record is in the rejects file.")
    else:
        run = evidence.report.run if evidence.report else None
        yield _rejected(rejects, run)


def _rejected_by_report(report: Report | None) -> Iterator[Finding | Good]:
    """Yield what the report alone says about rejects."""
    if report is None or report.run is None:
        return
    if not report.run.rejected:
        yield Good("no_rejects", "The run rejected no record.")
        return
    reasons = [
        RejectReason(reason=reason, count=count)
        for reason, count in report.run.rejected_by_reason.items()
    ]
    yield _rejected(Rejects("", report.run.rejected, reasons), report.run)


def _rejected(rejects: Rejects, run: RunReport | None) -> Finding:
    count = rejects.count
    # The file may hold the rejects of several runs.
    read = run.read if run is not None and run.rejected == count else None
    share = f", {percent(count, read).lower()} of those read" if read else ""
    reasons = [f"{each.reason} ({each.count:,})" for each in rejects.reasons]
    more = "" if rejects.is_complete else " in the first 64 MB of the file"
    return Finding(
        key="records_rejected",
        severity=(
            Severity.PROBLEM
            if read and count / read >= _MANY_REJECTS
            else Severity.WARNING
        ),
        text=(
            f"{counted(count, 'record was', 'records were')} rejected and "
            f"{verb(count, 'is', 'are')} not in Amplitude{more}{share}: "
            f"{quoted(reasons)}."
        ),
        advice=(
            "`amplitude-nami explain --input` with the rejects file shows for each "
            "what is wrong; `amplitude-nami retry` delivers them once the cause is "
            "gone. `max_rejected` ends a run that rejects too many."
        ),
        count=count,
        of=read,
        evidence=_REJECTS,
    )


def _about_report(report: Report) -> Iterator[Finding | Good]:
    if report.problem is not None:
        yield _unreadable("report", report.path, report.problem, _REPORT)
    if report.run is None:
        return
    run = report.run
    found = [*_unfinished(run), *_unbalanced(run)]
    yield from found
    yield from _waiting(run)
    yield from _not_understood(run)
    yield from _conflicting_ids(run)
    yield from _ids_that_do_not_fit(run)
    yield from _cut(run)
    if not found:
        yield Good(
            "report_adds_up",
            f"The run ended, and the report accounts for "
            f"{counted(run.read, 'record', 'records')} read.",
        )


def _unfinished(run: RunReport) -> Iterator[Finding]:
    if run.outcome != "complete":
        yield Finding(
            key="run_not_complete",
            severity=Severity.PROBLEM,
            text=(
                f"The report says that the run did not end as it should: "
                f"`{run.outcome}`, with {counted(run.open, 'record')} still open. What "
                f"is missing here, the next run sends."
            ),
            advice="The log of the run says why. Run it again.",
            count=run.open,
            of=run.read or None,
            evidence=_REPORT,
        )


def _unbalanced(run: RunReport) -> Iterator[Finding]:
    lost = run.read - run.settled - run.open
    if lost:
        yield Finding(
            key="report_does_not_add_up",
            severity=Severity.PROBLEM,
            text=(
                f"{counted(run.read, 'record was', 'records were')} read, but the "
                f"report accounts for {run.settled + run.open:,}."
            ),
            advice="This is a bug of the target: please report it with the report.",
            count=abs(lost),
            of=run.read or None,
            evidence=_REPORT,
        )


def _waiting(run: RunReport) -> Iterator[Finding]:
    if run.waiting:
        yield Finding(
            key="records_waiting",
            severity=Severity.NOTE,
            text=(
                f"{counted(run.waiting, 'record waits', 'records wait')} for the "
                f"External ID of {verb(run.waiting, 'its', 'their')} user and "
                f"{verb(run.waiting, 'is', 'are')} not in Amplitude yet."
            ),
            advice=(
                "This is what `anonymous_users` set to `hold` does. They are sent when "
                "a record names the External ID; people who never log in wait for ever."
            ),
            count=run.waiting,
            evidence=_REPORT,
        )


def _not_understood(run: RunReport) -> Iterator[Finding]:
    names = list(run.columns_not_understood)
    if names:
        yield Finding(
            key="columns_not_understood",
            severity=Severity.WARNING,
            text=(
                f"{quoted(names)} {verb(len(names), 'looks', 'look')} like "
                f"{verb(len(names), 'a column', 'columns')} of Nami's, but could not "
                f"be understood: what {verb(len(names), 'it says', 'they say')} of a "
                f"user is not in Amplitude."
            ),
            advice="docs/input.md lists the columns and their spellings.",
            count=max(run.columns_not_understood.values()),
            of=run.read or None,
            evidence=_REPORT,
        )


def _conflicting_ids(run: RunReport) -> Iterator[Finding]:
    if run.id_conflict:
        yield Finding(
            key="id_conflicts",
            severity=Severity.WARNING,
            text=(
                f"{counted(run.id_conflict, 'record has', 'records have')} the id and "
                f"device of another event, but another type or time: Amplitude keeps "
                f"one of the two."
            ),
            advice="Look at the ids in the source: each event needs one of its own.",
            count=run.id_conflict,
            of=run.read or None,
            evidence=_REPORT,
        )


def _ids_that_do_not_fit(run: RunReport) -> Iterator[Finding]:
    if run.odd_ids:
        count = sum(run.odd_ids.values())
        kinds = [
            counted(number, *_ODD_IDS.get(kind, (kind, kind)))
            for kind, number in run.odd_ids.items()
        ]
        yield Finding(
            key="odd_ids",
            severity=Severity.WARNING,
            text=(f"Records name ids that do not fit together: {', '.join(kinds)}."),
            advice=(
                "The report names some under `named_odd_ids`, also those of records "
                "that were not sent. Families and testers share devices; otherwise "
                "look at the ids in the source."
            ),
            count=count,
            evidence=_REPORT,
        )


def _cut(run: RunReport) -> Iterator[Finding]:
    if run.texts_cut:
        yield Finding(
            key="texts_cut",
            severity=Severity.NOTE,
            text=(
                f"{counted(run.texts_cut, 'text was', 'texts were')} longer than the "
                f"1,024 characters that Amplitude keeps, and "
                f"{verb(run.texts_cut, 'was', 'were')} cut."
            ),
            advice="Leave out what nobody needs with `exclude_properties`.",
            count=run.texts_cut,
            evidence=_REPORT,
        )


def _unreadable(what: str, path: str, problem: str, evidence: str) -> Finding:
    return Finding(
        key=f"{what}_unreadable",
        severity=Severity.WARNING,
        text=f"`{path}` cannot be read as the {what} of a run: {problem}.",
        advice=f"Give the file with `--{what}`, or make it readable.",
        count=1,
        evidence=evidence,
    )
