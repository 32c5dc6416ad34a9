"""Sent states that Amplitude turned out not to have."""

from __future__ import annotations

import typing as t
from collections import deque

import msgspec

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from target_amplitude_nami.outcomes import DedupKey, Project
    from target_amplitude_nami.store.profiles import SentState
    from target_amplitude_nami.store.protocol import Table


class Invalidations:
    """Any thread notes; the one that looks up sent states applies."""

    def __init__(self, sent_states: Mapping[Project, Table[SentState]]) -> None:
        """Take the states that were sent in each project."""
        self._sent_states = sent_states
        self._noted: deque[tuple[Project, str, DedupKey]] = deque()

    def note(self, project: Project, target: str, key: DedupKey) -> None:
        """Note that an event set no properties: it was refused, or there before."""
        self._noted.append((project, target, key))

    def apply(self) -> None:
        """Forget that a state was sent, where Amplitude refused what sent it last.

        Its key stays: what comes next is no copy of what was sent before.
        """
        while self._noted:
            project, target, key = self._noted.popleft()
            sent = self._sent_states[project].get(target)
            if sent.key == key:
                uncertain = msgspec.structs.replace(sent, properties_hash=None)
                self._sent_states[project].put(target, uncertain)
