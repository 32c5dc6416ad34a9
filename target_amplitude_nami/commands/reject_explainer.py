"""Explains the rejects that a local Amplitude shows, by the file that holds them."""

from __future__ import annotations

import shlex
import typing as t

import msgspec

from target_amplitude_nami import jsontext
from target_amplitude_nami.commands.singer_input import RepeatableInput
from target_amplitude_nami.errors import AmplitudeNamiError
from target_amplitude_nami.singer.input_lines import record_in
from target_amplitude_nami.singer.line_explainer import explain_line
from target_amplitude_nami.singer.rehearsal import without_memory
from target_amplitude_nami.tools import tool

if t.TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


class RejectExplainer:
    """Explains a reject by its line; for `explain_reject` of `LocalAmplitude`."""

    def __init__(
        self,
        config: Mapping[str, object],
        redacted: Callable[[t.Any], t.Any] = lambda value: value,
    ) -> None:
        """Take the settings of the run.

        Args:
            config: The settings that are given, as JSON values.
            redacted: Takes keys out of JSON values.
        """
        self._config = without_memory(config)
        self._redacted = redacted
        # The settings of the command are known to its own thread only.
        self._command = tool("explain")

    def __call__(self, path: Path, line: int) -> dict[str, t.Any]:
        """Return the explanation as JSON with the `record`, or an `error` for people.

        Beside it is the `command` that prints the same.

        Args:
            path: The rejects file.
            line: The line of the reject, from 1.
        """
        try:
            return self._explain(path, line)
        except AmplitudeNamiError as error:
            return {"error": f"{error}"}

    def _explain(self, path: Path, line: int) -> dict[str, t.Any]:
        with RepeatableInput(str(path)) as given:
            messages = (each for each in given.lines() if each.number >= line)
            found = next(messages, None)
            record = None
            if found is not None and found.number == line:
                record = record_in(found.message)
            if record is None:
                return {"error": f"There is no record on line {line:,} of {path}."}
            explanation = explain_line(
                self._config, given.lines, (line, 0), source=given.name
            )
        where = f"--input {shlex.quote(str(path))} --line {line}"
        shown = {
            **msgspec.to_builtins(explanation),
            "command": f"{self._command} {where}",
            "record": None if record.record is None else _text(record.record),
        }
        redacted: dict[str, t.Any] = self._redacted(shown)
        return redacted


def _text(record: t.Mapping[str, object]) -> str:
    return jsontext.encode(record).decode()
