"""Explains one record: puts together what was seen of it and what experiments show."""

from __future__ import annotations

import fnmatch
import typing as t

import msgspec

from target_amplitude_nami import jsontext
from target_amplitude_nami.amplitude import limits
from target_amplitude_nami.amplitude.checks import Checks
from target_amplitude_nami.errors import UnreadableRecord
from target_amplitude_nami.explanation import decisions, facts
from target_amplitude_nami.explanation.advice import advice_for
from target_amplitude_nami.explanation.found import found_in
from target_amplitude_nami.explanation.model import (
    Decision,
    Explanation,
    Field,
    Reject,
    Source,
)
from target_amplitude_nami.explanation.paths import shown
from target_amplitude_nami.explanation.provenance import (
    Builder,
    effects_of_record,
    fields_of,
    paths_of,
    sources_of,
    text_of,
)
from target_amplitude_nami.explanation.shape import shape_of
from target_amplitude_nami.nami.model import NamiEvent
from target_amplitude_nami.outcomes import Refusal

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from target_amplitude_nami.explanation.case import Case, Seen
    from target_amplitude_nami.explanation.tracing import Effects

_SKIP: t.Final = "$skip_user_properties_sync"


class EarlierReject(t.Protocol):
    """What a rejects file says beside a record."""

    @property
    def reason(self) -> str:
        """The code of the reason."""

    @property
    def field(self) -> str:
        """What it concerns."""

    @property
    def detail(self) -> str:
        """The reason for people."""

    @property
    def status(self) -> int | None:
        """The HTTP status, where Amplitude gave one."""

    @property
    def at(self) -> str | None:
        """When it was rejected."""


class Place(t.NamedTuple):
    """Where a record was read from."""

    source: str
    """What the input is called."""
    line: int
    batch_record: int
    """Which of the records in its files, where the line is a BATCH message; else 0."""
    stream: str
    more: int = 0
    """How many more records the stream maps make of the line."""


def explain(
    case: Case | None,
    seen: Seen,
    *,
    place: Place,
    earlier: EarlierReject | None = None,
    text: str = "",
) -> Explanation:
    """Return the whole way of a record.

    Args:
        case: The record, and what is known when it is its turn; None for a line that
            holds no record.
        seen: What a rehearsal showed of it.
        place: Where it was read from.
        earlier: Why it stands in the rejects file that it was read from.
        text: The line itself, where it holds no record.
    """
    record = {} if case is None else case.record
    explanation = Explanation(
        input=place.source,
        line=place.line,
        batch_record=place.batch_record or None,
        stream=place.stream,
        outcome=seen.outcome,
        reason=seen.reason,
        advice=advice_for(seen.outcome, seen.reason),
        earlier=None if earlier is None else _reject_of(earlier, record, text),
        reject=None if seen.refusal is None else _reject_of(seen.refusal, record, text),
        project=seen.project,
    )
    if case is None:
        return explanation
    effects = effects_of_record(case)
    nami, event_type = case.nami, _event_type(case)
    explanation = msgspec.structs.replace(
        explanation,
        event_type=event_type,
        event_id=nami.event_id if isinstance(nami, NamiEvent) else None,
        shape=shape_of(case.record, nami, effects, case.separator, case.deleted_by),
        filter=tuple(_filter(case, event_type)),
        notes=tuple(_notes(case, seen, place)),
    )
    if nami is None:
        return explanation
    return _with_event(explanation, case, seen, effects)


def _with_event(
    explanation: Explanation, case: Case, seen: Seen, effects: Effects
) -> Explanation:
    nami = case.nami
    assert nami is not None  # noqa: S101 - the caller has made sure
    if not all(decision.passed for decision in explanation.filter):
        return explanation
    devices = effects.sources("device_id")
    identity = decisions.identity_of(case, shown(devices[0]) if devices else None)
    freshness = tuple(decisions.freshness_of(case))
    checks, body = _checks(case, seen)
    event = body or seen.body
    fields: tuple[Field, ...] = ()
    if event is not None:
        fields = fields_of(_facts_of_body(event), case, effects, _field_notes(case))
    return msgspec.structs.replace(
        explanation,
        reject=_with_sources(explanation.reject, case, effects),
        identity=identity,
        freshness=freshness,
        checks=checks,
        fields=fields,
        event=None if event is None else event.decode(),
    )


def _with_sources(reject: Reject | None, case: Case, effects: Effects) -> Reject | None:
    """Return a reject for a field of the event with where in the record that is."""
    paths = [] if reject is None else paths_of(reject.field, effects)
    if reject is None or not paths:
        return reject
    return msgspec.structs.replace(reject, found=sources_of(case.record, paths))


