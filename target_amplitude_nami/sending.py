"""Where a run's events leave it: the senders, the deliveries, the local Amplitude."""

from __future__ import annotations

import sqlite3
import sys
import typing as t

import msgspec

from target_amplitude_nami.amplitude import limits
from target_amplitude_nami.amplitude.answers import Answer, Fatal, Unknown
from target_amplitude_nami.amplitude.client import Client, Destination
from target_amplitude_nami.amplitude.name_lookup import NameLookup
from target_amplitude_nami.delivery.deliveries import Deliveries
from target_amplitude_nami.delivery.delivery import Delivery, DeliveryOptions
from target_amplitude_nami.delivery.dry_run import DryRun
from target_amplitude_nami.delivery.rate_limits import RateLimiter
from target_amplitude_nami.delivery.request_limits import RequestLimits
from target_amplitude_nami.errors import ConfigurationError, OutputUnwritable
from target_amplitude_nami.shutdown import Shutdown

if t.TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from target_amplitude_nami.delivery.protocols import Outcomes, Sender
    from target_amplitude_nami.delivery.traffic import Traffic
    from target_amplitude_nami.local.server import LocalAmplitude
    from target_amplitude_nami.outcomes import Project
    from target_amplitude_nami.settings import Settings

LOCAL_KEY: t.Final = "local"
"""The API key of who delivers to the local Amplitude without one."""

_SECONDS_FOR_LANES = 5.0
"""How long requests in flight may take to end when nothing more is delivered."""
_SECONDS_FOR_LANES_WHEN_LATE = 0.5


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
        # What cannot be stored is not to be waited for, as Amplitude's 5xx is.
        if isinstance(answer, Unknown) and (why := self._local.trouble) is not None:
            return Fatal(
                f"the local Amplitude cannot write {self._path} ({why}): make room on "
                f"the disk, or choose another `local_path`"
            )
        return answer


class _GivenShutdown(Shutdown):
    """Has the deadline that a run knows of."""

    def __init__(self, seconds_left: Callable[[], float | None]) -> None:
        super().__init__()
        self._seconds_left = seconds_left

    def seconds_left(self) -> float | None:
        return self._seconds_left()


