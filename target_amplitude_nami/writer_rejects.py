"""The rejects of an `AmplitudeWriter`: handed to a callback, or else logged."""

from __future__ import annotations

import typing as t
from collections import deque
from collections.abc import Mapping

import msgspec

from target_amplitude_nami import jsontext

if t.TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from target_amplitude_nami.outcomes import Refusal

_MOST_KINDS_LOGGED: t.Final = 50


class Reject(msgspec.Struct, frozen=True):
    """A record that could not be delivered, and why."""

    record: Mapping[str, t.Any]
    """The record as plain JSON data; as it was given where it has no such form."""
    stream: str
    reason: str
    """A stable code."""
    field: str
    """The part of the record or event concerned; may be empty."""
    detail: str
    """A sentence for people."""
    status: int | None = None
    """The HTTP status, where Amplitude refused the event."""


class QueuedRejects:
    """Keeps the rejects of all threads until the writer's own hands them over."""

    def __init__(
        self, on_reject: Callable[[Reject], object] | None, logger: logging.Logger
    ) -> None:
        """Take who gets them.

        Args:
            on_reject: Called with each; None: the first of each reason is logged.
            logger: Takes those.
        """
        self._on_reject = on_reject
        self._logger = logger
        self._queue: deque[Reject] = deque()
        self._kinds_logged: set[tuple[str, str]] = set()

    def __bool__(self) -> bool:
        return bool(self._queue)

    @property
    def advice(self) -> str:
        """A sentence for people: where the rejects are, and what to do with them."""
        if self._on_reject is None:
            return "`on_reject` would get each of them, with the reason"
        return "`on_reject` was given each of them, with the reason"

    def keep(self, record: Mapping[str, t.Any], stream: str, refusal: Refusal) -> None:
        """Keep a record that has no form in JSON; a `write` without a line follows."""
        self._queue.append(_reject(record, stream, refusal))

    def write(self, stream: str, line: bytes, refusal: Refusal) -> None:
        """Keep a record, unless `keep` has it."""
        if line:
            self._queue.append(_reject(jsontext.decode(line), stream, refusal))

    def declare_if_missing(self, stream: str) -> None:
        """Do nothing: a callback needs no schema."""

    def sync(self) -> None:
        """Do nothing: nothing is on a disk."""

    def close(self) -> None:
        """Do nothing: what is here is still handed over."""

    def hand_over(self) -> None:
        """Give the rejects to the callback, or log them.

        Raises:
            Exception: The first that the callback raised, once it was given all.
        """
        failure: Exception | None = None
        while self._queue:
            reject = self._queue.popleft()
            if self._on_reject is None:
                self._log(reject)
                continue
            try:
                self._on_reject(reject)
            except Exception as error:  # noqa: BLE001 - whatever the caller's code does
                failure = failure or error
        if failure is not None:
            raise failure

    def _log(self, reject: Reject) -> None:
        kind = reject.reason, reject.field
        if kind in self._kinds_logged or len(self._kinds_logged) >= _MOST_KINDS_LOGGED:
            return
        self._kinds_logged.add(kind)
        self._logger.warning(
            "A record of stream '%s' is rejected (%s): %s. Others like it are only "
            "counted; `on_reject` would get each of them",
            reject.stream,
            reject.reason,
            reject.detail,
        )


def _reject(record: Mapping[str, t.Any], stream: str, refusal: Refusal) -> Reject:
    return Reject(
        record, stream, refusal.reason, refusal.field, refusal.detail, refusal.status
    )
