"""Writes an explanation for people: plain lines, every character of them visible."""

from __future__ import annotations

import typing as t

from target_amplitude_nami.text import counted, printable

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from target_amplitude_nami.explanation.model import (
        Decision,
        Explanation,
        Field,
        Identity,
        Reject,
        Shape,
    )

_LONGEST_VALUE: t.Final = 100
_MOST_SOURCES: t.Final = 4
_MOST_NAMES: t.Final = 12
_OUTCOMES: t.Final = {
    "sent": "It is sent to Amplitude",
    "duplicate": "It is not sent: Amplitude has this event already",
    "filtered": "It is left out",
    "held": "It waits until its user has an External ID",
    "rejected": "It is rejected",
}
_KINDS: t.Final = {
    "event": "an event of Nami",
    "user": "a user record of Nami",
    "other": "nothing that can be read as an event or a user of Nami",
}


def lines_of(explanation: Explanation) -> Iterator[str]:
    """Yield an explanation as lines of text."""
    for line in _lines(explanation):
        yield printable(line)


def _lines(explanation: Explanation) -> Iterator[str]:
    yield _heading(explanation)
    if explanation.earlier is not None:
        yield from _section("In the rejects file", _reject(explanation.earlier))
    yield from _section("Outcome", _outcome(explanation))
    if explanation.shape is not None:
        yield from _section("Shape", _shape(explanation, explanation.shape))
    yield from _section("Filter", map(_decision, explanation.filter))
    if explanation.identity is not None:
        yield from _section("Identity", _identity(explanation.identity))
    yield from _section("Freshness", iter(explanation.freshness))
    yield from _section("Checks", map(_decision, explanation.checks))
    yield from _section("Fields of the event", _fields(explanation.fields))
    if explanation.event is not None:
        what = "sent" if explanation.outcome == "sent" else "it would be sent"
        count = counted(len(explanation.event.encode()), "byte")
        yield from _section(f"Event as {what} ({count})", iter([explanation.event]))


def _section(title: str, lines: Iterator[str]) -> Iterator[str]:
    found = list(lines)
    if found:
        yield ""
        yield title
        for line in found:
            yield f"  {line}"


def _heading(explanation: Explanation) -> str:
    is_user = explanation.shape is not None and explanation.shape.kind == "user"
    what = explanation.event_type or ("a user record" if is_user else "a record")
    if explanation.event_id:
        what += f" {explanation.event_id}"
    place = f"line {explanation.line:,}"
    if explanation.batch_record is not None:
        place += f", record {explanation.batch_record:,} of its BATCH files"
    return f"{explanation.input}, {place}: {what} (stream {explanation.stream})"


def _outcome(explanation: Explanation) -> Iterator[str]:
    text = _OUTCOMES[explanation.outcome]
    if explanation.project == "sandbox":
        text += ", to the project of `sandbox_api_key`"
    earlier, reject = explanation.earlier, explanation.reject
    if reject is None or earlier is None or reject.reason != earlier.reason:
        if explanation.outcome in {"filtered", "rejected"}:
            text += f" ({explanation.reason})"
        yield f"{text}."
        if reject is not None:
            yield from _reject(reject)
        elif explanation.advice:
            yield f"what to change: {explanation.advice}"
    else:
        yield f"{text}, still for this reason ({explanation.reason})."
    yield from explanation.notes


def _reject(reject: Reject) -> Iterator[str]:
    if reject.at:
        yield f"rejected at {reject.at}: {reject.reason}"
    else:
        yield f"reason: {reject.reason}"
    if reject.status:
        yield f"Amplitude's answer: HTTP {reject.status}"
    if reject.field:
        yield f"field: {reject.field}"
    yield f"why: {reject.detail}"
    for source in reject.found:
        yield f"found: {source.path} = {source.value}"
    if reject.field and not reject.found:
        yield f"found: nothing in {reject.field}"
    yield f"what to change: {reject.advice}"


def _shape(explanation: Explanation, shape: Shape) -> Iterator[str]:
    if shape.kind == "other" and explanation.event_type:
        yield "an event of Nami that cannot be read as it is"
    else:
        yield _KINDS[shape.kind]
    if shape.kind != "other" and not shape.forms:
        yield "as Nami sends it"
    yield from shape.forms
    if shape.unused:
        names = ", ".join(shape.unused[:_MOST_NAMES])
        more = len(shape.unused) - _MOST_NAMES
        yield f"without effect: {names}{f' and {more:,} more' if more > 0 else ''}"


def _decision(decision: Decision) -> str:
    return f"{'✓' if decision.passed else '✗'} {decision.what}"


def _identity(identity: Identity) -> Iterator[str]:
    if identity.user_id is not None:
        yield f"user_id = {identity.user_id}"
    if identity.device_id is not None:
        yield f"device_id = {identity.device_id}"
    yield from identity.why


def _fields(fields: tuple[Field, ...]) -> Iterator[str]:
    for field in fields:
        beginning = f"{field.name} = {_cut(field.value)}"
        if field.how in {"copied", "renamed"}:
            beginning += f" ← {field.sources[0].path}"
        yield beginning
        if field.how == "derived":
            yield from _sources(field)
        elif field.how == "known":
            yield "    ← earlier records of the user"
        if field.note:
            yield f"    {field.note}"


def _sources(field: Field) -> Iterator[str]:
    for source in field.sources[:_MOST_SOURCES]:
        yield f"    ← {source.path} = {_cut(source.value)}"
    more = len(field.sources) - _MOST_SOURCES
    if more > 0:
        yield f"    ← {counted(more, 'more part')} of the record"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
