"""The settings as users see them: each one declared once, with its meaning.

`--about`, Meltano Hub, the README's table and the checks all come from here.
"""

from __future__ import annotations

import typing as t

from singer_sdk import typing as th
from singer_sdk.helpers import capabilities as sdk

from target_amplitude_nami.amplitude import limits

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
_NOT_EMPTY: t.Final = th.StringType(min_length=1)


def _setting(
    name: str,
    kind: th.JSONTypeHelper[t.Any],
    description: str,
    **more: t.Any,
) -> th.Property[t.Any]:
    title = name.replace("_", " ").capitalize()
    title = title.replace("Api", "API").replace(" api ", " API ")
    return th.Property(name, kind, title=title, description=description, **more)


def _number(
    name: str,
    description: str,
    *,
    least: int,
    most: int | None = None,
    default: int | None = None,
) -> th.Property[t.Any]:
    kind = th.IntegerType(minimum=least, maximum=most)
    return _setting(name, kind, description, default=default)


def _choice(name: str, description: str, *allowed: str) -> th.Property[t.Any]:
    """Declare a setting of few values, the first of which is the default."""
    return _setting(
        name,
        th.StringType(),
        description,
        default=allowed[0],
        allowed_values=list(allowed),
    )


_WHERE_IT_SENDS: t.Final = (
    _setting(
        "api_key",
        th.StringType(),
        "API key of the Amplitude project. Required unless `dry_run` is on or "
        "`endpoint` is `local`.",
        secret=True,
    ),
    _choice("region", "Where the Amplitude project keeps its data.", "us", "eu"),
    _setting(
        "api",
        th.StringType(allowed_values=["http_v2", "batch"]),
        "`http_v2`: the HTTP V2 API, near real time. `batch`: the Batch Event Upload "
        "API, for bulk loads. Both take the same events and give the same answers, "
        "within other limits. Without it `http_v2`, and `batch` with `backfill`.",
        # No default: Meltano passes defaults on, and `backfill` has to know.
    ),
    _setting(
        "endpoint",
        th.StringType(),
        "A full URL to send to instead of the one that follows from `region` and "
        "`api`, such as a relay; `http://` for this machine only. Or the word "
        "`local`: start the local Amplitude on this machine and send to it.",
        examples=["https://relay.example.com/2/httpapi", "local"],
    ),
    _setting(
        "local_path",
        _NOT_EMPTY,
        "With `endpoint: local`, the file in which the local Amplitude keeps what it "
        "received.",
        default="output/local-amplitude.db",
    ),
    _setting(
        "integration_name",
        _NOT_EMPTY,
        "Name of this integration in logs, report and rejects: use one integration "
        "for each Nami app.",
        default="nami",
    ),
    _setting(
        "enabled",
        th.BooleanType(),
        "`false`: read the input to its end, send nothing and emit no STATE, so that "
        "the same records come again once it is `true`.",
        default=True,
    ),
)

_WHAT_IT_SENDS: t.Final = (
    _setting(
        "events",
        th.ArrayType(_NOT_EMPTY),
        "Which events to send: Nami event types or patterns. Patterns, and `*` as "
        "default, stand for the 13 types that Nami offers to Amplitude. Other types "
        "(`device.session.start`, `device.session.end`, `purchase.updated`, and any "
        "that Nami may add) are sent only when named exactly.",
        default=["*"],
        examples=[["user.subscription.*", "device.transaction"]],
        minItems=1,
    ),
    _setting(
        "event_names",
        th.ArrayType(
            th.ObjectType(
                th.Property("event", _NOT_EMPTY, required=True),
                th.Property("name", th.StringType(), required=True),
                additional_properties=False,
            )
        ),
        "Other names for events, as a list of `event` and `name`; an empty `name` "
        "means: do not send. An object from event type to name works too, but the "
        "list is the safe form: Meltano takes the dots in an object's keys apart, and "
        "may drop such keys.",
        # No default: Meltano fails on an object where the default is a list.
        examples=[[{"event": "user.subscription.renewed", "name": "Renewed"}]],
    ),
    _setting(
        "event_prefix",
        th.StringType(),
        "Put before every event name, after renaming.",
        default="",
        examples=["Nami "],
    ),
    _setting(
        "start_date",
        th.DateTimeType(),
        "Events older than this date or date-time (ISO 8601) are filtered. Without a "
        "zone it is UTC. In `meltano.yml` put a date-time with a zone in quotes, or "
        "Meltano drops the zone.",
        examples=["2024-01-31", "2024-01-31T08:00:00Z"],
    ),
    _setting(
        "extra_user_properties",
        th.ArrayType(th.StringType(allowed_values=["*", *EXTRA_USER_PROPERTIES])),
        "User properties to set beside the eight of Nami's own Amplitude integration: "
        f"{', '.join(f'`{name}`' for name in EXTRA_USER_PROPERTIES)}; `*` for all.",
        default=[],
    ),
    _setting(
        "exclude_properties",
        th.ArrayType(_NOT_EMPTY),
        "Event properties never to send: names or patterns.",
        default=[],
        examples=[["locale", "campaign*"]],
    ),
    _choice(
        "revenue",
        "`transactions`: `device.transaction` events that tell an amount count as "
        "revenue in Amplitude. An amount or a currency that cannot be read makes the "
        "record a reject, as an event in Amplitude cannot be mended.",
        "none",
        "transactions",
    ),
    _choice(
        "sandbox_purchases",
        "What becomes of events that say they are not production (`purchase_env`, or "
        "without it `app_env`): sent, or filtered. They are never revenue.",
        "send",
        "skip",
    ),
    _setting(
        "sandbox_api_key",
        th.StringType(),
        "API key of a second Amplitude project: events that say they are not "
        "production go there instead.",
        secret=True,
    ),
)

