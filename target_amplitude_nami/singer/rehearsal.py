"""Rehearses a run over Singer input: what would become of each record, and why."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import io
import signal
import sys
import tempfile
import threading
import typing as t
import uuid
from pathlib import Path

from singer_sdk.exceptions import ConfigValidationError

from target_amplitude_nami.errors import ConfigurationError, StoreUnusable
from target_amplitude_nami.run import Run
from target_amplitude_nami.settings.declared import LOCAL
from target_amplitude_nami.singer.target import TargetAmplitudeNami
from target_amplitude_nami.store.inspection import snapshot
from target_amplitude_nami.store_choice import store_of

if t.TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from target_amplitude_nami.accounting.rehearsal import Observer
    from target_amplitude_nami.accounting.report import Report
    from target_amplitude_nami.outcomes import Refusal
    from target_amplitude_nami.settings import Settings
    from target_amplitude_nami.shutdown import Shutdown
    from target_amplitude_nami.singer.run_builder import BuildRun
    from target_amplitude_nami.store.sqlite_store import SqliteStore

_AS_IN_A_REHEARSAL: t.Final[Mapping[str, object]] = {
    "enabled": True,
    "max_rejected": None,
    "metrics_path": None,
    "report_path": None,
}


def rehearse(  # noqa: PLR0913
    config: Mapping[str, object],
    lines: Iterable[bytes],
    observer: Observer,
    begin: Callable[[TargetAmplitudeNami], None] = lambda _target: None,
    *,
    make_store: Callable[[Settings], SqliteStore] | None = None,
    rejects: NoRejects | None = None,
) -> Report:
    """Read Singer input as a run would; send nothing, and leave every file as it was.

    What the file of `memory_path` knows of users and earlier deliveries counts, as of
    now: the rehearsal has a copy of it, so that runs go on meanwhile.
    Warnings of the run go to the log.

    Args:
        config: The settings that are given, as JSON values.
        lines: The input.
        observer: Watches what becomes of each record.
        begin: Called before the first line, with what will read it.
        make_store: Makes the store over the copy, where it is to know less than that.
        rejects: Takes the SCHEMA messages, where somebody wants them.

    Returns:
        The report of the run; what would be sent counts as delivered.

    Raises:
        AmplitudeNamiError: When a run would fail: the settings are wrong, nothing in
            the input is Nami's, the store cannot be read.
    """
    with _folder() as folder:
        copy = folder / "memory.db"
        try:
            build = functools.partial(
                _build,
                observer,
                functools.partial(_store_of_copy, copy, make_store or _store_of),
                rejects or NoRejects(),
            )
            return _listen(config, lines, build, begin)
        except StoreUnusable as error:
            path = str(config.get("memory_path"))
            raise StoreUnusable(str(error).replace(str(copy), path)) from error


def without_memory(config: Mapping[str, object]) -> dict[str, object]:
    """Return the settings of a rehearsal that knows nothing of earlier runs.

    They name a file all the same, as records may be held: one that is never there.
    """
    return {**config, "memory_path": f"{uuid.uuid4()}.db"}


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """Make a folder for a copy of the store's file, and remove it in the end."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="target-amplitude-nami-")
    except OSError as error:
        raise StoreUnusable(
            f"There is no folder for temporary files ({error.strerror}): name one in "
            f"the environment variable TMPDIR"
        ) from error
    with folder as path:
        yield Path(path)


def _listen(
    config: Mapping[str, object],
    lines: Iterable[bytes],
    build: BuildRun,
    begin: Callable[[TargetAmplitudeNami], None],
) -> Report:
    with _signals_as_before():
        try:
            target = TargetAmplitudeNami(config=_as_in_a_rehearsal(config), build=build)
        except ConfigValidationError as error:
            raise ConfigurationError(error.errors) from error
        _end_at_signals()
        try:
            begin(target)
            target.listen(t.cast("t.IO[str]", _Lines(lines)))
        except BaseException:
            target.run.close("failed")
            raise
        finally:
            target.signals.disarm()
    return target.report


@contextlib.contextmanager
def _signals_as_before() -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in before.items():
                signal.signal(number, handler)


def _end_at_signals() -> None:
    """Have signals end a rehearsal at once: it has nothing to deliver.

    Those of a run wait for the next line, which may never come. The copy of the store
    must not stay behind, also when the terminal is closed.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as by `nohup`
            signal.signal(signal.SIGHUP, lambda number, _: sys.exit(128 + number))


def _as_in_a_rehearsal(config: Mapping[str, object]) -> dict[str, object]:
    """Return settings that need no API key and name no file to write at the end."""
    # A run that sends to the local Amplitude needs none, and cannot be a dry run; it is
    # rehearsed for the project that is in that file.
    is_dry = config.get("dry_run") if config.get("endpoint") == LOCAL else True
    return {**config, **_AS_IN_A_REHEARSAL, "dry_run": is_dry}


def _build(  # noqa: PLR0913, PLR0917 - those of `BuildRun`, and three more
    observer: Observer,
    make_store: Callable[[Settings], SqliteStore],
    rejects: NoRejects,
    settings: Settings,
    shutdown: Shutdown,
    logger: logging.Logger,
    *,
    user_agent: str,
) -> tuple[Run, NoRejects]:
    run = Run(
        settings,
        store=make_store(settings),
        rejects=rejects,
        write_state=None,
        shutdown=shutdown,
        logger=logger,
        user_agent=user_agent,
        observer=observer,
    )
    return run, rejects


def _store_of(settings: Settings) -> SqliteStore:
    return store_of(settings, forgets=True)


def _store_of_copy(
    copy: Path, make_store: Callable[[Settings], SqliteStore], settings: Settings
) -> SqliteStore:
    """Return a store over a copy of the file, where there is one.

    A run must neither wait for the rehearsal of whatever input, nor fail for it.
    """
    path = settings.memory_path
    if path is None or not path.exists():
        copied = dataclasses.replace(settings, memory_path=None)
    else:
        snapshot(path, copy)
        copied = dataclasses.replace(settings, memory_path=copy)
    return make_store(copied)


class _Lines:
    """Lines as the file that the SDK expects; `singer/lines.py` takes any lines."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = lines

    def __iter__(self) -> t.Iterator[bytes]:
        return iter(self._lines)

    def fileno(self) -> int:
        raise io.UnsupportedOperation("fileno")


class NoRejects:
    """Keeps no rejected records: the observer of a rehearsal sees them."""

    advice: t.Final = ""

    def declare(self, stream: str, schema_line: bytes, /) -> None:
        """Ignore a SCHEMA message."""

    def declare_if_missing(self, stream: str, /) -> None:
        """Do nothing."""

    def write(self, stream: str, line: bytes, refusal: Refusal, /) -> None:
        """Keep nothing."""

    def sync(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""
