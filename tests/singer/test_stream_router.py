"""Records of direct streams skip the stream maps, which changes nothing."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from singer_sdk.mapper import SameRecordTransform

from target_amplitude_nami.singer.stream_router import StreamRouter
from tests.support import nami, singer
from tests.support.target_harness import TargetHarness

if TYPE_CHECKING:
    from pathlib import Path

    from target_amplitude_nami.accounting.report import Report

STRICT: Final = {"type": "object", "properties": {"name": {"type": "integer"}}}

KEYED: Final = {"type": "object", "properties": {"number": {}}}

NESTED: Final = {
    "type": "object",
    "properties": {
        "name": {"type": "object", "properties": {"en": {"type": "string"}}}
    },
}


def _deep(layers: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(layers):
        schema = {"type": "object", "properties": {"in": schema}}
    return schema


def _event(number: int, stream: str = "events", **fields: Any) -> bytes:
    return singer.record(stream, nami.impression(number, **fields))


MESSAGES: Final[dict[str, list[bytes]]] = {
    "one stream": [
        singer.schema("events"),
        *(_event(number) for number in range(20)),
    ],
    "metadata and nulls": [
        singer.schema("events"),
        _event(1, _sdc_batched_at="2026-06-02", name=None, empty={}),
    ],
    "records before the schema": [
        _event(1),
        singer.schema("events"),
        _event(2),
    ],
    "a schema that is repeated": [
        *[singer.schema("events"), _event(1)],
        *[singer.schema("events"), _event(2)],
    ],
    "a schema that changes": [
        *[singer.schema("events"), _event(1, name="Holiday")],
        *[singer.schema("events", STRICT), _event(2, name="Holiday")],
        *[
            singer.schema("events", KEYED, ["number"]),
            _event(3),
            singer.record("events", nami.impression(4) | {"number": None}),
        ],
        *[singer.schema("events"), _event(5, name="Holiday")],
    ],
    "a schema that is none, between good ones": [
        *[singer.schema("events"), _event(1)],
        *[singer.schema("events", {"type": "object", "$ref": 7}), _event(2)],
        *[singer.schema("events", {"properties": {"a": 7}}), _event(3)],
        *[singer.schema("events"), _event(4)],
    ],
    "a schema too deep to be kept, after a good one": [
        *[singer.schema("events"), _event(1)],
        *[singer.schema("events", _deep(400)), _event(2)],
        *[singer.schema("events"), _event(3)],
    ],
    "nested columns": [
        singer.schema("events", NESTED),
        _event(1, name={"en": "Holiday"}),
        _event(2, name={"en": 7}),
    ],
    "two streams by turns": [
        singer.schema("events"),
        singer.schema("more", STRICT),
        _event(1),
        _event(2, "more", name="Holiday"),
        _event(3, "more"),
        _event(4),
    ],
    "streams that share a sink": [
        singer.schema("log"),
        *[_event(1, "log", name="Holiday")],
        singer.schema("raw", STRICT),
        *[_event(2, "log", name="Holiday"), _event(3, "raw", name="Holiday")],
        singer.schema("log"),
        *[_event(4, "log", name="Holiday"), _event(5, "raw", name="Holiday")],
    ],
    "lines from a rejects file": [
        singer.schema("events"),
        singer.schema("_unreadable_lines"),
        singer.record("_unreadable_lines", {"line": _event(1).decode()}),
        singer.record("_unreadable_lines", {"line": None}),
        singer.record("_unreadable_lines", nami.impression(2)),
    ],
    "what is neither event nor user": [
        singer.schema("events", {"type": "object", "properties": {"event_type": {}}}),
        singer.schema("plans"),
        singer.record("plans", {"id": 1}),
        singer.record("plans", {}),
    ],
}

SETTINGS: Final[dict[str, dict[str, Any]]] = {
    "plain": {},
    "unchecked": {"validate_records": False},
    "a map": {"stream_maps": {"events": {"season": "'winter'"}}},
    "an empty map": {"stream_maps": {"events": {}}},
    "a filter": {"stream_maps": {"*": {"__filter__": "name != 'Holiday'"}}},
    "a map that fails": {"stream_maps": {"events": {"x": "1 / 0"}}},
    "an alias": {"stream_maps": {"raw": {"__alias__": "log"}}},
    "one stream made two": {
        "stream_maps": {"copy": {"__source__": "events", "id": "id + '-copy'"}}
    },
    "a stream left out": {"stream_maps": {"more": None}},
    "all others left out": {"stream_maps": {"events": {}, "__else__": None}},
    "flattening": {"flattening_enabled": True, "flattening_max_depth": 3},
    "flattening of no layer": {"flattening_enabled": True, "flattening_max_depth": 0},
}


def _without_time(rejects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**reject, "at": None} for reject in rejects]


def _outcome(
    folder: Path, messages: list[bytes], settings: dict[str, Any]
) -> tuple[Report, list[dict[str, Any]], list[dict[str, Any]]]:
    harness = TargetHarness(folder, **settings)
    try:
        report = harness.take(messages)
    finally:
        harness.target.run.close("failed")
    return report, harness.sent, _without_time(harness.rejects)


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("messages", MESSAGES)
def test_records_that_skip_the_maps_end_like_those_that_go_through_them(
    messages: str, settings: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines, given = MESSAGES[messages], SETTINGS[settings]
    report, sent, rejects = _outcome(tmp_path / "direct", lines, given)
    monkeypatch.setattr(StreamRouter, "_find_direct", lambda _self, _name: None)
    through_maps = _outcome(tmp_path / "maps", lines, given)
    assert report.counts == through_maps[0].counts
    assert sent == through_maps[1]
    assert rejects == through_maps[2]


@pytest.mark.parametrize("settings", ["plain", "an alias", "one stream made two"])
@pytest.mark.parametrize("messages", MESSAGES)
def test_each_message_leaves_the_right_streams_direct(
    messages: str, settings: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    routers: list[StreamRouter] = []
    make = StreamRouter.__init__

    def note(router: StreamRouter, *args: Any, **kwargs: Any) -> None:
        make(router, *args, **kwargs)
        routers.append(router)

    monkeypatch.setattr(StreamRouter, "__init__", note)
    target = TargetHarness(tmp_path, **SETTINGS[settings]).target
    try:
        target.process_lines(io.StringIO())  # opens the run
        for line in MESSAGES[messages]:
            target.message_reader.process_line(line)
            [router] = routers
            maps = target.mapper.stream_maps
            assert router.direct_streams == {
                stream: target.get_sink(stream).take  # type: ignore[attr-defined]
                for stream, [first, *more] in maps.items()
                if not more
                and type(first) is SameRecordTransform
                and first.stream_alias == stream
                and stream != "_unreadable_lines"
            }
    finally:
        target.run.close("failed")


def test_unreadable_lines_are_read_again_from_messages_and_not_from_files(
    tmp_path: Path,
) -> None:
    # A user: an event would be found in any column.
    record = {"line": singer.record("events", nami.user(1)).decode()}
    (tmp_path / "lines.jsonl").write_text(json.dumps(record))
    batch = {
        "type": "BATCH",
        "stream": "_unreadable_lines",
        "encoding": {"format": "jsonl", "compression": "none"},
        "manifest": [(tmp_path / "lines.jsonl").as_uri()],
    }
    declared = {"type": "object", "properties": {"user_id": {}, "devices": {}}}
    schemas = [singer.schema("events", declared), singer.schema("_unreadable_lines")]
    for name, message, delivered in (
        ("message", singer.record("_unreadable_lines", record), 1),
        ("file", json.dumps(batch).encode() + b"\n", 0),
    ):
        report, _, _ = _outcome(tmp_path / name, [*schemas, message], {})
        assert report.delivered == delivered
        assert sum(report.counts.filtered.values()) == 1 - delivered
