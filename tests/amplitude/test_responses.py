"""What each response of Amplitude means."""

from __future__ import annotations

import datetime as dt
import email.utils
import typing as t

import pytest

from target_amplitude_nami.amplitude.answers import (
    Answer,
    Delivered,
    Fatal,
    Refused,
    RefusedUnattributed,
    Throttle,
    Throttled,
    TooLarge,
    Unknown,
)
from target_amplitude_nami.outcomes import Refusal
from tests.support.asking import HTML, KEY, answer_to
from tests.support.server import accepted, reply


def refused(
    events: dict[int, tuple[str, str]] | None = None, **changes: t.Any
) -> tuple[t.Any, ...]:
    """Return what a Refused names: reason and field by index, devices, a throttle."""
    return (
        events or {},
        changes.get("devices", set()),
        changes.get("throttle"),
    )


def names(answer: Answer) -> tuple[t.Any, ...]:
    assert isinstance(answer, Refused)
    for refusal in (*answer.events.values(), *answer.devices.values()):
        assert refusal.status == 400
        assert refusal.detail == answer.message
    return (
        {index: (r.reason, r.field) for index, r in answer.events.items()},
        set(answer.devices),
        answer.throttle,
    )


# 200


def test_taken_events_are_delivered() -> None:
    assert answer_to(accepted(3)) == Delivered(3)


def test_the_count_of_amplitude_is_passed_on() -> None:
    assert answer_to(accepted(2)) == Delivered(2)


def test_a_count_that_is_none_is_not_passed_on() -> None:
    answer = answer_to(reply(200, {"code": 200, "events_ingested": "3"}))
    assert answer == Delivered(None)


@pytest.mark.parametrize(
    "body",
    [b"", HTML, b"success", b"[]", b"200", {}, {"code": 400}, {"code": "200"}, b"\xff"],
)
def test_a_200_that_is_not_amplitudes_is_no_success(body: object) -> None:
    answer = answer_to(reply(200, body))
    assert isinstance(answer, Unknown)
    assert "check `endpoint`" in answer.message


# 400


