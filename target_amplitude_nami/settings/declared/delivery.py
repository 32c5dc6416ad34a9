"""Declares how events are delivered, and which records are read."""

# `setting` declares a field.

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from target_amplitude_nami.amplitude import limits
from target_amplitude_nami.settings.declaration import setting

DEFAULT_REQUEST_BYTES: t.Final[dict[limits.Api, int]] = {
    "http_v2": 900_000,
    "batch": 15_000_000,
}
"""`max_request_bytes` where it is not given: well under Amplitude's limits, which may
count more than the bytes of the body."""

_HOUR: t.Final = 60 * 60
_WEEK: t.Final = 7 * 24 * _HOUR


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class DeliverySettings:
    """How it delivers."""

    batch_size_rows: int = setting(
        "Most events in one request.",
        title="Events in a request",
        default=limits.MAX_EVENTS_PER_REQUEST,
        least=1,
        most=limits.MAX_EVENTS_PER_REQUEST,
    )
    max_request_bytes: int = setting(
        "Most bytes in the body of one request, before compression. Without it, "
        f"{DEFAULT_REQUEST_BYTES['http_v2']}, or {DEFAULT_REQUEST_BYTES['batch']} for "
        "`api: batch`.",
        title="Bytes in a request",
        details=f"At most {limits.MAX_REQUEST_BYTES['http_v2']} for `http_v2`, and "
        f"{limits.MAX_REQUEST_BYTES['batch']} for `batch`.",
        least=10_000,
        most=limits.MAX_REQUEST_BYTES["batch"],
    )
    batch_wait_seconds: int = setting(
        "Longest time, in seconds, that an event waits for its request to fill.",
        title="Longest wait, in seconds",
        default=5,
        least=1,
        most=_HOUR,
    )
    parallel_requests: int = setting(
        "Most requests in flight at a time; no more than it takes to keep up. Events "
        "of one user never overtake each other.",
        default=4,
        least=1,
        most=32,
    )
    max_events_per_second: int | None = setting(
        "Most events a second, over the whole run. Without it, as fast as Amplitude "
        "takes them.",
        title="Most events per second",
        default=None,
        least=1,
    )
    compression: t.Literal["auto", "gzip", "none"] = setting(
        "Compression of request bodies.",
        details="With `auto` it is gzip to Amplitude's own hosts and to the local "
        "Amplitude, and none elsewhere.",
        default="auto",
        labels={"auto": "Automatic", "gzip": "gzip", "none": "No compression"},
    )
    request_timeout: int = setting(
        "Longest time, in seconds, that a request may wait for its answer.",
        title="Request timeout, in seconds",
        details="It counts from the last byte of the request sent to the last byte of "
        "the answer read, and sending may make no progress for as long. Connecting may "
        "take 10 seconds.",
        default=60,
        least=1,
        most=_HOUR,
    )
    retry_for: int = setting(
        "How long, in seconds, one request may keep failing before the run gives up.",
        title="Retry for, in seconds",
        details="STATE then covers what was delivered, and nothing else.",
        default=1800,
        least=0,
        most=_WEEK,  # then Amplitude forgets insert ids, and a retry may duplicate
    )
    shutdown_grace: int = setting(
        "After SIGTERM or SIGINT, how long, in seconds, to go on delivering what was "
        "read.",
        title="Shutdown grace, in seconds",
        default=20,
        least=0,
        most=_HOUR,
    )
    backfill: bool = setting(
        "For history: the Batch API, at most "
        f"{limits.EVENTS_PER_SECOND_PER_ID['batch']} events a second for one user or "
        "device, and events change no user properties.",
        details="`api` prevails where it is given. User records still change user "
        "properties.",
        default=False,
    )
    batch_schemes: tuple[str, ...] = setting(
        "Kinds of address that the files of BATCH messages may have, such as `file`, "
        "`s3` and `gs`.",
        details="A tap that names another one ends the run. A plain path counts as "
        "`file`; a chained address, such as `zip://a.jsonl::s3://bucket/b.zip`, needs "
        "each of its kinds.",
        title="Schemes of BATCH files",
        default=("file",),
        examples=(["file", "s3"],),
    )
    validate_records: bool = setting(
        "Check each record against its stream's schema. A record that fails is "
        "rejected and never ends the run.",
        default=True,
    )
    load_method: t.Literal["append-only"] = setting(
        "Always `append-only`: Amplitude never gives an event back.",
        default="append-only",
        labels={"append-only": "Append only"},
    )
