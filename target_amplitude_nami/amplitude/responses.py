"""What an HTTP answer of Amplitude means.

Statuses and bodies: HTTP V2 API, "Responses", and "HTTP V2 API batching and retries";
what only real answers show is marked *observed*.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import json
import typing as t
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

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

if t.TYPE_CHECKING:
    from target_amplitude_nami.amplitude.quoting import Quotes

_LONGEST_RETRY_AFTER_SECONDS = 3600
_MOST_FIELDS_SHOWN: t.Final = 20
"""Amplitude knows fewer; for each, the whole request is looked through."""

_SERVER_ERRORS = range(500, 600)
_REDIRECTS = range(300, 400)

_INDEX_MAPS = {
    "events_with_missing_fields": "amplitude_missing_field",
    "events_missing_required_fields": "amplitude_missing_field",  # an older spelling
    "events_with_invalid_fields": "amplitude_invalid_field",
    "events_with_invalid_id_lengths": "amplitude_invalid_id_length",  # observed
}


class Response(msgspec.Struct, frozen=True):
    """An HTTP answer as it was read: all of it, uncompressed."""

    status: int
    headers: Mapping[str, str]
    """Whatever the case of their names."""
    content: bytes


class Understanding:
    """Reads the answers that come from one address."""

    def __init__(self, url: str, key_setting: str) -> None:
        """Take the address, and where the API key comes from."""
        self._host = urlsplit(url).netloc
        self._key_setting = key_setting

    def of(self, response: Response, count: int, quotes: Quotes) -> Answer:
        """Return what an answer to a request with `count` events means.

        Args:
            response: The answer.
            count: How many events the request has.
            quotes: Makes texts of it fit for the log.
        """
        status = response.status
        body = _json_object(response.content)
        if status == HTTPStatus.OK == body.get("code"):
            ingested = body.get("events_ingested")
            return Delivered(ingested if isinstance(ingested, int) else None)
        said = f"HTTP {status}: {_said(response, body, quotes)}"
        answer: Answer
        match status:
            case HTTPStatus.OK:
                answer = Unknown(
                    f"{said}: not what Amplitude answers; is `endpoint` right?"
                )
            case HTTPStatus.BAD_REQUEST:
                answer = self._understand_bad_request(body, said, count, quotes)
            case HTTPStatus.FORBIDDEN:  # a firewall's, for a value that it minds
                answer = RefusedUnattributed(status, said)
            case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                answer = TooLarge(said)
            case HTTPStatus.TOO_MANY_REQUESTS:
                answer = Throttled(_throttle(body, _retry_after(response)), said)
            case HTTPStatus.REQUEST_TIMEOUT:
                answer = Unknown(said, _retry_after(response))
            case _ if status in _SERVER_ERRORS:
                answer = Unknown(said, _retry_after(response))
            case _ if status in _REDIRECTS:
                answer = Fatal(
                    f"{self._host} redirects to another address, which is not "
                    f"followed: put the final one into `endpoint`"
                )
            case _:
                answer = Fatal(
                    f"{self._host} is not Amplitude's event API ({said}): check "
                    f"`endpoint`"
                )
        return answer

    def _understand_bad_request(
        self, body: dict[str, t.Any], said: str, count: int, quotes: Quotes
    ) -> Answer:
        error = _text(body.get("error"))
        if error.startswith("Invalid API key"):  # observed; the text repeats the key
            return Fatal(
                f"Amplitude does not know the API key at {self._host}. Check "
                f"`{self._key_setting}` (the project's API key, not its secret key) "
                f"and `region`: a key of the EU is unknown in the US and the other way "
                f"round"
            )
        if field := quotes.error(_text(body.get("missing_field"))):
            return Fatal(
                f"Amplitude misses `{field}` in the request ({said}): something "
                f"between here and {self._host} may have changed it; check `endpoint`"
            )
        if error == "Invalid request path":
            return Fatal(f"{self._host} is not Amplitude's event API: check `endpoint`")
        refused = _refused(body, said, count, quotes)
        has_names = refused.events or refused.devices or refused.throttle
        return (
            refused if has_names else RefusedUnattributed(HTTPStatus.BAD_REQUEST, said)
        )


def _said(response: Response, body: dict[str, t.Any], quotes: Quotes) -> str:
    """Return what an answer says, for people."""
    if error := quotes.error(_text(body.get("error"))):
        return error
    if not response.content:
        return "an empty body"
    if line := quotes.first_line(response.content):
        return line
    kind = response.headers.get("Content-Type", "unknown").partition(";")[0]
    return f"{len(response.content):,} bytes of type {quotes.error(kind)}"


def _refused(body: dict[str, t.Any], said: str, count: int, quotes: Quotes) -> Refused:
    """Collect every event and device that a 400 names."""
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
                refusal = Refusal(reason, shown, said, status)
                events |= dict.fromkeys(new, refusal)
    silenced = Refusal("amplitude_silenced", "device_id", said, status)
    events |= dict.fromkeys(_indexes(body.get("silenced_events"), count), silenced)
    devices = dict.fromkeys(_ids(body.get("silenced_devices")), silenced)
    throttle = _throttle(body, 0.0)
    return Refused(events, devices, throttle if throttle.names_somebody else None, said)


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
    """Return the seconds of a `Retry-After` header, 0 without one that makes sense."""
    value = response.headers.get("Retry-After", "").strip()
    try:
        seconds = float(value) if value.isdecimal() else _seconds_until(value)
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return min(max(0.0, seconds), _LONGEST_RETRY_AFTER_SECONDS)


def _seconds_until(date: str) -> float:
    moment = email.utils.parsedate_to_datetime(date)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return (moment - dt.datetime.now(dt.UTC)).total_seconds()