class Sending:
    """Delivers events as the settings say; opens nothing before the first one."""

    def __init__(
        self,
        settings: Settings,
        outcomes: Callable[[Project], Outcomes],
        logger: logging.Logger,
        *,
        user_agent: str,
        seconds_left: Callable[[], float | None],
    ) -> None:
        """Put the parts together.

        Args:
            settings: What the user wants.
            outcomes: Gives who records what became of a project's events.
            logger: Takes what there is to say.
            user_agent: How requests introduce themselves.
            seconds_left: How long the run may still go on; None: as long as it takes.
        """
        self._settings = settings
        self._outcomes = outcomes
        self._logger = logger
        self._seconds_left = seconds_left
        self._destination = Destination(
            url=settings.endpoint_url or "",
            api_key=settings.api_key or LOCAL_KEY,
            user_agent=user_agent,
            gzip=settings.gzip,
            min_id_length=settings.min_id_length,
            read_timeout=settings.request_timeout,
        )
        self._sandbox = msgspec.structs.replace(
            self._destination,
            api_key=settings.sandbox_api_key or "",
            key_setting="sandbox_api_key",
        )
        self.room = settings.max_request_bytes - max(
            sum(map(len, destination.envelope()))
            for destination in (self._destination, self._sandbox)
        )
        """How many bytes the events of one request may have."""
        self._rate_limiter = RateLimiter(settings.max_events_per_second)
        self._deliveries = Deliveries(self._delivery_to)
        self.submit: t.Final = self._deliveries.submit
        """Takes events for a project, as `Deliveries` says."""
        self._names = NameLookup()
        self._local: LocalAmplitude | None = None
        self._dry_run: DryRun | None = None

    @property
    def traffic(self) -> Traffic:
        """What was sent so far."""
        return self._deliveries.traffic

    def tick(self) -> None:
        """Send what has waited long enough, and notice failures.

        Raises:
            DeliveryError: When nothing more can be delivered.
        """
        self._deliveries.tick()

    def finish(self) -> bool:
        """Deliver all that was submitted, or as much as the time allows.

        Returns:
            Whether all is settled.

        Raises:
            DeliveryError: When nothing more can be delivered.
        """
        is_local = self._settings.endpoint_url is None and self._local is None
        if self._settings.enabled and is_local:
            # So that the local Amplitude's file is there, also after an empty run.
            self._deliveries.start("main")
        return self._deliveries.flush()

    def stop(self) -> None:
        """Deliver nothing more; requests in flight have a moment to end."""
        left = self._seconds_left()
        is_late = left is not None and left <= 0
        self._deliveries.close(
            _SECONDS_FOR_LANES_WHEN_LATE if is_late else _SECONDS_FOR_LANES
        )

    def close(self) -> None:
        """Close the dry run's file or the local Amplitude, and say what that holds."""
        if self._dry_run is not None:
            self._dry_run.end()
        if self._local is None:
            return
        from target_amplitude_nami.local.cli import (  # noqa: PLC0415 - an extra
            DEFAULT_PORT,
        )

        local, self._local = self._local, None
        try:
            summary = local.summary()
        except sqlite3.Error:  # a full disk, of which the run has said already
            return
        finally:
            local.__exit__(None, None, None)
        self._logger.info(
            "The local Amplitude now holds %s events of %s users: "
            "`local-amplitude %s` shows them at http://127.0.0.1:%s/",
            f"{summary.total:,}",
            f"{summary.users:,}",
            self._settings.local_path,
            DEFAULT_PORT,
        )

    def _delivery_to(self, project: Project) -> Delivery:
        settings = self._settings
        prefix = "the sandbox's project: " if project == "sandbox" else ""
        per_id_per_second = limits.EVENTS_PER_SECOND_PER_ID[settings.api]
        options = DeliveryOptions(
            lanes=settings.parallel_requests,
            limits=RequestLimits(settings.batch_size_rows, self.room),
            batch_wait_seconds=settings.batch_wait_seconds,
            retry_for=settings.retry_for,
            # Nobody has to be spared by what goes into a file.
            per_id_per_second=sys.maxsize if settings.dry_run else per_id_per_second,
        )
        return Delivery(
            self._senders(project),
            options,
            self._outcomes(project),
            rate_limiter=self._rate_limiter,
            log=lambda message: self._logger.warning("%s%s", prefix, message),
            shutdown=_GivenShutdown(self._seconds_left),
        )

    def _senders(self, project: Project) -> Callable[[], Sender]:
        if self._settings.dry_run:
            self._dry_run = self._dry_run or self._open_dry_run()
            dry_run = self._dry_run.beside(self._destination_of(project))
            return lambda: dry_run
        if self._settings.endpoint_url is None and self._local is None:
            self._local = self._start_local()
            url = self._local.endpoint(self._settings.api)
            self._destination = self._destination.at(url)
            self._sandbox = self._sandbox.at(url)
        destination = self._destination_of(project)
        if (local := self._local) is not None:
            path = self._settings.local_path
            return lambda: _LocalClient(destination, local, path)
        return lambda: Client(destination, names=self._names)

    def _destination_of(self, project: Project) -> Destination:
        return self._sandbox if project == "sandbox" else self._destination

    def _open_dry_run(self) -> DryRun:
        path = self._settings.dry_run_path
        try:
            return DryRun(path, self._destination)
        except OSError as error:
            raise OutputUnwritable(
                f"{path} cannot be written ({error.strerror}): mend the disk or choose "
                f"another `dry_run_path`"
            ) from error

    def _start_local(self) -> LocalAmplitude:
        local = local_amplitude()(self._settings.local_path)
        try:
            return local.__enter__()
        except (OSError, sqlite3.Error) as error:
            raise OutputUnwritable(
                f"the local Amplitude cannot keep anything in "
                f"{self._settings.local_path} ({error}): mend the disk or choose "
                f"another `local_path`"
            ) from error


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
        install = "install target-amplitude-nami[local]"
        raise ConfigurationError(
            [f"endpoint: local needs more packages: {install} ({error})."]
        ) from error
    return LocalAmplitude
