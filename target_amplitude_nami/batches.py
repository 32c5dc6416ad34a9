"""The files of a BATCH message, read line by line."""

from __future__ import annotations

import gzip
import itertools
import typing as t
import zlib
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote

from upath import UPath

from target_amplitude_nami.errors import InputUnreadable
from target_amplitude_nami.lines import CHUNK_BYTES, lines_of

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_COMPRESSIONS = (None, "none", "gzip")
_TROUBLES = (OSError, EOFError, zlib.error, ImportError, ValueError, InputUnreadable)


def read_batch(
    encoding: Mapping[str, t.Any], manifest: Iterable[object]
) -> Iterator[bytes]:
    """Yield the records of a BATCH message's files, each as JSON text.

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


def _read_file(url: str, *, is_gzip: bool) -> Iterator[bytes]:
    try:
        with _path(url).open("rb") as file:
            # `read` would lose what it has unpacked when damage comes behind it.
            read = gzip.GzipFile(fileobj=file).read1 if is_gzip else file.read
            pieces = iter(lambda: read(CHUNK_BYTES), b"")
            chunks = _read_ahead(_joined(pieces))
            for line in itertools.chain.from_iterable(lines_of(chunks)):
                if not line.isspace():
                    yield line.rstrip(b"\r\n")
    except _TROUBLES as error:
        raise InputUnreadable(
            f"the BATCH file {url} cannot be read ({error}): run the tap again"
        ) from error


def _joined(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield chunks of many pieces; what came before a failure comes out before it."""
    chunk: list[bytes] = []
    size = 0
    try:
        for piece in pieces:
            chunk.append(piece)
            size += len(piece)
            if size >= CHUNK_BYTES:
                yield b"".join(chunk)
                chunk, size = [], 0
    except Exception:
        if chunk:
            yield b"".join(chunk)
        raise
    if chunk:
        yield b"".join(chunk)


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
