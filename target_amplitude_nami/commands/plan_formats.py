"""Writes a tracking plan as Markdown, or as the CSV files that Amplitude Data imports.

Source: Amplitude docs, ".CSV import and export" and ".CSV file schema reference". Its
newest edition writes the names of columns in lower case after the first word; they are
written here as in its earlier edition and in files that Amplitude exported. None of it
was tried in Amplitude.
"""

from __future__ import annotations

import csv
import io
import json
import re
import typing as t

import msgspec

from target_amplitude_nami.amplitude.checks import IDENTIFY
from target_amplitude_nami.pipeline.user_properties import PREFIX
from target_amplitude_nami.text import counted, printable

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from target_amplitude_nami.pipeline.plan.model import (
        PlannedEvent,
        PlannedProperty,
        TrackingPlan,
    )

_COLUMNS_OF_VALUES: t.Final = (
    "Property Description",
    "Property Value Type",
    "Property Required",
    "Property Visibility",
    "Property Is Array",
    "Enum Values",
    "Property Regex",
    "Const Value",
    "String Property Value Min Length",
    "String Property Value Max Length",
    "Number Is Integer",
    "Number Property Value Min",
    "Number Property Value Max",
    "Array Unique Items",
    "Array Min Items",
    "Array Max Items",
)
EVENT_COLUMNS: t.Final = (
    "Action",
    "Object Type",
    "Object Name",
    "Event Display Name",
    "Object Owner",
    "Object Description",
    "Event Category",
    "Tags",
    "Event Activity",
    "Event Hidden From Dropdowns",
    "Event Hidden From Persona Results",
    "Event Hidden From Pathfinder",
    "Event Hidden From Timeline",
    "Event Source",
    "Property Type",
    "Property Group Names",
    "Event Property Name",
    *_COLUMNS_OF_VALUES,
)
USER_COLUMNS: t.Final = (
    "Action",
    "Property Type",
    "Property Name",
    *_COLUMNS_OF_VALUES,
)
_EVENT_TYPE: t.Final = "event_type"
"""The field that the heading of an event shows."""
_VALUE_TYPES: t.Final = {
    "time": "string",
    "integer": "number",
    "array of string": "string",
    "array": "any",
    "object": "any",
}
"""The types of Amplitude's import; others have the same name there."""
_ARRAYS: t.Final = frozenset({"array", "array of string"})
_FORMULA: t.Final = ("=", "+", "-", "@")
"""How a cell begins that a spreadsheet calculates."""
_FORMULA_WITHIN: t.Final = re.compile(r"""(^|[\s,;|'"`])(?=[=+\-@])""")
"""Where one would begin, had the spreadsheet another separator."""


def as_json(plan: TrackingPlan) -> dict[str, t.Any]:
    """Return a plan for programs; docs/tools.md lists the keys."""
    found: dict[str, t.Any] = msgspec.to_builtins(plan)
    return found


# CSV


class CsvFiles(t.NamedTuple):
    """The two files of an import."""

    events: str
    user_properties: str
    left_out: tuple[str, ...]
    """Properties whose name is a formula to a spreadsheet."""


def as_csv(plan: TrackingPlan) -> CsvFiles:
    """Return a plan as Amplitude Data imports it.

    It has no place for examples, which therefore end the descriptions, nor for what is
    Amplitude's own: `$identify`, ids, time and revenue.
    """
    left_out: dict[str, None] = {}

    def safe(properties: Iterable[PlannedProperty]) -> Iterator[PlannedProperty]:
        for each in properties:
            if each.name.lstrip().startswith(_FORMULA):
                left_out[each.name] = None
            else:
                yield each

    events: list[dict[str, str]] = []
    for event in plan.events:
        if event.name == IDENTIFY:
            continue
        events.append(
            {
                "Object Type": "Event",
                "Object Name": event.name,
                "Object Description": event.description,
            }
        )
        events += [
            {
                "Property Type": "Event Property",
                "Event Property Name": each.name,
                **_values(each),
            }
            for each in safe(event.event_properties)
        ]
    users = [
        {"Property Type": "User Property", "Property Name": each.name, **_values(each)}
        for each in safe(plan.user_properties)
    ]
    return CsvFiles(
        _csv(EVENT_COLUMNS, events), _csv(USER_COLUMNS, users), tuple(left_out)
    )


