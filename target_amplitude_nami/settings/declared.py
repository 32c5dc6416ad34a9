"""Every setting, declared once: its type, default, bounds and meaning.

The JSON schema, `--about`, Meltano Hub, the tables in README and `meltano.yml`, the
checks and the fields of `Settings` all come from here.
"""

# `setting` declares a field, and the fields' types are read at run time.
# ruff: noqa: RUF009, TC003

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from target_amplitude_nami.amplitude import limits
from target_amplitude_nami.settings.declaration import Schema, setting

EXTRA_USER_PROPERTIES: t.Final = (
    "namiml_user_id",
    "namiml_in_account_hold",
    "namiml_in_pause",
    "namiml_is_cancelled",
    "namiml_subscription_status",
    "namiml_entitlement_expirations",
    "namiml_purchase_platforms",
)
"""What `extra_user_properties` may add to the eight user properties of Nami's own
Amplitude integration."""

LOCAL: t.Final = "local"
"""The `endpoint` that stands for the embedded local Amplitude."""

DEFAULT_REQUEST_BYTES: t.Final[dict[limits.Api, int]] = {
    "http_v2": 900_000,
    "batch": 15_000_000,
}
"""`max_request_bytes` where it is not given: well under Amplitude's limits, which may
count more than the bytes of the body."""