INVALID = "Invalid field values on some events"
MISSING = "Request missing required field"
LENGTH = "Invalid id length for user_id or device_id"
SILENCED = "Events silenced for device_id"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        pytest.param(
            {"error": INVALID, "events_with_invalid_fields": {"time": [1]}},
            refused({1: ("amplitude_invalid_field", "time")}),
            id="first invalid field",
        ),
        pytest.param(
            {"error": INVALID, "events_with_invalid_fields": {"time": [0, 1, 2]}},
            refused(dict.fromkeys(range(3), ("amplitude_invalid_field", "time"))),
            id="all invalid fields",
        ),
        pytest.param(
            {"error": MISSING, "events_with_missing_fields": {"event_type": [2]}},
            refused({2: ("amplitude_missing_field", "event_type")}),
            id="missing field",
        ),
        pytest.param(
            {"error": MISSING, "events_missing_required_fields": {"event_type": [2]}},
            refused({2: ("amplitude_missing_field", "event_type")}),
            id="missing field, older name",
        ),
        pytest.param(
            {
                "error": MISSING,
                "missing_field": None,
                "events_with_missing_fields": {"event_type": [2]},
            },
            refused({2: ("amplitude_missing_field", "event_type")}),
            id="missing field, of no part of the request",
        ),
        pytest.param(
            {"error": LENGTH, "events_with_invalid_id_lengths": {"device_id": [0]}},
            refused({0: ("amplitude_invalid_id_length", "device_id")}),
            id="id length",
        ),
        pytest.param(
            {
                "error": INVALID,
                "events_with_missing_fields": {"event_type": [0]},
                "events_with_invalid_fields": {"time": [0, 1], "price": [1]},
                "events_with_invalid_id_lengths": {"user_id": [2]},
            },
            refused(
                {
                    0: ("amplitude_missing_field", "event_type"),
                    1: ("amplitude_invalid_field", "time"),
                    2: ("amplitude_invalid_id_length", "user_id"),
                }
            ),
            id="several maps, the first reason counts",
        ),
        pytest.param(
            {"error": SILENCED, "silenced_events": [1, 2]},
            refused(dict.fromkeys((1, 2), ("amplitude_silenced", "device_id"))),
            id="silenced events",
        ),
        pytest.param(
            {"error": SILENCED, "silenced_devices": ["d1", "d2"]},
            refused(devices={"d1", "d2"}),
            id="silenced devices",
        ),
        pytest.param(
            {
                "error": SILENCED,
                "eps_threshold": 100,
                "exceeded_daily_quota_devices": {},
                "silenced_devices": ["d1"],
                "silenced_events": [0],
                "throttled_devices": {"d3": 0, "d4": 100},
                "throttled_events": [1, 2],
            },
            refused(
                {0: ("amplitude_silenced", "device_id")},
                devices={"d1"},
                throttle=Throttle(
                    30, frozenset({1, 2}), devices=frozenset({"d3", "d4"})
                ),
            ),
            id="silenced and throttled together",
        ),
        pytest.param(
            {"error": "Slow down", "throttled_events": [1]},
            refused(throttle=Throttle(30, frozenset({1}))),
            id="throttled alone",
        ),
        pytest.param(
            {
                "error": INVALID,
                "events_with_invalid_fields": {"time": [1, 3, -1, True, "0", None]},
            },
            refused({1: ("amplitude_invalid_field", "time")}),
            id="indexes that make no sense",
        ),
    ],
)
def test_a_400_names_events(body: dict[str, t.Any], named: tuple[t.Any, ...]) -> None:
    answer = answer_to(reply(400, {"code": 400} | body))
    assert names(answer) == named
    assert isinstance(answer, Refused)
    assert answer.message == f"HTTP 400: {body['error']}"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "HTTP 400: an empty body"),
        (HTML, "HTTP 400: Bad gateway"),
        (b"[1]", "HTTP 400: [1]"),
        (b"\0\1\2", "HTTP 400: 3 bytes of type unknown"),
        ({"error": "Invalid event JSON"}, "HTTP 400: Invalid event JSON"),
        ({"error": ["odd"]}, 'HTTP 400: {"error": ["odd"]}'),
        ({"error": "x" * 900}, "HTTP 400: " + "x" * 300),
        (
            {"error": INVALID, "events_with_invalid_fields": {"time": [99]}},
            f"HTTP 400: {INVALID}",
        ),
        (
            {"error": INVALID, "events_with_invalid_fields": [0]},
            f"HTTP 400: {INVALID}",
        ),
        (
            {"error": INVALID, "events_with_invalid_fields": {"time": 0}},
            f"HTTP 400: {INVALID}",
        ),
    ],
)
def test_a_400_may_name_nothing(body: object, message: str) -> None:
    assert answer_to(reply(400, body)) == RefusedUnattributed(400, message)


def test_a_missing_part_of_the_request_is_nobodys_event() -> None:
    answer = answer_to(reply(400, {"error": MISSING, "missing_field": "events"}))
    assert isinstance(answer, Fatal)
    assert MISSING in answer.message
    assert "`events`" in answer.message


def test_a_wrong_key_is_not_shown_and_the_region_is_hinted_at() -> None:
    answer = answer_to(reply(400, {"code": 400, "error": f"Invalid API key: {KEY}"}))
    assert isinstance(answer, Fatal)
    assert KEY not in answer.message
    assert "`api_key`" in answer.message
    assert "`region`" in answer.message
    assert "EU" in answer.message


def test_a_wrong_key_is_called_by_the_setting_that_it_comes_from() -> None:
    refused = reply(400, {"code": 400, "error": f"Invalid API key: {KEY}"})
    answer = answer_to(refused, key_setting="sandbox_api_key")
    assert isinstance(answer, Fatal)
    assert "Check `sandbox_api_key`" in answer.message


def test_a_wrong_path_is_a_wrong_endpoint() -> None:
    answer = answer_to(reply(400, {"code": 400, "error": "Invalid request path"}))
    assert isinstance(answer, Fatal)
    assert "check `endpoint`" in answer.message


@pytest.mark.parametrize("status", [200, 400, 403, 404, 408, 413, 429, 500, 503])
@pytest.mark.parametrize(
    "body",
    [
        {"error": f"No, {KEY}, no"},
        f"<p>{KEY}</p>".encode(),
        {"error": "x" * 290 + KEY},
        {"error": INVALID, "events_with_invalid_fields": {KEY: [0]}},
    ],
)
def test_the_key_is_never_repeated(status: int, body: object) -> None:
    assert KEY not in repr(answer_to(reply(status, body)))