def _values(planned: PlannedProperty) -> dict[str, str]:
    sentences = [planned.description]
    if planned.seen is not None:
        sentences.append(f"In the input: {_seen(planned)}.")
    if planned.example is not None:
        example = _FORMULA_WITHIN.sub(r"\1'", _example(planned.example))
        sentences.append(f"Example: {example}")
    return {
        "Property Description": " ".join(filter(None, sentences)),
        "Property Value Type": _VALUE_TYPES.get(planned.type, planned.type),
        "Property Required": "True" if planned.present == "always" else "",
        "Property Is Array": "True" if planned.type in _ARRAYS else "",
        "Number Is Integer": "True" if planned.type == "integer" else "",
        "Array Unique Items": "TRUE" if _has_no_repeats(planned) else "",
    }


def _has_no_repeats(planned: PlannedProperty) -> bool:
    is_of_user = planned.name.startswith(PREFIX) and planned.source == "nami"
    return is_of_user and planned.type in _ARRAYS


def _csv(columns: tuple[str, ...], rows: Iterable[dict[str, str]]) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


# Markdown


def as_markdown(plan: TrackingPlan) -> Iterator[str]:
    """Yield the lines of a plan for people."""
    yield "# Tracking plan"
    for note in plan.notes:
        yield from ("", note)
    if plan.left_out:
        left_out = counted(plan.left_out, "more property", "more properties")
        yield from ("", f"Not listed: {left_out} of the input.")
    yield from ("", "## User properties", "")
    yield from _table(plan.user_properties, "user property")
    common = _common_fields(plan.events)
    if common:
        yield from ("", "## Fields of every event", "")
        yield from _table(common, "field")
    for event in plan.events:
        yield from _event(event, common)


def _common_fields(events: tuple[PlannedEvent, ...]) -> tuple[PlannedProperty, ...]:
    """Return the fields that are the same in all events but `$identify`."""
    of_events = [event.fields for event in events if event.name != IDENTIFY]
    if not of_events:
        return ()
    return tuple(
        each
        for each in of_events[0]
        if all(each in fields for fields in of_events) and each.name != _EVENT_TYPE
    )


def _event(event: PlannedEvent, common: tuple[PlannedProperty, ...]) -> Iterator[str]:
    yield from ("", f"## {_code(event.name)}", "", event.description)
    if event.nami_events not in {(), (event.name,)}:
        yield f"From {' and '.join(map(_code, event.nami_events))} of Nami."
    if event.seen is not None:
        yield f"The input has {event.seen:,} of these."
    if event.sets_user_properties:
        yield "It sets the user properties."
    fields = tuple(
        each for each in event.fields if each not in common and each.name != _EVENT_TYPE
    )
    if fields:
        yield ""
        yield from _table(fields, "field")
    if event.event_properties:
        yield ""
        yield from _table(event.event_properties, "event property")


def _table(properties: tuple[PlannedProperty, ...], title: str) -> Iterator[str]:
    if not properties:
        yield "None."
        return
    has_seen = any(each.seen for each in properties)
    has_examples = any(each.example is not None for each in properties)
    columns = [title, "type", "present", "description"]
    columns += ["in the input"] * has_seen
    columns += ["example"] * has_examples
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * len(columns)}"
    for each in properties:
        cells = [_code(each.name), each.type, each.present, each.description]
        if has_seen:
            cells.append(_seen(each))
        if has_examples:
            missing = each.example is None
            cells.append("" if missing else _code(_example(each.example)))
        yield f"| {' | '.join(cells)} |"


def _seen(planned: PlannedProperty) -> str:
    """Return in how many events of the input a property is, and in which odd types."""
    if planned.seen is None:
        return ""
    text = counted(planned.seen.events, "event")
    if planned.unexpected_types:
        text += f", also as {' and '.join(planned.unexpected_types)}"
    return text


def _example(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return printable(text)


def _code(text: str) -> str:
    """Return a text as Markdown's code, in a table, too."""
    text = printable(text) or " "
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    space = " " if longest else ""
    return f"{fence}{space}{text.replace('|', chr(92) + '|')}{space}{fence}"
