"""The data source `amplitude_nami`: the same delivery under `df.write` of Spark."""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t
from hashlib import blake2b

from pyspark.sql.datasource import (
    DataSource,
    DataSourceArrowWriter,
    DataSourceStreamArrowWriter,
    WriterCommitMessage,
)

from target_amplitude_nami.errors import ConfigurationError
from target_amplitude_nami.partitions.job import Job
from target_amplitude_nami.partitions.job_rejects import JobRejectsFile
from target_amplitude_nami.settings.environment import parse_variable
from target_amplitude_nami.settings.schema import DECLARED, ENVIRONMENT_PREFIX
from target_amplitude_nami.settings.settings import SECRETS
from target_amplitude_nami.spark.configuration import (
    WOULD_BE_LOST,
    new_name,
    settings_of,
)
from target_amplitude_nami.spark.task import deliver_batches

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa
    from pyspark.sql.types import StructType

    from target_amplitude_nami.partitions.outcome import Outcome
    from target_amplitude_nami.settings import Settings

NAME: t.Final = "amplitude_nami"
_SPARKS_OWN: t.Final = frozenset({"path", "checkpointlocation"})
"""What Spark passes on that is meant for itself."""
_SLOTS: t.Final = "slots"
_STREAM: t.Final = "stream"


class AmplitudeNamiDataSource(DataSource):
    """Delivers what is written to it, as `deliver` does.

        spark.dataSource.register(AmplitudeNamiDataSource)
        df.write.format("amplitude_nami").options(backfill=True).mode("append").save()

    Options are the settings, and `slots` and `stream` of `deliver`; all but the keys,
    which are read from the environment of the driver: options are in the event log.
    """

    @classmethod
    def name(cls) -> str:
        """Return what the format is called."""
        return NAME

    def writer(self, schema: StructType, overwrite: bool) -> _BatchWriter:  # noqa: ARG002, FBT001
        """Return the writer of a batch.

        Raises:
            ConfigurationError: With a line for every mistake.
        """
        if overwrite:
            raise ConfigurationError(
                ['Amplitude replaces nothing: write with mode("append").']
            )
        return _BatchWriter(_Options.read(self.options), new_name())

    def streamWriter(self, schema: StructType, overwrite: bool) -> _StreamWriter:  # noqa: ARG002, FBT001, N802
        """Return the writer of a stream.

        Raises:
            ConfigurationError: With a line for every mistake.
        """
        options = _Options.read(self.options)
        if not options.settings.enabled:
            raise ConfigurationError([f"enabled is false, {WOULD_BE_LOST}."])
        checkpoint = self.options.get("checkpointLocation")
        name = new_name() if checkpoint is None else _short_hash(checkpoint)
        return _StreamWriter(options, name)


@dataclasses.dataclass(frozen=True)
class _Options:
    """What the options and the environment say."""

    settings: Settings
    slots: int
    stream: str

    @classmethod
    def read(cls, options: Mapping[str, str]) -> _Options:
        """Read options, whose names are in lower case, and their values text."""
        given = {n.lower(): v for n, v in options.items()}
        for name in _SPARKS_OWN:
            given.pop(name, None)
        slots, stream = given.pop(_SLOTS, None), given.pop(_STREAM, "records")
        settings = settings_of(_parsed(given))
        problems = []
        if settings.max_events_per_second is not None and slots is None:
            problems.append(
                "max_events_per_second is shared out among the tasks that run at a "
                "time: say how many with the option slots."
            )
        if slots is not None and not (slots.isdecimal() and int(slots)):
            problems.append(f"slots is {slots!r}, but must be a whole number from 1.")
        if settings.endpoint_url is None:
            problems.append(
                "endpoint cannot be local here, as no process outlives the tasks: "
                "start `amplitude-nami local`, and give its URL; or use `deliver`."
            )
        if problems:
            raise ConfigurationError(problems)
        return cls(settings, int(slots or 1), stream)


class _Done(WriterCommitMessage):
    """The outcome of one task."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome


class _Writer:
    """What the writers of a batch and of a stream have in common."""

    def __init__(self, options: _Options, name: str) -> None:
        self._options = options
        self._name = name
        self._job(name)  # which checks the settings

    def write(self, iterator: Iterator[pa.RecordBatch]) -> _Done:
        """Deliver a partition, in its task."""
        options = self._options
        return _Done(
            deliver_batches(
                iterator, options.settings, self._name, options.stream, options.slots
            )
        )

    def _job(self, name: str) -> Job:
        settings = self._options.settings
        return Job(settings, JobRejectsFile(settings.rejects_path, name))

    def _close(
        self, messages: Sequence[WriterCommitMessage | None], name: str, outcome: str
    ) -> None:
        with self._job(name) as job:
            for message in messages:
                if isinstance(message, _Done):
                    job.add(message.outcome)
            job.close(outcome)


class _BatchWriter(_Writer, DataSourceArrowWriter):
    """Delivers a batch."""

    def commit(self, messages: list[WriterCommitMessage | None]) -> None:
        """Write the rejects and the report of the job."""
        self._close(messages, self._name, "complete")

    def abort(self, messages: list[WriterCommitMessage | None]) -> None:
        """Write what is known of a job that failed."""
        self._close(messages, self._name, "failed")


class _StreamWriter(_Writer, DataSourceStreamArrowWriter):
    """Delivers the batches of a stream."""

    def commit(self, messages: list[WriterCommitMessage | None], batchId: int) -> None:  # noqa: N803
        """Write the rejects and the report of a batch."""
        self._close(messages, f"{self._name}-{batchId}", "complete")

    def abort(self, messages: list[WriterCommitMessage | None], batchId: int) -> None:  # noqa: N803
        """Write what is known of a batch that failed."""
        self._close(messages, f"{self._name}-{batchId}", "failed")


def _short_hash(text: str) -> str:
    """Return a name for a stream that it has again when it is started again."""
    return blake2b(text.encode(), digest_size=4).hexdigest()


def _parsed(options: Mapping[str, str]) -> dict[str, object]:
    """Return the values that options stand for.

    Raises:
        ConfigurationError: For a key, and for what cannot be understood.
    """
    values: dict[str, object] = {}
    problems = []
    for name, text in options.items():
        if name in SECRETS:
            problems.append(
                f"{name} must not be an option, as options are in Spark's event log: "
                f"set the environment variable {ENVIRONMENT_PREFIX}{name.upper()} of "
                f"the driver, or give it to `deliver`."
            )
            continue
        values[name] = text
        if name in DECLARED:
            with contextlib.suppress(LookupError, TypeError, ValueError):
                # Of what cannot be parsed, the settings say what is wrong with it.
                values[name] = parse_variable(name, text, DECLARED[name])
    if problems:
        raise ConfigurationError(problems)
    return values
