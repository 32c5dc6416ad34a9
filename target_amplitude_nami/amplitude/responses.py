"""Parses Amplitude's HTTP responses into answers.

Statuses and bodies: HTTP V2 API, "Responses", and "HTTP V2 API batching and retries";
*observed* marks what only real responses show.
"""

from __future__ import annotations

import json
import typing as t
from collections.abc import Mapping
from http import HTTPStatus

import msgspec

from target_amplitude_nami.amplitude import limits
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
from target_amplitude_nami.text import counted

if t.TYPE_CHECKING:
    from target_amplitude_nami.amplitude.redacted_quotes import RedactedQuotes

_LONGEST_RETRY_AFTER_SECONDS = 3600
_MOST_FIELDS_SHOWN: t.Final = 20
"""Amplitude has fewer; quoting each searches the whole request."""

_SERVER_ERRORS = range(500, 600)
_REDIRECTS = range(300, 400)

_INDEX_MAPS = {
    "events_with_missing_fields": "amplitude_missing_field",
    "events_missing_required_fields": "amplitude_missing_field",  # an older spelling
    "events_with_invalid_fields": "amplitude_invalid_field",
    "events_with_invalid_id_lengths": "amplitude_invalid_id_length",  # observed
}


class Response(msgspec.Struct, frozen=True):
    """An HTTP response as it was read: all of it, uncompressed."""

    status: int
    headers: Mapping[str, str]
    """Found whatever the case of their names."""
    content: bytes


def parse_response(
    response: Response,
    count: int,
    quotes: RedactedQuotes,
    *,
    host: str,
    key_setting: str,
) -> Answer:
    """Return the answer that a response to a request with `count` events stands for.

    Args:
        response: The response.
        count: How many events the request has.
        quotes: Quotes texts of the response for the log.
        host: Where it comes from, for messages.
        key_setting: The setting that holds the API key, for messages.
    """
    status = response.status
    body = _json_object(response.content)
    if status == HTTPStatus.OK == body.get("code"):
        ingested = body.get("events_ingested")
        return Delivered(ingested if isinstance(ingested, int) else None)
    message = f"HTTP {status}: {_message(response, body, quotes)}"
    answer: Answer
    match status:
        case HTTPStatus.OK:
            answer = Unknown(
                f"{message}: this answer is not Amplitude's; check `endpoint`"
            )
        case HTTPStatus.BAD_REQUEST:
            answer = _wrong_request(
                body, message, quotes, host, key_setting
            ) or _refused(body, message, count, quotes)
        case HTTPStatus.FORBIDDEN:  # a firewall's, for some value in the request
            answer = RefusedUnattributed(status, message)
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:  # 413
            answer = TooLarge(message)
        case HTTPStatus.TOO_MANY_REQUESTS:  # 429
            answer = Throttled(_throttle(body, _retry_after(response)), message)
        case _ if status == HTTPStatus.REQUEST_TIMEOUT or status in _SERVER_ERRORS:
            answer = Unknown(message, _retry_after(response))
        case _ if status in _REDIRECTS:
            answer = Fatal(
                f"{host} redirects to another address, which is not followed: put the "
                f"final one into `endpoint`"
            )
        case _:
            answer = Fatal(
                f"{host} is not Amplitude's event API ({message}): check `endpoint`"
            )
    return answer


def _wrong_request(
    body: dict[str, t.Any],
    message: str,
    quotes: RedactedQuotes,
    host: str,
    key_setting: str,
) -> Fatal | None:
    """Return what a 400 says about the request as a whole, if it does."""
    error = _text(body.get("error"))
    if error.startswith("Invalid API key"):  # observed; the text repeats the key
        return Fatal(
            f"Amplitude does not know the API key at {host}. Check `{key_setting}` "
            f"(the project's API key, not its secret key) and `region`: a key of the "
            f"EU is unknown in the US and the other way round"
        )
    if field := quotes.error(_text(body.get("missing_field"))):
        return Fatal(
            f"Amplitude found no `{field}` in the request ({message}): something "
            f"between here and {host} may have changed it; check `endpoint`"
        )
    if error == "Invalid request path":
        return Fatal(f"{host} is not Amplitude's event API: check `endpoint`")
    return None


