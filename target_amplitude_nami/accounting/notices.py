"""Warns once of each kind of suspicious record, and counts what the report shows."""

from __future__ import annotations

import datetime as dt
import typing as t

from target_amplitude_nami.amplitude import limits
from target_amplitude_nami.text import counted

if t.TYPE_CHECKING:
    import logging
    from collections.abc import Mapping

_LONGEST_TYPE_SHOWN: t.Final = 100
_MOST_COLUMNS: t.Final = 100
"""So many columns with names that fit nowhere are counted."""
_MEMORY: t.Final = "; with `memory_path`, what was delivered once is not sent again"


class Notices:
    """Warnings about records; all methods are for the reading thread."""

    def __init__(
        self,
        logger: logging.Logger,
        *,
        forgotten_before_ms: int,
        expects_history: bool,
        may_remember: bool = True,
    ) -> None:
        """Say nothing yet.

        Args:
            logger: Takes the warnings.
            forgotten_before_ms: Amplitude has forgotten events from before then, ms.
            expects_history: Whether the settings are made for old events.
            may_remember: Whether `memory_path` could be set, too.
        """
        self._logger = logger
        self._forgotten_before_ms = forgotten_before_ms
        self._expects_history = expects_history
        self._may_remember = may_remember
        self._has_met_no_id = False
        self._misfits: dict[str, int] = {}

    @property
    def misfits(self) -> dict[str, int]:
        """In how many records each column was that `note_misfit` was given."""
        return dict(self._misfits)

    def note_time(self, milliseconds: int) -> None:
        """Warn once that Amplitude has forgotten events as old as one that is sent.

        Args:
            milliseconds: When that one happened, since 1970.
        """
        if self._expects_history or milliseconds >= self._forgotten_before_ms:
            return
        self._expects_history = True
        self._logger.warning(
            "Events older than %s days are sent (one of %s). If they were sent before, "
            "Amplitude has forgotten that after %s days and takes them again. To send "
            "history, `backfill` keeps it from changing user properties%s",
            limits.DAYS_OF_DEDUPLICATION,
            dt.datetime.fromtimestamp(milliseconds // 1000, dt.UTC).date(),
            limits.DAYS_OF_DEDUPLICATION,
            _MEMORY if self._may_remember else "",
        )

    def note_new_type(self, event_type: str) -> None:
        """Warn that events of a type that is not documented are left out."""
        self._logger.warning(
            "There are events of type '%s', which is not among the documented ones: "
            "they are left out unless `events` names the type",
            event_type[:_LONGEST_TYPE_SHOWN],
        )

    def note_no_id(self, stream: str) -> None:
        """Warn once that events have no id, so that their contents identify them."""
        if self._has_met_no_id:
            return
        self._has_met_no_id = True
        self._logger.warning(
            "Events of stream '%s' have no id (a column `id` or `event_id`): each gets "
            "one made from its content, so that a row that has changed since it was "
            "sent counts as another event. Select Nami's event id in the tap, or "
            "name columns that change on their own in `exclude_properties`",
            stream,
        )

    def note_released(self, filtered: Mapping[tuple[str, str], int]) -> None:
        """Warn of held records that the settings leave out now, if there are any.

        Args:
            filtered: How many records were filtered so far, by what they are and why.
        """
        count = sum(n for (_, why), n in filtered.items() if why == "anonymous_user")
        if count:
            self._logger.warning(
                "%s left out for good, as `anonymous_users` is skip now",
                counted(
                    count,
                    "record that waited for an External ID is",
                    "records that waited for an External ID are",
                ),
            )

    def note_misfit(self, column: str) -> None:
        """Count a column that begins like a container of Nami's and is no part of it.

        Args:
            column: Its name.
        """
        known = self._misfits.get(column)
        if known is None:
            if len(self._misfits) >= _MOST_COLUMNS:
                return
            self._logger.warning(
                "The column '%s' begins like one of Nami's fields (external_ids, "
                "active_entitlements, devices, customer_journey_state), but is not a "
                "known part of it: it counts as an event property and says nothing "
                "about the user. docs/input.md shows the names that are understood",
                column,
            )
        self._misfits[column] = (known or 0) + 1

    def note_cut(self) -> None:
        """Warn that texts are cut; `Checks` calls it for the first one."""
        self._logger.warning(
            "An event has text of more than %s characters, which Amplitude does "
            "not keep: it is cut to that. The report counts such texts",
            f"{limits.MAX_TEXT_CHARACTERS:,}",
        )
