"""A store that keeps nothing, for the library."""

from __future__ import annotations

import typing as t

from target_amplitude_nami.store.model import StoreFigures
from target_amplitude_nami.store.profiles import (
    NEVER_SENT,
    UNKNOWN_USER,
    SentState,
    UserProfile,
)

if t.TYPE_CHECKING:
    from collections.abc import (
        Callable,
        Collection,
        Iterable,
        Iterator,
        Mapping,
        Sequence,
    )

    from target_amplitude_nami.outcomes import (
        DedupKey,
        Occurrence,
        Project,
        SentEvent,
    )
    from target_amplitude_nami.store.model import Held, RejectPlace

_Row = t.TypeVar("_Row")


class _NoRows(t.Generic[_Row]):
    """A table that stays empty."""

    def __init__(self, empty: _Row) -> None:
        self._empty = empty

    def get(self, _name: str) -> _Row:
        return self._empty

    def put(self, _name: str, _row: _Row) -> None:
        pass

    def prepare(self, _names: Iterable[str]) -> None:
        pass


class NullStore:
    """Keeps nothing: each record is the first one of its user."""

    run: int = 1
    is_all_in_ram: bool = True
    waiting: int = 0
    wants_commit: bool = False

    def __init__(self, projects: Collection[Project]) -> None:
        """Take the projects that events go to."""
        self.users: _NoRows[UserProfile] = _NoRows(UNKNOWN_USER)
        no_states: _NoRows[SentState] = _NoRows(NEVER_SENT)
        self.sent_states: Mapping[Project, _NoRows[SentState]] = dict.fromkeys(
            projects, no_states
        )

    def prepare(self, _targets: Collection[str], _keys: Collection[DedupKey]) -> None:
        """Do nothing."""

    def delivered_before(self, _project: Project, _key: DedupKey) -> Occurrence | None:
        """Return None."""
        return None

    def delivered_among(
        self, _project: Project, _keys: Sequence[DedupKey]
    ) -> Mapping[DedupKey, Occurrence]:
        """Return nothing."""
        return {}

    def claim(self, _kind: str, _value: str, _user_id: str) -> None:
        """Do nothing."""

    def note_second_external_id(self, _user_id: str, _first: str, _second: str) -> None:
        """Do nothing."""

    def settle(
        self, _project: Project, _sent: Iterable[SentEvent], _held: Sequence[int]
    ) -> None:
        """Do nothing."""

    def invalidate(self, _project: Project, _target: str, _key: DedupKey) -> None:
        """Do nothing."""

    def apply_invalidations(self) -> None:
        """Do nothing."""

    def hold(
        self,
        user_id: str,
        stream: str,
        line: bytes,
        record: bytes,
        *,
        is_of_now: bool = False,
    ) -> bool:
        """Refuse: nothing can be held here."""
        raise NotImplementedError

    def forget_held(self, _number: int) -> None:
        """Do nothing."""

    def held_of(self, _user_id: str) -> Iterator[Held]:
        """Yield nothing."""
        return iter(())

    def held_of_identified_users(self) -> Iterator[Held]:
        """Yield nothing."""
        return iter(())

    def all_held(self) -> Iterator[Held]:
        """Yield nothing."""
        return iter(())

    def find_reject(self, _key: bytes) -> RejectPlace | None:
        """Return None."""
        return None

    def note_reject(self, _key: bytes, _place: RejectPlace) -> None:
        """Do nothing."""

    def open(self) -> None:
        """Do nothing."""

    def commit(self, _first: Callable[[], None] = lambda: None) -> None:
        """Do nothing."""

    def damaged(self) -> Exception:
        """Return what to raise for something that was never kept."""
        return NotImplementedError()

    def figures(self) -> StoreFigures:
        """Return no figures."""
        return StoreFigures()

    def close(self) -> None:
        """Do nothing."""
