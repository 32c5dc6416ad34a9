"""Defines the tables of the file."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

VERSION = 4
"""Raise it with every change of the tables (`PRAGMA user_version`)."""

OLDEST_VERSION = 3
"""Files from this version on are brought to the newest (`upgrading.upgrade`)."""

TABLES = """
CREATE TABLE totals (
    requests INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    duplicates INTEGER NOT NULL,
    users INTEGER NOT NULL, -- The highest number given; some have joined others.
    active INTEGER NOT NULL -- Users with an event that charts can show.
);
INSERT INTO totals VALUES (0, 0, 0, 0, 0);

CREATE TABLE requests (
    number INTEGER PRIMARY KEY,
    time REAL NOT NULL,
    api TEXT NOT NULL,
    status INTEGER NOT NULL,
    events INTEGER NOT NULL,
    duplicates INTEGER NOT NULL,
    payload_bytes INTEGER NOT NULL,
    wire_bytes INTEGER NOT NULL,
    milliseconds REAL NOT NULL,
    answer BLOB NOT NULL,
    fault TEXT NOT NULL,
    error TEXT NOT NULL,
    first_event INTEGER NOT NULL -- The number that its first event has, or would have.
);
CREATE INDEX requests_refused ON requests (number)
    WHERE status NOT BETWEEN 200 AND 399;
CREATE TABLE bodies (
    request INTEGER PRIMARY KEY,
    body BLOB NOT NULL
);

CREATE TABLE types (
    number INTEGER PRIMARY KEY,
    project TEXT NOT NULL,
    name TEXT NOT NULL,
    kind INTEGER NOT NULL,
    UNIQUE (project, name)
);
-- What `raw` contains is not stored a second time: half the bytes, and with them half
-- the time that the disk takes.
CREATE TABLE events (
    number INTEGER PRIMARY KEY,
    request INTEGER NOT NULL,
    type INTEGER NOT NULL,
    user INTEGER NOT NULL,
    time INTEGER NOT NULL,
    raw BLOB NOT NULL,
    overlay BLOB NOT NULL,
    changes BLOB
);
CREATE TABLE by_time (
    type INTEGER NOT NULL,
    time INTEGER NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (type, time, number)
) WITHOUT ROWID;
-- It also makes it fast to count users: those of a type are in order.
CREATE TABLE by_user (
    type INTEGER NOT NULL,
    user INTEGER NOT NULL,
    time INTEGER NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (type, user, time, number)
) WITHOUT ROWID;
-- The newest events, which are not in these two tables yet.
CREATE TABLE fresh_by_time (
    type INTEGER NOT NULL,
    time INTEGER NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (type, time, number)
) WITHOUT ROWID;
CREATE TABLE fresh_by_user (
    type INTEGER NOT NULL,
    user INTEGER NOT NULL,
    time INTEGER NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (type, user, time, number)
) WITHOUT ROWID;

CREATE TABLE users (
    number INTEGER PRIMARY KEY,
    project TEXT NOT NULL,
    user_id TEXT,
    device_id TEXT,
    active INTEGER NOT NULL,
    properties BLOB NOT NULL,
    origins BLOB NOT NULL, -- Of each property in turn, the event that set it.
    fields BLOB NOT NULL
);
-- Changes of users who existed before; the newest row of a user counts.
CREATE TABLE changed_users (
    number INTEGER PRIMARY KEY,
    user INTEGER NOT NULL,
    active INTEGER NOT NULL,
    properties BLOB NOT NULL,
    origins BLOB NOT NULL,
    fields BLOB NOT NULL
);
-- The user (`value`) of an id (`key`, a fingerprint).
CREATE TABLE owners (
    key INTEGER PRIMARY KEY,
    value INTEGER NOT NULL
);
-- All names of a user in one text: U+0001 before each, U+0002 and its kind after it.
-- A lookup reads the table from its end: newest users first, no index to maintain.
CREATE TABLE names (
    user INTEGER PRIMARY KEY,
    names TEXT NOT NULL
);

