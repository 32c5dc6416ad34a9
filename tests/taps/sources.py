"""Databases whose tables a log-based tap reads: PostgreSQL and MariaDB.

Each holds tables of Nami's webhooks and users, one column a field, the nested parts as
JSON, and has the settings with which Meltano reads them.
"""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

import psycopg
import pymysql

from tests.support.mariadb import PASSWORD, USER, mariadb
from tests.support.postgres import postgres
from tests.support.servers import HOST, not_installed
from tests.taps.recipes import Recipe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.support.story import Record

EVENTS: Final = "nami_events"
USERS: Final = "nami_users"
"""What the tables are called."""

_TIMES: Final = {"created_date", "purchase_date", "updated_at"}


class _Cursor(Protocol):
    def execute(self, query: Any, values: Any = ..., /) -> object: ...


class Source:
    """A database, and the tap that reads it.

    Args:
        cursor: Where statements go; each is a transaction.
        whole_rows: Whether the log has the whole of a deleted row, or its key alone.
    """

    recipe: ClassVar[Recipe]
    json_type: ClassVar[str]
    time_type: ClassVar[str]

    def __init__(self, cursor: _Cursor, *, whole_rows: bool) -> None:
        self._cursor = cursor
        self.whole_rows = whole_rows
        self._keys: dict[str, str] = {}

    def extractor(self) -> dict[str, Any]:
        """Return the tap that reads the tables, as `meltano.yml` has it."""
        raise NotImplementedError

    def create(self, table: str, key: str, records: Iterable[Record]) -> None:
        """Make a table with a column for each field that any of the records has."""
        columns = {
            name: self._type(name, value)
            for record in records
            for name, value in record.items()
        }
        columns[key] = "varchar(64) PRIMARY KEY"
        listed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        self.execute(f"CREATE TABLE {table} ({listed})")
        self._keys[table] = key

    def insert(self, table: str, *records: Record) -> None:
        """Add rows."""
        for record in records:
            places = ", ".join(["%s"] * len(record))
            query = f"INSERT INTO {table} ({', '.join(record)}) VALUES ({places})"  # noqa: S608
            self.execute(query, *_cells(record))

    def update(self, table: str, record: Record) -> None:
        """Write all of a record into the row of its key."""
        key = self._keys[table]
        changes = ", ".join(f"{name} = %s" for name in record)
        query = f"UPDATE {table} SET {changes} WHERE {key} = %s"  # noqa: S608
        self.execute(query, *_cells(record), record[key])

    def delete(self, table: str, record: Record) -> None:
        """Delete the row of a record's key."""
        key = self._keys[table]
        self.execute(f"DELETE FROM {table} WHERE {key} = %s", record[key])  # noqa: S608

    def execute(self, query: str, *values: object) -> None:
        """Execute a statement."""
        self._cursor.execute(query, values)

    def _type(self, name: str, value: object) -> str:
        if name in _TIMES:
            return self.time_type
        if isinstance(value, dict | list):
            return self.json_type
        return {bool: "boolean", int: "bigint", float: "numeric(12, 2)"}.get(
            type(value), "text"
        )


def _cells(record: Record) -> list[Any]:
    return [_cell(name, value) for name, value in record.items()]


def _cell(name: str, value: Any) -> Any:
    if name in _TIMES:
        return datetime.fromisoformat(value).astimezone(UTC)
    return json.dumps(value) if isinstance(value, dict | list) else value


class Postgres(Source):
    """PostgreSQL, whose log wal2json reads."""

    recipe = Recipe.of("pipelinewise-tap-postgres")
    json_type = "jsonb"
    time_type = "timestamptz"

    def __init__(self, cursor: _Cursor, folder: Path, *, whole_rows: bool) -> None:
        super().__init__(cursor, whole_rows=whole_rows)
        self._folder = folder
        [slot] = self.recipe.sql
        try:
            self.execute(slot)
        except psycopg.errors.UndefinedFile:
            remedy = "Debian: apt install postgresql-<major version>-wal2json"
            not_installed("wal2json", remedy)

    def create(self, table: str, key: str, records: Iterable[Record]) -> None:
        super().create(table, key, records)
        if self.whole_rows:
            self.execute(f"ALTER TABLE {table} REPLICA IDENTITY FULL")

    def extractor(self) -> dict[str, Any]:
        return self.recipe.extractor(
            host=str(self._folder),
            user="nami",
            password="nami",
            # How long the tap waits for more in a log that is quiet.
            logical_poll_total_seconds=5,
        )


class MariaDB(Source):
    """MariaDB with a binlog of rows."""

    recipe = Recipe.of("pipelinewise-tap-mysql")
    json_type = "json"
    time_type = "datetime(6)"

    def __init__(self, cursor: _Cursor, port: int, *, whole_rows: bool) -> None:
        super().__init__(cursor, whole_rows=whole_rows)
        self._port = port

    def delete(self, table: str, record: Record) -> None:
        # The tap asks for an image that is FULL everywhere; a session may differ.
        image = "FULL" if self.whole_rows else "MINIMAL"
        self.execute(f"SET SESSION binlog_row_image = {image}")
        super().delete(table, record)
        self.execute("SET SESSION binlog_row_image = FULL")

    def extractor(self) -> dict[str, Any]:
        return self.recipe.extractor(port=self._port, user=USER, password=PASSWORD)


@contextlib.contextmanager
def postgres_source(*, whole_rows: bool) -> Iterator[Postgres]:
    """Run a PostgreSQL server with an empty database `nami`."""
    with postgres("wal_level=logical") as folder:
        at = f"host={folder} user=nami"
        with psycopg.connect(at, dbname="postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE nami")
        with (
            psycopg.connect(at, dbname="nami", autocommit=True) as connection,
            connection.cursor() as cursor,
        ):
            yield Postgres(cursor, folder, whole_rows=whole_rows)


@contextlib.contextmanager
def mariadb_source(*, whole_rows: bool) -> Iterator[MariaDB]:
    """Run a MariaDB server with an empty database `nami`."""
    with mariadb() as port:
        connection = pymysql.connect(
            host=HOST, port=port, user=USER, password=PASSWORD, autocommit=True
        )
        with connection, connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE nami CHARACTER SET utf8mb4")
            cursor.execute("USE nami")
            yield MariaDB(cursor, port, whole_rows=whole_rows)


class Database(Protocol):
    """A way to run a server with an empty database `nami`."""

    def __call__(self, *, whole_rows: bool) -> AbstractContextManager[Source]: ...


DATABASES: Final[dict[str, Database]] = {
    "PostgreSQL": postgres_source,
    "MariaDB": mariadb_source,
}
