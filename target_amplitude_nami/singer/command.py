"""The target as a command: signals, exit codes, and one clear line for a failure."""

from __future__ import annotations

import os
import signal
import sys
import typing as t

import click
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.plugin_base import _ConfigInput
from singer_sdk.target_base import Target

from target_amplitude_nami.errors import AmplitudeNamiError, ConfigurationError
from target_amplitude_nami.settings.paths import problems_with_paths
from target_amplitude_nami.shutdown import Shutdown
from target_amplitude_nami.singer import interpreter
from target_amplitude_nami.singer.log_escaping import escape_log

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if t.TYPE_CHECKING:
    from types import FrameType

    from target_amplitude_nami.accounting.report import Report
    from target_amplitude_nami.run import Run
    from target_amplitude_nami.settings import Settings

_TOO_MANY_REJECTS = 3
_FAILED = 1
_SECONDS_TO_CLOSE = 1.5

_T = t.TypeVar("_T")


class CommandTarget(Target):
    """A target that ends well: when its input ends, when told to, and when it fails."""

    settings: Settings
    run: Run
    report: Report

    def __init__(self, **kwargs: t.Any) -> None:
        """See the SDK for the arguments."""
        self._signal: int | None = None
        self.shutdown = Shutdown()
        super().__init__(**kwargs)

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """Note the signal; a second one ends at once. No lock, and so no logging."""
        if self._signal is not None:
            os._exit(_signal_exit_code(self._signal))
        self._signal = signum
        grace = self.settings.shutdown_grace
        self.shutdown.request(grace)
        # Something may block for ever: a disk, or a reader of STATE that reads nothing.
        signal.signal(signal.SIGALRM, self._handle_termination)
        signal.setitimer(signal.ITIMER_REAL, grace + _SECONDS_TO_CLOSE)

    def _is_interrupted(self) -> bool:
        return self._signal is not None

    @property
    def exit_code(self) -> int:
        """What the process tells its caller, once the input is at its end."""
        if self._signal is not None:
            return _signal_exit_code(self._signal)
        most = self.settings.max_rejected
        if most is not None and self.report.rejected > most:
            self.logger.error(
                "%s records were rejected, more than `max_rejected` (%s) allows",
                f"{self.report.rejected:,}",
                f"{most:,}",
            )
            return _TOO_MANY_REJECTS
        return 0

    @classmethod
    @override
    def get_singer_command(cls) -> click.Command:
        escape_log()
        return super().get_singer_command()

    @classmethod
    @override
    def invoke(  # type: ignore[override]
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: _ConfigInput | None = None,
        file_input: t.IO[str] | None = None,
    ) -> None:
        """Run the command; see the SDK for the arguments."""
        if about:
            cls.print_about(about_format)
            return
        cls.print_version(print_fn=cls.logger.info)
        config = config or _ConfigInput()
        target = cls(config=config.config, parse_env_config=config.parse_env)
        problems = target.problems_with_paths(file_input or sys.stdin)
        for problem in problems:
            target.logger.error(problem)
        if problems:
            sys.exit(_FAILED)
        interpreter.tune()
        try:
            target.listen(file_input)
        except AmplitudeNamiError as error:
            target.close_after(error)
            sys.exit(_FAILED)
        except BaseException as error:
            target.close_after(error)
            raise
        finally:
            # While the interpreter ends, the alarm would no longer find its handler.
            signal.setitimer(signal.ITIMER_REAL, 0)
        sys.exit(target.exit_code)

    def problems_with_paths(self, file_input: t.IO[str]) -> tuple[str, ...]:
        """Return a line for each file of the run that cannot be written.

        Args:
            file_input: The input, which none of them may be.
        """
        try:
            descriptor = file_input.fileno()
        except (AttributeError, OSError, ValueError):
            descriptor = None  # closed, or not the system's
        problems = problems_with_paths(self.settings, descriptor)
        return ConfigurationError(problems).problems

    def close_after(self, error: BaseException) -> None:
        """Close everything after a failure; the last line of the log says what it was.

        Args:
            error: What ended the run.
        """
        is_known = isinstance(error, AmplitudeNamiError)
        troubles: list[BaseException] = [error] if is_known else []
        try:
            self.run.close("failed")
        except Exception as another:  # noqa: BLE001 - the first trouble counts
            if str(another) != str(error):
                troubles.insert(0, another)
        for trouble in troubles:
            self.logger.error("%s", trouble)

    @classmethod
    @override
    def cb_config(
        cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]
    ) -> _ConfigInput:
        try:
            return super().cb_config(ctx, param, value)
        except (OSError, RecursionError, TypeError, ValueError) as error:
            # The SDK merges the files without a look at what they hold.
            problem = "no JSON object" if isinstance(error, TypeError) else error
            said = f"--config {' '.join(value)} cannot be read: {problem}"
            raise click.ClickException(str(ConfigurationError([said]))) from error


def _signal_exit_code(signum: int) -> int:
    return 128 + signum


def with_sdk_error(read: t.Callable[[], _T]) -> _T:
    """Return what `read` reads; our error becomes the one that the SDK's command shows.

    Raises:
        ConfigValidationError: With a line for every mistake.
    """
    try:
        return read()
    except ConfigurationError as error:
        raise ConfigValidationError(
            "Config validation failed", errors=list(error.problems), schema={}
        ) from error
