"""Explains the events that a local Amplitude shows, by the input they came from."""

from __future__ import annotations

import threading
import typing as t

import msgspec

from target_amplitude_nami.commands.singer_input import RepeatableInput
from target_amplitude_nami.errors import AmplitudeNamiError
from target_amplitude_nami.singer.line_explainer import explain_line
from target_amplitude_nami.singer.record_search import RecordSearch, search_records
from target_amplitude_nami.singer.rehearsal import without_memory

if t.TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class EventExplainer:
    """Explains an event by its insert id: give it to `LocalAmplitude` as `explain`.

    The input is explained as for a first run over it, with no memory of earlier ones:
    in that of the run that sent the events, all of them would be duplicates.
    """

    def __init__(
        self,
        config: Mapping[str, object],
        source: str,
        redacted: Callable[[t.Any], t.Any] = lambda value: value,
    ) -> None:
        """Take the settings of the run, and the input that it read.

        Args:
            config: The settings that are given, as JSON values.
            source: A file, or `-` for standard input.
            redacted: Takes keys out of JSON values.
        """
        self._redacted = redacted
        self._config = without_memory(config)
        self._input = RepeatableInput(source)
        self._lock = threading.Lock()

    def __enter__(self) -> t.Self:
        """Open the input.

        Raises:
            InputUnreadable: When it cannot be read.
        """
        self._input.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        """Close the input."""
        self._input.__exit__()

    def __call__(self, insert_id: str) -> dict[str, t.Any]:
        """Return the explanation of an event as JSON, or an `error` for people.

        It may be called by any thread, and reads the input up to the event.
        """
        with self._lock:
            try:
                return self._explain(insert_id)
            except AmplitudeNamiError as error:
                return {"error": f"{error}"}

    def _explain(self, insert_id: str) -> dict[str, t.Any]:
        lines, name = self._input.lines, self._input.name
        found = RecordSearch(event_id=insert_id, only_first=True)
        try:
            search_records(self._config, lines, found)
        except AmplitudeNamiError:
            if not found.count:
                raise
        explanation = None
        if found.places:
            explanation = explain_line(
                self._config, lines, found.places[0], source=name
            )
        if explanation is None:
            return {"error": f"No event of this insert id is in {name}."}
        shown: dict[str, t.Any] = self._redacted(msgspec.to_builtins(explanation))
        return shown
