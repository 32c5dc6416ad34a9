"""Prints what a command found: for people, or as JSON, and never with a key."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import typing as t

import click
import msgspec

from target_amplitude_nami.errors import OutputUnwritable

if t.TYPE_CHECKING:
    from collections.abc import Iterable

HIDDEN: t.Final = "***"
_LONG_ENOUGH: t.Final = 5
"""A shorter key, as tests have, is hidden as a word: it may be part of any other."""


def drop_unwritten_output() -> None:
    """Drop what standard output has not taken, and all that comes.

    Python would try again when it ends, fail, and end with 120 and a traceback.
    """
    with contextlib.suppress(AttributeError, OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, sys.stdout.fileno())
        finally:
            os.close(nowhere)


class Output:
    """Where a command prints; `--json` decides how."""

    def __init__(self, *, as_json: bool, secrets: Iterable[str] = ()) -> None:
        """Take the form, and the keys that must not be printed."""
        self.as_json = as_json
        self._is_lost = False
        forms = {
            form for secret in secrets for form in (secret, json.dumps(secret)[1:-1])
        }
        by_length = sorted(forms, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(_pattern, by_length)) or "(?!)")

    def result(self, result: object, lines: Iterable[str]) -> None:
        """Print what a command found, on standard output.

        Args:
            result: For programs: a struct, a dataclass or JSON values.
            lines: The same for people.

        Raises:
            OutputUnwritable: When standard output does not take it.
        """
        if self.as_json:
            self._print(self.json(result))
        else:
            for line in lines:
                self._print(self.redacted(line))

    def json(self, result: object) -> str:
        """Return a result as JSON text without the keys.

        Args:
            result: A struct, a dataclass or JSON values.
        """
        return json.dumps(self.redacted(msgspec.to_builtins(result)), indent=2)

    def note(self, line: str) -> None:
        """Print a line that is no part of the result, on standard error."""
        self._print(self.redacted(line), to_standard_error=True)

    def _print(self, text: str, *, to_standard_error: bool = False) -> None:
        if self._is_lost and not to_standard_error:
            raise OutputUnwritable("the output cannot be written")
        try:
            try:
                click.echo(text, err=to_standard_error)
            except UnicodeEncodeError:  # of a locale that is not UTF-8
                escaped = text.encode("ascii", "backslashreplace").decode()
                click.echo(escaped, err=to_standard_error)
        except BrokenPipeError:  # nobody reads on: click ends the command quietly
            raise
        except OSError as error:
            drop_unwritten_output()
            self._is_lost = True
            raise OutputUnwritable(
                f"the output cannot be written ({error.strerror})"
            ) from error

    def redacted(self, value: t.Any) -> t.Any:
        """Return a text, or JSON values with texts in them, without the keys."""
        match value:
            case str():
                return self._secrets.sub(HIDDEN, value)
            case dict():
                return {
                    self.redacted(name): self.redacted(member)
                    for name, member in value.items()
                }
            case list() | tuple():
                return [self.redacted(entry) for entry in value]
            case _:
                return value


def _pattern(secret: str) -> str:
    pattern = re.escape(secret)
    return pattern if len(secret) >= _LONG_ENOUGH else rf"(?<!\w){pattern}(?!\w)"
