"""The plugin of the Singer SDK: settings, capabilities, and the parts of a run."""

from __future__ import annotations

import functools
import os
import sys
import typing as t

from singer_sdk.exceptions import ConfigurationError as SdkConfigurationError
from singer_sdk.exceptions import ConfigValidationError, MappingError
from singer_sdk.helpers.capabilities import PluginCapabilities, TargetCapabilities

from target_amplitude_nami.errors import ConfigurationError, NothingRecognised
from target_amplitude_nami.settings import Settings, config_schema, given
from target_amplitude_nami.settings.environment import read_environment
from target_amplitude_nami.settings.unused_variables import find_unused_variables
from target_amplitude_nami.shutdown import Shutdown
from target_amplitude_nami.singer.command import CommandTarget
from target_amplitude_nami.singer.message_handler import HandlerParts, MessageHandler
from target_amplitude_nami.singer.message_reader import MessageReader
from target_amplitude_nami.singer.parts import SinkParts
from target_amplitude_nami.singer.recognition import Recognition
from target_amplitude_nami.singer.run_builder import build_run
from target_amplitude_nami.singer.sdk_settings import SDK_SETTINGS
from target_amplitude_nami.singer.signals import Signals
from target_amplitude_nami.singer.sink import NamiSink
from target_amplitude_nami.singer.stream_mapper import StreamMapper
from target_amplitude_nami.singer.stream_router import StreamRouter

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from singer_sdk.mapper import StreamMap
    from singer_sdk.sinks import Sink

    from target_amplitude_nami.singer.run_builder import BuildRun

_T = t.TypeVar("_T")


