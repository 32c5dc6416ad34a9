#!/usr/bin/env python3
"""Reads a folder of Nami webhook archives as the Singer streams `events` and `users`.

An archive is a `.jsonl` or `.jsonl.gz` file that only ever grows. Each of its lines is
the body of one Nami webhook (an event) or one user record. Archives are read in the
order of their names, lines from first to last, `events` before `users`: the same folder
always gives the same records in the same order.
"""

from __future__ import annotations

import gzip
import json
import zlib
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import click
from singer_sdk import Stream, Tap
from singer_sdk import typing as th
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL
from singer_sdk.singerlib.json import serialize_json
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.singerlib.encoding.simple import Message

# What a record says about its user (Nami, Purchase Status Updates: user events).
USER_STATE = (
    th.Property(
        "active_entitlements",
        th.ArrayType(
            th.ObjectType(
                th.Property("entitlement_ref_id", th.StringType),
                th.Property("sku_ref_id", th.StringType),
                th.Property("name", th.StringType),
                th.Property("description", th.StringType),
                th.Property("expiration", th.DateTimeType),
                th.Property("last_verified", th.DateTimeType),
                th.Property("purchase_platform", th.StringType),
            )
        ),
    ),
    th.Property(
        "customer_journey_state",
        th.ObjectType(
            th.Property("former_subscriber", th.BooleanType),
            th.Property("in_account_hold", th.BooleanType),
            th.Property("in_grace_period", th.BooleanType),
            th.Property("in_intro_offer_period", th.BooleanType),
            th.Property("in_pause", th.BooleanType),
            th.Property("in_trial_period", th.BooleanType),
            th.Property("is_cancelled", th.BooleanType),
        ),
    ),
    th.Property(
        "devices",
        th.ArrayType(
            th.ObjectType(
                th.Property("id", th.StringType),
                th.Property(
                    "platform",
                    th.ObjectType(
                        th.Property("id", th.StringType),
                        th.Property("name", th.StringType),
                        th.Property("platform_type", th.StringType),
                        th.Property("marketplace_app_id", th.StringType),
                    ),
                ),
            )
        ),
    ),
    th.Property(
        "external_ids",
        th.ArrayType(
            th.ObjectType(
                th.Property("key", th.StringType),
                th.Property("type", th.StringType),
                # Numeric External IDs come as text and as numbers.
                th.Property("value", th.CustomType({"type": ["string", "integer"]})),
            )
        ),
    ),
)

EVENT = th.PropertiesList(
    th.Property("id", th.StringType, required=True),
    th.Property("event_type", th.StringType, required=True),
    th.Property("user_id", th.StringType),
    th.Property("created_date", th.DateTimeType),
    th.Property("event_platform", th.StringType),
    *USER_STATE,
    # device.impression and device.transaction (mParticle, Nami feed).
    th.Property("app_env", th.StringType),
    th.Property("app_platform_id", th.StringType),
    th.Property("controller_name", th.StringType),
    th.Property("cta_type", th.StringType),
    th.Property("developer_paywall_id", th.StringType),
    th.Property("name", th.StringType),
    th.Property("initiator", th.StringType),
    th.Property("impression_id", th.StringType),
    th.Property("locale", th.StringType),
    th.Property("original_transaction_id", th.StringType),
    th.Property("purchase_env", th.StringType),
    th.Property("source", th.StringType),
    th.Property("subscription_interval", th.StringType),
    th.Property("subscription_interval_count", th.NumberType),
    # purchase.updated (Nami, Purchase Status Updates).
    th.Property("collapse_key", th.StringType),
    th.Property("billing_cycles", th.IntegerType),
    th.Property("canceled_at", th.DateTimeType),
    th.Property("current_term_length", th.StringType),
    th.Property("expires_at", th.DateTimeType),
    th.Property("is_active", th.BooleanType),
    th.Property("is_auto_renewable", th.BooleanType),
    th.Property("is_free_trial_conversion", th.BooleanType),
    additional_properties=True,
)

USER = th.PropertiesList(
    th.Property("user_id", th.StringType, required=True),
    th.Property("updated_at", th.DateTimeType),
    *USER_STATE,
    additional_properties=True,
)


class ArchiveError(click.ClickException):
    """An archive cannot be read; the message names the file and the line."""


def archives(folder: Path) -> dict[str, Path]:
    """Return the archives of a folder by name, in the order in which they are read.

    The name leaves out `.gz`, so that an archive which is compressed after it was read
    is not read again.

    Raises:
        ArchiveError: There is no such folder, or one archive lies there twice.
    """
    if not folder.is_dir():
        raise ArchiveError(f"{folder} is not a folder (setting `path`)")
    found: dict[str, Path] = {}
    for path in (*folder.glob("*.jsonl"), *folder.glob("*.jsonl.gz")):
        first = found.setdefault(path.name.removesuffix(".gz"), path)
        if first is not path:
            raise ArchiveError(f"{first} and {path} are one archive: remove either")
    return dict(sorted(found.items()))