def _reject_of(
    refusal: Refusal | EarlierReject, record: Mapping[str, t.Any], text: str
) -> Reject:
    """Return why a record is rejected, with what it has in the field."""
    found = found_in(record, refusal.field)
    if text:
        found = (Source("the line", text_of(text, cut=True)),)
    return Reject(
        refusal.reason,
        refusal.field,
        refusal.detail,
        found,
        advice_for("rejected", refusal.reason),
        refusal.status,
        None if isinstance(refusal, Refusal) else refusal.at,
    )


def _facts_of_body(body: bytes) -> dict[str, t.Any]:
    event = jsontext.decode(body)
    return facts.flat(event, event)


def _event_type(case: Case) -> str | None:
    if isinstance(case.nami, NamiEvent):
        return case.nami.event_type
    return None if case.unreadable is None else case.unreadable.event_type


def _filter(case: Case, event_type: str | None) -> Iterator[Decision]:
    if case.deleted_by is not None:
        value = text_of(case.record[case.deleted_by], cut=True)
        what = f"the row is deleted at its source: {case.deleted_by} = {value}"
        yield Decision(passed=False, what=what)
    elif case.nami is not None:
        yield from decisions.filter_decisions(case.nami, case.settings)
    elif event_type is not None:
        yield decisions.choice_of(event_type, case.settings)


def _checks(case: Case, seen: Seen) -> tuple[tuple[Decision, ...], bytes | None]:
    """Return the checks made of an event, and its bytes where these are valid."""
    assert case.nami is not None  # noqa: S101 - the caller has made sure
    event = Builder(case).event_of(case.nami, case.known)
    if event is None:
        return (), None
    settings = case.settings
    checks = Checks(
        min_id_length=settings.min_id_length, max_event_bytes=settings.event_bytes - 1
    )
    try:
        found = checks.encode(event)
    except UnreadableRecord as error:
        found = Refusal(error.reason, error.field, error.detail)
    if isinstance(found, Refusal):
        return (Decision(passed=False, what=found.detail),), None
    body = seen.body or found
    return tuple(_passed(body, settings.event_bytes - 1, checks.texts_cut, case)), body


def _passed(body: bytes, most: int, cut: int, case: Case) -> Iterator[Decision]:
    least = case.settings.min_id_length or limits.MIN_ID_LENGTH
    for what in (
        f"its ids have {least} characters or more, and none is forbidden",
        "its name is not one of Amplitude's own",
        "its time is between the years 2000 and 2100",
        f"nothing is nested more than {limits.MAX_NESTING} layers deep",
        "all numbers are finite",
        f"it has {len(body):,} bytes, of {most:,} at most",
    ):
        yield Decision(passed=True, what=what)
    if cut:
        yield Decision(
            passed=True,
            what=f"texts cut to {limits.MAX_TEXT_CHARACTERS:,} characters: {cut}",
        )


def _field_notes(case: Case) -> dict[str, str]:
    settings, nami = case.settings, case.nami
    notes: dict[str, str] = {}
    if isinstance(nami, NamiEvent):
        by = []
        if dict(settings.event_names).get(nami.event_type):
            by.append("`event_names`")
        if settings.event_prefix:
            by.append("`event_prefix`")
        if by:
            notes["event_type"] = f"named by {' and '.join(by)}"
        if settings.backfill:
            notes[_SKIP] = "`backfill` is on"
        else:
            notes[_SKIP] = "newer state of the user was seen before; see freshness"
    else:
        notes["event_type"] = "what Amplitude calls an update of a user"
    if not isinstance(nami, NamiEvent) or nami.event_id is None:
        notes["insert_id"] = "a hash, as the record has no event id"
    return notes


def _notes(case: Case, seen: Seen, place: Place) -> Iterator[str]:
    if place.more:
        yield (
            "The stream maps make several records of this one; this is the first of "
            f"{place.more + 1}."
        )
    if seen.outcome == "duplicate" and case.origins.first:
        yield f"Amplitude has the event already, from {case.origins.first}."
    nami, excluded = case.nami, case.settings.exclude_properties
    if excluded and isinstance(nami, NamiEvent):
        names = [
            name
            for name in nami.properties
            if any(fnmatch.fnmatchcase(name, pattern) for pattern in excluded)
        ]
        if names:
            yield f"`exclude_properties` leaves out {', '.join(names)}."