class TargetAmplitudeNami(CommandTarget):
    """Singer target that delivers Nami subscription events to Amplitude."""

    name = "target-amplitude-nami"
    config_jsonschema: t.ClassVar[dict[str, t.Any]] = config_schema()
    message_reader: MessageReader
    capabilities: t.ClassVar[list[t.Any]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.BATCH,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.STRUCTURED_LOGGING,
        TargetCapabilities.VALIDATE_RECORDS,
    ]

    def __init__(self, *, build: BuildRun = build_run, **kwargs: t.Any) -> None:
        """Check the configuration.

        Args:
            build: Makes the parts of the run.
            **kwargs: See the SDK.

        Raises:
            ConfigValidationError: With a line for every mistake.
        """
        self._shutdown = Shutdown()
        super().__init__(**kwargs)
        self.max_parallelism = 1  # the SDK would end the sinks in threads
        settings = self.settings
        self.run, rejects = build(
            settings,
            self._shutdown,
            self.logger,
            user_agent=f"{self.name}/{self.plugin_version}",
        )
        outcomes, pipeline = self.run.outcomes, self.run.pipeline
        self._recognition = Recognition(
            settings.event_streams,
            settings.user_streams,
            suspend_state=outcomes.state.suspend,
            resume_state=outcomes.state.resume,
        )
        self._sink_parts = SinkParts(
            hand_over=pipeline.take,
            outcomes=outcomes,
            event_filter=self.run.event_filter,
            recognition=self._recognition,
            note_misfit=self.run.notices.note_misfit,
            event_streams=settings.event_streams,
            user_streams=settings.user_streams,
            separator=self.separator(),
            validates=settings.validate_records,
        )
        router = StreamRouter(
            outcomes, self._maps, self._recognition, rejects, find_sink=self._find_sink
        )
        handler = MessageHandler(
            HandlerParts(
                router=router,
                outcomes=outcomes,
                take_state=outcomes.state.take,
                recognition=self._recognition,
                rejects=rejects,
                register_schema=self._register_schema,
                flush=pipeline.flush,
                tick=self.run.tick,
                shutdown=self._shutdown,
                report_key_of_type=self.run.event_filter.report_key_of_type,
                batch_schemes=settings.batch_schemes,
                logger=self.logger,
            )
        )
        self.message_reader = MessageReader(
            handler,
            self._shutdown,
            begin=self.run.open,
            tick=self.run.tick,
            is_enabled=settings.enabled,
        )

    # Configuration

    @property
    def _env_var_config(self) -> dict[str, t.Any]:
        return _with_sdk_error(lambda: read_environment(os.environ, SDK_SETTINGS))

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        self.append_builtin_config(self.config_jsonschema)
        self.settings: Settings = _with_sdk_error(self._read_settings)
        self._config = given(self._config)
        # The SDK reads these two itself: here they have their defaults, and its form.
        self._config["batch_size_rows"] = self.settings.batch_size_rows
        self._config["validate_records"] = self.settings.validate_records
        return []

    def _read_settings(self) -> Settings:
        settings: Settings | None = None
        mistakes: tuple[str, ...] = ()
        try:
            settings = Settings.load(self._config, SDK_SETTINGS)
        except ConfigurationError as error:
            mistakes = error.problems
        unused = find_unused_variables(os.environ, self._config, settings, SDK_SETTINGS)
        for warning in unused.warnings:
            self.logger.warning(warning)
        if settings is None or unused.problems:
            raise ConfigurationError([*mistakes, *unused.problems])
        return settings

    @override
    def _setup_signal_handlers(self) -> None:
        self.signals = Signals(self._shutdown, self.settings.shutdown_grace)
        self.signals.install()

    @override
    def setup_mapper(self) -> None:
        try:
            self._maps = StreamMapper(dict(self.config), self.logger)
        except (MappingError, SdkConfigurationError) as error:
            problem = f"stream_maps cannot be used: {error}"
            raise ConfigValidationError(problem, errors=[problem]) from error
        self.mapper = self._maps

    def ways_of(self, stream: str) -> list[tuple[StreamMap, NamiSink]]:
        """Return the stream maps of a stream, each with the sink that it leads to."""
        stream_maps = self._maps.stream_maps.get(stream, ())
        sinks = ((each, self._find_sink(each.stream_alias)) for each in stream_maps)
        return [(each, sink) for each, sink in sinks if sink is not None]

    def separator(self) -> str:
        """Return what the SDK puts between the parts of a flattened column's name."""
        given_separator: str | None = None
        if self.config.get("flattening_enabled"):
            given_separator = self.config.get("flattening_separator")
        return given_separator or "__"

    # Sinks

    @override
    def get_sink_class(self, stream_name: str) -> type[Sink]:
        """Return what makes a stream's sink, with the parts that sinks share."""
        make_sink = functools.partial(NamiSink, parts=self._sink_parts)
        return t.cast("type[Sink]", make_sink)

    def _find_sink(self, stream: str) -> NamiSink | None:
        if not self.sink_exists(stream):
            return None
        return t.cast("NamiSink", self.get_sink(stream))

    def _register_schema(self, message: dict[str, t.Any]) -> None:
        """Have the SDK make the stream maps and sinks of a SCHEMA message."""
        self._process_schema_message(message)
        for sink in self._sinks_to_clear:
            sink.clean_up()
        self._sinks_to_clear.clear()

    # The end

    @override
    def process_endofpipe(self) -> None:
        """Deliver all that was read and report what was done.

        Raises:
            AmplitudeNamiError: When the input made no sense, nothing more can be
                delivered, or the run cannot end well.
        """
        super().process_endofpipe()
        failure = self.message_reader.failure
        if failure is not None:
            self._shutdown.limit(self.settings.shutdown_grace)
        self.run.deliver()
        if failure is not None:
            raise failure
        is_interrupted = self._shutdown.is_requested
        if not is_interrupted:  # else more may have come
            self._expect_recognised()
        self.report = self.run.close("interrupted" if is_interrupted else "complete")

    def _expect_recognised(self) -> None:
        """Warn of names in the settings that matched no stream.

        Raises:
            NothingRecognised: When that, or what came, has left out everything.
        """
        if self._maps.stream_maps:
            for stream in self._maps.streams_not_come:
                self.logger.warning(
                    "`stream_maps` has a map for stream %r, and no stream of this name "
                    "has come: compare it with the tap's names",
                    stream,
                )
        failure = self._recognition.failure()
        if failure is not None:
            raise NothingRecognised(failure)
        for warning in self._recognition.warnings():
            self.logger.warning("%s", warning)


def _with_sdk_error(read: Callable[[], _T]) -> _T:
    """Call `read`, and turn its error into one that the SDK's command shows.

    Raises:
        ConfigValidationError: With a line for every mistake.
    """
    try:
        return read()
    except ConfigurationError as error:
        raise ConfigValidationError(
            "Config validation failed", errors=list(error.problems), schema={}
        ) from error
