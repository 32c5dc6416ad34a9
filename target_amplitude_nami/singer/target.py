"""Singer: the settings and every message, each on its way to the sinks."""

from __future__ import annotations

import os
import os.path
import sys
import time
import typing as t
from decimal import Decimal

import msgspec
from singer_sdk.exceptions import ConfigurationError as SdkConfigurationError
from singer_sdk.exceptions import ConfigValidationError, MappingError
from singer_sdk.helpers.capabilities import PluginCapabilities, TargetCapabilities
from singer_sdk.mapper import CustomStreamMap, SameRecordTransform

from target_amplitude_nami import jsontext
from target_amplitude_nami.destinations import LOCAL_KEY
from target_amplitude_nami.errors import ConfigurationError, NothingRecognised
from target_amplitude_nami.outcomes import Origin, Project, Refusal
from target_amplitude_nami.pipeline.event_filter import OTHER
from target_amplitude_nami.run import Run
from target_amplitude_nami.settings import (
    Settings,
    config_schema,
    find_unused_variables,
    given,
    read_environment,
    read_settings,
)
from target_amplitude_nami.singer.batches import read_batch
from target_amplitude_nami.singer.command import CommandTarget, with_sdk_error
from target_amplitude_nami.singer.messages import (
    MESSAGE_IN_BATCH,
    TOO_DEEP,
    BadLine,
    MessageReader,
    is_record_message,
    state_of,
)
from target_amplitude_nami.singer.recognition import Recognition
from target_amplitude_nami.singer.rejects import (
    UNREADABLE_LINES,
    Rejects,
    line_of,
    record_message,
    unreadable_line,
)
from target_amplitude_nami.singer.sink import (
    DELETED_AT_SOURCE,
    DeletedBeforeMaps,
    NamiSink,
    recognise_early,
)
from target_amplitude_nami.singer.state_output import write_state
from target_amplitude_nami.singer.stream_mapper import StreamMapper
from target_amplitude_nami.store.sqlite_store import SqliteStore

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if t.TYPE_CHECKING:
    from singer_sdk.mapper import StreamMap

_TICK_SECONDS = 0.2