def _message(response: Response, body: dict[str, t.Any], quotes: RedactedQuotes) -> str:
    """Return the error message of a response, or else what it looks like."""
    if error := quotes.error(_text(body.get("error"))):
        return error
    if not response.content:
        return "an empty body"
    if line := quotes.first_line(response.content):
        return line
    kind = response.headers.get("Content-Type", "unknown").partition(";")[0]
    return f"{counted(len(response.content), 'byte')} of type {quotes.error(kind)}"


def _refused(
    body: dict[str, t.Any], message: str, count: int, quotes: RedactedQuotes
) -> Refused | RefusedUnattributed:
    """Return all events and devices that a 400 names, if it names any."""
    events: dict[int, Refusal] = {}
    fields = 0
    status = HTTPStatus.BAD_REQUEST
    for name, reason in _INDEX_MAPS.items():
        by_field = body.get(name)
        if not isinstance(by_field, dict):
            continue
        for field, indexes in by_field.items():
            if new := _indexes(indexes, count) - events.keys():
                fields += 1
                shown = quotes.error(field) if fields <= _MOST_FIELDS_SHOWN else ""
                refusal = Refusal(reason, shown, message, status)
                events |= dict.fromkeys(new, refusal)
    silenced = Refusal("amplitude_silenced", "device_id", message, status)
    events |= dict.fromkeys(_indexes(body.get("silenced_events"), count), silenced)
    devices = dict.fromkeys(_ids(body.get("silenced_devices")), silenced)
    throttle = _throttle(body, 0.0)
    if events or devices or throttle.names_somebody:
        named = throttle if throttle.names_somebody else None
        return Refused(events, devices, named, message)
    return RefusedUnattributed(status, message)


def _json_object(content: bytes) -> dict[str, t.Any]:
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _throttle(body: dict[str, t.Any], retry_after: float) -> Throttle:
    throttle = Throttle(
        seconds=0.0,
        # Any number of events: an index beyond the request names nobody.
        indexes=_indexes(body.get("throttled_events"), limits.MAX_EVENTS_PER_REQUEST),
        users=_ids(body.get("throttled_users")),
        devices=_ids(body.get("throttled_devices")),
        quota_users=_ids(body.get("exceeded_daily_quota_users")),
        quota_devices=_ids(body.get("exceeded_daily_quota_devices")),
    )
    seconds = (
        limits.SECONDS_AFTER_THROTTLED_ID
        if throttle.names_somebody
        else limits.SECONDS_AFTER_THROTTLED_PROJECT
    )
    return msgspec.structs.replace(throttle, seconds=max(seconds, retry_after))


def _indexes(value: object, count: int) -> frozenset[int]:
    if not isinstance(value, list):
        return frozenset()
    return frozenset(
        index
        for index in value
        if isinstance(index, int) and not isinstance(index, bool) and 0 <= index < count
    )


def _ids(value: object) -> frozenset[str]:
    if isinstance(value, dict | list):
        return frozenset(name for name in value if isinstance(name, str))
    return frozenset()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _retry_after(response: Response) -> float:
    """Return the seconds of a `Retry-After` header, 0 without a usable one."""
    value = response.headers.get("Retry-After", "").strip()
    try:
        seconds = float(value) if value.isdecimal() else _seconds_until(value)
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return min(max(0.0, seconds), _LONGEST_RETRY_AFTER_SECONDS)


def _seconds_until(date: str) -> float:
    # Rare, and slow to load.
    import datetime as dt  # noqa: PLC0415
    import email.utils  # noqa: PLC0415

    moment = email.utils.parsedate_to_datetime(date)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return (moment - dt.datetime.now(dt.UTC)).total_seconds()
