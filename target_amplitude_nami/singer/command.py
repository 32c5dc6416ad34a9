"""The command line: exit codes, and one clear line for a failure."""

from __future__ import annotations

import sys
import typing as t

import click
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.plugin_base import _ConfigInput
from singer_sdk.target_base import Target

from target_amplitude_nami.errors import AmplitudeNamiError, ConfigurationError
from target_amplitude_nami.settings.paths import problems_with_paths
from target_amplitude_nami.singer import interpreter
from target_amplitude_nami.singer.log_escaping import escape_log
from target_amplitude_nami.text import counted
from target_amplitude_nami.tools import note_config

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if t.TYPE_CHECKING:
    from target_amplitude_nami.accounting.report import Report
    from target_amplitude_nami.run import Run
    from target_amplitude_nami.settings import Settings
    from target_amplitude_nami.singer.signals import Signals

_TOO_MANY_REJECTS = 3
_FAILED = 1


class CommandTarget(Target):
    """A target that can be run as a command."""

    settings: Settings
    run: Run
    signals: Signals
    report: Report
    """Set when the input is at its end."""

    @property
    def exit_code(self) -> int:
        """The exit code of a run whose input is at its end; the log says why."""
        if self.signals.exit_code is not None:
            self.logger.warning(
                "Stopped by %s: run again to go on where STATE ends", self.signals.name
            )
            return self.signals.exit_code
        most = self.settings.max_rejected
        if most is not None and self.report.rejected > most:
            self.logger.error(
                "%s rejected, more than `max_rejected` (%s) allows, so the exit code "
                "is %s; the warning above says where they are",
                counted(self.report.rejected, "record was", "records were"),
                f"{most:,}",
                _TOO_MANY_REJECTS,
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
    def print_about(cls, output_format: str | None = None) -> None:
        from target_amplitude_nami.singer.about import (  # noqa: PLC0415 - no run's
            print_about,
        )

        print_about(cls._get_about_info(), output_format)

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
        """Run the command; see the SDK for the arguments.

        Unlike the SDK's, it ends with the mistake in the settings as the last line:
        Meltano shows that one, and people read it first.
        """
        if about:
            cls.print_about(about_format)
            return
        cls.print_version(print_fn=cls.logger.info)
        config = config or _ConfigInput()
        try:
            target = cls(config=config.config, parse_env_config=config.parse_env)
        except ConfigValidationError as error:
            for problem in error.errors or [str(error)]:
                cls.logger.error("%s", problem)  # noqa: TRY400 - no bug
            sys.exit(_FAILED)
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
            target.signals.disarm()
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
        """Close everything after a failure, and log it last.

        Args:
            error: What ended the run.
        """
        is_known = isinstance(error, AmplitudeNamiError)
        failures: list[BaseException] = [error] if is_known else []
        try:
            self.run.close("failed")
        except Exception as another:  # noqa: BLE001 - the first failure counts
            if str(another) != str(error):
                failures.insert(0, another)
        for failure in failures:
            self.logger.error("%s", failure)

    @classmethod
    @override
    def cb_config(
        cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]
    ) -> _ConfigInput:
        try:
            note_config(ctx, value)
            return super().cb_config(ctx, param, value)
        except (OSError, RecursionError, TypeError, ValueError) as error:
            # The SDK merges the files without a look at what they hold.
            cause = "not a JSON object" if isinstance(error, TypeError) else error
            problem = f"--config {' '.join(value)} cannot be read: {cause}"
            raise click.ClickException(str(ConfigurationError([problem]))) from error
