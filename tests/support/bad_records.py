"""A record, or a line, of every kind that must be rejected, by its reason code."""

from __future__ import annotations

import json
from typing import Any

from tests.support import nami, singer

EVENTS, USERS, MAPPED = "events", "users", "mapped"
SILENCED_DEVICE = "a-device-that-amplitude-silences"
REFUSED_USER = "a-user-that-a-firewall-blocks"
TOO_LARGE_USER = "a-user-whose-event-is-too-large"

SETTINGS: dict[str, Any] = {
    "user_streams": [USERS],
    "stream_maps": {MAPPED: {"ratio": "float(1 / int(divisor))"}},
}
"""What the kinds below need of the configuration."""

SCHEMAS = (
    singer.schema(
        EVENTS,
        {
            "type": "object",
            "properties": {
                "id": {"type": "string"},
                "event_type": {"type": ["string", "null"]},
                "billing_cycles": {"type": ["integer", "null"]},
            },
        },
        ["id"],
    ),
    singer.schema(USERS),
    singer.schema(
        MAPPED, {"type": "object", "properties": {"divisor": {"type": "integer"}}}
    ),
)


def bad_lines() -> list[tuple[str, bytes]]:
    """Return each kind's reason code and a message of that kind."""
    kinds = [
        *((reason, singer.record(EVENTS, values)) for reason, values in _events()),
        *_lines(),
        (
            "user_id_missing",
            singer.record(USERS, nami.user(901, user_id=None)),
        ),
        (
            "stream_map_failed",
            singer.record(MAPPED, nami.impression(902, divisor=0)),
        ),
        ("record_before_schema", singer.record("undeclared", nami.impression(903))),
    ]
    return [(reason, line.rstrip(b"\n") + b"\n") for reason, line in kinds]


def _events() -> list[tuple[str, dict[str, Any]]]:
    impression, subscription = nami.impression, nami.subscription
    return [
        ("schema_violation", impression(801, billing_cycles="many")),
        ("schema_violation", impression(802, event_type={"of": "no kind"})),
        ("key_property_missing", impression(803, id=None)),
        ("event_type_missing", impression(804, event_type=None)),
        ("time_missing", impression(805, created_date=None)),
        ("time_unreadable", impression(806, created_date="yesterday")),
        ("time_out_of_range", impression(807, created_date="1970-01-20T00:00:00Z")),
        (
            "not_a_boolean",
            subscription(808, customer_journey_state={"in_pause": "perhaps"}),
        ),
        ("not_an_id", impression(809, device_id=1.5)),
        ("not_json", subscription(810, active_entitlements='[{"entitlement')),
        ("not_an_array", subscription(811, devices=7)),
        ("not_an_object", subscription(812, customer_journey_state=["paused"])),
        ("anonymous_user", impression(813, device_id=None)),
        ("user_id_forbidden", _named(814, "None")),
        ("user_id_too_short", _named(815, "1042")),
        ("user_id_too_long", _named(816, "x" * 1025)),
        ("device_id_forbidden", impression(817, device_id="unknown")),
        ("device_id_too_short", impression(818, device_id="1042")),
        ("device_id_too_long", impression(819, device_id="x" * 1025)),
        ("too_deep", impression(820, nested=_nested(60))),
        ("event_too_large", impression(821, numbers=[1000] * 250_000)),
        ("amplitude_silenced", impression(822, device_id=SILENCED_DEVICE)),
        ("amplitude_refused", _named(823, REFUSED_USER)),
        ("amplitude_too_large", _named(824, TOO_LARGE_USER)),
    ]


def _lines() -> list[tuple[str, bytes]]:
    return [
        ("number_not_finite", _with_number(825, b"1e400")),
        ("number_not_finite", _with_number(826, b"NaN")),
        ("line_not_json", b'{"type": "RECORD", "stream": "eve'),
        ("too_deep", b"[" * 10_000 + b"]" * 10_000),
        ("not_a_singer_message", b'{"type": "GREETING"}'),
        ("bad_record", b'{"type": "RECORD", "stream": "events"}'),
        ("bad_schema", b'{"type": "SCHEMA", "stream": "events"}'),
        ("bad_state", b'{"type": "STATE"}'),
        ("bad_batch", b'{"type": "BATCH"}'),
    ]


def _named(number: int, user_id: str) -> dict[str, Any]:
    external_ids = [{"key": "external_id", "type": "uuid", "value": user_id}]
    return nami.subscription(number, external_ids=external_ids)


def _nested(layers: int) -> dict[str, Any]:
    return json.loads('{"in":' * layers + "1" + "}" * layers)  # type: ignore[no-any-return]


def _with_number(number: int, written: bytes) -> bytes:
    record = nami.impression(number, amount=12345)
    return singer.record(EVENTS, record).replace(b"12345", written)
