"""Runs the command `local-amplitude`: serves a local Amplitude, or sums one up."""

from __future__ import annotations

import argparse
import signal
import sqlite3
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from target_amplitude_nami.local.faults import FaultError, Faults
from target_amplitude_nami.local.queries.reader import Reader
from target_amplitude_nami.text import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_amplitude_nami.local.ingest.behaviour import Region
    from target_amplitude_nami.local.queries.reader import Summary

_DEFAULT_FILE = Path("output/local-amplitude.db")
DEFAULT_PORT = 8026
_MAX_PORT = 65_535
_REGIONS = frozenset({"us", "eu"})


class KeysError(ValueError):
    """A list of keys is invalid; the message says why."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        if options.summary:
            sys.stdout.write(render(Reader(options.file).summary()))
        else:
            _serve(options)
    except (FaultError, KeysError) as error:
        return _fail(str(error))
    except sqlite3.Error as error:
        return _fail(f"{options.file}: {error}")
    except ImportError as error:
        return _fail(
            f"{error}; install the extra: pip install 'target-amplitude-nami[local]'",
        )
    except OSError as error:
        return _fail(str(error))
    return 0


def render(summary: Summary) -> str:
    """Format a summary as text: a line per event type, then the totals."""
    totals = (
        counted(summary.total, "event in all", "events in all"),
        counted(summary.identifies, "identify", "identifies"),
        counted(summary.users, "user"),
        counted(summary.duplicates, "duplicate dropped", "duplicates dropped"),
        f"{counted(summary.requests, 'request')}, {summary.refused:,} of them refused",
    )
    rows = [(f"{count:,}", name) for name, count in summary.events.items()]
    for total in totals:
        number, _, noun = total.partition(" ")
        rows.append((number, noun))
    return "".join(f"{number:>9}  {what}\n" for number, what in rows)


def keys_of(text: str | None, region: Region) -> frozenset[str] | None:
    """Parse a list of keys; return those of a region, or None without a list.

    A key without a region belongs to the region that is served. So one list works for
    two local Amplitudes, and mixed-up keys are invalid there as in the real ones.

    Args:
        text: The list, such as `a,eu:b`.
        region: The region that is served.

    Raises:
        KeysError: A region is unknown.
    """
    if not text:
        return None
    known = set()
    for entry in text.split(","):
        home, colon, key = entry.strip().partition(":")
        if not colon:
            known.add(home)
        elif home == region:
            known.add(key)
        elif home not in _REGIONS:
            raise KeysError(f"--keys: {home!r} is not a region; use us or eu")
    return frozenset(known)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="local-amplitude",
        description="A stand-in for Amplitude's ingestion APIs on this machine.",
    )
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        default=_DEFAULT_FILE,
        help="the SQLite file to store what arrives (default: %(default)s)",
    )
    parser.add_argument(
        "--port",
        type=_port,
        default=DEFAULT_PORT,
        help="the port, 0 for any free one (default: %(default)s)",
    )
    parser.add_argument(
        "--host",
        metavar="ADDRESS",
        help="the address to listen on: whoever reaches it can read everything and"
        " change faults (default: the loopback, for this machine only)",
    )
    parser.add_argument(
        "--faults",
        type=Path,
        metavar="FILE",
        help="a JSON file of faults: when and how to misbehave",
    )
    parser.add_argument(
        "--keys",
        metavar="KEY,KEY",
        help="the API keys that exist; a key of another region as us:KEY or eu:KEY"
        " (default: any)",
    )
    parser.add_argument(
        "--eu",
        action="store_true",
        help="stand for Amplitude's EU region, where keys of the US are invalid",
    )
    parser.add_argument(
        "--summary",
        action="store_true",
        help="only print a summary of the file",
    )
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > _MAX_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port")
    return int(text)


def _serve(options: argparse.Namespace) -> None:
    # A summary needs neither the server nor the extra packages that it imports.
    from target_amplitude_nami.local.server import LocalAmplitude  # noqa: PLC0415

    faults = Faults.from_text(options.faults.read_bytes()) if options.faults else None
    region: Region = "eu" if options.eu else "us"
    server = LocalAmplitude(
        options.file,
        port=options.port,
        host=options.host,
        region=region,
        faults=faults,
        keys=keys_of(options.keys, region),
        on_trouble=lambda why: _log(
            f"{options.file} cannot be written ({why}): requests are answered with an"
            " error until it can"
        ),
    )
    with suppress(KeyboardInterrupt):
        signal.signal(signal.SIGTERM, _interrupt)
        with server as local:
            _log(f"{local.url} shows what arrives in {options.file}; Ctrl-C stops it")
            _log(
                f"events go to {local.endpoint('http_v2')}"
                f" or {local.endpoint('batch')}"
                f" (Amplitude region {region.upper()})",
            )
            threading.Event().wait()


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _log(text: str) -> None:
    sys.stderr.write(f"local-amplitude: {text}\n")
    sys.stderr.flush()


def _fail(text: str) -> int:
    _log(text)
    return 1


if __name__ == "__main__":
    sys.exit(main())
