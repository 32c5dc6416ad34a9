"""Finds the Parquet files that a load reads, and looks at each without its rows."""

from __future__ import annotations

import glob
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
            any, and files in the folder of a table that not all of them belong to.
    """
    found: dict[str, InputFile] = {}
    folders_seen: set[str] = set()
    for argument in named:
        try:
            for path in _paths(argument):
                address = _address(path)
                if address not in found:
                    _expect_no_table(path, folders_seen)
                    found[address] = _look_at(path, address)
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


def has_changed(file: InputFile) -> bool:
    """Return whether another file has come to its address since it was looked at."""
    path = UPath(file.address)
    with path.open("rb") as opened:
        return _stamp(path, opened) != file.stamp


def _paths(argument: str) -> Iterator[UPath]:
    path = UPath(argument)
    if path.is_dir():
        yield from _paths_in(path)
    elif path.exists() or not any(each in argument for each in _WILDCARDS):
        yield path
    else:
        yield from _paths_like(path)


def _paths_in(folder: UPath) -> Iterator[UPath]:
    """Yield the Parquet files in a folder and in those within it.

    Raises:
        InputUnreadable: When there is none.
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


def _paths_like(pattern: UPath) -> Iterator[UPath]:
    """Yield the files that a pattern fits, and those in the folders that it fits.

    Raises:
        InputUnreadable: When there is none.
    """
    folder = pattern
    while any(each in str(folder) for each in _WILDCARDS):
        folder = folder.parent
    visible = [*_visible(folder, pattern.fs.glob(pattern.path))]
    if not visible:
        raise InputUnreadable(f"no file fits {pattern}: correct it")
    for path in visible:
        if not path.is_dir():
            yield path
        elif "**" not in str(pattern):
            yield from _paths_in(path)


def _visible(folder: UPath, paths: Iterable[str]) -> Iterator[UPath]:
    """Yield the paths below a folder that no engine keeps for itself."""
    start = _plain(folder).rstrip("/") + "/"
    for path in _with_protocol(folder, sorted(paths)):
        parts = _plain(path).removeprefix(start).split("/")
        if not any(part.startswith(_HIDDEN) and "=" not in part for part in parts):
            yield path


def _plain(path: UPath) -> str:
    """Return the whole path as its file system writes it."""
    return str(path.fs._strip_protocol(path.path))  # noqa: SLF001 - fsspec has no other


def _with_protocol(beside: UPath, paths: Iterable[str]) -> Iterator[UPath]:
    for path in paths:
        yield UPath(
            path if _is_local(str(beside)) else beside.fs.unstrip_protocol(path),
            **beside.storage_options,
        )


def _folder_columns(path: UPath) -> Iterator[tuple[str, str | None]]:
    """Yield the columns in the names of folders, however the file was named.

    A shell that expands a pattern names files, which must not have fewer columns.
    """
    for folder in _plain(path).split("/")[:-1]:
        name, equals, value = folder.partition("=")
        if name and equals:
            yield unquote(name), None if value == _NO_VALUE else unquote(value)


def _expect_no_table(path: UPath, seen: set[str]) -> None:
    """Refuse a file that is in a table of Delta and the like, at any depth.

    Args:
        path: The file.
        seen: The folders that were looked at before.

    Raises:
        InputUnreadable: When it is.
    """
    folder = _plain(path).rpartition("/")[0]
    while folder and folder not in seen:
        seen.add(folder)
        for pattern, table in _TABLES.items():
            if _has(path.fs, f"{glob.escape(folder)}/{pattern}"):
                raise InputUnreadable(
                    f"{folder} is a table of {table}: its folder also has "
                    f"files that are no part of it any more. Write what is to be sent "
                    f"to plain Parquet files, and load these; or deliver it with Spark"
                )
        folder = folder.rpartition("/")[0]


def _has(files: t.Any, pattern: str) -> bool:
    try:
        return bool(files.glob(pattern))
    except OSError:  # who may read a folder need not be allowed to list those above
        return False


def _look_at(path: UPath, address: str) -> InputFile:
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
            tuple(_folder_columns(path)),
        )


def _stamp(path: UPath, file: t.IO[bytes]) -> str:
    """Return a hash of a file's footer, its size, and when it was written."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _TAIL_BYTES))
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
