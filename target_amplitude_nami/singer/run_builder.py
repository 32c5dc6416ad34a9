"""Builds a run whose records come from Singer messages."""

from __future__ import annotations

import os.path
import typing as t

from target_amplitude_nami.run import Run
from target_amplitude_nami.sending import LOCAL_KEY
from target_amplitude_nami.singer.rejects import RejectsFile
from target_amplitude_nami.singer.state_output import write_state
from target_amplitude_nami.store.sqlite_store import SqliteStore

if t.TYPE_CHECKING:
    import logging

    from target_amplitude_nami.outcomes import Project
    from target_amplitude_nami.settings import Settings
    from target_amplitude_nami.shutdown import Shutdown


def build_run(
    settings: Settings, shutdown: Shutdown, logger: logging.Logger, *, user_agent: str
) -> tuple[Run, RejectsFile]:
    """Build a run with its store, its rejects file and STATE on standard output.

    Args:
        settings: The settings of the run.
        shutdown: Whether a stop was asked for, and by when it must be done.
        logger: Takes what the run reports.
        user_agent: How requests introduce themselves.

    Returns:
        The run and its rejects file; nothing is opened yet.

    Raises:
        ConfigurationError: When `endpoint: local` lacks packages.
    """
    store = SqliteStore(
        settings.memory_path,
        settings.memory_days,
        projects=_projects_of(settings),
        begins_anew=_begins_anew(settings),
        forgets=settings.dry_run,
    )
    rejects = RejectsFile(
        settings.rejects_path,
        settings.integration_name,
        store if settings.memory_path else None,
    )
    emits_state = settings.enabled and not settings.dry_run
    run = Run(
        settings,
        store=store,
        rejects=rejects,
        write_state=write_state if emits_state else None,
        shutdown=shutdown,
        logger=logger,
        user_agent=user_agent,
    )
    return run, rejects


def _projects_of(settings: Settings) -> dict[Project, str]:
    """Return what names each project that events go to.

    That is its API key, wherever it is reached. The local Amplitude has projects of its
    own: those in its file, whatever leads there. What a dry run without a key would
    send goes to a project that has nothing.
    """
    if settings.endpoint_url is None:
        where, key = os.path.realpath(settings.local_path), LOCAL_KEY
    else:
        where, key = "", ""
    projects: dict[Project, str] = {"main": f"{where}\n{settings.api_key or key}"}
    if settings.sandbox_api_key:
        projects["sandbox"] = f"{where}\n{settings.sandbox_api_key}"
    return projects


def _begins_anew(settings: Settings) -> bool:
    """Return whether the local Amplitude is empty, whatever its file once had."""
    if settings.endpoint_url is not None:
        return False
    try:
        return settings.local_path.stat().st_size == 0
    except OSError:  # the run makes it, or says why it cannot
        return True
