"""The command `load`: delivers Parquet files with several processes."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import typing as t
from pathlib import Path

import click

from target_amplitude_nami.commands.command import WRONG, configured
from target_amplitude_nami.commands.load.files import find_files
from target_amplitude_nami.commands.load.loading import Loading, Plan
from target_amplitude_nami.commands.load.parts import parts_of
from target_amplitude_nami.commands.load.rejects import AppendedRejects
from target_amplitude_nami.commands.load.state import LoadState, locked
from target_amplitude_nami.errors import ConfigurationError
from target_amplitude_nami.partitions.job import Job
from target_amplitude_nami.shutdown import Shutdown
from target_amplitude_nami.singer.log_escaping import escape_log
from target_amplitude_nami.singer.signals import Signals
from target_amplitude_nami.text import counted

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from target_amplitude_nami.commands.configuration import Configuration
    from target_amplitude_nami.commands.load.files import InputFile
    from target_amplitude_nami.commands.output import Output
    from target_amplitude_nami.settings import Settings

_TOO_MANY_REJECTS: t.Final = 3
_STANDARD_ERROR: t.Final = 2
_STATE_NAME: t.Final = "load-state.json"
_LOG_FORMAT: t.Final = "%(asctime)s | %(levelname)-8s | %(name)s | %(message)s"
_OF_SINGER: t.Final = ("stream_maps", "flattening_enabled", "add_record_metadata")


def _cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _expect_no_empty_name(
    _context: click.Context,
    _parameter: click.Parameter,
    value: Path | tuple[str, ...] | None,
) -> Path | tuple[str, ...] | None:
    """Refuse what a variable without a value becomes: the working folder."""
    if value == Path() or (isinstance(value, tuple) and "" in value):
        raise click.BadParameter("a file's name is missing: is a variable empty?")
    return value


@click.command(
    "load",
    epilog="Example: amplitude-nami load --config config.json 'history/*.parquet'",
)
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE...",
    callback=_expect_no_empty_name,
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="How many processes deliver at a time; by default, one for each core.",
)
@click.option(
    "--state",
    "state_path",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=_expect_no_empty_name,
    metavar="FILE",
    help="Where to note what is delivered, so that the same command goes on there; by"
    f" default {_STATE_NAME} beside the file of `rejects_path`.",
)
@click.option(
    "--stream",
    default="records",
    show_default=True,
    metavar="NAME",
    help="The name of the records' stream, for `event_streams` and `user_streams`.",
)
@configured
def command(  # noqa: PLR0913 - its arguments and options
    configuration: Configuration,
    output: Output,
    *,
    files: tuple[str, ...],
    workers: int | None,
    state_path: Path | None,
    stream: str,
) -> int:
    """Deliver Parquet files, with several processes.

    Each FILE is a Parquet file, a folder of such, or a pattern in quotes; addresses
    such as s3://bucket/folder work where their package is installed. What is delivered
    is noted in a state file: after a stop, a failure or a crash, the same command goes
    on with what is not finished. With more than one worker, events of one user may
    arrive in another order than that of the rows.
    """
    _open_standard_streams()
    settings = configuration.settings
    _refuse_unusable(configuration.values)
    logger = _logger()
    shutdown = Shutdown()
    signals = Signals(shutdown, settings.shutdown_grace)
    signals.install()
    job = Job(settings, AppendedRejects(settings.rejects_path), logger=logger)
    try:
        with _state(state_path, settings, stream) as state:
            found = find_files(files) if settings.enabled else []
            plan = _plan(found, state, workers or _cores(), stream)
            with job:
                _say_what_follows(job, logger, plan, found, state)
                loading = Loading(plan, job, state, shutdown, logger)
                loading.run()
                job.close(
                    "interrupted" if shutdown.is_requested else "complete",
                    is_at_least=loading.has_left_open,
                )
    finally:
        signals.disarm()
    output.result(json.loads(job.report.to_json()), ())
    return _exit_code(job, settings, signals, logger)


def _open_standard_streams() -> None:
    """Give closed ones to no file: a worker has other uses for their numbers."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STANDARD_ERROR:
        os.set_inheritable(descriptor, True)  # noqa: FBT003 - takes no name
    os.close(descriptor)


def _refuse_unusable(values: Mapping[str, object]) -> None:
    problems = [
        f"{name} cannot be used by `load`, which reads no Singer messages: leave it out"
        for name in _OF_SINGER
        if values.get(name)
    ]
    if problems:
        raise ConfigurationError(problems)


@contextlib.contextmanager
def _state(
    path: Path | None, settings: Settings, stream: str
) -> Iterator[LoadState | None]:
    """Open the state file; a dry run has none."""
    if settings.dry_run or not settings.enabled:
        yield None
        return
    if path is None:
        beside = settings.rejects_path
        is_file = beside.is_file() or not beside.exists()
        path = beside.with_name(_STATE_NAME) if is_file else Path(_STATE_NAME)
    with locked(path):
        yield LoadState(path, settings, stream)


def _plan(
    files: Sequence[InputFile], state: LoadState | None, workers: int, stream: str
) -> Plan:
    finished = {} if state is None else state.finished(files)
    parts = parts_of(files, finished, workers)
    return Plan(parts, min(workers, len(parts)), stream)


def _say_what_follows(
    job: Job,
    logger: logging.Logger,
    plan: Plan,
    files: Sequence[InputFile],
    state: LoadState | None,
) -> None:
    if not job.settings.enabled:
        return
    rows = sum(file.rows for file in files)
    logger.info("%s in %s", counted(rows, "row"), counted(len(files), "file"))
    if state is not None and plan.rows < rows:
        logger.info(
            "%s delivered by earlier runs, as %s says",
            counted(rows - plan.rows, "row was", "rows were"),
            state.path,
        )
    if plan.workers:
        logger.info(
            "%s to deliver, in %s, by %s",
            counted(plan.rows, "row"),
            counted(len(plan.parts), "part"),
            counted(plan.workers, "worker process", "worker processes"),
        )
    if plan.workers > 1 and not job.settings.backfill and not job.settings.dry_run:
        job.warn(
            "several workers deliver at a time, so that events of one user that are in "
            "several files or row groups may arrive out of order, and older values of "
            "user properties may replace newer ones: set `backfill` for history, which "
            "leaves user properties as they are, or keep the order with `--workers 1`"
        )


def _exit_code(
    job: Job, settings: Settings, signals: Signals, logger: logging.Logger
) -> int:
    if signals.exit_code is not None:
        logger.warning(
            "Stopped by %s: run the same command again to go on", signals.name
        )
        return signals.exit_code
    if job.report.outcome == "too_many_rejects":
        logger.error(
            "%s rejected, more than `max_rejected` (%s) allows, so the exit code is "
            "%s; the warning above says where they are",
            counted(job.report.rejected, "record was", "records were"),
            f"{settings.max_rejected:,}",
            _TOO_MANY_REJECTS,
        )
        return _TOO_MANY_REJECTS
    return WRONG if job.report.outcome == "failed" else 0


def _logger() -> logging.Logger:
    """Return what logs to standard error, as the target does."""
    escape_log()
    logger = logging.getLogger("amplitude-nami")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter(_LOG_FORMAT))
    logger.addHandler(handler)
    return logger
