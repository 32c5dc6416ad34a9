"""Finds the webhook that a column of a landing table holds whole."""

from __future__ import annotations

import typing as t

from target_amplitude_nami.errors import UnreadableRecord
from target_amplitude_nami.nami import catalogue, values
from target_amplitude_nami.nami.fields import FIELDS
from target_amplitude_nami.nami.lost_webhooks import (
    expect_no_lost_webhook,
    is_namis_type,
    object_in,
)
from target_amplitude_nami.nami.state import READY_MADE_COLUMNS
from target_amplitude_nami.nami.wrappers import without_types

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from target_amplitude_nami.nami.columns import Columns

USUAL_COLUMNS: t.Final = (
    "payload",
    "body",
    "data",
    "event",
    "message",
    "document",
    "webhook",
    "_airbyte_data",
    "record",
    "value",
    "json",
    "raw",
    "content",
    "request_body",
    "raw_payload",
)
"""Where landing tables, queues and document stores keep a body, likeliest first."""

_BESIDE: t.Final = (
    "user_id",
    "external_id",
    "external_ids",
    "device_id",
    "devices",
    "active_entitlements",
    "customer_journey_state",
    "created_date",
    *sorted(READY_MADE_COLUMNS),
)
"""Columns that count where the payload lacks them; `event_id` is there for its `id`,
but the row's own `id` is a key of the table."""

_MOST_LAYERS: t.Final = 3
"""How deep a payload may lie in other objects, such as Airbyte's and Kafka's."""

_Fields: t.TypeAlias = dict[str, t.Any]


