"""Finds the Parquet files that a load reads, and looks at each without its rows."""

from __future__ import annotations

import hashlib
import os
import typing as t
from dataclasses import dataclass
from urllib.parse import unquote

from upath import UPath

from target_amplitude_nami.errors import ConfigurationError, InputUnreadable
from target_amplitude_nami.singer.batches import schemes_of

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ENDINGS: t.Final = (".parquet", ".parq", ".pq")
_HIDDEN: t.Final = ("_", ".")
"""What a name begins with that engines give to files of their own."""
_WILDCARDS: t.Final = ("*", "?", "[")
_NO_VALUE: t.Final = "__HIVE_DEFAULT_PARTITION__"
_TABLES: t.Final = {
    "_delta_log": "Delta",
    ".hoodie": "Hudi",
    "metadata/*.metadata.json": "Iceberg",
}
"""What is in the folder of a table whose files may be replaced by others."""
_TAIL_BYTES: t.Final = 8
"""At the end of a file: the length of its footer, and four letters."""


@dataclass(frozen=True, slots=True)
class InputFile:
    """A Parquet file, and what is known of it before its rows are read."""

    address: str
    """Its whole path, or its URL."""
    row_groups: tuple[int, ...]
    """How many rows each has."""
    stamp: str
    """Changes when the file does."""
    folder_columns: tuple[tuple[str, str | None], ...] = ()
    """The columns that the names of its folders give each row, as in `day=2026-06-01`.
    """

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return sum(self.row_groups)


def find_files(named: Iterable[str]) -> list[InputFile]:
    """Return the Parquet files that arguments name, each once.

    Args:
        named: Files, folders and patterns, on this machine or at any address that
            fsspec knows. What is in a folder or fits a pattern is sorted by name.

    Raises:
        ConfigurationError: When pyarrow, or what an address needs, is not installed.
        InputUnreadable: For a file that is missing or not Parquet, a folder without
            any, and a table that does not consist of all files in its folder.
    """
    found: dict[str, InputFile] = {}
    for argument in named:
        try:
            for path, folder_columns in _paths(argument):
                address = _address(path)
                if address not in found:
                    found[address] = _look_at(path, address, folder_columns)
        except ImportError as error:
            raise ConfigurationError([_missing_package(argument, error)]) from error
        except InputUnreadable:
            raise
        except Exception as error:  # of any library for any kind of address
            raise InputUnreadable(
                f"{argument} cannot be read ({_trouble(error)}): correct its "
                f"path, or the rights to read it"
            ) from error
    return list(found.values())


def open_file(address: str) -> t.Any:
    """Return a file as pyarrow reads it with little memory.

    Args:
        address: That of an `InputFile`.
    """
    import pyarrow.parquet as pq  # noqa: PLC0415 - an extra

    source = address if _is_local(address) else UPath(address).open("rb")
    # Without a buffer size, pyarrow reads whole columns of a row group at once.
    return pq.ParquetFile(source, buffer_size=1 << 20, pre_buffer=False)


_Columns: t.TypeAlias = tuple[tuple[str, str | None], ...]


def _paths(argument: str) -> Iterator[tuple[UPath, _Columns]]:
    path = UPath(argument)
    if path.is_dir():
        yield from _paths_in(path)
    elif path.exists() or not any(each in argument for each in _WILDCARDS):
        yield path, ()
    else:
        yield from _paths_like(path)


def _paths_in(folder: UPath) -> Iterator[tuple[UPath, _Columns]]:
    """Yield the Parquet files in a folder and in those within it.

    Raises:
        InputUnreadable: When there is none, or it is a table of Delta and the like.
    """
    found = folder.fs.find(folder.path)
    paths = [path for path in found if path.lower().endswith(_ENDINGS)]
    visible = [*_visible(folder, paths)]
    if not visible:
        raise InputUnreadable(
            f"{folder} has no Parquet files, whose names end with "
            f"{', '.join(_ENDINGS)}: name another folder, or the files themselves"
        )
    yield from visible