# 403, 404, 413 and redirects


def test_a_firewall_refuses_without_a_reason() -> None:
    answer = answer_to(reply(403, {"code": 403, "error": "Forbidden"}))
    assert answer == RefusedUnattributed(403, "HTTP 403: Forbidden")


@pytest.mark.parametrize("body", [b"", HTML, {"error": "Payload too large"}])
def test_too_large_is_too_large_whatever_the_body(body: object) -> None:
    assert isinstance(answer_to(reply(413, body)), TooLarge)


@pytest.mark.parametrize("status", [401, 404, 405, 414, 418, 204, 201])
def test_another_status_means_that_it_is_not_amplitude(status: int) -> None:
    answer = answer_to(reply(status))
    assert isinstance(answer, Fatal)
    assert "check `endpoint`" in answer.message
    assert str(status) in answer.message


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_ends_the_run(status: int) -> None:
    answer = answer_to(reply(status, b"", Location="https://elsewhere.invalid/"))
    assert isinstance(answer, Fatal)
    assert "put the final one into `endpoint`" in answer.message


# 429


@pytest.mark.parametrize(
    ("body", "throttle"),
    [
        (
            {"throttled_users": {"u1": 32}, "throttled_devices": {}},
            Throttle(30, users=frozenset({"u1"})),
        ),
        (
            {"throttled_users": {}, "throttled_devices": {"d1": 31, "d2": 0}},
            Throttle(30, devices=frozenset({"d1", "d2"})),
        ),
        (
            {
                "throttled_users": {"u1": 32},
                "throttled_devices": {"d1": 31},
                "throttled_events": [0, 2],
            },
            Throttle(
                30,
                frozenset({0, 2}),
                users=frozenset({"u1"}),
                devices=frozenset({"d1"}),
            ),
        ),
        ({"throttled_events": [1]}, Throttle(30, frozenset({1}))),
        (
            {"throttled_users": {}, "throttled_devices": {}, "throttled_events": []},
            Throttle(60),
        ),
        ({"throttled_users": 1, "throttled_devices": "d1"}, Throttle(60)),
        (
            {
                "exceeded_daily_quota_users": {"u1": 500_001},
                "exceeded_daily_quota_devices": {"d1": 500_001},
                "throttled_users": {"u2": 1001},
            },
            Throttle(
                30,
                users=frozenset({"u2"}),
                quota_users=frozenset({"u1"}),
                quota_devices=frozenset({"d1"}),
            ),
        ),
        ({}, Throttle(60)),
        (b"", Throttle(60)),
        (HTML, Throttle(60)),
    ],
)
def test_a_429_names_the_users_and_devices_that_have_to_wait(
    body: object, throttle: Throttle
) -> None:
    answer = answer_to(reply(429, body))
    assert isinstance(answer, Throttled)
    assert answer.throttle == throttle


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("90", 90),
        ("0", 60),
        ("5", 60),
        (" 120 ", 120),
        ("9" * 400, 3600),
        ("86400", 3600),
        ("-5", 60),
        ("1.5", 60),
        ("soon", 60),
        ("", 60),
        ("Mon, 01 Jan 2001 00:00:00 GMT", 60),
        ("Mon, 01 Jan 2001 00:00:00 -0000", 60),
        ("Mon, 01 Jan 9999 00:00:00 GMT", 3600),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", 60),
    ],
)
def test_retry_after_lengthens_a_throttle_within_reason(
    value: str, seconds: float
) -> None:
    answer = answer_to(reply(429, {}, Retry_After=value))
    assert isinstance(answer, Throttled)
    assert answer.throttle.seconds == seconds


def test_retry_after_may_be_a_date() -> None:
    moment = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=10)
    date = email.utils.format_datetime(moment, usegmt=True)
    answer = answer_to(reply(429, {}, Retry_After=date))
    assert isinstance(answer, Throttled)
    assert 570 < answer.throttle.seconds <= 600


def test_a_refusal_holds_reason_field_message_and_status() -> None:
    answer = answer_to(
        reply(400, {"error": INVALID, "events_with_invalid_fields": {"time": [1]}})
    )
    assert isinstance(answer, Refused)
    assert answer.events[1] == Refusal(
        "amplitude_invalid_field", "time", f"HTTP 400: {INVALID}", 400
    )
