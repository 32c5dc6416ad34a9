"""Explains events by the input that they came from, and rejects by their file."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import msgspec

from target_amplitude_nami.local.model import Explain, ExplainReject
from target_amplitude_nami.local.queries.events import event_details
from target_amplitude_nami.local.run_note import rejects_path

if TYPE_CHECKING:
    from target_amplitude_nami.local.model import JsonObject
    from target_amplitude_nami.local.queries.reader import Reader
    from target_amplitude_nami.local.run_note import RunFiles

_NOT_AVAILABLE: JsonObject = {"available": False}


class Explainers(msgspec.Struct, frozen=True):
    """What explains; None: nothing that does is at hand."""

    event: Explain | None = None
    reject: ExplainReject | None = None


class Explanations:
    """Answers the page's questions why; each may take seconds.

    Args:
        reader: Opens the file.
        explainers: What explains.
        run_files: The report and the rejects of the run that sent the events.
    """

    def __init__(
        self, reader: Reader, explainers: Explainers, run_files: RunFiles
    ) -> None:
        self._reader = reader
        self._explainers = explainers
        self._run_files = run_files

    def of_event(self, number: int) -> JsonObject | None:
        """Return why an event is as it is; None if there is none of this number."""
        with closing(self._reader.connect()) as connection:
            event = event_details(connection, number)
        if event is None:
            return None
        if self._explainers.event is None:
            return _NOT_AVAILABLE
        if event.row.insert_id is None:
            error = "The event has no insert id, so no record can be found for it."
            return {"available": True, "error": error}
        return {"available": True, **self._explainers.event(event.row.insert_id)}

    def of_reject(self, line: int) -> JsonObject:
        """Return why the record on a line of the rejects file was rejected."""
        with closing(self._reader.connect()) as connection:
            path = rejects_path(connection, self._run_files)
        if path is None or self._explainers.reject is None:
            return _NOT_AVAILABLE
        return {"available": True, **self._explainers.reject(path, line)}
