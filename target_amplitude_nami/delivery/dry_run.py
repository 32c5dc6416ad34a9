"""Writes the request bodies of a dry run to a file instead of sending them."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import os
import stat
import threading
import typing as t

from target_amplitude_nami.amplitude.answers import Answer, Delivered, Fatal
from target_amplitude_nami.erasing.sharing import share

if t.TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from target_amplitude_nami.amplitude.destination import Destination


class DryRun:
    """Writes one request body a line, with `***` in place of the API key.

    The setting of a key that is not `api_key` follows the asterisks.
    """

    def __init__(self, path: Path, destination: Destination) -> None:
        """Empty the file, which only its owner may read.

        Raises:
            OSError: When the file cannot be created, or somebody rewrites it.
        """
        self._destination = _masked(destination)
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        self._file = os.fdopen(descriptor, "wb")
        try:
            share(descriptor)
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                os.ftruncate(descriptor, 0)
                os.fchmod(descriptor, 0o600)  # it may be an old one
        except BaseException:
            self._file.close()
            raise

    def beside(self, destination: Destination) -> DryRun:
        """Return a sender that writes another destination's requests to the file."""
        other = copy.copy(self)
        other._destination = _masked(destination)  # noqa: SLF001
        return other

    def encode(self, events: Iterable[bytes]) -> bytes:
        """Return the body as a request would have it, uncompressed."""
        return self._destination.body_of(events)

    def post(self, body: bytes, count: int) -> Answer:
        """Write a body; all its events count as delivered."""
        try:
            with self._lock:
                self._file.writelines((body, b"\n"))
                self._file.flush()
        except OSError as error:
            return Fatal(
                f"{self._path} cannot be written ({error.strerror}): free some disk "
                f"space, or choose another `dry_run_path`"
            )
        return Delivered(count)

    def close(self) -> None:
        """Do nothing: the file serves all lanes."""

    def end(self) -> None:
        """Close the file."""
        with contextlib.suppress(OSError):  # `post` has reported it
            self._file.close()


def _masked(destination: Destination) -> Destination:
    setting = destination.key_setting
    mask = "***" if setting == "api_key" else f"*** ({setting})"
    return dataclasses.replace(destination, api_key=mask)
