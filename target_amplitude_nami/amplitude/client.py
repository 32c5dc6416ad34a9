"""One request to Amplitude, one `Answer`.

Statuses and bodies: HTTP V2 API, "Responses", and "HTTP V2 API batching and retries";
what only real answers show is marked *observed*.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import gzip
import io
import ipaddress
import json
import typing as t
from http import HTTPStatus
from urllib.parse import urlsplit

import msgspec
import requests
import urllib3

from target_amplitude_nami.amplitude import limits
from target_amplitude_nami.amplitude.answers import (
    Answer,
    Delivered,
    Fatal,
    Refused,
    RefusedUnsaid,
    Throttle,
    Throttled,
    TooLarge,
    Unknown,
)
from target_amplitude_nami.amplitude.event import Refusal

if t.TYPE_CHECKING:
    from collections.abc import Iterable

CONNECT_TIMEOUT_SECONDS: t.Final = 10
_GZIP_LEVEL = 1  # three times faster than the default for a sixth more bytes
_LONGEST_SAID = 300
_LONGEST_RETRY_AFTER_SECONDS = 3600

_SERVER_ERRORS = range(500, 600)
_REDIRECTS = range(300, 400)

_INDEX_MAPS = {
    "events_with_missing_fields": "amplitude_missing_field",
    "events_missing_required_fields": "amplitude_missing_field",  # an older spelling
    "events_with_invalid_fields": "amplitude_invalid_field",
    "events_with_invalid_id_lengths": "amplitude_invalid_id_length",  # observed
}


class Destination(msgspec.Struct, frozen=True):
    """Where events go and how: what every client of a run has in common."""

    url: str
    api_key: str
    user_agent: str
    gzip: bool = False
    min_id_length: int | None = None
    read_timeout: float = 60.0
    key_setting: str = "api_key"
    """Where the key comes from, for messages."""

    def envelope(self) -> tuple[bytes, bytes]:
        """Return what stands before and after the events in a request's body."""
        options = (
            b""
            if self.min_id_length is None
            else b',"options":{"min_id_length":%d}' % self.min_id_length
        )
        key = json.dumps(self.api_key).encode("ascii")
        return b'{"api_key":' + key + b',"events":[', b"]" + options + b"}"

    def at(self, url: str) -> Destination:
        """Return the same destination at another address."""
        return msgspec.structs.replace(self, url=url)


