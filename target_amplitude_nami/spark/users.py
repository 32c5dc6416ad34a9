"""Gives events what other rows say about their users."""

from __future__ import annotations

import typing as t

from pyspark.sql import Window
from pyspark.sql import functions as f

from target_amplitude_nami.spark.configuration import expect_readable
from target_amplitude_nami.spark.facts import FACTS_OF_STATE, columns_of, facts_of

if t.TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, WindowSpec

_EXTERNAL_ID: t.Final = "external_id"
_STATE: t.Final = "namiml_"
"""How the columns begin in which a row has a state ready made."""


def with_users(
    events: DataFrame, users: DataFrame | None = None, *, stream: str = "records"
) -> DataFrame:
    """Return events with the External ID and the state of their users.

    An event without an External ID gets the one that the same Nami user had then: the
    last one named until its time, else the first one after it. A `user.*` event without
    a state gets each fact of it as the last row until then has it. A row without a time
    counts where no other says anything. What an event says itself stays.

    Both come in columns of their own, `external_id` and `namiml_*` (or another
    spelling, where a column has that name), so that the events may have any shape. The
    result does not depend on the order of the rows, nor on their partitions.

    Args:
        events: Events in any shape of Nami's, which tell of their users, too; no
            stream: use it in `foreachBatch`.
        users: Further rows that tell of users, in any shape: a table of users with
            `updated_at`, or older events.
        stream: The name of the rows' stream.

    Raises:
        ConfigurationError: When columns have one name, or a column cannot be read.
    """
    expect_readable(events)
    row = f.struct(*columns_of(events)).alias("row")
    rows = events.select(row, facts_of(events, stream).alias("facts"))
    kind = rows.schema["row"].dataType
    if users is not None:
        expect_readable(users)
        nothing = f.lit(None).cast(kind).alias("row")
        others = users.select(nothing, facts_of(users, stream).alias("facts"))
        rows = rows.unionByName(others)
    names = _free_names(events.columns)
    known = {_EXTERNAL_ID: _known_external_id()}
    known |= {name: _known_fact(name) for name in FACTS_OF_STATE}
    columns = [column.alias(names[name]) for name, column in known.items()]
    completed = rows.select("row", *columns).where("row is not null")
    return completed.select("row.*", *(f.col(f"`{name}`") for name in names.values()))


def _user() -> Column:
    """Return what the rows of one user have in common; those without are spread."""
    facts = f.col("facts")
    return f.coalesce(facts["user"], f.concat(f.lit("\0"), facts["spread"]))


def _in_order() -> WindowSpec:
    """Return each user's rows in one order, those that lack something after others."""
    facts = f.col("facts")
    return Window.partitionBy(_user()).orderBy(
        facts["time"].asc_nulls_first(),
        facts["lacks_state"],
        facts["lacks_external_id"],
        facts["id"],
        f.xxhash64(facts),
    )


def _known_external_id() -> Column:
    facts = f.col("facts")
    external_id = facts["external_id"]
    timed = f.when(facts["time"].isNotNull(), external_id)
    always = f.when(facts["time"].isNull(), external_id)
    until = _in_order().rowsBetween(Window.unboundedPreceding, Window.currentRow)
    # If none was named until then, the first of all is the first after it; Spark would
    # go through the rest of the rows for each row to find that one.
    all_rows = _in_order().rowsBetween(
        Window.unboundedPreceding, Window.unboundedFollowing
    )
    known = f.coalesce(
        f.last(timed, ignorenulls=True).over(until),
        f.first(timed, ignorenulls=True).over(all_rows),
        f.max(always).over(Window.partitionBy(_user())),
    )
    # Rows that name no user are spread, and have nothing in common.
    return f.when(facts["lacks_external_id"] & facts["user"].isNotNull(), known)


def _known_fact(name: str) -> Column:
    facts = f.col("facts")
    until = _in_order().rowsBetween(Window.unboundedPreceding, Window.currentRow)
    known = f.last(facts["state"][name], ignorenulls=True).over(until)
    return f.when(facts["lacks_state"] & facts["user"].isNotNull(), known)


def _free_names(columns: list[str]) -> dict[str, str]:
    """Return for each column to add a spelling that no column has.

    All spellings mean the same field to the reader; Spark knows no case.
    """
    taken = {column.lower() for column in columns}
    fields = {_EXTERNAL_ID: _EXTERNAL_ID}
    fields |= {name: _STATE + name for name in FACTS_OF_STATE}
    names = {}
    for name, field in fields.items():
        while field.lower() in taken:
            field += "_"  # noqa: PLW2901 - another spelling of the same
        names[name] = field
    return names