def records(path: Path, *, after: int) -> Iterator[tuple[int, Record]]:
    """Yield the records of an archive past a line, each with its line number.

    Raises:
        ArchiveError: A line holds no record, or the file ends before its time. The
            message never shows the line, which may hold personal data.
    """
    number = 0
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if number > after and not line.isspace():
                    yield number, _record(line)
    except json.JSONDecodeError as error:
        # Its own text counts lines within the line.
        raise ArchiveError(
            f"{path}, line {number}: {error.msg} (character {error.pos + 1})"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ArchiveError(f"{path}, line {number}: {error}") from error
    except (EOFError, OSError, zlib.error) as error:
        raise ArchiveError(
            f"{path}: cannot be read past line {number}: {error}"
        ) from error
    if number < after:
        raise ArchiveError(
            f"{path}, line {number}: the archive ends here, but {after} lines of it"
            " have been read before; start anew without STATE to read what it holds now"
        )


def _record(line: bytes) -> Record:
    record = json.loads(line, parse_float=Decimal, parse_constant=_refuse_constant)
    if not isinstance(record, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - a value of bad input
    if "event_type" not in record and "user_id" not in record:
        raise ValueError("neither an event (`event_type`) nor a user (`user_id`)")
    return record


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def instant(value: Any) -> datetime | None:
    """Return an ISO 8601 date-time as UTC, or None when it is none."""
    try:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        return None


class ArchiveStream(Stream):
    """The records of one kind from all archives, each sent once.

    Nami's webhooks come late and out of order, some by days, and several may share one
    moment. A bookmark of `created_date` alone would lose each record that comes after
    a later one. STATE therefore also says how many lines of each archive have been
    read, and these decide; the bookmark decides only where STATE holds nothing else.
    """

    # A record leaves as it came: Nami's nulls and odd values are for the target to see.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    def holds(self, record: Record) -> bool:
        """Tell whether a record is of this stream's kind."""
        raise NotImplementedError

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        incremental = self.replication_method == REPLICATION_INCREMENTAL
        state = self.stream_state if incremental else {}
        key = self.replication_key or ""
        bookmark = instant(self.get_starting_replication_key_value(context))
        # A record of the bookmark's own moment may have come after the bookmark was
        # set: it is sent again rather than lost.
        start = None if "lines_read" in state else bookmark
        lines_read = state.setdefault("lines_read", {})
        for name, path in archives(Path(self.config["path"])).items():
            for number, record in records(path, after=lines_read.get(name, 0)):
                if self.holds(record):
                    moment = instant(record.get(key))
                    if not (start and moment and moment < start):
                        yield record
                    if moment and (bookmark is None or moment > bookmark):
                        bookmark = moment
                        state["replication_key"] = key
                        state["replication_key_value"] = moment.isoformat()
                lines_read[name] = number

    @override
    def _increment_stream_state(
        self, latest_record: Record, *, context: Context | None = None
    ) -> None:
        # The SDK compares bookmarks as text, so that one `created_date` that is no date
        # would stay the bookmark for ever. `get_records` moves STATE on.
        ...


class Events(ArchiveStream):
    """The events of users, as Nami's webhooks send them."""

    name = "events"
    schema: ClassVar[dict[str, Any]] = EVENT.to_dict()
    primary_keys = ("id",)
    replication_key = "created_date"

    @override
    def holds(self, record: Record) -> bool:
        return "event_type" in record


class Users(ArchiveStream):
    """What is known of each user now."""

    name = "users"
    schema: ClassVar[dict[str, Any]] = USER.to_dict()
    primary_keys = ("user_id",)
    replication_key = "updated_at"

    @override
    def holds(self, record: Record) -> bool:
        return "event_type" not in record


class Writer(MsgSpecWriter):
    """The SDK's fast writer, and for what it refuses the SDK's usual one."""

    @override
    def serialize_message(self, message: Message) -> bytearray:
        try:
            return super().serialize_message(message)
        except UnicodeEncodeError:  # Half a surrogate pair: legal JSON, no legal UTF-8.
            return bytearray(f"{serialize_json(message.to_dict())}\n", "ascii")


class TapNami(Tap):
    """Singer tap for a folder of Nami webhook archives."""

    name = "tap-nami"
    message_writer_class = Writer
    config_jsonschema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property(
            "path",
            th.StringType,
            default="examples/data",
            title="Folder",
            description="Folder that holds the archives: `*.jsonl` and `*.jsonl.gz`.",
        ),
    ).to_dict()

    @override
    def discover_streams(self) -> list[Stream]:
        return [Events(self), Users(self)]


if __name__ == "__main__":
    TapNami.cli()()
