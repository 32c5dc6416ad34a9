"""Reads which events were delivered to one project, while runs may go on."""

from __future__ import annotations

import os.path
import typing as t
from pathlib import Path

from target_amplitude_nami.errors import StoreUnusable
from target_amplitude_nami.outcomes import DedupKey  # noqa: TC001 - of a row
from target_amplitude_nami.store.file import StoreFile
from target_amplitude_nami.store.lock import lock
from target_amplitude_nami.store.projects import known_number_of
from target_amplitude_nami.store.schema import current_schema
from target_amplitude_nami.store.values import chunks

if t.TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

_ROWS_AT_ONCE: t.Final = 2_000
_COLUMNS: t.Final = (
    "rowid, event_key, insert_id, device_id, user_id, event_type, time, delivered_time"
)
_KEYS_AT_ONCE: t.Final = 200
_FIND: t.Final = (
    "SELECT event_key, delivered_time FROM delivered WHERE project = ?"  # noqa: S608
    f" AND event_key IN ({','.join('?' * _KEYS_AT_ONCE)})"
)
_NO_PROJECT: t.Final = -1


class DeliveredEvent(t.NamedTuple):
    """A row of `delivered`; ids that are missing are ''."""

    row: int
    key: DedupKey
    insert_id: str
    device_id: str
    user_id: str
    event_type: str
    time: int | None
    delivered_time: int
    """When its first delivery was noted, ms since 1970."""


class DeliveredReader:
    """The delivered events of one project, in the file of `memory_path`."""

    def __init__(self, path: Path, project: str) -> None:
        """Open the file.

        Args:
            path: The file.
            project: The project's name; see `store_choice`.

        Raises:
            StoreUnusable: When there is none, or it is damaged or something else.
        """
        self._file = _open(path)
        try:
            number = known_number_of(self._file, project)
        except BaseException:
            self._file.close()
            raise
        self._project = _NO_PROJECT if number is None else number

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def first_delivery(self) -> int | None:
        """Return when the first of the events was delivered, ms since 1970."""
        [[first]] = self._file.rows_of(
            tuple[int | None],
            "SELECT min(delivered_time) FROM delivered WHERE project = ?",
            self._project,
        )
        return first

    def events(self, since: int, until: int) -> Iterator[DeliveredEvent]:
        """Yield the events that were delivered first within a time.

        Args:
            since: Its beginning, ms since 1970.
            until: The first moment after it.
        """
        statement = (
            f"SELECT {_COLUMNS} FROM delivered WHERE rowid > ? AND project = ?"  # noqa: S608
            " AND delivered_time >= ? AND delivered_time < ? ORDER BY rowid LIMIT ?"
        )
        last = 0
        while rows := self._file.rows_of(
            DeliveredEvent,
            statement,
            last,
            self._project,
            since,
            until,
            _ROWS_AT_ONCE,
        ):
            yield from rows
            last = rows[-1].row

    def count(self, since: int, until: int, *, without: str) -> int:
        """Return how many events were delivered first within a time.

        Args:
            since: Its beginning, ms since 1970.
            until: The first moment after it.
            without: An event type that does not count.
        """
        [[count]] = self._file.rows_of(
            tuple[int],
            "SELECT count(*) FROM delivered"
            " WHERE project = ? AND delivered_time >= ? AND delivered_time < ?"
            " AND event_type <> ?",
            self._project,
            since,
            until,
            without,
        )
        return count

    def times(self, keys: Iterable[DedupKey]) -> dict[DedupKey, int]:
        """Return when the events of some keys were delivered, where they were."""
        found: dict[DedupKey, int] = {}
        for some in chunks([*keys], _KEYS_AT_ONCE):
            same = [some[0]] * (_KEYS_AT_ONCE - len(some))  # one statement for all
            found.update(
                self._file.rows_of(
                    tuple[bytes, int], _FIND, self._project, *some, *same
                )
            )
        return found


def check_not_in_use(path: Path) -> None:
    """Check that events can be forgotten.

    Raises:
        StoreUnusable: When a run uses the file, or there is none.
    """
    _check_exists(path)
    lock(path, Path(os.path.realpath(path)))()


def forget_delivered(
    path: Path,
    project: str,
    keys: Callable[[], Iterable[Sequence[DedupKey]]],
    *,
    first: Callable[[], None],
) -> int:
    """Forget that some events were delivered, so that they are sent again.

    Nor is it certain any more that Amplitude has the user properties that they set.

    Args:
        path: The memory file.
        project: The project's name.
        keys: Yields the keys of the events, some at a time.
        first: Makes safe what must be safe before; nothing was changed yet.

    Returns:
        How many were forgotten.

    Raises:
        StoreUnusable: When the file is in use or cannot be written.
    """
    real = Path(os.path.realpath(path))
    _check_exists(path)
    let_go = lock(path, real)
    try:
        file = StoreFile(real, current_schema(), is_lasting=True, named=path)
        try:
            first()
            return _forget(file, known_number_of(file, project), keys())
        finally:
            file.close()
    finally:
        let_go()


def _forget(
    file: StoreFile, project: int | None, keys: Iterable[Collection[DedupKey]]
) -> int:
    file.run("CREATE TEMP TABLE forgotten (event_key BLOB PRIMARY KEY) WITHOUT ROWID")
    file.begin()
    for some in keys:
        for key in some:
            file.run("INSERT OR IGNORE INTO forgotten VALUES (?)", key)
    # Its time, too, must not be that of a record since then that changed nothing: the
    # event would count as late, and set no properties when it is sent again.
    file.run(
        "UPDATE sent_states SET properties_hash = NULL, time = min(time, coalesce(("
        "SELECT time FROM delivered WHERE delivered.project = sent_states.project"
        " AND delivered.event_key = sent_states.event_key), time))"
        " WHERE project = ? AND event_key IN (SELECT event_key FROM forgotten)",
        project,
    )
    count = file.run(
        "DELETE FROM delivered WHERE project = ?"
        " AND event_key IN (SELECT event_key FROM forgotten)",
        project,
    )
    file.run("COMMIT")
    return count


def _open(path: Path) -> StoreFile:
    _check_exists(path)
    real = Path(os.path.realpath(path))
    return StoreFile(real, current_schema(), is_lasting=True, named=path)


def _check_exists(path: Path) -> None:
    try:
        is_empty = path.stat().st_size == 0
    except OSError as error:
        why = error.strerror
        raise StoreUnusable(f"The memory file {path} cannot be read ({why})") from error
    if is_empty:
        raise StoreUnusable(f"The memory file {path} is empty: no run has used it yet")
