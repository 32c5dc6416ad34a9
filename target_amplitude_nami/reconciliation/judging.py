"""Judges a comparison: what is wrong, and what else there is to know."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from target_amplitude_nami.amplitude.export_api import DELAY
from target_amplitude_nami.amplitude.hours import HOUR, hour_of, show
from target_amplitude_nami.reconciliation import result
from target_amplitude_nami.reconciliation.window import moment_of
from target_amplitude_nami.reconciliation.workspace import NEVER_DELIVERED
from target_amplitude_nami.text import counted

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from target_amplitude_nami.reconciliation.expectations import LeftOut
    from target_amplitude_nami.reconciliation.matching import Tally
    from target_amplitude_nami.reconciliation.window import Window
    from target_amplitude_nami.reconciliation.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is compared with Amplitude."""

    memory: str | None
    """The memory file, if there is one."""
    source: str | None
    """The input; None: the memory file is compared."""
    first_delivery: int | None
    """When the first event was delivered that the memory file knows, ms since 1970."""
    has_sandbox: bool
    """Whether the settings send to a sandbox's project, too."""


def judge(
    subject: Subject,
    window: Window,
    workspace: Workspace,
    tally: Tally,
    left_out: LeftOut,
) -> result.Result:
    """Return the result of a comparison.

    Nothing is clean unless something was compared, and everything that was asked for.

    Args:
        subject: What is compared.
        window: The hours.
        workspace: Both sides, sorted.
        tally: What the export has beside.
        left_out: What is not compared.
    """
    counts = result.counts_of(workspace)
    in_both = sum(count.in_both for count in counts)
    missing = sum(count.missing for count in counts)
    different = sum(count.different for count in counts)
    doubled = sum(count.doubled for count in counts)
    others = sum(count.only_in_amplitude for count in counts)
    standing = result.standing_counts(workspace)
    never = standing.get(NEVER_DELIVERED, 0)
    problems = [
        *_nothing(subject, window, in_both, missing),
        *_missing(in_both, missing),
        *_others(subject, others),
        *_too_new(window, left_out),
    ]
    if different:
        differ = "differs" if different == 1 else "differ"
        problems.append(f"{_events(different)} in Amplitude {differ} from the input.")
    if doubled:
        are = "is" if doubled == 1 else "are"
        problems.append(f"{_events(doubled)} {are} in Amplitude more than once.")
    if never:
        were = "was" if never == 1 else "were"
        problems.append(
            f"{_events(never)} of the input {were} never delivered, as far as the "
            f"memory file knows, and not compared: run the target with this input."
        )
    return result.Result(
        clean=not problems,
        problems=problems,
        notes=[
            *_note_on_what_is_not_known(subject, window),
            *_notes_on_input(left_out),
            *_notes_on_export(subject, tally, others),
            *_note_on_unknown_times(subject, window, missing),
            *_notes_on_projects(subject, left_out),
        ],
        start=show(window.span.start),
        end=show(window.span.end),
        compared_with=subject.source or subject.memory or "",
        compared=in_both + missing,
        in_both=in_both,
        missing=missing,
        only_in_amplitude=others,
        different=None if subject.source is None else different,
        doubled=doubled,
        foreign=tally.foreign,
        exported=tally.exported,
        not_compared={
            "identify_calls": left_out.identifies,
            "not_yet_exportable": left_out.not_yet_exportable,
            "delivered_in_other_hours": left_out.elsewhen,
            "never_delivered": never,
            "sandbox": left_out.sandbox,
            "rejected": left_out.rejected,
            "filtered": left_out.filtered,
            "held": left_out.held,
            "duplicate": left_out.duplicates,
            "in_amplitude_and_not_in_the_input": tally.known,
        },
        counts=counts,
        examples=result.examples(workspace),
    )


def _events(count: int) -> str:
    return counted(count, "event")


