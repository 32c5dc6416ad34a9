"""Defines the limits, names and forbidden ids of Amplitude's ingestion APIs.

They are separate from those that delivery uses: a stand-in that shared its numbers with
the code it checks would prove nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class IndexMode(StrEnum):
    """Which events a refusal lists per field."""

    FIRST = "first"
    ALL = "all"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Api:
    """An ingestion API with its limits."""

    name: str
    path: str
    max_bytes: int
    id_rate: int
    """Events per second for one user or device."""
    project_rate: int
    """Events per second for one project."""
    index_mode: IndexMode


HTTP_V2 = Api(
    name="http_v2",
    path="/2/httpapi",
    # The documentation says "1 MB"; the smaller reading is the safer one.
    max_bytes=1_000_000,
    id_rate=30,
    project_rate=50_000,
    index_mode=IndexMode.FIRST,
)
"""HTTP V2 API, Upload limit and Response format."""

BATCH = Api(
    name="batch",
    path="/batch",
    max_bytes=20_000_000,
    id_rate=1_000,
    project_rate=100_000,
    index_mode=IndexMode.ALL,
)
"""Batch Event Upload API, Limits and considerations."""

APIS = {api.path: api for api in (HTTP_V2, BATCH)}

MAX_EVENTS = 2_000
"""Events in one request (HTTP V2 API and Batch Event Upload API, Limits)."""

MIN_ID_LENGTH = 5
"""Characters of a user or device id (HTTP V2 API, `options.min_id_length`)."""

MAX_TEXT = 1_024
"""Characters of a text; the rest is dropped (HTTP V2 API, String character limit)."""

MAX_ITEMS = 1_024
"""Items of a property that is a list (Amplitude limits, Property values)."""

MAX_GROWN_ITEMS = 10_000
"""Items of a user property that grows by appending (Amplitude limits)."""

MAX_DEPTH = 40
"""Levels of nested objects and lists in properties (HTTP V2 API)."""

MAX_EVENT_TYPES = 2_000
"""Event types of a project that charts can show (Amplitude limits)."""

THROTTLE_SECONDS = 30
"""The time over which the rate of an id is measured (Batch Event Upload API)."""

DAILY_QUOTA = 500_000
"""Events of one id in 24 hours (Batch Event Upload API, 429)."""

USER_UPDATES_PER_HOUR = 1_800
"""User property updates of one user (HTTP V2 API, Rate limiting)."""

STARTER_EVENTS_PER_SECOND = 1_000
STARTER_REQUESTS_PER_SECOND = 100
"""What a project on the Starter plan may send (HTTP V2 API, Upload limit)."""

DEDUPLICATION_SECONDS = 7 * 24 * 3_600
"""How long a device's insert id is remembered (HTTP V2 API, Event deduplication)."""

FORBIDDEN_IDS = frozenset(
    {
        "",
        "-1",
        "0",
        "00000000-0000-0000-0000-000000000000",
        "anonymous",
        "lmy47d",
        "n/a",
        "na",
        "nil",
        "none",
        "null",
        "undefined",
        "unknown",
        "{}",
    },
)
"""Ids that are not allowed, in lower case (HTTP V2 API, Device IDs and User IDs)."""

RESERVED_EVENT_TYPES = frozenset(
    {
        "[Amplitude] End Session",
        "[Amplitude] Merged User",
        "[Amplitude] Revenue",
        "[Amplitude] Revenue (Unverified)",
        "[Amplitude] Revenue (Verified)",
        "[Amplitude] Start Session",
    },
)
"""Event types that only Amplitude itself creates (HTTP V2 API, `event_type`)."""

IDENTIFY = "$identify"
GROUP_IDENTIFY = "$groupidentify"


_SUCCESS = range(200, 400)


def is_success(status: int) -> bool:
    """Return whether an answer of this status accepts the request."""
    return status in _SUCCESS
