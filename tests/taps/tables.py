"""Tables of webhooks in PostgreSQL, as different people keep them."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from tests.support.postgres import postgres
from tests.support.servers import HOST, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.story import Record

Row = dict[str, Any]


def _columns(record: Record) -> Row:
    return {name: _timed(name, value) for name, value in record.items()}


def _flat(record: Record) -> Row:
    row: Row = {}
    for name, value in record.items():
        if isinstance(value, dict):
            row |= {f"{name}__{part}": content for part, content in value.items()}
        else:
            row[name] = value
    return row


def _text(record: Record) -> Row:
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in record.items()
    }


def _payload(record: Record) -> Row:
    return {"payload": record}


def _timed(name: str, value: Any) -> Any:
    return datetime.fromisoformat(value) if name in _TIMES else value


SHAPES: Final[dict[str, Callable[[Record], Row]]] = {
    "nami_columns": _columns,
    "nami_flat": _flat,
    "nami_payloads": _payload,
    "nami_text": _text,
}
"""Tables of events, by what makes their rows of webhooks."""
USERS: Final = "nami_users"
"""A table of users."""

_TIMES: Final = {
    "created_date",
    "end_time",
    "expires_at",
    "original_purchase_date",
    "purchase_date",
    "start_time",
    "updated_at",
}
_ARRIVAL: Final = datetime(2026, 9, 1, tzinfo=UTC)
_TYPES: Final = {
    bool: "boolean",
    datetime: "timestamptz",
    dict: "jsonb",
    float: "numeric(12, 2)",
    int: "bigint",
    list: "jsonb",
    str: "text",
}


class Tables:
    """Database `nami`, to which this makes tables. User `reader` may read them.

    Args:
        port: Where the server listens, which trusts user `nami`.
        cursor: Where statements go; each is a transaction.
    """

    def __init__(self, port: int, cursor: psycopg.Cursor) -> None:
        self.port = port
        self._cursor = cursor
        cursor.execute("CREATE SCHEMA hidden")
        cursor.execute("CREATE ROLE reader LOGIN")
        cursor.execute(
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO reader"
        )

    def execute(self, statements: str) -> None:
        """Execute statements."""
        self._cursor.execute(statements.encode())

    def create(self, table: str, records: list[Record]) -> None:
        """Fill a table with records that arrived one a second, in this order.

        A table that is not there is made, with a column for each field.
        """
        self._create(sql.Identifier(table), table, records)

    def create_breaking(self, view: str, records: list[Record]) -> None:
        """Make a view of them that ends the connection of who reads its second half."""
        table = sql.Identifier("hidden", view)
        columns = self._create(table, view, records)
        columns.remove("event_type")
        self._cursor.execute(
            # Were it VOLATILE, or cheap, it would be called before rows are sorted.
            "CREATE FUNCTION hidden.die(text) RETURNS text STABLE COST 1000"
            " LANGUAGE plpgsql AS 'BEGIN"
            " RETURN pg_terminate_backend(pg_backend_pid())::text; END'"
        )
        breaks = (
            "CASE WHEN received_at < {} THEN event_type ELSE hidden.die(event_type) END"
        )
        half = sql.Literal(_ARRIVAL + timedelta(seconds=len(records) // 2))
        listed = sql.SQL(", ").join(map(sql.Identifier, columns))
        make = "CREATE VIEW {} AS SELECT received_at, {}, {} AS event_type FROM {}"
        self._cursor.execute(
            sql.SQL(make).format(
                sql.Identifier(view), listed, sql.SQL(breaks).format(half), table
            )
        )

    def repair(self) -> None:
        """Have the view end no more connections."""
        self._cursor.execute(
            "CREATE OR REPLACE FUNCTION hidden.die(text) RETURNS text STABLE"
            " LANGUAGE plpgsql AS 'BEGIN RETURN $1; END'"
        )

    def _create(
        self, place: sql.Identifier, table: str, records: list[Record]
    ) -> list[str]:
        shape = SHAPES.get(table, _columns)
        rows = [shape(record) for record in records]
        columns = {
            name: _TYPES[type(value)] for row in rows for name, value in row.items()
        }
        kinds = {"received_at": "timestamptz", **columns}
        listed = [
            sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind))
            for name, kind in kinds.items()
        ]
        make = sql.SQL("CREATE TABLE IF NOT EXISTS {} ({})")
        self._cursor.execute(make.format(place, sql.SQL(", ").join(listed)))
        names = sql.SQL(", ").join(map(sql.Identifier, kinds))
        values = sql.SQL(", ").join([sql.Placeholder()] * len(kinds))
        self._cursor.executemany(
            sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(place, names, values),
            [
                [
                    _ARRIVAL + timedelta(seconds=number),
                    *(_cell(row.get(name)) for name in columns),
                ]
                for number, row in enumerate(rows)
            ],
        )
        return list(columns)


def _cell(value: Any) -> Any:
    return Jsonb(value) if isinstance(value, dict | list) else value


@contextlib.contextmanager
def tables() -> Iterator[Tables]:
    """Run a server with an empty database `nami`."""
    port = free_port()
    with postgres(f"listen_addresses={HOST}", f"port={port}"):
        at = f"host={HOST} port={port} user=nami"
        with psycopg.connect(at, dbname="postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE nami")
        with (
            psycopg.connect(at, dbname="nami", autocommit=True) as connection,
            connection.cursor() as cursor,
        ):
            yield Tables(port, cursor)
