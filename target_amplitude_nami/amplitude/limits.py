"""Every number and forbidden id of Amplitude's ingestion, each with its source.

Sources, all under amplitude.com/docs: "HTTP V2 API", "Batch Event Upload API" and
"HTTP V2 API batching and retries". *Observed* marks a real answer of the service that
its documentation does not mention.
"""

from __future__ import annotations

import typing as t

Api: t.TypeAlias = t.Literal["http_v2", "batch"]
Region: t.TypeAlias = t.Literal["us", "eu"]

ENDPOINTS: t.Final[dict[tuple[Region, Api], str]] = {
    ("us", "http_v2"): "https://api2.amplitude.com/2/httpapi",
    ("eu", "http_v2"): "https://api.eu.amplitude.com/2/httpapi",
    ("us", "batch"): "https://api2.amplitude.com/batch",
    ("eu", "batch"): "https://api.eu.amplitude.com/batch",
}
"""HTTP V2 API, "Endpoints"; Batch Event Upload API, "Endpoints"."""

MAX_EVENTS_PER_REQUEST: t.Final = 2000
"""HTTP V2 API batching and retries: up to 2,000 events in one request."""

MAX_REQUEST_BYTES: t.Final[dict[Api, int]] = {
    "http_v2": 1_000_000,
    "batch": 20_000_000,
}
"""HTTP V2 API and Batch API, "Upload limit"; whether 1 MB is 10**6 or 2**20 is not
said, so the smaller one."""

MAX_TEXT_CHARACTERS: t.Final = 1024
"""HTTP V2 API, "String character limit": longer text is cut by Amplitude."""

MAX_NESTING: t.Final = 40
"""HTTP V2 API, keys for the event argument: properties nest up to 40 layers deep."""

MIN_ID_LENGTH: t.Final = 5
"""HTTP V2 API, "Device IDs and User IDs minimum length"."""

FORBIDDEN_IDS: t.Final = frozenset(
    {
        "anonymous",
        "nil",
        "none",
        "null",
        "n/a",
        "na",
        "undefined",
        "unknown",
        "",
        "00000000-0000-0000-0000-000000000000",
        "{}",
        "lmy47d",
        "0",
        "-1",
    }
)
"""HTTP V2 API, "Invalid user_id and device_id values"; the case does not matter
(observed)."""

RESERVED_EVENT_TYPES: t.Final = frozenset(
    {
        "[Amplitude] Start Session",
        "[Amplitude] End Session",
        "[Amplitude] Revenue",
        "[Amplitude] Revenue (Verified)",
        "[Amplitude] Revenue (Unverified)",
        "[Amplitude] Merged User",
        "$identify",
        "$groupidentify",
    }
)
"""HTTP V2 API, keys for the event argument, `event_type`: names of Amplitude's own
events, and the two that change properties and are no events."""

EARLIEST_TIME_MS: t.Final = 946_684_800_000
LATEST_TIME_MS: t.Final = 4_102_444_800_000
"""1 January 2000 and 2100. These bounds are this target's own: Amplitude takes any
integer, and a time in seconds would stay in the charts as a day of 1970."""

EVENTS_PER_SECOND_PER_ID: t.Final[dict[Api, int]] = {"http_v2": 30, "batch": 300}
"""HTTP V2 API, "Limits": 30 events/s for one user or device; the Batch API allows
1,000, and Amplitude's backfill guide advises at most 300."""

DAYS_OF_DEDUPLICATION: t.Final = 7
"""HTTP V2 API, "Event deduplication": a second event of the same `insert_id` is dropped
for seven days, counted from the sending of the first."""

SECONDS_AFTER_THROTTLED_ID: t.Final = 30
"""HTTP V2 API, status 429: pause 30 s for the users and devices named."""

SECONDS_AFTER_THROTTLED_PROJECT: t.Final = 60
"""HTTP V2 API, "Limits": 50,000 events/s a project, then wait 60 s."""
