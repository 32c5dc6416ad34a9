"""A tap over any SQL database: the SDK's own, taught that `jsonb` is any JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from singer_sdk import typing as th
from singer_sdk.sql import SQLConnector, SQLStream, SQLTap
from singer_sdk.sql.connector import SQLToJSONSchema

if TYPE_CHECKING:
    from sqlalchemy.types import TypeEngine


class _Types(SQLToJSONSchema):
    def to_jsonschema(self, column_type: TypeEngine[Any]) -> dict[str, Any]:
        if isinstance(column_type, sa.JSON):
            return {"type": ["object", "array", "string", "number", "boolean", "null"]}
        return super().to_jsonschema(column_type)


class _Connector(SQLConnector):
    sql_to_jsonschema_converter = _Types


class _Stream(SQLStream):
    connector_class = _Connector


class TapSQL(SQLTap):
    """Reads the tables of the database at `sqlalchemy_url`."""

    name = "tap-sql"
    default_stream_class = _Stream
    config_jsonschema = th.PropertiesList(
        th.Property("sqlalchemy_url", th.StringType, required=True)
    ).to_dict()


if __name__ == "__main__":
    TapSQL.cli()