_WHOM_IT_NAMES: t.Final = (
    _choice(
        "user_source",
        "Which of Nami's identifiers becomes the Amplitude User ID: the External ID "
        "that the app gave at login, or Nami's own user id.",
        "external_id",
        "nami_user_id",
    ),
    _choice(
        "anonymous_users",
        "With `user_source: external_id`, what becomes of a record of a user who has "
        "none. `device`: sent with the device id alone, rejected when no single "
        "device is known; `nami_user_id`: sent under Nami's own user id; `hold`: kept "
        "in the file of `memory_path` until a record of the same Nami user brings an "
        "External ID; `skip`: filtered; `reject`: rejected.",
        "device",
        "nami_user_id",
        "hold",
        "skip",
        "reject",
    ),
    _number(
        "min_id_length",
        "Shortest user or device id that Amplitude is asked to accept. Without it, "
        f"Amplitude's own {limits.MIN_ID_LENGTH}.",
        least=1,
    ),
    _choice(
        "stale_user_properties",
        "An event older than the newest state seen of its user. `skip`: sent in such a "
        "way that it changes no user properties, so that old state never replaces "
        "new. `send`: sent like any other.",
        "skip",
        "send",
    ),
    _setting(
        "event_streams",
        th.ArrayType(_NOT_EMPTY),
        "Names or patterns of the streams that hold events. Without it each stream is "
        "recognised by its records.",
        examples=[["events", "nami_events_*"]],
    ),
    _setting(
        "user_streams",
        th.ArrayType(_NOT_EMPTY),
        "Names or patterns of the streams that hold users. Without it each stream is "
        "recognised by its records.",
        examples=[["users"]],
    ),
)

