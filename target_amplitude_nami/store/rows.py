"""The rows of users and of sent states, as the file has them."""

from __future__ import annotations

import typing as t

import msgspec

from target_amplitude_nami.nami.state import UserState
from target_amplitude_nami.store.profiles import SentState, UserProfile
from target_amplitude_nami.store.values import run_for_rows

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from target_amplitude_nami.store.file import StoreFile

_DEVICE: t.Final = "device\0"
"""What `target_of` puts before a device id that has no user id beside it."""

_Row = t.TypeVar("_Row")


class _UserColumns(t.NamedTuple):
    nami_user_id: str
    external_id: str | None
    external_id_time: int | None
    device_id: str | None
    state: str | None
    state_time: int | None


class _SentColumns(t.NamedTuple):
    id: str
    time: int | None
    properties_hash: int | None
    insert_id: str
    is_identify: int
    event_key: bytes | None
    run: int


class Rows(t.Protocol[_Row]):
    """The rows of one table, or one project's part of it."""

    @property
    def empty(self) -> _Row:
        """The row of a name that has none in the file."""

    def has_any(self, file: StoreFile, /) -> bool:
        """Return whether there is any row."""

    def find(self, file: StoreFile, names: Iterable[str], /) -> list[tuple[str, _Row]]:
        """Return the rows of some names, where they have one.

        Raises:
            StoreUnusable: When a row is damaged.
        """

    def write(self, file: StoreFile, rows: Sequence[tuple[str, _Row]], /) -> None:
        """Write rows in the place of those that are there."""


class UserRows:
    """The table `users`."""

    empty: t.Final = UserProfile()

    def has_any(self, file: StoreFile) -> bool:
        """Return whether any user is known."""
        return bool(file.rows("SELECT EXISTS (SELECT 1 FROM users)")[0][0])

    def find(
        self, file: StoreFile, names: Iterable[str]
    ) -> list[tuple[str, UserProfile]]:
        """Return the profiles of some users; see `Rows`."""
        rows = _find(file, _UserColumns, _FIND_USERS, names)
        return [(row[0], self._profile_of(file, row)) for row in rows]

    def write(self, file: StoreFile, rows: Sequence[tuple[str, UserProfile]]) -> None:
        """Write the profiles of some users."""
        run_for_rows(
            file,
            _PUT_USERS,
            [
                (
                    name,
                    profile.external_id,
                    profile.external_id_time,
                    profile.device_id,
                    _json_of(profile.packed_state),
                    profile.state_time,
                )
                for name, profile in rows
            ],
        )

    @staticmethod
    def _profile_of(file: StoreFile, row: _UserColumns) -> UserProfile:
        _, external_id, external_id_time, device_id, state, state_time = row
        packed = b""
        if state is not None:
            try:
                stored = _decode_state(state)
            except (msgspec.DecodeError, ValueError, RecursionError) as error:
                raise file.damaged() from error
            packed = _pack(msgspec.structs.astuple(stored))
        return UserProfile(external_id, external_id_time, device_id, packed, state_time)


class SentStateRows:
    """The rows of one project in the table `sent_states`."""

    empty: t.Final = SentState()

    def __init__(self, project: int) -> None:
        """Take the project's number in the file."""
        self._project = project

    def has_any(self, file: StoreFile) -> bool:
        """Return whether anything was sent to any project."""
        return bool(file.rows("SELECT EXISTS (SELECT 1 FROM sent_states)")[0][0])

    def find(
        self, file: StoreFile, names: Iterable[str]
    ) -> list[tuple[str, SentState]]:
        """Return what was sent of some users and devices; see `Rows`."""
        users, devices = [], []
        for name in names:
            if name.startswith(_DEVICE):
                devices.append(name.removeprefix(_DEVICE))
            else:
                users.append(name)
        rows = _find(file, _SentColumns, _FIND_SENT_TO_USERS, users, self._project)
        found = [(row[0], _sent_state_of(row)) for row in rows]
        rows = _find(file, _SentColumns, _FIND_SENT_TO_DEVICES, devices, self._project)
        return found + [(_DEVICE + row[0], _sent_state_of(row)) for row in rows]

    def write(self, file: StoreFile, rows: Sequence[tuple[str, SentState]]) -> None:
        """Write what was sent of some users and devices."""
        run_for_rows(
            file,
            _PUT_SENT_STATES,
            [
                (
                    *_ids_of(target),
                    sent.time,
                    sent.properties_hash,
                    sent.insert_id,
                    sent.was_identify,
                    sent.key or None,
                    sent.run,
                )
                for target, sent in rows
            ],
            self._project,
        )


