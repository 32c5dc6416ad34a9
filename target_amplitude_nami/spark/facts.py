"""Reads in each row of a frame what it says about its user, as delivery reads it."""

from __future__ import annotations

import functools
import typing as t

import msgspec
import pyarrow as pa
from pyspark.sql import functions as f

from target_amplitude_nami.amplitude.checks import Checks
from target_amplitude_nami.arrow import records_of
from target_amplitude_nami.nami.model import NamiEvent
from target_amplitude_nami.nami.state import NO_STATE, UserState
from target_amplitude_nami.outcomes import Refusal
from target_amplitude_nami.pipeline.event_filter import EventFilter
from target_amplitude_nami.pipeline.row_reader import NotSent, RowReader, plain
from target_amplitude_nami.settings import Settings

if t.TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from target_amplitude_nami.nami.model import NamiUser

_KINDS: t.Final = {
    bool | None: ("boolean", pa.bool_()),
    list[str] | None: ("array<string>", pa.list_(pa.field("element", pa.string()))),
    str | None: ("string", pa.string()),
    int | None: ("bigint", pa.int64()),
}
_FACTS_OF_STATE: t.Final = {
    field.name: _KINDS[field.type] for field in msgspec.structs.fields(UserState)
}
FACTS_OF_STATE: t.Final = tuple(_FACTS_OF_STATE)
"""The names of the facts of a user's state."""
_FACTS: t.Final = {
    "user": _KINDS[str | None],
    "spread": _KINDS[str | None],
    "time": _KINDS[int | None],
    "id": _KINDS[str | None],
    "external_id": _KINDS[str | None],
    "lacks_external_id": _KINDS[bool | None],
    "lacks_state": _KINDS[bool | None],
    "state": (
        "struct<{}>".format(
            ", ".join(f"{name}: {kind}" for name, (kind, _) in _FACTS_OF_STATE.items())
        ),
        pa.struct([(name, kind) for name, (_, kind) in _FACTS_OF_STATE.items()]),
    ),
}
_TYPE: t.Final = ", ".join(f"{name} {kind}" for name, (kind, _) in _FACTS.items())
_ARROW: t.Final = pa.struct([(name, kind) for name, (_, kind) in _FACTS.items()])
_PARTS: t.Final = 1000
"""Into so many the rows are spread that name no user."""


class _Facts(t.NamedTuple):
    """What a row says; all is None in a row that is not Nami's."""

    user: str | None = None
    """Nami's user id."""
    time: int | None = None
    """ms since 1970."""
    id: str | None = None
    external_id: str | None = None
    """One that Amplitude takes."""
    lacks_external_id: bool = False
    lacks_state: bool = False
    """Whether it is an event that carries a state, and has none."""
    state: UserState = NO_STATE


def facts_of(df: DataFrame, stream: str) -> Column:
    """Return the column of what each row of a frame says about its user.

    Args:
        df: The frame.
        stream: The name of its rows' stream.
    """

    def read(rows: pa.Array) -> pa.Array:
        return _read_all(rows, stream)

    return f.arrow_udf(read, _TYPE)(f.struct(*columns_of(df)))


def columns_of(df: DataFrame) -> list[Column]:
    """Return the columns of a frame, whatever is in their names."""
    return [f.col("`{}`".format(name.replace("`", "``"))) for name in df.columns]


def _read_all(rows: pa.Array, stream: str) -> pa.Array:
    read = _reader(stream)
    found = []
    for number, record in enumerate(records_of(pa.RecordBatch.from_struct_array(rows))):
        facts = read(record)
        row = facts._asdict()
        row["spread"] = None if facts.user is not None else str(number % _PARTS)
        row["state"] = msgspec.structs.asdict(facts.state)
        found.append(row)
    return pa.array(found, _ARROW)


@functools.cache
def _reader(stream: str) -> t.Callable[[dict[str, t.Any]], _Facts]:
    settings = Settings.load({"dry_run": True})
    reader = RowReader(stream, settings, EventFilter(settings.mapping))
    checks = Checks(min_id_length=1, max_event_bytes=settings.event_bytes)

    def read(record: dict[str, t.Any]) -> _Facts:
        row = plain(record)
        found = row if isinstance(row, Refusal) else reader.read(row)
        if isinstance(found, Refusal | NotSent):
            return _Facts()
        return _facts_in(found, checks)

    return read


def _facts_in(record: NamiEvent | NamiUser, checks: Checks) -> _Facts:
    external_id = record.external_id
    if external_id is not None and checks.refuse_user_id(external_id) is not None:
        external_id = None  # it would spoil the other rows of the user
    is_event = isinstance(record, NamiEvent)
    carries_state = not is_event or record.event_type.startswith("user.")
    return _Facts(
        record.user_id,
        record.time,
        record.event_id if isinstance(record, NamiEvent) else None,
        external_id,
        record.external_id is None,
        is_event and carries_state and record.state == NO_STATE,
        record.state if carries_state else NO_STATE,
    )
