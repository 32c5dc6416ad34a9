"""Checks records against the schema of their stream."""

from __future__ import annotations

import typing as t

import jsonschema_rs

from target_amplitude_nami import jsontext
from target_amplitude_nami.errors import UnreadableRecord

if t.TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST_DETAIL = 300


class RecordValidator:
    """Checks records as the SDK's validator does, but faster.

    Formats such as `date-time` are not enforced, and nothing is fetched for a `$ref`.
    """

    def __init__(self, schema: dict[str, t.Any]) -> None:
        """Compile the schema.

        Raises:
            ValueError: When it is no JSON schema.
        """
        self._validator = jsonschema_rs.Draft202012Validator(
            schema, validate_formats=False, offline=True
        )
        self.fits: Callable[[dict[str, t.Any]], bool] = self._validator.is_valid
        """Returns whether a record fits; `violation` says why not."""

    def violation(self, record: dict[str, t.Any]) -> UnreadableRecord:
        """Return why a record does not fit the schema; None if it does."""
        if jsontext.holds_not_finite(record):
            return UnreadableRecord(
                "number_not_finite",
                "",
                "the record holds a number that is NaN, infinite or too large",
            )
        error = next(iter(self._validator.iter_errors(record)))
        path = ".".join(str(part) for part in error.instance_path)
        detail = f"{path or 'the record'}: {error.message}"
        if len(detail) > _LONGEST_DETAIL:  # it repeats the value, however large
            detail = f"{detail[:_LONGEST_DETAIL]}…"
        return UnreadableRecord("schema_violation", "", detail)
