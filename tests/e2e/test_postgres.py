"""Nami's webhooks out of a real PostgreSQL, by the SDK's own SQL tap."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.support import nami
from tests.support.postgres import postgres
from tests.support.run_target import run_target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_amplitude_nami.local.server import LocalAmplitude

TAP = Path(__file__).parent.parent / "support" / "tap_sql.py"
EVENTS = [nami.subscription(1), nami.subscription(2), nami.impression(3)]
COLUMNS = {
    "id": "text PRIMARY KEY",
    "event_type": "text",
    "user_id": "uuid",
    "created_date": "timestamptz",
    "external_ids": "jsonb",
    "active_entitlements": "jsonb",
    "customer_journey_state": "jsonb",
    "devices": "jsonb",
    "device_id": "text",
}


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """The URL of a database with the same webhooks in two forms of table."""
    with postgres() as socket_folder:
        with psycopg.connect(
            host=str(socket_folder), user="nami", dbname="postgres"
        ) as db:
            columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
            db.execute(f"CREATE TABLE columns ({columns}, received_at timestamptz)")
            db.execute("CREATE TABLE bodies (event_id text PRIMARY KEY, payload jsonb)")
            for event in EVENTS:
                values = [_cell(event.get(name)) for name in COLUMNS]
                places = ", ".join(["%s"] * len(COLUMNS))
                db.execute(f"INSERT INTO columns VALUES ({places})", values)  # noqa: S608
                db.execute(
                    "INSERT INTO bodies VALUES (%s, %s)", (event["id"], Jsonb(event))
                )
        yield f"postgresql+psycopg://nami@/postgres?host={socket_folder}"


def _cell(value: Any) -> Any:
    return Jsonb(value) if isinstance(value, dict | list) else value


def _read(table: str, database: str, folder: Path) -> bytes:
    config = folder / "tap.json"
    config.write_text(json.dumps({"sqlalchemy_url": database}))
    command = [sys.executable, str(TAP), "--config", str(config)]
    catalog = json.loads(subprocess.check_output([*command, "--discover"]))
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                is_wanted = stream["tap_stream_id"].endswith(table)
                entry["metadata"]["selected"] = is_wanted
    path = folder / "catalog.json"
    path.write_text(json.dumps(catalog))
    return subprocess.check_output([*command, "--catalog", str(path)])


@pytest.mark.parametrize("table", ["columns", "bodies"])
def test_both_forms_of_table_arrive_as_the_webhooks_would(
    table: str, database: str, local_amplitude: LocalAmplitude, tmp_path: Path
) -> None:
    config = {
        "endpoint": local_amplitude.endpoint("http_v2"),
        "api_key": "key",
        "exclude_properties": ["*"],
    }
    run = run_target(tmp_path, config, _read(table, database, tmp_path))
    assert run.exit_code == 0, run.log
    from_table = _arrived(local_amplitude)
    webhooks = tmp_path / "webhooks"
    webhooks.mkdir()
    with type(local_amplitude)(webhooks / "amplitude.db") as another:
        messages = _singer(EVENTS)
        config["endpoint"] = another.endpoint("http_v2")
        assert run_target(webhooks, config, messages).exit_code == 0
        assert from_table == _arrived(another)
    assert len(from_table) == len(EVENTS)


def _arrived(local: LocalAmplitude) -> list[bytes]:
    return sorted(event.raw for event in local.events())


def _singer(events: list[dict[str, Any]]) -> bytes:
    schema = {"type": "SCHEMA", "stream": "events", "schema": {"properties": {}}}
    messages = [schema | {"key_properties": []}]
    messages += [{"type": "RECORD", "stream": "events", "record": e} for e in events]
    return "\n".join(json.dumps(message) for message in messages).encode()
