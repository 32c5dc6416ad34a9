"""Implements the store protocol without remembering anything."""

from __future__ import annotations

import time
import typing as t

from target_amplitude_nami.errors import StoreUnusable
from target_amplitude_nami.store.model import StoreFigures
from target_amplitude_nami.store.profiles import NEVER_SENT, UNKNOWN_USER

if t.TYPE_CHECKING:
    from collections.abc import (
        Callable,
        Collection,
        Iterable,
        Iterator,
        Mapping,
        Sequence,
    )

    from target_amplitude_nami.outcomes import DedupKey, Occurrence, Project, SentEvent
    from target_amplitude_nami.store.model import Held, RejectPlace
    from target_amplitude_nami.store.profiles import SentState, UserProfile

_Row = t.TypeVar("_Row")


class NullTable(t.Generic[_Row]):
    """A table that keeps no row."""

    def __init__(self, empty: _Row) -> None:
        """Initialise with the empty row, which `get` returns for every name."""
        self._empty = empty

    def get(self, _name: str, /) -> _Row:
        """Return an empty row."""
        return self._empty

    def put(self, _name: str, _row: _Row, /) -> None:
        """Keep nothing."""

    def prepare(self, _names: Iterable[str], /) -> None:
        """Look nothing up."""


class NullStore:
    """A store that remembers nothing: `store.protocol.Store`.

    Each record is understood by itself, so that its bytes depend on it and the settings
    alone. Nothing is found to be stale, repeated or unchanged, and nothing can be held.
    """

    warnings: Sequence[str] = ()

    def __init__(self, projects: Collection[Project]) -> None:
        """Take the projects that events go to."""
        self.run: t.Final = time.time_ns()
        self.users: NullTable[UserProfile] = NullTable(UNKNOWN_USER)
        self.sent_states: Mapping[Project, NullTable[SentState]] = {
            project: NullTable(NEVER_SENT) for project in projects
        }

    @property
    def is_all_in_ram(self) -> bool:
        """Whether `prepare` has nothing to look up: always."""
        return True

    def prepare(
        self, _targets: Collection[str], _keys: Collection[DedupKey], /
    ) -> None:
        """Look nothing up."""

    def delivered_before(
        self, _project: Project, _key: DedupKey, /
    ) -> Occurrence | None:
        """Return None: no earlier run is remembered."""
        return None

    def delivered_among(
        self, _project: Project, _keys: Sequence[DedupKey], /
    ) -> Mapping[DedupKey, Occurrence]:
        """Return nothing: no delivered event is remembered."""
        return {}

    def note_owner(self, _kind: str, _value: str, _user_id: str, /) -> None:
        """Note nothing."""

    def note_second_external_id(
        self, _user_id: str, _first: str, _second: str, /
    ) -> None:
        """Note nothing."""

    def settle(
        self, _project: Project, _sent: Iterable[SentEvent], _held: Sequence[int], /
    ) -> None:
        """Remember nothing."""

    def invalidate(self, _project: Project, _target: str, _key: DedupKey, /) -> None:
        """Note nothing."""

    def apply_invalidations(self) -> None:
        """Forget nothing."""

    @property
    def waiting(self) -> int:
        """The number of held records: none."""
        return 0

    def hold(
        self,
        _user_id: str,
        _stream: str,
        _line: bytes,
        _record: bytes,
        *,
        is_of_now: bool = False,
    ) -> bool:
        """Refuse to hold a record, which would be lost.

        Raises:
            StoreUnusable: Always.
        """
        del is_of_now
        raise StoreUnusable(
            "A record cannot be held where nothing is remembered: `anonymous_users` "
            "must not be hold"
        )

    def forget_held(self, _number: int, /) -> None:
        """Forget nothing."""

    def held_of(self, _user_id: str, /) -> Iterator[Held]:
        """Yield nothing."""
        return iter(())

    def held_of_identified_users(self) -> Iterator[Held]:
        """Yield nothing."""
        return iter(())

    def all_held(self) -> Iterator[Held]:
        """Yield nothing."""
        return iter(())

    def find_reject(self, _key: bytes, /) -> RejectPlace | None:
        """Return None: no reject is remembered."""
        return None

    def note_reject(self, _key: bytes, _place: RejectPlace, /) -> None:
        """Note nothing."""

    def open(self) -> None:
        """Open nothing."""

    @property
    def wants_commit(self) -> bool:
        """Whether too many changes are pending to keep them all in RAM: never."""
        return False

    def commit(self, _first: Callable[[], None] = lambda: None, /) -> None:
        """Commit nothing."""

    def damaged(self) -> Exception:
        """Return the error to raise for a damaged row: there is none."""
        return StoreUnusable("There is nothing that could be damaged")

    def figures(self) -> StoreFigures:
        """Return that nothing is remembered."""
        return StoreFigures()

    def close(self) -> None:
        """Close nothing."""
