-- What the target remembers from run to run (`memory_path`): form 5.
--
-- Unless something else is said, a time is in milliseconds since 1970 and a day in days
-- since 1970. The views at the end show them as ISO 8601 in UTC, in columns that end in
-- `_at`. An id that is missing is NULL, or '' where it is part of a key.
-- docs/memory-file.md shows how to read the file and how to delete a person.

-- One row for each Nami user.
CREATE TABLE users (
    -- Nami's id of the user. Records without one are kept by their External ID or device.
    nami_user_id TEXT NOT NULL PRIMARY KEY,
    -- The External ID: the user id in Amplitude. NULL until a record brings one.
    external_id TEXT,
    -- The time of the newest record that brought it. NULL when none had a time.
    external_id_time INTEGER,
    -- The device in the last record that named one.
    device_id TEXT,
    -- The newest subscription state as a JSON object: the user properties without prefix.
    state TEXT,
    -- As of when the state is.
    state_time INTEGER
);

-- The Amplitude projects that anything was sent to.
CREATE TABLE projects (
    project INTEGER PRIMARY KEY,
    -- A hash of the API key, which is not in this file; with `endpoint: local`, of the
    -- path of the local Amplitude's file as well.
    name_hash TEXT NOT NULL UNIQUE
);

-- The user properties sent last, for each user and each device without a user.
CREATE TABLE sent_states (
    project INTEGER NOT NULL,
    -- Amplitude's user id, or '' for a device without one.
    user_id TEXT NOT NULL,
    -- Amplitude's device id where there is no user id, or ''.
    device_id TEXT NOT NULL,
    -- The newest time of a record with a state, whether that was sent or not.
    time INTEGER,
    -- A hash of the properties. NULL when it is not certain that Amplitude has them.
    properties_hash INTEGER,
    -- The event that carried them.
    insert_id TEXT NOT NULL,
    -- 1 when that event is an `$identify`, else 0.
    is_identify INTEGER NOT NULL,
    -- Its `delivered.event_key`, or NULL when none was sent yet.
    event_key BLOB,
    -- The run that sent it: nanoseconds since 1970 at its start, or 0.
    run INTEGER NOT NULL,
    PRIMARY KEY (user_id, device_id, project)
) WITHOUT ROWID;

-- The events that were delivered, so that none is sent twice.
CREATE TABLE delivered (
    project INTEGER NOT NULL,
    insert_id TEXT NOT NULL,
    -- The event's device, by which Amplitude tells apart events with one insert id, or ''.
    device_id TEXT NOT NULL,
    -- The event's user where it has no device, else ''.
    user_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    -- When it happened. NULL where that does not matter.
    time INTEGER,
    -- When its first delivery was noted here.
    delivered_time INTEGER NOT NULL,
    -- The last day on which it was read: `memory_days` later it is forgotten.
    last_seen_day INTEGER NOT NULL,
    -- A hash of the insert id and the device or user: what events are looked up by.
    event_key BLOB NOT NULL
);
CREATE UNIQUE INDEX delivered_by_key ON delivered (event_key, project);

-- Records that wait for their user's External ID (`anonymous_users: hold`).
CREATE TABLE held (
    number INTEGER PRIMARY KEY,
    nami_user_id TEXT NOT NULL,
    stream TEXT NOT NULL,
    -- The RECORD message as it was read.
    line TEXT NOT NULL,
    -- What was understood of it, as JSON.
    record TEXT NOT NULL,
    since INTEGER NOT NULL,
    -- Keeps the same record from being held twice.
    record_hash TEXT NOT NULL UNIQUE
);
CREATE INDEX held_by_user ON held (nami_user_id, number);

-- The Nami user with whom an External ID or a device was seen first.
CREATE TABLE id_owners (
    -- `external_id` or `device`.
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    nami_user_id TEXT NOT NULL,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;

-- Ids that do not fit together, as the report counts and names them.
CREATE TABLE id_conflicts (
    -- `external_id_of_several_users`, `device_of_several_users` or
    -- `user_with_several_external_ids`.
    kind TEXT NOT NULL,
    -- The External ID or device.
    id TEXT NOT NULL,
    nami_user_id TEXT NOT NULL,
    -- The Nami user who had it first, or the user's other External ID.
    other_id TEXT NOT NULL,
    PRIMARY KEY (kind, id, nami_user_id)
) WITHOUT ROWID;

-- Where rejected records stand in the rejects file, so that none is written twice.
CREATE TABLE reject_places (
    -- A hash of the stream and the record.
    record_hash TEXT NOT NULL PRIMARY KEY,
    -- The offset and the length of its line in bytes, and a hash of the line.
    byte_offset INTEGER NOT NULL,
    length INTEGER NOT NULL,
    line_hash TEXT NOT NULL,
    -- As in `delivered`.
    last_seen_day INTEGER NOT NULL
) WITHOUT ROWID;

-- What purging goes by: `last_run_day`, `newest_event_day` and `purged_day`. The form of
-- the file is in `PRAGMA user_version`.
CREATE TABLE meta (
    name TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;

-- The tables for people to read. Views, since computed columns of the tables themselves
-- cost a third of what writing a row takes.
CREATE VIEW readable_users AS SELECT *,
    strftime('%Y-%m-%dT%H:%M:%SZ', external_id_time / 1000, 'unixepoch') AS external_id_at,
    strftime('%Y-%m-%dT%H:%M:%SZ', state_time / 1000, 'unixepoch') AS state_at
FROM users;
CREATE VIEW readable_sent_states AS SELECT *,
    strftime('%Y-%m-%dT%H:%M:%SZ', time / 1000, 'unixepoch') AS time_at,
    strftime('%Y-%m-%dT%H:%M:%SZ', run / 1000000000, 'unixepoch') AS run_at
FROM sent_states;
CREATE VIEW readable_delivered AS SELECT *,
    strftime('%Y-%m-%dT%H:%M:%SZ', time / 1000, 'unixepoch') AS time_at,
    strftime('%Y-%m-%dT%H:%M:%SZ', delivered_time / 1000, 'unixepoch') AS delivered_at,
    date(last_seen_day * 86400, 'unixepoch') AS last_seen_at
FROM delivered;
CREATE VIEW readable_held AS SELECT *,
    strftime('%Y-%m-%dT%H:%M:%SZ', since / 1000, 'unixepoch') AS since_at
FROM held;
CREATE VIEW readable_reject_places AS SELECT *,
    date(last_seen_day * 86400, 'unixepoch') AS last_seen_at
FROM reject_places;