_HOUR: t.Final = 60 * 60
_WEEK: t.Final = 7 * 24 * _HOUR
_EVENT_NAMES: t.Final[Schema] = {
    "type": ["array"],
    "items": {
        "type": "object",
        "properties": {
            "event": {"type": ["string"], "minLength": 1},
            "name": {"type": ["string"]},
        },
        "required": ["event", "name"],
        "additionalProperties": False,
    },
}


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class DeclaredSettings:
    """Every setting under its own name, for `Settings`, which has the methods.

    A field without a default follows from other settings where it is not given.
    """

    # Where it sends

    api_key: str | None = setting(
        "API key of the Amplitude project. Required unless `dry_run` is on or "
        "`endpoint` is `local`.",
        default=None,
        secret=True,
    )
    region: limits.Region = setting(
        "Where the Amplitude project keeps its data.", default="us"
    )
    # No default: Meltano passes defaults on, and `backfill` has to know.
    api: limits.Api = setting(
        "`http_v2`: the HTTP V2 API, near real time. `batch`: the Batch Event Upload "
        "API, for bulk loads. Both take the same events and give the same answers, "
        "within other limits. Without it `http_v2`, and `batch` with `backfill`.",
    )
    endpoint: str | None = setting(
        "A full URL to send to instead of the one that follows from `region` and "
        "`api`, such as a relay; `http://` for this machine only. Or the word "
        "`local`: start the local Amplitude on this machine and send to it.",
        default=None,
        examples=("https://relay.example.com/2/httpapi", "local"),
    )
    local_path: Path = setting(
        "With `endpoint: local`, the file in which the local Amplitude keeps what it "
        "received.",
        default=Path("output/local-amplitude.db"),
    )
    integration_name: str = setting(
        "Name of this integration in logs, report and rejects: use one integration "
        "for each Nami app.",
        default="nami",
        least=1,
    )
    enabled: bool = setting(
        "`false`: read the input to its end, send nothing and emit no STATE, so that "
        "the same records come again once it is `true`.",
        default=True,
    )
    secret_key: str | None = setting(
        "Secret key of the Amplitude project, for `amplitude-nami reconcile` and "
        "`amplitude-nami forget --amplitude`. A run never uses it.",
        default=None,
        secret=True,
    )

    # What it sends

    events: tuple[str, ...] = setting(
        "Which events to send: Nami event types or patterns. Patterns, and `*` as "
        "default, stand for the 13 types that Nami offers to Amplitude. Other types "
        "(`device.session.start`, `device.session.end`, `purchase.updated`, and any "
        "that Nami may add) are sent only when named exactly.",
        default=("*",),
        least=1,
        examples=(["user.subscription.*", "device.transaction"],),
    )
    # No default for users: Meltano fails on an object where the default is a list.
    event_names: tuple[tuple[str, str], ...] = setting(
        "Other names for events, as a list of `event` and `name`; an empty `name` "
        "means: do not send. An object from event type to name works too, but the "
        "list is the safe form: Meltano takes the dots in an object's keys apart, and "
        "may drop such keys.",
        examples=([{"event": "user.subscription.renewed", "name": "Renewed"}],),
        schema=_EVENT_NAMES,
    )
    event_prefix: str = setting(
        "Put before every event name, after renaming.", default="", examples=("Nami ",)
    )
    start_date: datetime | None = setting(
        "Events older than this date or date-time (ISO 8601) are filtered. Without a "
        "zone it is UTC. In `meltano.yml` put a date-time with a zone in quotes, or "
        "Meltano drops the zone.",
        default=None,
        examples=("2024-01-31", "2024-01-31T08:00:00Z"),
    )
    extra_user_properties: tuple[str, ...] = setting(
        "User properties to set beside the eight of Nami's own Amplitude integration: "
        f"{', '.join(f'`{name}`' for name in EXTRA_USER_PROPERTIES)}; `*` for all.",
        default=(),
        choices=("*", *EXTRA_USER_PROPERTIES),
    )
    exclude_properties: tuple[str, ...] = setting(
        "Event properties never to send: names or patterns.",
        default=(),
        examples=(["locale", "campaign*"],),
    )
    revenue: t.Literal["none", "transactions"] = setting(
        "`transactions`: `device.transaction` events that carry an amount count as "
        "revenue in Amplitude. An amount or a currency that cannot be read makes the "
        "record a reject, as Amplitude cannot correct an event later.",
        default="none",
    )
    sandbox_purchases: t.Literal["send", "skip"] = setting(
        "What becomes of events that say they are not production (`purchase_env`, or "
        "without it `app_env`): sent, or filtered. They are never revenue.",
        default="send",
    )
    sandbox_api_key: str | None = setting(
        "API key of a second Amplitude project: events that say they are not "
        "production go there instead.",
        default=None,
        secret=True,
    )

    # Who its users are

    user_source: t.Literal["external_id", "nami_user_id"] = setting(
        "Which of Nami's identifiers becomes the Amplitude User ID: the External ID "
        "that the app gave at login, or Nami's own user id.",
        default="external_id",
    )
    anonymous_users: t.Literal["device", "nami_user_id", "hold", "skip", "reject"] = (
        setting(
            "With `user_source: external_id`, what becomes of a record of a user who "
            "has none. `device`: sent with the device id alone, rejected when no "
            "single device is known; `nami_user_id`: sent under Nami's own user id; "
            "`hold`: kept in the file of `memory_path` until a record of the same Nami "
            "user brings an External ID; `skip`: filtered; `reject`: rejected.",
            default="device",
        )
    )
    min_id_length: int | None = setting(
        "Shortest user or device id that Amplitude is asked to accept. Without it, "
        f"Amplitude's own {limits.MIN_ID_LENGTH}.",
        default=None,
        least=1,
    )
    stale_user_properties: t.Literal["skip", "send"] = setting(
        "An event older than the newest state seen of its user. `skip`: sent in such a "
        "way that it changes no user properties, so that old state never replaces "
        "new. `send`: sent like any other.",
        default="skip",
    )
    event_streams: tuple[str, ...] = setting(
        "Names or patterns of the streams that hold events. Without it each stream is "
        "recognised by its records.",
        examples=(["events", "nami_events_*"],),
    )
    user_streams: tuple[str, ...] = setting(
        "Names or patterns of the streams that hold users. Without it each stream is "
        "recognised by its records.",
        examples=(["users"],),
    )

    # How it delivers

    batch_size_rows: int = setting(
        "Most events in one request.",
        default=limits.MAX_EVENTS_PER_REQUEST,
        least=1,
        most=limits.MAX_EVENTS_PER_REQUEST,
    )
    max_request_bytes: int = setting(
        "Most bytes in the body of one request, before compression. Without it, "
        f"{DEFAULT_REQUEST_BYTES['http_v2']} for `http_v2` (at most "
        f"{limits.MAX_REQUEST_BYTES['http_v2']}) and "
        f"{DEFAULT_REQUEST_BYTES['batch']} for `batch` (at most "
        f"{limits.MAX_REQUEST_BYTES['batch']}).",
        least=10_000,
        most=limits.MAX_REQUEST_BYTES["batch"],
    )
    batch_wait_seconds: int = setting(
        "Longest time, in seconds, that an event waits for its request to fill.",
        default=5,
        least=1,
        most=_HOUR,
    )
    parallel_requests: int = setting(
        "Requests in flight at a time. Events of one user never overtake each other.",
        default=4,
        least=1,
        most=32,
    )
    max_events_per_second: int | None = setting(
        "Pace of the whole run. Without it, as fast as Amplitude takes them.",
        default=None,
        least=1,
    )
    compression: t.Literal["auto", "gzip", "none"] = setting(
        "Of request bodies. `auto`: gzip to Amplitude's own hosts and to the local "
        "Amplitude, none elsewhere.",
        default="auto",
    )
    request_timeout: int = setting(
        "Longest time, in seconds, from the last byte of a request sent to the last "
        "byte of its answer read, and for which sending may make no progress. "
        "Connecting may take 10 seconds.",
        default=60,
        least=1,
        most=_HOUR,
    )
    retry_for: int = setting(
        "How long, in seconds, one request may keep failing before the run gives up. "
        "STATE then covers what was delivered, and nothing else.",
        default=1800,
        least=0,
        most=_WEEK,  # then Amplitude forgets insert ids, and a retry may duplicate
    )
    shutdown_grace: int = setting(
        "After SIGTERM or SIGINT, how long, in seconds, to go on delivering what was "
        "read.",
        default=20,
        least=0,
        most=_HOUR,
    )
    backfill: bool = setting(
        "For history: the Batch API unless `api` is given, at most "
        f"{limits.EVENTS_PER_SECOND_PER_ID['batch']} events a second for one user or "
        "device, and no event changes user properties; user records still do.",
        default=False,
    )
    batch_schemes: tuple[str, ...] = setting(
        "Kinds of address that the files of BATCH messages may have, such as `file`, "
        "`s3` and `gs`: a tap that names another one ends the run. A plain path counts "
        "as `file`; a chained address, such as `zip://a.jsonl::s3://bucket/b.zip`, "
        "needs each of its kinds.",
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
    )

    # What it leaves behind

    rejects_path: Path = setting(
        "File for records that could not be delivered, as Singer messages that this "
        "target can read again. Made at the first reject, then appended to.",
        default=Path("output/rejects.singer"),
    )
    max_rejected: int | None = setting(
        "More rejects than this make the run end with exit code 3.",
        default=None,
        least=0,
    )
    report_path: Path | None = setting(
        "File for the run's report as JSON. The log has it as a table in any case.",
        default=None,
    )
    metrics_path: Path | None = setting(
        "File for the run's figures as OpenMetrics text.", default=None
    )
    memory_path: Path | None = setting(
        "SQLite file for what is remembered from run to run: the External IDs and the "
        "newest state of users, the ids of delivered events, and records on hold. "
        "Without it, the target remembers within the run only.",
        default=None,
    )
    memory_days: int = setting(
        "How long, in days, the ids of delivered events are remembered after they were "
        "last read.",
        default=90,
        least=1,
    )
    dry_run: bool = setting(
        "Send nothing: write the exact request bodies to `dry_run_path`, do "
        "everything else as in a real run, and emit no STATE.",
        default=False,
    )
    dry_run_path: Path = setting(
        "File for the request bodies of a dry run, one a line, with `***` for the API "
        "key.",
        default=Path("output/dry-run.jsonl"),
    )
