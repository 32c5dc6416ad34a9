"""The state file of a load: which row groups are finished, of which files."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import typing as t
from pathlib import Path

import msgspec

from target_amplitude_nami.accounting.files import write_atomically
from target_amplitude_nami.commands.load.parts import Finished
from target_amplitude_nami.errors import InputUnreadable, OutputUnwritable
from target_amplitude_nami.settings.schema import DEFAULTS
from target_amplitude_nami.singer.file_locks import is_at, lock_at_once
from target_amplitude_nami.store_choice import projects_of

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from target_amplitude_nami.commands.load.files import InputFile
    from target_amplitude_nami.commands.load.parts import Part
    from target_amplitude_nami.settings import Settings

_FORMAT: t.Final = "amplitude-nami load, 1"
_NO_MATTER: t.Final = frozenset(
    {
        "api",
        "api_key",
        "batch_schemes",
        "batch_size_rows",
        "batch_wait_seconds",
        "compression",
        "dry_run",
        "dry_run_path",
        "enabled",
        "endpoint",
        "integration_name",
        "load_method",
        "local_path",
        "max_events_per_second",
        "max_rejected",
        "max_request_bytes",
        "memory_days",
        "memory_path",
        "metrics_path",
        "parallel_requests",
        "region",
        "rejects_path",
        "report_path",
        "request_timeout",
        "retry_for",
        "sandbox_api_key",
        "secret_key",
        "shutdown_grace",
        "validate_records",
    }
)
"""Settings that change no event, or that `projects_of` stands for."""


class _FileState(msgspec.Struct):
    """What is delivered of a file."""

    stamp: str
    row_groups: int
    finished: list[tuple[int, int]] = []
    """The first and the last row group of each range that is finished."""
    begun: dict[int, int] = {}
    """How many rows of a row group are delivered, where that is not all of them."""


class _State(msgspec.Struct):
    """What the file holds."""

    format: str
    settings: dict[str, str]
    """A hash of each setting that matters, of the project and of the stream's name."""
    files: dict[str, _FileState] = {}


class LoadState:
    """What is delivered, in memory and in the file."""

    def __init__(self, path: Path, settings: Settings, stream: str) -> None:
        """Read the file, if there is one.

        Args:
            path: The file.
            settings: The settings of the load.
            stream: The name of its stream.

        Raises:
            InputUnreadable: When it is no such file, or one of other settings.
        """
        self.path = path
        now = _hashes(settings, stream)
        found = _read(path)
        if found is None:
            self._state = _State(_FORMAT, now)
            return
        changed = sorted(
            name
            for name in now.keys() | found.settings.keys()
            if now.get(name) != found.settings.get(name)
        )
        if changed:
            raise InputUnreadable(
                f"{path} is the state of a load with other settings "
                f"({', '.join(changed)}): set them as they were, or name another file "
                f"with `--state` to deliver everything anew"
            )
        self._state = found

    def finished(self, files: Iterable[InputFile]) -> dict[str, Finished]:
        """Return what earlier runs have delivered of files, by their addresses.

        Raises:
            InputUnreadable: When one of the files has changed since.
        """
        found = {}
        for file in files:
            known = self._state.files.get(file.address)
            if known is None:
                continue
            if known.stamp != file.stamp or known.row_groups != len(file.row_groups):
                raise InputUnreadable(
                    f"{file.address} has changed since a load began to deliver it, as "
                    f"{self.path} says: leave it out, or name another file with "
                    f"`--state` to deliver everything anew"
                )
            groups = {
                n for first, last in known.finished for n in range(first, last + 1)
            }
            found[file.address] = Finished(frozenset(groups), dict(known.begun))
        return found

    def note(self, part: Part, rows: int) -> None:
        """Note how many rows of a part are delivered; `save` makes it last."""
        file = part.file
        known = self._state.files.setdefault(
            file.address, _FileState(file.stamp, len(file.row_groups))
        )
        left = part.rows_before + rows
        for number in part.row_groups:
            if left < file.row_groups[number]:
                if left:
                    known.begun[number] = left
                break
            known.begun.pop(number, None)
            known.finished = _with(known.finished, number)
            left -= file.row_groups[number]

    def save(self) -> None:
        """Write the file, so that it survives the machine.

        Raises:
            OutputUnwritable: When the disk does not take it.
        """
        text = msgspec.json.encode(self._state).decode()
        write_atomically(self.path, text + "\n", 0o600, syncs=True)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep a second load from using a state file at the same time.

    Raises:
        OutputUnwritable: When one does, or the file can be no state file.
    """
    itself = Path(os.path.realpath(path))  # which several links may lead to
    beside = itself.with_name(f".{itself.name}.lock")
    try:
        itself.parent.mkdir(parents=True, exist_ok=True)
        while True:
            descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if not lock_at_once(descriptor):
                os.close(descriptor)
                raise OutputUnwritable(
                    f"{path} is in use by another load: wait for that to end, or name "
                    f"another file with `--state` for other Parquet files"
                )
            if is_at(beside, descriptor):
                break
            os.close(descriptor)  # who had it has removed it
    except OSError as error:
        raise OutputUnwritable(
            f"the state file {path} cannot be written ({error.strerror}): name another "
            f"one with `--state`"
        ) from error
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()
        os.close(descriptor)


def _read(path: Path) -> _State | None:
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputUnreadable(
            f"the state file {path} cannot be read ({error.strerror}): name another "
            f"one with `--state`"
        ) from error
    try:
        found = msgspec.json.decode(text, type=_State)
    except msgspec.DecodeError:
        found = None
    if found is None or found.format != _FORMAT:
        raise InputUnreadable(
            f"{path} is not the state file of a load: name another one with `--state`"
        )
    return found


def _hashes(settings: Settings, stream: str) -> dict[str, str]:
    values: dict[str, object] = {
        name: getattr(settings, name) for name in DEFAULTS if name not in _NO_MATTER
    }
    values |= {f"the {k} project": v for k, v in projects_of(settings).items()}
    values["--stream"] = stream
    return {name: _hash(value) for name, value in values.items()}


def _hash(value: object) -> str:
    text = json.dumps(value, default=str, sort_keys=True).encode()
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def _with(ranges: list[tuple[int, int]], number: int) -> list[tuple[int, int]]:
    """Return ranges of numbers with one more."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted([*ranges, (number, number)]):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(last, merged[-1][1])
        else:
            merged.append((first, last))
    return merged
