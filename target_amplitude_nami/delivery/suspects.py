"""Judges events that were refused alone: is it their fault, or that of a setting?"""

from __future__ import annotations

import typing as t

from target_amplitude_nami.errors import DeliveryError

if t.TYPE_CHECKING:
    from target_amplitude_nami.amplitude.event import EncodedEvent
    from target_amplitude_nami.delivery.split_plan import SplitPlan
    from target_amplitude_nami.outcomes import Refusal

SUSPECTS_THAT_MEAN_CONFIGURATION: t.Final = 10
"""So many events refused alone, and none accepted in between, are not at fault, if as
many from other places of the batch are refused as well."""


class Suspects:
    """The events of one lane that were refused alone, until they are judged."""

    def __init__(self) -> None:
        """Start with no suspect."""
        self._of_batch: list[tuple[EncodedEvent, Refusal]] = []
        self._is_batch_understood = False
        self._in_a_row = 0
        """How many were rejected since an event was delivered."""
        self._has_delivered = False

    def begin_batch(self) -> None:
        """Start the next batch."""
        self._of_batch = []
        self._is_batch_understood = False

    def note_delivered(self) -> None:
        """Note that Amplitude has taken events of the batch."""
        self._has_delivered = True
        self._in_a_row = 0
        self.note_understood()

    def note_understood(self) -> None:
        """Note that Amplitude has understood a request of the batch."""
        self._is_batch_understood = True

    def add(self, event: EncodedEvent, refusal: Refusal, plan: SplitPlan) -> None:
        """Add an event refused alone; once there are many, try others of the batch.

        Raises:
            DeliveryError: When those are refused as well.
        """
        self._of_batch.append((event, refusal))
        if self._is_batch_understood:
            return
        count = len(self._of_batch)
        if count == SUSPECTS_THAT_MEAN_CONFIGURATION:
            # Bad events may stand side by side.
            events = [event for event, _ in self._of_batch]
            plan.probe(SUSPECTS_THAT_MEAN_CONFIGURATION, besides=events)
        elif count >= 2 * SUSPECTS_THAT_MEAN_CONFIGURATION:
            raise _refused_alike(refusal)

    def judge(self) -> list[tuple[EncodedEvent, Refusal]]:
        """Return the events to reject at the end of the batch.

        Raises:
            DeliveryError: When it is a setting that makes Amplitude refuse them.
        """
        if self._of_batch and not self._is_batch_understood:
            self._in_a_row += len(self._of_batch)
            never_worked = len(self._of_batch) > 1 and not self._has_delivered
            if never_worked or self._in_a_row >= SUSPECTS_THAT_MEAN_CONFIGURATION:
                raise _refused_alike(self._of_batch[0][1])
        return self._of_batch


def _refused_alike(refusal: Refusal) -> DeliveryError:
    return DeliveryError(
        f"Amplitude refuses every event alike ({refusal.detail}), so it is not the "
        f"events: check `endpoint`, `region` and whether something between here and "
        f"Amplitude blocks requests"
    )
