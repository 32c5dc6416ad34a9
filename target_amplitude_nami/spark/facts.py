"""Reads in each row of a frame what it says about its user, as delivery reads it."""

from __future__ import annotations

import typing as t

import msgspec
import pyarrow as pa
from pyspark.sql import functions as f

from target_amplitude_nami.accounting.distinct import stable_hash
from target_amplitude_nami.arrow import records_of
from target_amplitude_nami.pipeline.user_facts import (
    STATE_TYPES,
    UserFactsReader,
    first_time,
)

if t.TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

FACTS_OF_STATE: t.Final = tuple(STATE_TYPES)
"""The names of the facts of a user's state."""
_KINDS: t.Final = {
    bool | None: ("boolean", pa.bool_()),
    list[str] | None: ("array<string>", pa.list_(pa.field("element", pa.string()))),
    str | None: ("string", pa.string()),
    int | None: ("bigint", pa.int64()),
}
"""How Spark writes a type, and Arrow's."""
_STATE: t.Final = {name: _KINDS[kind] for name, kind in STATE_TYPES.items()}
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
            ", ".join(f"{name}: {kind}" for name, (kind, _) in _STATE.items())
        ),
        pa.struct([(name, kind) for name, (_, kind) in _STATE.items()]),
    ),
}
_TYPE: t.Final = ", ".join(f"{name} {kind}" for name, (kind, _) in _FACTS.items())
_ARROW: t.Final = pa.struct([(name, kind) for name, (_, kind) in _FACTS.items()])
_PARTS: t.Final = 1000
"""Into so many the rows are spread that name no user."""


def facts_of(df: DataFrame, stream: str) -> Column:
    """Return the column of what each row of a frame says about its user.

    It is a struct of the members of `UserFacts`, and `spread`: for rows that name no
    user, a text that few of them have in common.

    Args:
        df: The frame.
        stream: The name of its rows' stream.
    """

    def read(rows: pa.Array) -> pa.Array:
        return _read_all(rows, stream)

    return f.arrow_udf(read, _TYPE)(f.struct(*columns_of(df)))


def columns_of(df: DataFrame) -> list[Column]:
    """Return the columns of a frame, whatever is in their names."""
    return [column(name) for name in df.columns]


def column(name: str) -> Column:
    """Return the column of a name, whatever is in it."""
    return f.col("`{}`".format(name.replace("`", "``")))


def moment_of(columns: list[Column]) -> Column:
    """Return the column of times as `deliver` reads them, in ms since 1970.

    Args:
        columns: Where they are; the first of a row that can be read counts.
    """
    return f.arrow_udf(_moments, "bigint")(f.struct(*columns))


def _moments(rows: pa.Array) -> pa.Array:
    records = records_of(pa.RecordBatch.from_struct_array(rows))
    return pa.array([first_time(record.values()) for record in records], pa.int64())


def _read_all(rows: pa.Array, stream: str) -> pa.Array:
    # A worker serves many frames, and a reader remembers what the columns of one mean.
    read = UserFactsReader(stream).read
    found = []
    for record in records_of(pa.RecordBatch.from_struct_array(rows)):
        facts = read(record)
        row = msgspec.structs.asdict(facts)
        # Of the row alone: were it another one when a lost executor's task runs again,
        # Spark would lose the row between partitions, or have it twice.
        is_nobodys = facts.user is None
        row["spread"] = str(stable_hash(repr(record)) % _PARTS) if is_nobodys else None
        row["state"] = msgspec.structs.asdict(facts.state)
        found.append(row)
    return pa.array(found, _ARROW)
