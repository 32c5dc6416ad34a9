"""Builds a run whose records come from Singer messages."""

from __future__ import annotations

import sys
import typing as t

from target_amplitude_nami.accounting.live_line import around, live_line_on_terminal
from target_amplitude_nami.run import Run
from target_amplitude_nami.singer.rejects import RejectsFile
from target_amplitude_nami.singer.state_output import write_state
from target_amplitude_nami.store_choice import store_of

if t.TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from target_amplitude_nami.settings import Settings
    from target_amplitude_nami.shutdown import Shutdown
    from target_amplitude_nami.singer.parts import SingerRejects


class BuildRun(t.Protocol):
    """Makes the parts of a run: `build_run`, or the rehearsal's."""

    def __call__(
        self,
        settings: Settings,
        shutdown: Shutdown,
        logger: logging.Logger,
        *,
        user_agent: str,
    ) -> tuple[Run, SingerRejects]:
        """Return a run and its rejects; nothing is opened yet."""


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
    store = store_of(settings)
    rejects = RejectsFile(
        settings.rejects_path,
        settings.integration_name,
        store if settings.memory_path else None,
    )
    write: Callable[[bytes], None] = write_state
    live = live_line_on_terminal()
    if live is not None and sys.stdout is not None and sys.stdout.isatty():
        write = around(live, write)
    emits_state = settings.enabled and not settings.dry_run
    run = Run(
        settings,
        store=store,
        rejects=rejects,
        write_state=write if emits_state else None,
        shutdown=shutdown,
        logger=logger,
        user_agent=user_agent,
        live=live,
    )
    return run, rejects
