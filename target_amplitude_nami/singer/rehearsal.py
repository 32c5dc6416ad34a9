"""Rehearses a run over Singer input: what would become of each record, and why."""

from __future__ import annotations

import functools
import io
import typing as t

from singer_sdk.exceptions import ConfigValidationError

from target_amplitude_nami.errors import ConfigurationError
from target_amplitude_nami.run import Run
from target_amplitude_nami.settings.declared import LOCAL
from target_amplitude_nami.singer.target import TargetAmplitudeNami
from target_amplitude_nami.store_choice import store_of

if t.TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterable, Mapping

    from target_amplitude_nami.accounting.rehearsal import Observer
    from target_amplitude_nami.accounting.report import Report
    from target_amplitude_nami.outcomes import Refusal
    from target_amplitude_nami.settings import Settings
    from target_amplitude_nami.shutdown import Shutdown
    from target_amplitude_nami.store.sqlite_store import SqliteStore

_AS_IN_A_REHEARSAL: t.Final[Mapping[str, object]] = {
    "enabled": True,
    "max_rejected": None,
    "metrics_path": None,
    "report_path": None,
}


def rehearse(
    config: Mapping[str, object],
    lines: Iterable[bytes],
    observer: Observer,
    *,
    make_store: Callable[[Settings], SqliteStore] | None = None,
    rejects: NoRejects | None = None,
) -> Report:
    """Read Singer input as a run would; send nothing, and leave every file as it was.

    What the file of `memory_path` knows of users and earlier deliveries counts.
    Warnings of the run go to the log.

    Args:
        config: The settings that are given, as JSON values.
        lines: The input.
        observer: Watches what becomes of each record.
        make_store: Makes the store, where it is to know less than that file does.
        rejects: Takes the SCHEMA messages, where somebody wants them.

    Returns:
        The report of the run; what would be sent counts as delivered.

    Raises:
        AmplitudeNamiError: When a run would fail: the settings are wrong, nothing in
            the input is Nami's, the store is in use.
    """
    try:
        target = TargetAmplitudeNami(
            config=_as_in_a_rehearsal(config),
            build=functools.partial(
                _build,
                observer=observer,
                make_store=make_store or functools.partial(store_of, forgets=True),
                rejects=rejects or NoRejects(),
            ),
        )
    except ConfigValidationError as error:
        raise ConfigurationError(error.errors) from error
    try:
        target.listen(t.cast("t.IO[str]", _Lines(lines)))
    except BaseException:
        target.run.close("failed")
        raise
    finally:
        target.signals.disarm()
    return target.report


def _as_in_a_rehearsal(config: Mapping[str, object]) -> dict[str, object]:
    """Return settings that need no API key and name no file to write at the end."""
    # A run that sends to the local Amplitude needs none, and cannot be a dry run; it is
    # rehearsed for the project that is in that file.
    is_dry = config.get("dry_run") if config.get("endpoint") == LOCAL else True
    return {**config, **_AS_IN_A_REHEARSAL, "dry_run": is_dry}


def _build(  # noqa: PLR0913
    settings: Settings,
    shutdown: Shutdown,
    logger: logging.Logger,
    *,
    user_agent: str,
    observer: Observer,
    make_store: Callable[[Settings], SqliteStore],
    rejects: NoRejects,
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