class TargetAmplitudeNami(CommandTarget):
    """Singer target that delivers Nami subscription events to Amplitude."""

    name = "target-amplitude-nami"
    config_jsonschema: t.ClassVar[dict[str, t.Any]] = config_schema()
    default_sink_class = NamiSink
    message_reader_class = MessageReader
    message_reader: MessageReader
    capabilities: t.ClassVar[list[t.Any]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.BATCH,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.STRUCTURED_LOGGING,
        TargetCapabilities.VALIDATE_RECORDS,
    ]

    def __init__(self, **kwargs: t.Any) -> None:
        """Check the configuration; see the SDK for the arguments.

        Raises:
            ConfigValidationError: With a line for every mistake.
        """
        super().__init__(**kwargs)
        self.max_parallelism = 1
        self._direct: dict[str, NamiSink] = {}
        """The sinks of the streams whose records go there as they are."""
        self._is_deleted = DeletedBeforeMaps(self._maps).is_deleted
        self._has_warned_of_messages = False
        settings = self.settings
        store = SqliteStore(
            settings.memory_path,
            settings.memory_days,
            projects=_projects_of(settings),
            begins_anew=_begins_anew(settings),
            forgets=settings.dry_run,
        )
        self.rejects = Rejects(
            settings.rejects_path,
            settings.integration_name,
            store if settings.memory_path else None,
        )
        emits_state = settings.enabled and not settings.dry_run
        self.run = Run(
            settings,
            store=store,
            rejects=self.rejects,
            write_state=write_state if emits_state else None,
            shutdown=self.shutdown,
            logger=self.logger,
            user_agent=f"{self.name}/{self.plugin_version}",
        )
        self.recognition = Recognition(
            settings.event_streams, settings.user_streams, self.run.outcomes
        )
        self.message_reader.begin = self._begin
        self.message_reader.is_interrupted = self._is_interrupted
        self.message_reader.tick = self._tick
        self.message_reader.take_record = self._take_record
        self.message_reader.take_bad_line = self._reject_line
        self.message_reader.passes_over = not self.settings.enabled

    # Configuration

    @property
    def _env_var_config(self) -> dict[str, t.Any]:
        return with_sdk_error(lambda: read_environment(os.environ))

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        self.append_builtin_config(self.config_jsonschema)
        self.settings: Settings = with_sdk_error(self._read_settings)
        self._config = given(self._config)
        # What the SDK reads itself has its default here, and a form that it expects.
        self._config["batch_size_rows"] = self.settings.batch_size_rows
        self._config["validate_records"] = self.settings.validate_records
        return []

    def _read_settings(self) -> Settings:
        settings: Settings | None = None
        mistakes: tuple[str, ...] = ()
        try:
            settings = read_settings(self._config)
        except ConfigurationError as error:
            mistakes = error.problems
        unused = find_unused_variables(os.environ, self._config, settings)
        for warning in unused.warnings:
            self.logger.warning(warning)
        if settings is None or unused.problems:
            raise ConfigurationError([*mistakes, *unused.problems])
        return settings

    @override
    def setup_mapper(self) -> None:
        try:
            self._maps = StreamMapper(dict(self.config), self.logger)
        except (MappingError, SdkConfigurationError) as error:
            problem = f"stream_maps cannot be used: {error}"
            raise ConfigValidationError(problem, errors=[problem]) from error
        self.mapper = self._maps

    # Messages

    def _begin(self) -> None:
        self.run.open()

    def _tick(self) -> None:
        self.run.tick()

    @override
    def _process_schema_message(self, message_dict: dict[str, t.Any]) -> None:
        stream, schema = message_dict.get("stream"), message_dict.get("schema")
        keys = message_dict.get("key_properties")
        if not (
            isinstance(stream, str)
            and isinstance(schema, dict)
            and (keys is None or _are_names(keys))
        ):
            detail = "a SCHEMA message needs a stream, a schema and names of keys"
            self._reject_line(self.message_reader.line, BadLine("bad_schema", detail))
            return
        # What is rejected belongs under the SCHEMA that it came under.
        self.run.pipeline.flush()
        if not isinstance(schema.get("properties"), dict):
            schema["properties"] = {}
        names = self._sink_names_of(stream)
        try:
            super()._process_schema_message(message_dict)
        except (MappingError, SdkConfigurationError) as error:
            raise ConfigurationError(
                [f"stream_maps cannot be used for stream '{stream}': {error}"]
            ) from error
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            self.mapper.stream_maps.pop(stream, None)  # half made
            detail = "the schema or the key properties are not what JSON schema knows"
            self._reject_line(self.message_reader.line, BadLine("bad_schema", detail))
            return
        finally:
            self._find_direct({stream} | names | self._sink_names_of(stream))
        self.rejects.declare(stream, self.message_reader.line)
        for sink in self._sinks_to_clear:
            sink.clean_up()
        self._sinks_to_clear.clear()

    def _sink_names_of(self, stream: str) -> set[str]:
        """Return the names of the sinks that a stream's records go to."""
        return {each.stream_alias for each in self.mapper.stream_maps.get(stream, ())}

    def _find_direct(self, names: set[str]) -> None:
        """Find out, once for many records, which streams have nothing to transform.

        Args:
            names: The stream of a SCHEMA, and the sinks that may have changed for it:
                one of them may be that of another stream of the name.
        """
        for name in names:
            if (sink := self._direct_sink(name)) is None:
                self._direct.pop(name, None)
            else:
                self._direct[name] = sink

    def _direct_sink(self, stream: str) -> NamiSink | None:
        maps = self.mapper.stream_maps.get(stream, ())
        if (
            len(maps) == 1
            and stream != UNREADABLE_LINES
            and isinstance(maps[0], SameRecordTransform)
            and not maps[0].flattening_enabled
            # The SDK gives what it leaves as it is the name of its stream.
            and maps[0].stream_alias == stream
            and self.sink_exists(stream)
        ):
            return t.cast("NamiSink", self.get_sink(stream))
        return None

    @override
    def _process_record_message(self, message_dict: dict[str, t.Any]) -> None:
        line = self.message_reader.line
        stream, record = message_dict.get("stream"), message_dict.get("record")
        if not isinstance(stream, str) or not isinstance(record, dict):
            detail = "a RECORD message needs a stream and a record"
            self._reject_line(line, BadLine("bad_record", detail))
            return
        self._take_record(stream, record, line)

    def _take_record(self, stream: str, record: dict[str, t.Any], line: bytes) -> None:
        """Take a record of a message: most go straight to their sink."""
        sink = self._direct.get(stream)
        if sink is not None:
            self._hand_over(sink, record, stream, line)
        elif stream == UNREADABLE_LINES and (mended := line_of(line)) is not None:
            self.message_reader.process_line(mended)
        else:
            self._map_record(stream, record, line)

    def _map_record(self, stream: str, record: dict[str, t.Any], line: bytes) -> None:
        stream_maps = self.mapper.stream_maps.get(stream)
        is_deleted = self._is_deleted(stream, record)
        if stream_maps is None:
            if is_deleted:
                self._leave_deleted_early(stream, record)
                return
            recognise_early(self.recognition, stream, record)
            self.rejects.declare_if_missing(stream)
            self.run.outcomes.reject(
                Origin(OTHER, stream, line),
                Refusal(
                    "record_before_schema",
                    "",
                    f"no good SCHEMA of stream {stream} came before this record",
                ),
            )
            return
        for stream_map in stream_maps:
            try:
                mapped = _as_json_data(stream_map.transform(dict(record)), stream_map)
            except Exception as error:  # noqa: BLE001 - any expression of the user's
                alias = stream_map.stream_alias
                if is_deleted:
                    self._leave_deleted_early(alias, record)
                    continue
                recognise_early(self.recognition, alias, record)
                self.run.outcomes.reject(
                    Origin(OTHER, stream, line),
                    Refusal("stream_map_failed", "", f"{error}"),
                )
                continue
            if mapped is None:
                self.run.ledger.filter(OTHER, "stream_map")
                continue
            sink = t.cast("NamiSink", self.get_sink(stream_map.stream_alias))
            if is_deleted:
                sink.take_deleted(mapped)
            else:
                self._hand_over(sink, mapped, stream, line)

    def _leave_deleted_early(self, stream: str, record: dict[str, t.Any]) -> None:
        """Filter a deleted row that no sink can take."""
        recognise_early(self.recognition, stream, record, is_deleted=True)
        self.run.ledger.filter(OTHER, DELETED_AT_SOURCE)

    def _hand_over(
        self, sink: NamiSink, record: dict[str, t.Any], stream: str, line: bytes
    ) -> None:
        try:
            sink.take(record, stream, line)
        except RecursionError:
            refusal = Refusal(TOO_DEEP.reason, "", TOO_DEEP.detail)
            self.run.outcomes.reject(Origin(OTHER, stream, line), refusal)

    @override
    def _process_state_message(self, message_dict: dict[str, t.Any]) -> None:
        if "value" not in message_dict:
            detail = "a STATE message needs a value"
            self._reject_line(self.message_reader.line, BadLine("bad_state", detail))
        elif message_dict["value"]:  # an empty one would wipe out a good one
            self.run.pipeline.flush()
            self.run.outcomes.take_state(state_of(self.message_reader.line))

    @override
    def _process_activate_version_message(self, message_dict: dict[str, t.Any]) -> None:
        """Pass over: Amplitude keeps events for ever, no version replaces another."""

    @override
    def _process_batch_message(self, message_dict: dict[str, t.Any]) -> None:
        stream, manifest = message_dict.get("stream"), message_dict.get("manifest")
        encoding = message_dict.get("encoding")
        if not (
            isinstance(stream, str)
            and isinstance(encoding, dict)
            and isinstance(manifest, list)
        ):
            detail = "a BATCH message needs a stream, an encoding and a manifest"
            self._reject_line(self.message_reader.line, BadLine("bad_batch", detail))
            return
        reader = self.message_reader
        # A line that could not be read is mended in a message of its own only.
        take = self._map_record if stream == UNREADABLE_LINES else self._take_record
        next_tick = 0.0
        schemes = self.settings.batch_schemes
        for texts in read_batch(encoding, manifest, schemes):
            if time.monotonic() >= next_tick:
                self._tick()
                next_tick = time.monotonic() + _TICK_SECONDS
            for text in texts:
                if self._is_interrupted():
                    return
                line = record_message(stream, text)
                try:
                    record = reader.deserialize_json(text)
                except ValueError as error:
                    reader.take_broken_line(line, error)
                    continue
                reader.note_readable_line()
                if is_record_message(record):
                    self._reject_message(record, text)
                else:
                    take(stream, record, line)

    def _reject_message(self, message: dict[str, t.Any], text: bytes) -> None:
        """Reject a RECORD message that stands in a BATCH file, where records belong.

        The rejects file gets it as it is: read from there it is a message like others.
        """
        stream, record = message["stream"], message["record"]
        recognise_early(self.recognition, stream, record)
        key = self.run.pipeline.event_filter.report_key_of_type(
            record.get("event_type")
        )
        self.run.outcomes.reject(
            Origin(key, stream, text),
            Refusal(MESSAGE_IN_BATCH.reason, "", MESSAGE_IN_BATCH.detail),
        )
        if not self._has_warned_of_messages:
            self._has_warned_of_messages = True
            self.logger.warning(
                "The BATCH files of stream %r hold RECORD messages instead of records: "
                "they are rejected. Make the tap write records alone into BATCH files, "
                "or switch its `batch_config` off; the rejects file holds the messages "
                "as they are, and can be given to this target as input",
                stream,
            )

    def _reject_line(self, line: bytes, bad: BadLine) -> None:
        refusal = Refusal(bad.reason, "", bad.detail)
        message = unreadable_line(line)
        self.run.outcomes.reject(Origin(OTHER, UNREADABLE_LINES, message), refusal)

    # The end

    @override
    def process_endofpipe(self) -> None:
        """Deliver all that was read and say what was done.

        Raises:
            AmplitudeNamiError: When the input made no sense, nothing more can be
                delivered, or the run cannot end well.
        """
        self.run.pipeline.flush()
        for sink in self._sinks_active.values():
            sink.clean_up()
        failure = self.message_reader.failure
        if failure is not None:
            self.shutdown.limit(self.settings.shutdown_grace)
        self.run.deliver()
        if failure is not None:
            raise failure
        if not self._is_interrupted():  # else more may have come
            self._expect_recognised()
        self.report = self.run.close(
            "interrupted" if self._is_interrupted() else "complete"
        )

    def _expect_recognised(self) -> None:
        """Say which names in the settings were of no use.

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
        failure = self.recognition.failure()
        if failure is not None:
            raise NothingRecognised(failure)
        for warning in self.recognition.warnings():
            self.logger.warning("%s", warning)


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
    """Return whether the local Amplitude has nothing, whatever its file once held."""
    if settings.endpoint_url is not None:
        return False
    try:
        return settings.local_path.stat().st_size == 0
    except OSError:  # the run makes it, or says why it cannot
        return True


def _are_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _as_json_data(
    record: dict[str, t.Any] | None, stream_map: StreamMap
) -> dict[str, t.Any] | None:
    """Return a mapped record as JSON could hold it: an expression may make a date.

    Raises:
        TypeError: When JSON has no form for what an expression made.
    """
    if record is None or not isinstance(stream_map, CustomStreamMap):
        return record
    jsontext.expect_not_finite()
    plain = msgspec.to_builtins(record, builtin_types=(Decimal,))
    return t.cast("dict[str, t.Any]", plain)