def _nothing(
    subject: Subject, window: Window, in_both: int, missing: int
) -> Iterator[str]:
    if in_both or missing:
        return
    if window.span.hours < 1:
        yield "Nothing was compared: none of these hours can be compared yet."
    elif subject.source is None:
        yield (
            f"Nothing was compared: {subject.memory} knows no event that was "
            f"delivered to this project in these hours."
        )
    elif subject.memory is None:
        yield "Nothing was compared: no record of the input becomes an event."
    else:
        yield (
            f"Nothing was compared: no event of the input was delivered in these "
            f"hours, as far as {subject.memory} knows."
        )


def _missing(in_both: int, missing: int) -> Iterator[str]:
    if not missing:
        return
    are = "is" if missing == 1 else "are"
    yield f"{_events(missing)} {are} missing in Amplitude."
    if not in_both:
        yield (
            "Amplitude has none of the events in these hours: check that the keys, "
            "`region` and the hours are those of the runs."
        )


def _others(subject: Subject, others: int) -> Iterator[str]:
    if others and subject.memory is not None:
        are = "is" if others == 1 else "are"
        yield (
            f"{_events(others)} {are} only in Amplitude: something else sends these "
            f"event types to the project, or the memory file is not the runs' own."
        )


def _too_new(window: Window, left_out: LeftOut) -> Iterator[str]:
    count = left_out.not_yet_exportable
    if count:
        were = "was" if count == 1 else "were"
        yield (
            f"{_events(count)} {were} delivered after {show(window.span.end)}, in "
            f"hours that cannot be compared yet: Amplitude exports an hour "
            f"{DELAY // HOUR} hours after its end, and the one after it is needed, too."
        )
    elif window.left_out is not None and window.span.hours >= 1:
        yield f"Not compared, as Amplitude has to export it first: {window.left_out}."


def _note_on_what_is_not_known(subject: Subject, window: Window) -> Iterator[str]:
    first = subject.first_delivery
    if subject.source is None and first is not None:
        hour = hour_of(moment_of(first))
        if window.span.start < hour:
            yield f"{subject.memory} knows no delivery before {show(hour)}."


def _notes_on_input(left_out: LeftOut) -> Iterator[str]:
    reasons: Sequence[tuple[int, str]] = (
        (left_out.rejected, "rejected"),
        (left_out.filtered, "filtered"),
        (left_out.held, "held"),
        (left_out.duplicates, "duplicates of others"),
    )
    parts = [f"{count:,} {reason}" for count, reason in reasons if count]
    if parts:
        yield f"Records of the input that no run would send: {', '.join(parts)}."
    if left_out.elsewhen:
        were = "was" if left_out.elsewhen == 1 else "were"
        yield (
            f"{_events(left_out.elsewhen)} of the input {were} delivered in other "
            f"hours, and not compared."
        )


def _notes_on_export(subject: Subject, tally: Tally, others: int) -> Iterator[str]:
    if tally.foreign:
        yield f"{_events(tally.foreign)} of other sources in Amplitude."
    if others and subject.memory is None:
        are = "is" if others == 1 else "are"
        yield f"{_events(others)} of these event types {are} only in Amplitude."
    if tally.known and subject.source is not None:
        are = "is" if tally.known == 1 else "are"
        yield (
            f"{_events(tally.known)} in Amplitude {are} known to the memory file and "
            f"not in the input."
        )
    if tally.unnamed:
        were = "was" if tally.unnamed == 1 else "were"
        yield (
            f"{_events(tally.unnamed)} {were} sent before the user had an External ID."
        )


def _note_on_unknown_times(
    subject: Subject, window: Window, missing: int
) -> Iterator[str]:
    if missing and subject.memory is None:
        yield (
            f"Without a memory file it is not known when events were delivered: those "
            f"before {show(window.span.start)} and after {show(window.span.end)} count "
            f"as missing, too."
        )


def _notes_on_projects(subject: Subject, left_out: LeftOut) -> Iterator[str]:
    if left_out.identifies:
        are = "is" if left_out.identifies == 1 else "are"
        calls = counted(left_out.identifies, "`$identify` call")
        yield f"{calls} {are} not compared: exports do not contain them."
    if subject.has_sandbox:
        yield (
            "The project of `sandbox_api_key` is not compared: its secret key is not "
            "among the settings."
        )