-- When (`value`, in milliseconds) an insert id (`key`) was accepted.
CREATE TABLE seen (
    key INTEGER PRIMARY KEY,
    value INTEGER NOT NULL
);
-- New rows of these two tables.
CREATE TABLE waiting (
    name TEXT NOT NULL,
    packed BLOB NOT NULL
);
"""

COUNTS = """
-- Which properties the events of a type carry, by the kind of their values.
CREATE TABLE property_counts (
    type INTEGER NOT NULL,
    scope INTEGER NOT NULL,
    name TEXT NOT NULL,
    example INTEGER, -- The newest event that carries it.
    digest BLOB, -- Of the value that all of them share; null if there are several.
    nulls INTEGER NOT NULL,
    falses INTEGER NOT NULL,
    trues INTEGER NOT NULL,
    numbers INTEGER NOT NULL,
    empty_texts INTEGER NOT NULL,
    texts INTEGER NOT NULL,
    empty_lists INTEGER NOT NULL,
    lists INTEGER NOT NULL,
    objects INTEGER NOT NULL,
    PRIMARY KEY (type, scope, name)
) WITHOUT ROWID;
-- What the events of a type say of money, in millionths of the currency.
CREATE TABLE money_counts (
    type INTEGER NOT NULL,
    currency TEXT NOT NULL,
    is_revenue INTEGER NOT NULL,
    is_sandbox INTEGER NOT NULL,
    is_refund INTEGER NOT NULL,
    events INTEGER NOT NULL,
    micros INTEGER NOT NULL,
    PRIMARY KEY (type, currency, is_revenue, is_sandbox, is_refund)
) WITHOUT ROWID;
-- The time (`value`, in milliseconds) of the newest state of a user (`key`).
CREATE TABLE newest_states (
    key INTEGER PRIMARY KEY,
    value INTEGER NOT NULL
);
-- Events with user properties that came after a newer one of their user.
CREATE TABLE late_events (
    leaves_user_alone INTEGER NOT NULL,
    number INTEGER NOT NULL,
    behind INTEGER NOT NULL, -- By so many milliseconds.
    PRIMARY KEY (leaves_user_alone, number)
) WITHOUT ROWID;
-- How many rows other tables have that take long to count.
CREATE TABLE sizes (
    user_ids INTEGER NOT NULL, -- Users with a user id.
    late INTEGER NOT NULL, -- Late events that leave their user alone.
    overwrote INTEGER NOT NULL -- The others.
);
INSERT INTO sizes VALUES (0, 0, 0);
-- Ids (`key`, a fingerprint) that were seen with several users.
CREATE TABLE shared_ids (
    kind TEXT NOT NULL,
    key INTEGER NOT NULL,
    user INTEGER NOT NULL,
    PRIMARY KEY (kind, key, user)
) WITHOUT ROWID;
-- What the last run of the target said about itself (`RunNote` as JSON).
CREATE TABLE run_note (
    note BLOB NOT NULL
);
-- What is known of a user, in MessagePack.
CREATE TABLE journeys (
    user INTEGER PRIMARY KEY,
    packed BLOB NOT NULL
);
-- Changes of these; the newest row of a user counts.
CREATE TABLE changed_journeys (
    number INTEGER PRIMARY KEY,
    user INTEGER NOT NULL,
    packed BLOB NOT NULL
);
-- How many users count as what from a day on (days since 1970).
CREATE TABLE subscription_users (
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    day INTEGER NOT NULL,
    parts INTEGER NOT NULL,
    users INTEGER NOT NULL,
    PRIMARY KEY (kind, value, day, parts)
) WITHOUT ROWID;
-- The sums of a day's transactions, digit for digit.
CREATE TABLE subscription_money (
    day INTEGER NOT NULL,
    currency TEXT NOT NULL,
    sandbox INTEGER NOT NULL,
    sign INTEGER NOT NULL, -- 1 for payments, -1 for refunds, 0 without an amount.
    transactions INTEGER NOT NULL,
    amount TEXT NOT NULL,
    PRIMARY KEY (day, currency, sandbox, sign)
) WITHOUT ROWID;
"""
"""The tables that version 4 added."""

USER_LIST = """
-- What the list of users shows, and is sorted by.
CREATE TABLE user_list (
    user INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    status INTEGER NOT NULL,
    events INTEGER NOT NULL,
    last INTEGER NOT NULL
);
CREATE INDEX user_list_by_name ON user_list (name, user);
CREATE INDEX user_list_by_status ON user_list (status, user);
CREATE INDEX user_list_by_events ON user_list (events, user);
CREATE INDEX user_list_by_last ON user_list (last, user);
-- What is to be added to it: null changes nothing, events are counted from the last
-- time that they were added.
CREATE TABLE fresh_user_list (
    user INTEGER PRIMARY KEY,
    name TEXT,
    status INTEGER,
    events INTEGER NOT NULL,
    last INTEGER NOT NULL
);
-- What events call a platform, by Nami's id of it.
CREATE TABLE platform_names (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX requests_by_time ON requests (time, number);
"""
"""What version 4 added for the lists of the page."""

ALL = TABLES + COUNTS + USER_LIST
"""Every table of this version."""

_OF_ANOTHER_VERSION: Final = "made by another version; move it away"

# SQLite, "Database File Format", "The Database Header".
_HEADER_BYTES: Final = 100
_MAGIC: Final = b"SQLite format 3\0"
_VERSION_BYTES: Final = slice(60, 64)


def check(connection: sqlite3.Connection) -> None:
    """Check that a file has these tables.

    Raises:
        sqlite3.DatabaseError: It has none, or others and must not be changed.
    """
    [version] = connection.execute("PRAGMA user_version").fetchone()
    [tables] = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if not tables:
        raise sqlite3.DatabaseError("nothing is in it")
    if version != VERSION:
        raise sqlite3.DatabaseError(_OF_ANOTHER_VERSION)


def is_older(connection: sqlite3.Connection) -> bool:
    """Return whether a file has tables that can be brought to this version."""
    [version] = connection.execute("PRAGMA user_version").fetchone()
    return bool(OLDEST_VERSION <= version < VERSION)


def objection_to(path: Path) -> str | None:
    """Return why a local Amplitude cannot use a file, if its first bytes show that.

    SQLite would make files beside it.

    Args:
        path: A file that exists.

    Raises:
        OSError: When it cannot be read.
    """
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    if not header:
        return None
    if not header.startswith(_MAGIC):
        return "file is not a database"
    version = int.from_bytes(header[_VERSION_BYTES], "big")
    # What a log holds counts more.
    has_log = path.with_name(f"{path.name}-wal").exists()
    is_known = OLDEST_VERSION <= version <= VERSION or has_log
    return None if is_known else _OF_ANOTHER_VERSION