_USER_COLUMNS: t.Final = (
    "nami_user_id, external_id, external_id_time, device_id, state, state_time"
)
_SENT_COLUMNS: t.Final = "time, properties_hash, insert_id, is_identify, event_key, run"
_FIND_USERS: t.Final = (
    f"SELECT {_USER_COLUMNS} FROM json_each(?1)"  # noqa: S608
    " CROSS JOIN users ON nami_user_id = value"
)
_FIND_SENT_TO_USERS: t.Final = (
    f"SELECT user_id, {_SENT_COLUMNS} FROM json_each(?1)"  # noqa: S608
    " CROSS JOIN sent_states"
    " ON user_id = value AND sent_states.device_id = '' AND project = ?2"
)
_FIND_SENT_TO_DEVICES: t.Final = (
    f"SELECT device_id, {_SENT_COLUMNS} FROM json_each(?1)"  # noqa: S608
    " CROSS JOIN sent_states"
    " ON user_id = '' AND sent_states.device_id = value AND project = ?2"
)
_PUT_USERS: t.Final = f"""
INSERT INTO users ({_USER_COLUMNS})
SELECT * FROM ({{rows}}) WHERE column1 IS NOT NULL
ON CONFLICT (nami_user_id) DO UPDATE SET
    external_id = excluded.external_id,
    external_id_time = excluded.external_id_time,
    device_id = excluded.device_id,
    state = excluded.state,
    state_time = excluded.state_time
"""  # noqa: S608
_PUT_SENT_STATES: t.Final = f"""
INSERT INTO sent_states (project, user_id, device_id, {_SENT_COLUMNS})
SELECT ?1, * FROM ({{rows}}) WHERE column1 IS NOT NULL
ON CONFLICT (user_id, device_id, project) DO UPDATE SET
    time = excluded.time,
    properties_hash = excluded.properties_hash,
    insert_id = excluded.insert_id,
    is_identify = excluded.is_identify,
    event_key = excluded.event_key,
    run = excluded.run
"""  # noqa: S608


def _find(
    file: StoreFile,
    kind: type[_Row],
    statement: str,
    names: Iterable[str],
    *values: object,
) -> list[_Row]:
    """Return the rows of many names by one statement, quicker than with as many `?`."""
    names = list(names)
    plain = [name for name in names if "\0" not in name]
    rows: list[_Row] = []
    if plain:
        text = msgspec.json.encode(plain).decode()
        rows += file.rows_of(kind, statement, text, *values)
    for name in set(names).difference(plain):  # what SQLite's JSON cannot hold
        alone = statement.replace("json_each(?1)", "(SELECT ?1 AS value)")
        rows += file.rows_of(kind, alone, name, *values)
    return rows


def _ids_of(target: str) -> tuple[str, str]:
    """Return the user id and the device id of a target, one of them empty."""
    if target.startswith(_DEVICE):
        return "", target.removeprefix(_DEVICE)
    return target, ""


def _sent_state_of(row: _SentColumns) -> SentState:
    _, time, properties_hash, insert_id, is_identify, key, run = row
    return SentState(
        time, properties_hash, insert_id, run, bool(is_identify), key or b""
    )


def _json_of(packed_state: bytes) -> str | None:
    if not packed_state:
        return None
    return _encode_state(_StoredState(*_unpack(packed_state))).decode()


_StoredState = msgspec.defstruct(
    "_StoredState",
    [(f.name, f.type, None) for f in msgspec.structs.fields(UserState)],
    frozen=True,
    omit_defaults=True,
    gc=False,
)
"""A state with the name of each fact, and without those that are absent."""
_encode_state = msgspec.json.Encoder().encode
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[t.Any]).decode
_decode_state = msgspec.json.Decoder(_StoredState).decode
