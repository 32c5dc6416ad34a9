"""Turns a record of any input shape into a `NamiEvent` or a `NamiUser`.

The shapes: nested objects, JSON text in columns, `a__b` columns, UPPER CASE columns,
the whole webhook in one column, ready-made `namiml_*` columns, the wrappers of file
formats (`containers`), and any mix. All shapes of one record give the same `NamiEvent`.
"""

from __future__ import annotations

import fnmatch
import typing as t

from target_amplitude_nami.errors import UnreadableRecord
from target_amplitude_nami.nami.columns import Columns
from target_amplitude_nami.nami.event_reader import (
    Plan,
    event_type_of,
    plan_for,
    read_event,
    read_fields,
)
from target_amplitude_nami.nami.model import NamiEvent, NamiUser
from target_amplitude_nami.nami.payloads import USUAL_COLUMNS, Payloads
from target_amplitude_nami.nami.state import NO_STATE, UserState
from target_amplitude_nami.nami.user_reader import looks_like_user, read_user
from target_amplitude_nami.nami.wrappers import without_types

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

_Fields: t.TypeAlias = dict[str, t.Any]
_Read: t.TypeAlias = "Callable[[_Fields], NamiEvent | NamiUser]"

_MOST_PLANNED: t.Final = 50_000
"""Columns in all plans remembered at a time: some may never come again."""


class RecordReader:
    """Reads the records of one stream, and may remember what its columns mean."""

    def __init__(  # noqa: PLR0913
        self,
        stream: str,
        columns: Iterable[str] = (),
        *,
        event_streams: Sequence[str] = (),
        user_streams: Sequence[str] = (),
        separator: str = "__",
        note_misfit: Callable[[str], None] = lambda _name: None,
        remembers: bool = True,
    ) -> None:
        """Compile a reader for a stream.

        Args:
            stream: The stream's name.
            columns: The columns that its schema declares.
            event_streams: Names or patterns of the streams that hold events; without
                them, those whose records have an event type.
            user_streams: Names or patterns of the streams that hold users; without
                them, those whose records look like users.
            separator: What stands between the parts of a flattened column's name.
            note_misfit: Called with each column of a record that begins with the name
                of one of Nami's containers and is not a known part of it.
            remembers: Whether a record is read in the light of those before it: one
                whose webhook is missing is an error once another one had a webhook.
        """
        self._columns = Columns(separator, frozenset(USUAL_COLUMNS))
        self._plans: dict[tuple[str, ...], Plan | None] = {}
        self._planned = 0
        self._note_misfit = note_misfit
        self._recognises_events = not event_streams
        self._recognises_users = not user_streams
        self._holds_users = _matches(stream, user_streams)
        self._has_event_types = "event_type" in map(self._columns.head, columns)
        self._holds_events = not self._holds_users and (
            _matches(stream, event_streams) if event_streams else self._has_event_types
        )
        self._takes_events = self._holds_events or (
            self._recognises_events and not self._holds_users
        )
        """Whether a record with an event type is one."""
        self._payloads = Payloads(
            self._columns,
            is_expected=self._holds_events and not self._has_event_types,
            remembers=remembers,
        )

    def read(self, record: Mapping[str, t.Any]) -> NamiEvent | NamiUser | None:
        """Return what a record holds, or None when it is neither event nor user.

        Args:
            record: Plain JSON data, as `jsontext` gives it; it is left as it is.

        Raises:
            UnreadableRecord: When it is one of them but cannot be understood.
        """
        plan = self.plan_of(record)
        return self.read_any(record) if plan is None else read_event(record, plan)

    def plan_of(self, record: Mapping[str, t.Any]) -> Plan | None:
        """Return how to read an event of such columns.

        Returns:
            None where there is no plan, so that `read_any` has to read the record.
        """
        columns = tuple(record)
        plan = self._plans.get(columns)
        if plan is None and columns not in self._plans:
            plan = self._plan(columns)
        if plan is not None and type(record[plan.type_column]) is str:
            return plan
        return None

    def read_any(self, record: Mapping[str, t.Any]) -> NamiEvent | NamiUser | None:
        """Read a record without a plan; see `read`."""
        columns = self._columns
        fields = columns.arrange(record)
        if type(fields.get("event_type")) is not str:
            fields = without_types(fields)
            if fields.get("event_type") is None:
                body = self._opened(fields, record)
                if body is None:
                    return None
                fields = body
            read = self._how_to_read(fields)
        elif self._takes_events:
            if columns.bodies and not columns.bodies.isdisjoint(fields):
                own_type = fields["event_type"]
                fields = self._payloads.event_beside(own_type, fields) or fields
            read = read_fields
        else:
            read = self._how_to_read(fields)
        if read is None:
            return None
        if columns.misfits and not columns.misfits.isdisjoint(fields):
            self._note_misfits(fields)
        return read(fields)

    def _plan(self, names: tuple[str, ...]) -> Plan | None:
        """Plan how to read events of such columns, if records of them are events.

        There must be nothing to arrange in them, and nowhere to look for a webhook.
        """
        self._planned += len(names)
        if self._planned > _MOST_PLANNED:
            self._planned = len(names)
            self._plans.clear()
        columns, plan = self._columns, None
        fields = columns.fields_of(names) if self._takes_events else None
        if (
            fields is not None
            and "event_type" in fields
            and columns.bodies.isdisjoint(fields)
            and columns.misfits.isdisjoint(fields)
        ):
            plan = plan_for(names, fields)
        self._plans[names] = plan
        return plan

    def event_type_of(self, record: Mapping[str, t.Any]) -> str | None:
        """Return the event type of a record that cannot be read, if it has one."""
        try:
            fields = without_types(self._columns.arrange(record))
            own_type = fields.get("event_type")
            if own_type is None:
                fields = self._payloads.event_in(fields) or fields
            elif isinstance(own_type, str):
                fields = self._payloads.event_beside(own_type, fields) or fields
            return event_type_of(fields.get("event_type"))
        except UnreadableRecord:
            return None

    def _how_to_read(self, fields: _Fields) -> _Read | None:
        """Return the function that reads such fields; None if they are not Nami's."""
        if self._holds_users:
            return read_user
        if self._holds_events:
            return read_fields
        if fields.get("event_type") is not None:
            return read_fields if self._recognises_events else None
        is_user = self._recognises_users and looks_like_user(fields)
        return read_user if is_user else None

    def _opened(self, fields: _Fields, record: Mapping[str, t.Any]) -> _Fields | None:
        """Return the fields of a record that names no event type itself.

        Returns:
            Those of the webhook or the user that a column holds, or else the record's
            own; None where that column holds something that is not Nami's.
        """
        may_hold_events = self._recognises_events or self._holds_events
        try:
            body = self._payloads.event_in(fields)
        except UnreadableRecord:
            if may_hold_events:
                raise
            return None
        if body is not None:
            return body
        if not looks_like_user(fields) or self._holds_events:
            for body in self._payloads.objects_in(fields):
                if looks_like_user(body):
                    return body
        if self._holds_users or self._has_event_types or not may_hold_events:
            return fields
        names = map(self._columns.head, record)
        if self._payloads.holds_another_object(fields, names):
            return None
        return fields

    def _note_misfits(self, fields: _Fields) -> None:
        for name in self._columns.misfits.intersection(fields):
            if fields[name] is not None:
                self._note_misfit(name)


def _matches(stream: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(stream, pattern) for pattern in patterns)


__all__ = [
    "NO_STATE",
    "NamiEvent",
    "NamiUser",
    "RecordReader",
    "UnreadableRecord",
    "UserState",
]