class Payloads:
    """Finds the webhook in the records of one stream, and remembers where it is."""

    def __init__(self, columns: Columns, *, is_expected: bool, remembers: bool) -> None:
        """Initialise with the columns of the stream, which arrange a body's fields.

        Args:
            columns: Of the stream.
            is_expected: Whether the settings say that the stream holds events.
            remembers: Whether a column that held a webhook should hold one in the
                records that follow, too.
        """
        self._remembers = remembers
        self._columns = columns
        self._is_expected = is_expected
        self._column: str | None = None
        """The column that held an event of Nami's before."""

    def event_in(self, fields: _Fields) -> _Fields | None:
        """Return the webhook that a record without an event type holds, if it does.

        Args:
            fields: The record's own.

        Returns:
            The webhook's fields, completed from the columns beside it.

        Raises:
            UnreadableRecord: When several columns hold different events
                (`not_understood`).
        """
        found = self._events_in(fields)
        if not found:
            return None
        usual = [name for name in (self._column, *USUAL_COLUMNS) if name in found]
        column = str(usual[0]) if usual else next(iter(found))
        body = found[column]
        if len(found) > 1 and any(other != body for other in found.values()):
            raise UnreadableRecord(
                "not_understood",
                column,
                f"the columns {', '.join(found)} hold different events: leave all but "
                f"one out of the stream",
            )
        if self._remembers and (self._is_expected or _has_namis_type(body)):
            self._column = column
        return self.beside(body, fields)

    def event_beside(self, event_type: str, fields: _Fields) -> _Fields | None:
        """Return the webhook that a record with an event type of its own holds, too.

        Landing tables give fields of the webhook columns of their own, to be sorted and
        searched by. What holds an event of another type is a property.

        Args:
            event_type: The record's own, which may also be a word for all webhooks.
            fields: The record's own.

        Raises:
            UnreadableRecord: When several columns hold different events.
        """
        event_type = values.trimmed(event_type)
        held = {
            name: fields[name]
            for name in USUAL_COLUMNS
            if isinstance(fields.get(name), dict | str)
        }
        for body in self._events_in(held).values():
            own_type = body["event_type"]
            is_same = (
                isinstance(own_type, str) and values.trimmed(own_type) == event_type
            )
            is_whole = not {"id", "created_date"}.isdisjoint(body)
            if not (is_whole and _is_namis(own_type)):
                continue
            if is_same or not _is_namis(event_type):
                return self.beside(body, fields)
        return None

    def objects_in(self, fields: _Fields) -> Iterator[_Fields]:
        """Yield the objects in the usual columns of a record, each completed.

        Those in usual columns of such an object follow it: Kafka has envelopes in them.
        """
        return self._objects_in(fields, _MOST_LAYERS)

    def _objects_in(self, fields: _Fields, layers: int) -> Iterator[_Fields]:
        for column in USUAL_COLUMNS:
            body = object_in(fields.get(column))
            if body:
                arranged = self._arranged(body)
                yield self.beside(arranged, fields)
                if layers:
                    yield from self._objects_in(arranged, layers - 1)

    def holds_another_object(self, fields: _Fields, names: Iterable[str]) -> bool:
        """Return whether the column for the webhook holds another object instead.

        Args:
            fields: The record's.
            names: The names of all its columns, also of those that are null.

        Raises:
            UnreadableRecord: When that column is null (`payload_missing`) or opens
                to no object (`not_json`, `not_an_object`), or when any column has text
                that is plainly a webhook of Nami's and cannot be opened.
        """
        column = self._column
        if column is None and self._is_expected:
            there = set(names)
            column = next((name for name in USUAL_COLUMNS if name in there), None)
        if column is None:
            for name, value in fields.items():
                if name not in FIELDS:
                    expect_no_lost_webhook(value, name)
            return False
        self._expect_object(fields.get(column), column)
        return True

    def beside(self, body: _Fields, columns: Mapping[str, t.Any]) -> _Fields:
        """Return a webhook's body, completed from the columns beside it."""
        if values.is_blank(body.get("id")) and columns.get("event_id") is not None:
            body["id"] = columns["event_id"]
        for name in _BESIDE:
            if values.is_blank(body.get(name)) and columns.get(name) is not None:
                body[name] = columns[name]
        return body

    def _events_in(self, fields: _Fields) -> dict[str, _Fields]:
        """Return the events that columns hold, by column."""
        found: dict[str, _Fields] = {}
        for name, value in fields.items():
            if isinstance(value, dict | str) and name not in FIELDS:
                body = self._event_in(value, name, _MOST_LAYERS)
                if body is not None:
                    found[name] = body
        return found

    def _event_in(self, value: object, column: str, layers: int) -> _Fields | None:
        """Return the fields of the event that a value holds, if it does.

        Raises:
            UnreadableRecord: When it holds several that differ, such as a row
                before and after its change (`not_understood`).
        """
        opened = object_in(value)
        if not opened or {*map(type, opened)} != {str}:
            return None
        body = self._arranged(opened)
        if body.get("event_type") is not None:
            return body
        found: dict[str, _Fields] = {}
        if layers:
            for name, inner in body.items():
                if isinstance(inner, dict | str):
                    event = self._event_in(inner, column, layers - 1)
                    if event is not None:
                        found[name] = event
        if not found:
            return None
        first, *others = found.values()
        if any(other != first for other in others):
            raise UnreadableRecord(
                "not_understood",
                column,
                f"{', '.join(found)} in the column {column} hold different events: "
                f"leave all but one out of it",
            )
        return self.beside(first, body)

    def _arranged(self, opened: _Fields) -> _Fields:
        return without_types(self._columns.arrange(opened))

    @staticmethod
    def _expect_object(value: object, column: str) -> None:
        """Make sure that the column that should hold a webhook holds an object."""
        if values.is_blank(value):
            raise UnreadableRecord(
                "payload_missing",
                column,
                f"the column {column}, which holds the webhook, is null or empty",
            )
        expect_no_lost_webhook(value, column)
        if object_in(value) is None:
            if isinstance(value, str):
                values.json_text(value, column)
            raise UnreadableRecord(
                "not_an_object",
                column,
                f"the column {column}, which holds the webhook, is "
                f"{values.shown(value)} and should be an object",
            )


def _has_namis_type(body: _Fields) -> bool:
    """Return whether an event is Nami's: others say nothing of its columns.

    A log of push messages may have an `event_type`, too, and rows that have none.
    """
    event_type = body.get("event_type")
    return isinstance(event_type, str) and is_namis_type(event_type)


def _is_namis(event_type: object) -> bool:
    """Return whether a value is a type of event as Nami names them."""
    return (
        isinstance(event_type, str)
        and catalogue.problem_with(values.trimmed(event_type)) is None
    )
