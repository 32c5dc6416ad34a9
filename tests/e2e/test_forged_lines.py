"""A hostile tap and a hostile server cannot write a line of the target's log."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import nami, singer
from tests.support.run_target import API_KEY, TargetRun, run_target
from tests.support.server import Reply, ScriptedServer, reply

if TYPE_CHECKING:
    from pathlib import Path

FORGED = (
    "x\n2026-11-28 12:00:00,000 | ERROR    | target | forged\r"
    "\x1b[31m\x07\x85\u2028\u2029\u202e\x9b\x00"
)
LINE = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \| (DEBUG|INFO|WARNING|ERROR) +\| .*"
)


def hostile_messages() -> list[bytes]:
    """Return messages with bad text wherever a message has text."""
    good = nami.subscription(1)
    records = [
        good,
        nami.subscription(2) | {"event_type": FORGED},
        nami.subscription(3) | {"event_type": f"user.{FORGED}"},
        nami.subscription(4) | {"created_date": FORGED},
        nami.subscription(5) | {"devices": FORGED, "external_ids": FORGED},
        nami.subscription(6) | {FORGED: {"in_pause": FORGED}},
    ]
    typed = singer.schema(FORGED, {FORGED: {"type": "integer"}})
    batch = {
        "type": "BATCH",
        "stream": FORGED,
        "encoding": {"format": "jsonl"},
        "manifest": [f"/no/{FORGED}"],
    }
    return [
        singer.schema("events"),
        *(singer.record("events", record) for record in records),
        typed,
        singer.record(FORGED, {FORGED: "no number"}),
        singer.record(FORGED, {FORGED: 1, "what": "is this"}),
        *(singer.record(FORGED, record) for record in records),
        singer.record(f"before its schema {FORGED}", good),
        json.dumps({"type": FORGED}).encode() + b"\n",
        json.dumps({"type": "SCHEMA", "stream": FORGED, "schema": FORGED}).encode()
        + b"\n",
        singer.schema(f"no {FORGED}", {"a": {"type": FORGED}}),
        json.dumps(batch).encode() + b"\n",
    ]


def run_against(folder: Path, server: ScriptedServer, **settings: Any) -> TargetRun:
    config = {
        "api_key": API_KEY,
        "endpoint": server.url,
        "retry_for": 1,
        "integration_name": f"app {FORGED}".replace("\x00", ""),
        "events": ["*", "user.subscription.future"],
    }
    level = settings.pop("level", "INFO")
    return run_target(
        folder,
        config | settings,
        hostile_messages(),
        environment={"LOGLEVEL": level},
    )


def assert_nothing_forged(log: str) -> None:
    assert "forged" in log
    for line in log.removesuffix("\n").split("\n"):
        assert line.isprintable(), line
        assert LINE.fullmatch(line) or line.startswith("    "), line


@pytest.mark.parametrize(
    "answer",
    [
        reply(400, FORGED.encode(), Content_Type="text/plain"),
        reply(400, {"error": FORGED, "events_with_invalid_fields": {FORGED: [0]}}),
        reply(404, {"error": FORGED}),
        reply(503, f"<title>{FORGED}</title>".encode()),
        Reply(wire=[f"{FORGED} HTTP/1.1 200\n\n".encode()]),
        pytest.param(
            Reply(
                wire=[b"HTTP/1.1 200 \x1b[31m\r\nfo\x1brged\r\n no header\r\n\r\n{}"]
            ),
            marks=pytest.mark.slow,
        ),
    ],
    ids=["text", "error", "not found", "title", "status line", "headers"],
)
def test_a_server_forges_no_line(tmp_path: Path, answer: Reply) -> None:
    with ScriptedServer(*[answer] * 20) as server:
        run = run_against(tmp_path, server)
    assert run.exit_code == 1
    assert_nothing_forged(run.log)
    assert "Traceback" not in run.log


def test_a_tap_forges_no_line(tmp_path: Path) -> None:
    with ScriptedServer() as server:
        run = run_against(tmp_path, server, level="DEBUG")
    assert run.exit_code == 1  # the BATCH file is not there
    assert "the BATCH file /no/x\\n2026" in run.log
    assert_nothing_forged(run.log)
    assert "Traceback" not in run.log
    assert len(run.rejects) > 5
    for reject in run.rejects:
        assert reject["rejected"]["detail"].isprintable()
        assert reject["rejected"]["field"].isprintable()


def test_a_log_of_json_has_a_record_on_each_line(tmp_path: Path) -> None:
    formatter = {"()": "singer_sdk.logging.StructuredFormatter"}
    handler = {
        "class": "logging.StreamHandler",
        "formatter": "json",
        "stream": "ext://sys.stderr",
    }
    config = {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": formatter},
        "handlers": {"json": handler},
        "root": {"level": "INFO", "handlers": ["json"]},
    }
    tmp_path.joinpath("logging.yaml").write_text(json.dumps(config))
    with ScriptedServer() as server:
        run = run_target(
            tmp_path,
            {"api_key": API_KEY, "endpoint": server.url},
            [*singer.records(FORGED, [nami.subscription(1)])],
            environment={"SINGER_SDK_LOG_CONFIG": "logging.yaml"},
        )
    assert run.exit_code == 0, run.log
    records = [json.loads(line) for line in run.log.split("\n") if line]
    metrics = [r["metric_info"] for r in records if r["message"] == "METRIC"]
    assert any(metric["tags"]["stream"] == FORGED for metric in metrics)
    assert any("1 delivered" in record["message"] for record in records)
