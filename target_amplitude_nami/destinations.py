"""Where a run's events go: Amplitude, a dry run's file, or the local Amplitude."""

from __future__ import annotations

import typing as t

from target_amplitude_nami.amplitude.answers import Answer, Fatal, Unknown
from target_amplitude_nami.amplitude.client import Client
from target_amplitude_nami.amplitude.name_lookup import NameLookup
from target_amplitude_nami.delivery.dry_run import DryRun
from target_amplitude_nami.errors import ConfigurationError, OutputUnwritable
from target_amplitude_nami.text import counted

if t.TYPE_CHECKING:
    import logging

    from target_amplitude_nami.amplitude.destination import Destination
    from target_amplitude_nami.delivery.protocols import Sender
    from target_amplitude_nami.local.run_note import RunNote
    from target_amplitude_nami.local.server import LocalAmplitude
    from target_amplitude_nami.outcomes import Project
    from target_amplitude_nami.settings import Settings


class Destinations:
    """The destination of each project, opened and closed with the run."""

    def __init__(
        self, settings: Settings, logger: logging.Logger, *, user_agent: str
    ) -> None:
        """Read from the settings where events go; open nothing yet.

        Args:
            settings: The settings of the run.
            logger: Takes what the local Amplitude holds in the end.
            user_agent: How requests introduce themselves.

        Raises:
            ConfigurationError: When `endpoint: local` lacks packages.
        """
        self._settings = settings
        self._logger = logger
        self._is_local = settings.endpoint_url is None
        if self._is_local:
            local_amplitude()
        self._by_project: dict[Project, Destination] = {
            project: settings.destination(project, user_agent=user_agent)
            for project in settings.projects
        }
        self._names = NameLookup()
        self._local: LocalAmplitude | None = None
        self._dry_run: DryRun | None = None

    @property
    def name(self) -> str:
        """What the report calls the destination."""
        return name_of_destination(self._settings)

    def open(self) -> None:
        """Begin the dry run's file, or start the local Amplitude.

        Raises:
            OutputUnwritable: When their file cannot be written.
        """
        if self._settings.dry_run:
            self._dry_run = self._open_dry_run()
        elif self._is_local:
            self._local = start_local(self._settings)
            url = self._local.endpoint(self._settings.api)
            self._by_project = {
                project: destination.at(url)
                for project, destination in self._by_project.items()
            }

    def sender_for(self, project: Project) -> Sender:
        """Return a connection of its own for one lane of a project."""
        destination = self._by_project[project]
        if self._dry_run is not None:
            return self._dry_run.beside(destination)
        if self._local is not None:
            return _LocalClient(destination, self._local, self._settings.local_path)
        return Client(destination, names=self._names)

    def close(self) -> None:
        """Close the dry run's file or the local Amplitude; log what that holds."""
        if self._dry_run is not None:
            self._dry_run.end()
        if self._local is not None:
            local, self._local = self._local, None
            close_local(local, self._settings, self._logger)

    def _open_dry_run(self) -> DryRun:
        path = self._settings.dry_run_path
        try:
            return DryRun(path, self._by_project["main"])
        except OSError as error:
            raise OutputUnwritable(
                f"{path} cannot be written ({error.strerror}): free or repair the "
                f"disk, or choose another `dry_run_path`"
            ) from error


class NoDestinations:
    """The destinations of a rehearsal, which sends nothing."""

    name: t.Final = "nowhere"

    def open(self) -> None:
        """Open nothing."""

    def sender_for(self, project: Project) -> t.NoReturn:
        """Refuse: nothing is sent.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Close nothing."""


class _LocalClient(Client):
    """A connection to the local Amplitude of this run, whose disk may be full."""

    def __init__(
        self, destination: Destination, local: LocalAmplitude, path: object
    ) -> None:
        super().__init__(destination)
        self._local = local
        self._path = path

    def post(self, body: bytes, count: int) -> Answer:
        answer = super().post(body, count)
        # Unlike Amplitude's 5xx, a full disk is nothing to wait for.
        if isinstance(answer, Unknown) and (why := self._local.trouble) is not None:
            return Fatal(
                f"the local Amplitude cannot write {self._path} ({why}): free space on "
                f"the disk, or choose another `local_path`"
            )
        return answer


def name_of_destination(settings: Settings) -> str:
    """Return what a report calls the destination of these settings."""
    if settings.dry_run:
        return f"dry run in {settings.dry_run_path}"
    return settings.endpoint_url or f"local Amplitude in {settings.local_path}"


def local_amplitude() -> type[LocalAmplitude]:
    """Return the local Amplitude, which is an extra of the package.

    Raises:
        ConfigurationError: When the extra is not installed.
    """
    try:
        from target_amplitude_nami.local.server import (  # noqa: PLC0415 - an extra
            LocalAmplitude,
        )
    except ModuleNotFoundError as error:
        install = "pip install 'target-amplitude-nami[local]'"
        raise ConfigurationError(
            [f"the local Amplitude needs more packages: {install} ({error})"]
        ) from error
    return LocalAmplitude


def start_local(settings: Settings) -> LocalAmplitude:
    """Start the local Amplitude of a run or a job.

    Raises:
        ConfigurationError: When it lacks packages.
        OutputUnwritable: When its file cannot be written.
    """
    local_class = local_amplitude()
    import sqlite3  # noqa: PLC0415 - only with `endpoint: local`

    path = settings.local_path
    try:
        return local_class(path, run_note=_run_note(settings)).__enter__()
    except (OSError, sqlite3.Error) as error:
        raise OutputUnwritable(
            f"the local Amplitude cannot keep anything in {path} ({error}): free "
            f"or repair the disk, or choose another `local_path`"
        ) from error


def _run_note(settings: Settings) -> RunNote:
    """Return what the local Amplitude's page shows beside the events."""
    from target_amplitude_nami.local.run_note import (  # noqa: PLC0415 - an extra
        RunNote,
    )

    report = settings.report_path
    return RunNote(
        report_path=None if report is None else str(report.absolute()),
        rejects_path=str(settings.rejects_path.absolute()),
        event_prefix=settings.event_prefix,
        event_names=dict(settings.event_names),
        user_source=settings.user_source,
    )


def close_local(
    local: LocalAmplitude, settings: Settings, logger: logging.Logger
) -> None:
    """Close the local Amplitude, and log what it holds."""
    import sqlite3  # noqa: PLC0415 - only with `endpoint: local`

    from target_amplitude_nami.local import DEFAULT_PORT  # noqa: PLC0415
    from target_amplitude_nami.tools import local_tool  # noqa: PLC0415

    try:
        summary = local.summary()
    except sqlite3.Error:  # a full disk, which has been reported already
        return
    finally:
        local.__exit__(None, None, None)
    logger.info(
        "The local Amplitude now holds %s of %s: `%s` shows them at "
        "http://127.0.0.1:%s/",
        counted(summary.total, "event"),
        counted(summary.users, "user"),
        local_tool(settings.local_path),
        DEFAULT_PORT,
    )