def _paths_like(pattern: UPath) -> Iterator[tuple[UPath, _Columns]]:
    """Yield the files that a pattern fits, and those in the folders that it fits.

    Raises:
        InputUnreadable: When there is none, or it is a table of Delta and the like.
    """
    folder = pattern
    while any(each in str(folder) for each in _WILDCARDS):
        folder = folder.parent
    visible = [*_visible(folder, pattern.fs.glob(pattern.path))]
    if not visible:
        raise InputUnreadable(f"no file fits {pattern}: correct it")
    for path, columns in visible:
        if not path.is_dir():
            yield path, columns
        elif "**" not in str(pattern):
            for each, more in _paths_in(path):
                yield each, columns + more


def _visible(folder: UPath, paths: Iterable[str]) -> Iterator[tuple[UPath, _Columns]]:
    """Yield the paths below a folder that no engine keeps for itself, with columns.

    Raises:
        InputUnreadable: When the folder is a table of Delta and the like.
    """
    _expect_plain_files(folder)
    start = _plain(folder).rstrip("/") + "/"
    for path in _with_protocol(folder, sorted(paths)):
        parts = _plain(path).removeprefix(start).split("/")
        if not any(part.startswith(_HIDDEN) and "=" not in part for part in parts):
            folders = [part for part in parts if not part.lower().endswith(_ENDINGS)]
            yield path, tuple(_column(part) for part in folders if "=" in part)


def _plain(path: UPath) -> str:
    """Return the path as its file system writes it."""
    return str(path.fs._strip_protocol(path.path))  # noqa: SLF001 - fsspec has no other


def _with_protocol(beside: UPath, paths: Iterable[str]) -> Iterator[UPath]:
    for path in paths:
        yield UPath(
            path if _is_local(str(beside)) else beside.fs.unstrip_protocol(path),
            **beside.storage_options,
        )


def _column(part: str) -> tuple[str, str | None]:
    name, _, value = part.partition("=")
    return unquote(name), None if value == _NO_VALUE else unquote(value)


def _expect_plain_files(folder: UPath) -> None:
    for pattern, table in _TABLES.items():
        if folder.fs.glob(f"{folder.path.rstrip('/')}/{pattern}"):
            raise InputUnreadable(
                f"{folder} is a table of {table}: its folder also has "
                f"files that are no part of it any more. Write what is to be sent to "
                f"plain Parquet files, and load these; or deliver it with Spark"
            )


def _look_at(path: UPath, address: str, folder_columns: _Columns) -> InputFile:
    import pyarrow as pa  # noqa: PLC0415 - an extra
    import pyarrow.parquet as pq  # noqa: PLC0415

    with path.open("rb") as file:
        try:
            metadata = pq.read_metadata(file)
        except pa.ArrowInvalid as error:
            size = file.seek(0, os.SEEK_END)
            why = "it is empty" if size == 0 else _trouble(error)
            raise InputUnreadable(
                f"{address} is not a Parquet file ({why}): leave it out, or "
                f"write it again"
            ) from error
        return InputFile(
            address,
            tuple(
                metadata.row_group(number).num_rows
                for number in range(metadata.num_row_groups)
            ),
            _stamp(path, file),
            folder_columns,
        )


def _stamp(path: UPath, file: t.IO[bytes]) -> str:
    """Return a hash of a file's footer, its size, and when it was written."""
    size = file.seek(0, os.SEEK_END)
    file.seek(size - _TAIL_BYTES)
    length = int.from_bytes(file.read(4), "little")
    file.seek(max(0, size - _TAIL_BYTES - length))
    stamp = hashlib.blake2b(file.read(length), digest_size=16)
    info = path.fs.info(path.path)
    written = next(
        (info[name] for name in ("ETag", "mtime", "LastModified") if name in info), ""
    )
    stamp.update(f"\n{size}\n{written}".encode())
    return stamp.hexdigest()


def _address(path: UPath) -> str:
    return os.path.realpath(path.path) if _is_local(str(path)) else str(path)


def _is_local(address: str) -> bool:
    return {*schemes_of(address)} == {"file"}


def _missing_package(argument: str, error: ImportError) -> str:
    if (error.name or "").partition(".")[0] == "pyarrow":
        install = "pip install 'target-amplitude-nami[arrow]'"
        return f"Parquet files need one more package: {install} ({error})"
    return (
        f"{argument} cannot be opened: install the package that this kind of "
        f"address needs ({error})"
    )


def _trouble(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