_HOW_IT_DELIVERS: t.Final = (
    _number(
        "batch_size_rows",
        "Most events in one request.",
        least=1,
        most=limits.MAX_EVENTS_PER_REQUEST,
        default=limits.MAX_EVENTS_PER_REQUEST,
    ),
    _number(
        "max_request_bytes",
        "Most bytes in the body of one request, before compression. Without it, "
        f"{DEFAULT_REQUEST_BYTES['http_v2']} for `http_v2` (at most "
        f"{limits.MAX_REQUEST_BYTES['http_v2']}) and "
        f"{DEFAULT_REQUEST_BYTES['batch']} for `batch` (at most "
        f"{limits.MAX_REQUEST_BYTES['batch']}).",
        least=10_000,
        most=limits.MAX_REQUEST_BYTES["batch"],
    ),
    _number(
        "batch_wait_seconds",
        "Longest time, in seconds, that an event waits for its request to fill.",
        least=1,
        most=_HOUR,
        default=5,
    ),
    _number(
        "parallel_requests",
        "Requests in flight at a time. Events of one user never overtake each other.",
        least=1,
        most=32,
        default=4,
    ),
    _number(
        "max_events_per_second",
        "Pace of the whole run. Without it, as fast as Amplitude takes them.",
        least=1,
    ),
    _choice(
        "compression",
        "Of request bodies. `auto`: gzip to Amplitude's own hosts and to the local "
        "Amplitude, none elsewhere.",
        "auto",
        "gzip",
        "none",
    ),
    _number(
        "request_timeout",
        "Longest time, in seconds, from the last byte of a request sent to the last "
        "byte of its answer read, and for which sending may make no progress. "
        "Connecting may take 10 seconds.",
        least=1,
        most=_HOUR,
        default=60,
    ),
    _number(
        "retry_for",
        "How long, in seconds, one request may keep failing before the run gives up. "
        "STATE then covers what was delivered, and nothing else.",
        least=0,
        most=_WEEK,  # then Amplitude forgets insert ids, and a retry may duplicate
        default=1800,
    ),
    _number(
        "shutdown_grace",
        "After SIGTERM or SIGINT, how long, in seconds, to go on delivering what was "
        "read.",
        least=0,
        most=_HOUR,
        default=20,
    ),
    _setting(
        "backfill",
        th.BooleanType(),
        "For history: the Batch API unless `api` is given, at most "
        f"{limits.EVENTS_PER_SECOND_PER_ID['batch']} events a second for one user or "
        "device, and no event changes user properties; user records still do.",
        default=False,
    ),
    _setting(
        "batch_schemes",
        th.ArrayType(_NOT_EMPTY),
        "Kinds of address that the files of BATCH messages may have, such as `file`, "
        "`s3` and `gs`: a tap that names another one ends the run. A plain path counts "
        "as `file`; a chained address, such as `zip://a.jsonl::s3://bucket/b.zip`, "
        "needs each of its kinds.",
        default=["file"],
        examples=[["file", "s3"]],
    ),
    _setting(
        "validate_records",
        th.BooleanType(),
        "Check each record against its stream's schema. A record that fails is "
        "rejected and never ends the run.",
        default=True,
    ),
    _choice(
        "load_method",
        "Always `append-only`: Amplitude never gives an event back.",
        "append-only",
    ),
)

_WHAT_IT_LEAVES: t.Final = (
    _setting(
        "rejects_path",
        _NOT_EMPTY,
        "File for records that could not be delivered, as Singer messages that this "
        "target can read again. Made at the first reject, then appended to.",
        default="output/rejects.singer",
    ),
    _number(
        "max_rejected",
        "More rejects than this make the run end with exit code 3.",
        least=0,
    ),
    _setting(
        "report_path",
        _NOT_EMPTY,
        "File for the run's report as JSON. The log has it as a table in any case.",
    ),
    _setting(
        "metrics_path",
        _NOT_EMPTY,
        "File for the run's figures as OpenMetrics text.",
    ),
    _setting(
        "memory_path",
        _NOT_EMPTY,
        "SQLite file for what is remembered from run to run: the External IDs and the "
        "newest state of users, the ids of delivered events, and records on hold. "
        "Without it, the target remembers within the run only.",
    ),
    _number(
        "memory_days",
        "How long, in days, the ids of delivered events are remembered after they were "
        "last read.",
        least=1,
        default=90,
    ),
    _setting(
        "dry_run",
        th.BooleanType(),
        "Send nothing: write the exact request bodies to `dry_run_path`, do "
        "everything else as in a real run, and emit no STATE.",
        default=False,
    ),
    _setting(
        "dry_run_path",
        _NOT_EMPTY,
        "File for the request bodies of a dry run, one a line, with `***` for the API "
        "key.",
        default="output/dry-run.jsonl",
    ),
)

_DECLARED: t.Final = th.PropertiesList(
    *_WHERE_IT_SENDS,
    *_WHAT_IT_SENDS,
    *_WHOM_IT_NAMES,
    *_HOW_IT_DELIVERS,
    *_WHAT_IT_LEAVES,
)

DEFAULTS: t.Final[dict[str, t.Any]] = {
    name: schema.get("default")
    for name, schema in _DECLARED.to_dict()["properties"].items()
}
"""Every setting declared here, with what holds where it is not given."""

_BUILT_IN: t.Final = (
    sdk.STREAM_MAPS_CONFIG,
    sdk.FLATTENING_CONFIG,
    sdk.ADD_RECORD_METADATA_CONFIG,
    sdk.BATCH_CONFIG,
)


def config_schema() -> dict[str, t.Any]:
    """Return the JSON schema of the settings declared here.

    The SDK adds its own to it, according to the target's capabilities.
    """
    return _DECLARED.to_dict()


def known_settings() -> dict[str, dict[str, t.Any]]:
    """Return the JSON schema of each setting, those built into the SDK included."""
    known: dict[str, dict[str, t.Any]] = config_schema()["properties"]
    for built_in in _BUILT_IN:
        known = {**built_in["properties"], **known}
    return known
