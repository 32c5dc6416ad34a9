"""Defines the protocol of a store."""

from __future__ import annotations

import typing as t

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
    from target_amplitude_nami.store.model import Held, RejectPlace, StoreFigures
    from target_amplitude_nami.store.profiles import SentState, UserProfile

_Row = t.TypeVar("_Row")


class Table(t.Protocol[_Row]):
    """Rows by name, for the thread that reads records."""

    def get(self, name: str, /) -> _Row:
        """Return the row put last under a name, or an empty one."""

    def put(self, name: str, row: _Row, /) -> None:
        """Keep a row under a name, in the place of the one before."""

    def prepare(self, names: Iterable[str], /) -> None:
        """Look up in one go what `get` will be asked for next."""


class Store(t.Protocol):
    """Remembers earlier records: users, sent states, deliveries, held records.

    One thread looks up and changes; any thread may ask for delivered events, settle,
    invalidate and commit.
    """

    @property
    def run(self) -> int:
        """A number that no other run has."""

    @property
    def warnings(self) -> Sequence[str]:
        """Warnings for the user, to be logged once the store is open."""

    @property
    def users(self) -> Table[UserProfile]:
        """The profile of each Nami user."""

    @property
    def sent_states(self) -> Mapping[Project, Table[SentState]]:
        """The state sent to each project, by user id or device id."""

    # Looking up

    @property
    def is_all_in_ram(self) -> bool:
        """Whether `prepare` has nothing to look up."""

    def prepare(self, targets: Collection[str], keys: Collection[DedupKey], /) -> None:
        """Look up in one go what the next records will ask for."""

    def delivered_before(self, project: Project, key: DedupKey, /) -> Occurrence | None:
        """Return the event of an earlier run that has a key; quick if prepared."""

    def delivered_among(
        self, project: Project, keys: Sequence[DedupKey], /
    ) -> Mapping[DedupKey, Occurrence]:
        """Return the events that were delivered, where they have one of the keys."""

    # Ids

    def note_owner(self, kind: str, value: str, user_id: str, /) -> None:
        """Note that an External ID or a device was seen with a Nami user."""

    def note_second_external_id(self, user_id: str, first: str, second: str, /) -> None:
        """Note that a Nami user has two External IDs."""

    # Outcomes

    def settle(
        self, project: Project, sent: Iterable[SentEvent], held: Sequence[int], /
    ) -> None:
        """Remember events as delivered, and forget held records that are settled."""

    def invalidate(self, project: Project, target: str, key: DedupKey, /) -> None:
        """Note that an event set no properties: it was refused, or there before."""

    def apply_invalidations(self) -> None:
        """Forget that a state was sent, where Amplitude refused what sent it last."""

    # Held records

    @property
    def waiting(self) -> int:
        """The number of held records."""

    def hold(
        self,
        user_id: str,
        stream: str,
        line: bytes,
        record: bytes,
        *,
        is_of_now: bool = False,
    ) -> bool:
        """Keep a record that waits; return False when the same is kept already."""

    def forget_held(self, number: int, /) -> None:
        """Forget a held record that is settled."""

    def held_of(self, user_id: str, /) -> Iterator[Held]:
        """Yield a user's held records in the order held."""

    def held_of_identified_users(self) -> Iterator[Held]:
        """Yield the held records whose user's External ID is known meanwhile."""

    def all_held(self) -> Iterator[Held]:
        """Yield all held records."""

    # Rejects

    def find_reject(self, key: bytes, /) -> RejectPlace | None:
        """Return where an earlier run wrote a record into the rejects file."""

    def note_reject(self, key: bytes, place: RejectPlace, /) -> None:
        """Remember where a record was written into the rejects file."""

    # The whole

    def open(self) -> None:
        """Open the store.

        Raises:
            StoreUnusable: When it is in use, damaged, or something else.
        """

    @property
    def wants_commit(self) -> bool:
        """Whether too many changes are pending to keep them all in RAM."""

    def commit(self, first: Callable[[], None] = ..., /) -> None:
        """Make all changes so far survive a crash.

        Others may go on meanwhile: what they settle belongs to the next commit.

        Args:
            first: Makes safe what must be safe before; called once it is decided what
                belongs to this commit.

        Raises:
            StoreUnusable: When the disk does not take it.
        """

    def damaged(self) -> Exception:
        """Return the error to raise for a damaged row."""

    def figures(self) -> StoreFigures:
        """Return the store's figures in the report."""

    def close(self) -> None:
        """Close the store; what was not committed is forgotten."""
