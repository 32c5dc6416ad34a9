"""Reads the files of a BATCH message line by line."""

from __future__ import annotations

import re
import stat
import typing as t
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote

from upath import UPath

from target_amplitude_nami.errors import InputUnreadable
from target_amplitude_nami.singer.lines import lines_of
from target_amplitude_nami.text import printable

if t.TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

_COMPRESSIONS = (None, "none", "gzip")
_GZIP: t.Final = zlib.MAX_WBITS + 16
"""Makes zlib expect gzip's header and trailer around its data."""
_CHUNK_BYTES: t.Final = 1 << 19
"""Smaller ones are slower: for each, the threads take the lock from each other."""
_PACKED_BYTES: t.Final = 3 << 15
"""Records unpack to about a chunk of it."""
_LONGEST_SHOWN: t.Final = 200
_SCHEME: t.Final = re.compile(r"\s*([^:/]{2,}):[:/]|(data):", re.IGNORECASE)
_SCHEME_ALONE: t.Final = re.compile(r"\w*", re.ASCII)
_DATA: t.Final = re.compile(r"\bdata:.*", re.DOTALL | re.IGNORECASE)
"""A URL that holds the records themselves."""
_SECRETS: t.Final = re.compile(r"(?<=//)[^/@]*@|[?#].*", re.DOTALL)


def read_batch(
    encoding: Mapping[str, t.Any],
    manifest: Collection[object],
    schemes: Collection[str],
) -> Iterator[list[bytes]]:
    """Yield the records of a BATCH message's files, each as JSON text, some at a time.

    Args:
        encoding: The files' format and compression.
        manifest: Where they are.
        schemes: The kinds of address that they may have.

    Raises:
        InputUnreadable: For a file that is missing, broken, of another format or at
            another kind of address; the message names it.
    """
    form, compression = encoding.get("format"), encoding.get("compression")
    if form != "jsonl" or compression not in _COMPRESSIONS:
        raise InputUnreadable(
            f"BATCH files of format {_shown(str(form))} and compression "
            f"{_shown(str(compression))} cannot be read: set the tap's `batch_config` "
            f"to format jsonl, compression gzip or none"
        )
    urls = [str(entry) for entry in manifest]
    for url in urls:
        _check_schemes(url, schemes)
    for url in urls:
        yield from _read_file(url, is_gzip=compression == "gzip")


def _check_schemes(url: str, allowed: Collection[str]) -> None:
    # An escaped path is unescaped to be opened, which may make a chain of it.
    for scheme in (*schemes_of(url), *schemes_of(unquote(url))):
        if scheme not in allowed:
            raise InputUnreadable(
                f"the BATCH file {_shown(url)} has an address of the kind "
                f"'{scheme[:_LONGEST_SHOWN]}', which `batch_schemes` does not allow "
                f"({', '.join(allowed)}): if you expect this of the tap, add the kind "
                f"to that setting"
            )


def schemes_of(url: str) -> Iterator[str]:
    """Yield the schemes that reading a URL takes, `file` for a plain path.

    A chained one, such as `zip://a.jsonl::s3://bucket/b.zip`, takes several.
    """
    links = url.split("::")
    for link in links:
        if match := _SCHEME.match(link):
            yield (match[1] or match[2]).lower()
        elif len(links) > 1 and _SCHEME_ALONE.fullmatch(link):
            yield link.lower()
        else:
            yield "file"


def _shown(url: str) -> str:
    """Return a URL for a message: short, and without what gives access to it."""
    is_local = {*schemes_of(url)} == {"file"}
    shown = printable(url if is_local else _SECRETS.sub("", _DATA.sub("data:…", url)))
    return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}…"


def _read_file(url: str, *, is_gzip: bool) -> Iterator[list[bytes]]:
    try:
        _expect_files(url)
        path = _path(url)  # its file system ends with it, and closes an archive
        with path.open("rb") as file:
            chunks = _unpacked(file) if is_gzip else _pieces(file, _CHUNK_BYTES)
            for lines in lines_of(_read_ahead(chunks)):
                yield [line.rstrip(b"\r\n") for line in lines if not line.isspace()]
    except zlib.error as error:
        raise InputUnreadable(
            f"the BATCH file {_shown(url)} is damaged, or not compressed as its "
            f"message says ({error}): run the tap again"
        ) from error
    except Exception as error:  # of any library for any kind of address
        trouble = str(error) or type(error).__name__
        if url:
            trouble = trouble.replace(url, _shown(url))
        raise InputUnreadable(
            f"the BATCH file {_shown(url)} cannot be read ({trouble}): run the tap "
            f"again"
        ) from error


def _expect_files(url: str) -> None:
    """Make sure that what a URL names on this machine can be read to an end.

    A pipe that nobody writes to never ends, and `/dev/stdin` is the tap's own output:
    what the tap writes next would be taken for records.

    Raises:
        OSError: For a pipe, a socket or a device, and for what is missing.
    """
    for link in url.split("::"):
        if {*schemes_of(link)} == {"file"}:
            mode = Path(_path(link).path).stat().st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise OSError("it is a pipe or a device, not a file")


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