class Client:
    """A connection to Amplitude for one thread."""

    def __init__(self, destination: Destination) -> None:
        """Open nothing yet; `destination` says where requests will go."""
        self._destination = destination
        self._before, self._after = destination.envelope()
        self._session = requests.Session()
        self._session.headers.update(
            {
                "Accept": "*/*",
                "Content-Type": "application/json",
                "User-Agent": destination.user_agent,
            }
        )
        if destination.gzip:
            self._session.headers["Content-Encoding"] = "gzip"
        # Neither a proxy for loopback, nor a password of ~/.netrc in a header.
        self._session.trust_env = not _is_loopback(destination.url)
        self._session.auth = lambda request: request

    def encode(self, events: Iterable[bytes]) -> bytes:
        """Return a request's body, compressed where the destination takes that."""
        body = self._before + b",".join(events) + self._after
        if self._destination.gzip:
            return gzip.compress(body, _GZIP_LEVEL, mtime=0)
        return body

    def post(self, body: bytes, count: int) -> Answer:
        """Send a body of `encode` that holds `count` events. Never raises."""
        try:
            response = self._session.post(
                self._destination.url,
                # As a file: in one piece, it would all have to leave within the time
                # for connecting, which a slow line cannot do.
                data=io.BytesIO(body),
                timeout=(CONNECT_TIMEOUT_SECONDS, self._destination.read_timeout),
                allow_redirects=False,
            )
        except requests.exceptions.SSLError as error:
            return self._tls_failure(error)
        except requests.exceptions.InvalidProxyURL as error:
            return Fatal(f"the proxy cannot be used: {error}; mend HTTPS_PROXY")
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema):
            return Fatal("the address of Amplitude is unusable; mend `endpoint`")
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            return Unknown(self._redacted(_network_trouble(error)))
        except OSError as error:  # before anything is sent: of a file, as a rule
            return Fatal(f"no request can be made: {error}")
        return self._understand(response, count)

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _understand(self, response: requests.Response, count: int) -> Answer:
        status = response.status_code
        body = _json_object(response.content)
        said = f"HTTP {status}: {self._said(response, body)}"
        match status:
            case HTTPStatus.OK:
                answer = _understand_success(body, said)
            case HTTPStatus.BAD_REQUEST:
                answer = self._understand_bad_request(body, said, count)
            case HTTPStatus.FORBIDDEN:  # a firewall's, for a value that it minds
                answer = RefusedUnsaid(status, said)
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
                    f"{self._host} is not Amplitude's event API ({said}): mend "
                    f"`endpoint`"
                )
        return answer

    def _understand_bad_request(
        self, body: dict[str, t.Any], said: str, count: int
    ) -> Answer:
        error = _text(body.get("error"))
        if error.startswith("Invalid API key"):  # observed; the text repeats the key
            return Fatal(
                f"Amplitude does not know the API key at {self._host}. Check "
                f"`{self._destination.key_setting}` (the project's API key, not its "
                f"secret key) and `region`: a key of the EU is unknown in the US and "
                f"the other way round"
            )
        if "missing_field" in body:
            return Fatal(f"Amplitude misses a part of the request ({said})")
        if error == "Invalid request path":
            return Fatal(f"{self._host} is not Amplitude's event API: mend `endpoint`")
        refused = self._refused(body, said, count)
        has_names = refused.events or refused.devices or refused.throttle
        return refused if has_names else RefusedUnsaid(HTTPStatus.BAD_REQUEST, said)

    def _tls_failure(self, error: Exception) -> Answer:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return Fatal(
                f"the certificate of {self._host} cannot be trusted: a proxy may stand "
                f"between; give its certificate in the variable REQUESTS_CA_BUNDLE"
            )
        return Unknown(f"TLS failed with {self._host}")

    @property
    def _host(self) -> str:
        return urlsplit(self._destination.url).netloc

    def _said(self, response: requests.Response, body: dict[str, t.Any]) -> str:
        # Whatever encoding the answer claims to have: it is for people to read.
        text = _text(body.get("error")) or response.content.decode("utf-8", "replace")
        return self._redacted(" ".join(text.split())) or "an empty body"

    def _refused(self, body: dict[str, t.Any], said: str, count: int) -> Refused:
        """Collect every event and device that a 400 names."""
        events: dict[int, Refusal] = {}
        status = HTTPStatus.BAD_REQUEST
        for name, reason in _INDEX_MAPS.items():
            by_field = body.get(name)
            if not isinstance(by_field, dict):
                continue
            for field, indexes in by_field.items():
                refusal = Refusal(reason, self._redacted(field), said, status)
                new = _indexes(indexes, count) - events.keys()
                events |= dict.fromkeys(new, refusal)
        silenced = Refusal("amplitude_silenced", "device_id", said, status)
        events |= dict.fromkeys(_indexes(body.get("silenced_events"), count), silenced)
        devices = dict.fromkeys(_ids(body.get("silenced_devices")), silenced)
        throttle = _throttle(body, 0.0)
        return Refused(
            events, devices, throttle if throttle.names_somebody else None, said
        )

    def _redacted(self, text: str) -> str:
        # Amplitude's errors repeat the key, and the log must not.
        return text.replace(self._destination.api_key or "\0", "***")[:_LONGEST_SAID]


def _network_trouble(error: Exception) -> str:
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return f"no connection within {CONNECT_TIMEOUT_SECONDS} s"
    if isinstance(error, requests.exceptions.ReadTimeout):
        return "no answer in time"
    # The innermost cause is the one that names the trouble.
    cause: BaseException = error
    while (inner := cause.__cause__ or cause.__context__) is not None:
        cause = inner
    return f"no answer: {cause}" if str(cause) else f"no answer: {type(cause).__name__}"


def _json_object(content: bytes) -> dict[str, t.Any]:
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _understand_success(body: dict[str, t.Any], said: str) -> Answer:
    if body.get("code") != HTTPStatus.OK:
        return Unknown(f"{said}: not what Amplitude answers; is `endpoint` right?")
    ingested = body.get("events_ingested")
    return Delivered(ingested if isinstance(ingested, int) else None)


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


def _retry_after(response: requests.Response) -> float:
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


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
