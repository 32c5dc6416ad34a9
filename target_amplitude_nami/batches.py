"""The files of a BATCH message, read line by line."""

from __future__ import annotations

import typing as t
import zlib
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote

from upath import UPath

from target_amplitude_nami.errors import InputUnreadable
from target_amplitude_nami.lines import lines_of

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_COMPRESSIONS = (None, "none", "gzip")
_GZIP: t.Final = zlib.MAX_WBITS + 16
"""How zlib is told that gzip's header and trailer are around its data."""
_CHUNK_BYTES: t.Final = 1 << 19
"""Smaller ones are slower: for each, the threads take the lock from each other."""
_PACKED_BYTES: t.Final = 3 << 15
"""Records unpack to about a chunk of it."""
_TROUBLES = (OSError, EOFError, ImportError, ValueError, InputUnreadable)


def read_batch(
    encoding: Mapping[str, t.Any], manifest: Iterable[object]
) -> Iterator[list[bytes]]:
    """Yield the records of a BATCH message's files, each as JSON text, some at a time.

    Args:
        encoding: The files' format and compression.
        manifest: Where they are.

    Raises:
        InputUnreadable: For a file that is missing, broken or of another format; the
            message names it.
    """
    if encoding.get("format") != "jsonl" or (
        encoding.get("compression") not in _COMPRESSIONS
    ):
        raise InputUnreadable(
            f"BATCH files of format {encoding.get('format')} and compression "
            f"{encoding.get('compression')} cannot be read: set the tap's "
            f"`batch_config` to format jsonl, compression gzip or none"
        )
    for url in manifest:
        yield from _read_file(str(url), is_gzip=encoding.get("compression") == "gzip")


def _read_file(url: str, *, is_gzip: bool) -> Iterator[list[bytes]]:
    try:
        with _path(url).open("rb") as file:
            chunks = _unpacked(file) if is_gzip else _pieces(file, _CHUNK_BYTES)
            for lines in lines_of(_read_ahead(chunks)):
                yield [line.rstrip(b"\r\n") for line in lines if not line.isspace()]
    except zlib.error as error:
        raise InputUnreadable(
            f"the BATCH file {url} is damaged, or not compressed as its message says "
            f"({error}): run the tap again"
        ) from error
    except _TROUBLES as error:
        raise InputUnreadable(
            f"the BATCH file {url} cannot be read ({error}): run the tap again"
        ) from error


def _pieces(file: t.IO[bytes], size: int) -> Iterator[bytes]:
    return iter(lambda: file.read(size), b"")


def _unpacked(file: t.IO[bytes]) -> Iterator[bytes]:
    """Yield what a gzip file holds.

    `gzip` of Python 3.11 goes through it in steps of 8 KiB, at each of which a thread
    lets go of the interpreter's lock three times and waits for it again.

    Raises:
        EOFError: For a file that ends early.
        zlib.error: For one that is damaged.
    """
    member = None
    for piece in _pieces(file, _PACKED_BYTES):
        packed = piece
        while packed:
            if member is None:
                # RFC 1952 lets zeros follow the last member.
                packed = packed.lstrip(b"\0")
                member = zlib.decompressobj(_GZIP) if packed else None
            else:
                if unpacked := member.decompress(packed, _CHUNK_BYTES):
                    yield unpacked
                packed = member.unconsumed_tail or member.unused_data
                if member.eof:
                    member = None
    if member is not None:
        raise EOFError("it ends early")


def _read_ahead(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield chunks, the next of which a thread reads and unpacks meanwhile."""
    with ThreadPoolExecutor(1, "read-ahead") as reader:
        coming = reader.submit(next, chunks, b"")
        while chunk := coming.result():
            coming = reader.submit(next, chunks, b"")
            yield chunk


def _path(url: str) -> UPath:
    """Return where a URL leads; taps may escape a local path in it, or not."""
    path = UPath(url)
    if url.startswith("file:") and not path.exists():
        return UPath(unquote(url))
    return path
