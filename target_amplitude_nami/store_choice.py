"""Makes the store that the settings of a run ask for."""

from __future__ import annotations

import os.path
import typing as t

from target_amplitude_nami.settings.settings import LOCAL_KEY
from target_amplitude_nami.store.identity_only import IdentityOnlyStore
from target_amplitude_nami.store.sqlite_store import SqliteStore

if t.TYPE_CHECKING:
    from target_amplitude_nami.outcomes import Project
    from target_amplitude_nami.settings import Settings


def store_of(settings: Settings, *, forgets: bool = False) -> SqliteStore:
    """Return the store that `memory_path` names, or one that is gone with the run.

    Args:
        settings: The settings of the run.
        forgets: Leave the file as it was, as a dry run does.
    """
    return SqliteStore(
        settings.memory_path,
        settings.memory_days,
        projects=projects_of(settings),
        begins_anew=_begins_anew(settings),
        forgets=forgets or settings.dry_run,
    )


def names_of(settings: Settings) -> SqliteStore:
    """Return a store that knows identities alone, and leaves the file as it was."""
    return IdentityOnlyStore(
        settings.memory_path, settings.memory_days, projects_of(settings)
    )


def projects_of(settings: Settings) -> dict[Project, str]:
    """Return what identifies each project that events go to.

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
    """Return whether the local Amplitude has nothing, whatever its file once held."""
    if settings.endpoint_url is not None:
        return False
    try:
        return settings.local_path.stat().st_size == 0
    except OSError:  # the run makes it, or says why it cannot
        return True
