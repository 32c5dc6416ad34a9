"""Delivers a rejects file again, and rewrites it with what is left."""

from __future__ import annotations

import contextlib
import functools
import stat
import typing as t

from target_amplitude_nami.errors import InputUnreadable
from target_amplitude_nami.settings import Settings
from target_amplitude_nami.settings.declared import LOCAL
from target_amplitude_nami.singer.rejects_file import locked_rejects, opened_rejects
from target_amplitude_nami.singer.retry.reject_filter import RejectFilter
from target_amplitude_nami.singer.retry.rejected_again import RejectedAgain
from target_amplitude_nami.singer.retry.result import RetryResult, outcomes_in
from target_amplitude_nami.singer.retry.session import Session
from target_amplitude_nami.singer.retry.survey import survey
from target_amplitude_nami.singer.sdk_settings import SDK_SETTINGS

if t.TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from target_amplitude_nami.singer.rejects_file import OpenRejects

_NOT_OF_A_PIPELINE: t.Final[Mapping[str, object]] = {
    "max_rejected": None,
    "metrics_path": None,
    "report_path": None,
}
"""What describes the last run of the pipeline, or decides whether that was good."""


def retry(
    config: Mapping[str, object],
    path: Path | None = None,
    *,
    reasons: Collection[str] = (),
    since: dt.datetime | None = None,
    dry_run: bool = False,
) -> tuple[RetryResult, int | None]:
    """Deliver the records of a rejects file again; what is settled leaves the file.

    Args:
        config: The settings that are given, as JSON values.
        path: The file; None: that of `rejects_path`.
        reasons: Try only records that were rejected for one of these; empty: all.
        since: Try only records that were rejected then or later.
        dry_run: Send nothing and change nothing.

    Returns:
        What was done, and the exit code where a signal has ended it.

    Raises:
        AmplitudeNamiError: When nothing was done: the settings are wrong, the file is
            none of rejects, the store is in use, nothing can be delivered.
    """
    config = {**config, **_NOT_OF_A_PIPELINE}
    if dry_run and config.get("endpoint") != LOCAL:
        config["dry_run"] = True  # it needs no API key
    settings = Settings.load(config, SDK_SETTINGS)
    dry_run |= settings.dry_run
    if path is None:
        path = settings.rejects_path
    result = functools.partial(RetryResult, file=str(path), dry_run=dry_run)
    if not settings.enabled:
        return result(outcome="disabled"), None
    if _has_no_rejects(path):
        return result(outcome="nothing"), None
    reject_filter = RejectFilter(settings.integration_name, frozenset(reasons), since)
    opened = opened_rejects if dry_run else locked_rejects
    with contextlib.ExitStack() as last_things:
        file: OpenRejects = last_things.enter_context(opened(path))
        size = file.size()
        folder = None if dry_run else path.resolve().parent
        rejected_again = last_things.enter_context(RejectedAgain(folder))
        # It heeds signals from now on.
        session = Session(config, file, size, reject_filter, rejected_again)
        found = survey(file.lines(size), reject_filter, path)
        result = functools.partial(
            result,
            before=found.before,
            tried=found.tried,
            of_other_integrations=found.of_others,
        )
        if not found.tried:
            return result(outcome="nothing", after=found.before), session.exit_code
        session.run(found)
        return result(
            outcome=session.outcome,
            after=found.before if session.after is None else session.after,
            settled=session.left,
            failed_again=rejected_again.count,
            error=None if session.error is None else str(session.error),
            **outcomes_in(session.counts),
        ), session.exit_code


def _has_no_rejects(path: Path) -> bool:
    try:
        status = path.stat()
    except FileNotFoundError:
        return True
    except OSError as error:
        raise InputUnreadable(f"{path} cannot be read ({error.strerror})") from error
    return stat.S_ISREG(status.st_mode) and status.st_size == 0
