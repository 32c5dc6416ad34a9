"""Records come in as Arrow data: batches of Spark, Parquet files, data frames."""

from __future__ import annotations

import typing as t

from target_amplitude_nami.errors import ConfigurationError

if t.TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["records_of"]


class _Stream(t.Protocol):
    """Gives its batches through the Arrow PyCapsule interface."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


class _Batch(t.Protocol):
    """Is one batch, and gives it through the Arrow PyCapsule interface."""

    def __arrow_c_array__(self, requested_schema: object | None = None) -> object: ...


def records_of(data: _Stream | _Batch) -> Iterator[dict[str, t.Any]]:
    """Return the rows of Arrow data as records for `AmplitudeWriter` or `EventBuilder`.

    docs/library.md says what becomes of the values of each Arrow type. A null is None,
    and nothing else becomes None: what has no form in JSON is left in the record as a
    value for which the record is rejected, with the name of its field.

    Args:
        data: A `RecordBatch`, `Table` or `RecordBatchReader` of pyarrow, or what
            any other library offers through the Arrow PyCapsule interface. Batches
            of a reader are read one by one.

    Returns:
        The records in the order of the rows. Records may share values: change none of
        the lists and dictionaries in them.

    Raises:
        ConfigurationError: When pyarrow is not installed.
        InputUnreadable: When two columns, or two fields of a struct, have one name.
        TypeError: For what is not Arrow data.
    """
    try:
        from target_amplitude_nami.arrow import batches  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        install = "pip install 'target-amplitude-nami[arrow]'"
        raise ConfigurationError(
            [f"Arrow data needs one more package: {install} ({error})"]
        ) from error
    return batches.records_of(data)
