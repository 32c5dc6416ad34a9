"""Prints what a command found: for people, or as JSON, and never with a key."""

from __future__ import annotations

import json
import typing as t

import click
import msgspec

from target_amplitude_nami.errors import OutputUnwritable

if t.TYPE_CHECKING:
    from collections.abc import Iterable

HIDDEN: t.Final = "***"


class Output:
    """Where a command prints; `--json` decides how."""

    def __init__(self, *, as_json: bool, secrets: Iterable[str] = ()) -> None:
        """Take the form, and the keys that must not be printed."""
        self.as_json = as_json
        self._secrets = sorted(set(secrets), key=len, reverse=True)

    def result(self, result: object, lines: Iterable[str]) -> None:
        """Print what a command found, on standard output.

        Args:
            result: For programs: a struct, a dataclass or JSON values.
            lines: The same for people.

        Raises:
            OutputUnwritable: When standard output does not take it.
        """
        if self.as_json:
            self._print(json.dumps(msgspec.to_builtins(result), indent=2))
        else:
            for line in lines:
                self._print(line)

    def note(self, line: str) -> None:
        """Print a line that is no part of the result, on standard error."""
        self._print(line, to_standard_error=True)

    def _print(self, text: str, *, to_standard_error: bool = False) -> None:
        try:
            click.echo(self.redacted(text), err=to_standard_error)
        except BrokenPipeError:  # nobody reads on: click ends the command quietly
            raise
        except OSError as error:
            raise OutputUnwritable(
                f"the output cannot be written ({error.strerror})"
            ) from error

    def redacted(self, text: str) -> str:
        """Return a text without the keys."""
        for secret in self._secrets:
            for form in (secret, json.dumps(secret)[1:-1]):
                text = text.replace(form, HIDDEN)
        return text
