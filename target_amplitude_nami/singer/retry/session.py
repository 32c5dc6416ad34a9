"""One retry: a run over the chosen records, and the rewriting of their file."""

from __future__ import annotations

import dataclasses
import io
import json
import typing as t

from singer_sdk.exceptions import ConfigValidationError

from target_amplitude_nami.errors import AmplitudeNamiError, ConfigurationError
from target_amplitude_nami.run import Run
from target_amplitude_nami.settings.paths import problems_with_paths
from target_amplitude_nami.singer.rehearsal import NoRejects
from target_amplitude_nami.singer.reject_lines import digest, key_of
from target_amplitude_nami.singer.rejects import RejectsFile
from target_amplitude_nami.singer.rejects_file import LockedRejects
from target_amplitude_nami.singer.retry.feed import Feed
from target_amplitude_nami.singer.retry.rewriting import Rewriting, SettledLines
from target_amplitude_nami.singer.retry.sink import RetriedRejects
from target_amplitude_nami.singer.target import TargetAmplitudeNami
from target_amplitude_nami.store.model import RejectPlace
from target_amplitude_nami.store_choice import store_of

if t.TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Iterator, Mapping

    from target_amplitude_nami.accounting.counts import Counts
    from target_amplitude_nami.amplitude.event import EncodedEvent
    from target_amplitude_nami.outcomes import Origin, Project, Refusal
    from target_amplitude_nami.settings import Settings
    from target_amplitude_nami.shutdown import Shutdown
    from target_amplitude_nami.singer.rejects_file import OpenRejects
    from target_amplitude_nami.singer.retry.reject_filter import RejectFilter
    from target_amplitude_nami.singer.retry.rejected_again import RejectedAgain
    from target_amplitude_nami.singer.retry.survey import Survey
    from target_amplitude_nami.store.sqlite_store import SqliteStore


class Session:
    """One retry of a file that has records to try.

    The file is rewritten once, at the end. What is settled by then leaves it, also when
    a signal or a failure ends the retry early: a STATE after some lines shows how far
    it came, as it does for a tap.
    """

    _log: logging.Logger
    _run: Run
    _shutdown: Shutdown
    _store: SqliteStore

    def __init__(
        self,
        config: Mapping[str, object],
        file: OpenRejects,
        size: int,
        reject_filter: RejectFilter,
        rejected_again: RejectedAgain,
    ) -> None:
        """Build the run.

        Args:
            config: The settings that are given, as JSON values.
            file: The file; one that is not locked is only read, and nothing is sent.
            size: How many bytes of it to read.
            reject_filter: Which of its records are tried.
            rejected_again: Takes what is rejected again.

        Raises:
            ConfigurationError: For wrong settings, and files that cannot be written.
        """
        self._file = file
        self._lines = 0
        self._reject_filter = reject_filter
        self._rejected_again = rejected_again
        self._feed = Feed(file.lines(size), reject_filter, self._tick)
        self._settled_before = 0
        self._is_delivered = False
        self.error: AmplitudeNamiError | None = None
        """What ended the retry early, once some records were settled."""
        self.after: Mapping[str, int] | None = None
        """The records in the file by reason; None: as before."""
        self.left = 0
        """How many records have left the file."""
        try:
            self._target = TargetAmplitudeNami(config=dict(config), build=self._build)
        except ConfigValidationError as error:
            raise ConfigurationError(error.errors) from error
        self._settings = self._target.settings
        problems = problems_with_paths(self._settings, None)
        if problems and isinstance(file, LockedRejects):
            raise ConfigurationError(problems)

    @property
    def outcome(self) -> str:
        """How it ended: `complete`, `interrupted` or `failed`."""
        if self.error is not None:
            return "failed"
        return "interrupted" if self._shutdown.is_requested else "complete"

    @property
    def exit_code(self) -> int | None:
        """The exit code where a signal has ended it."""
        return self._target.signals.exit_code

    @property
    def counts(self) -> Counts:
        """What became of the records, with those that came out of the store."""
        return self._run.ledger.counts()

    def run(self, found: Survey) -> None:
        """Deliver the records, and rewrite the file.

        Args:
            found: What the file holds.

        Raises:
            AmplitudeNamiError: When it has failed before any record was delivered, or
                in rewriting the file. That is as it was.
        """
        self._lines = found.lines
        self._feed.records = sum(found.tried.values())
        try:
            self._deliver()
        except AmplitudeNamiError as error:
            self.error = error
        except BaseException:
            self._target.signals.disarm()
            self._run.close("failed")
            raise
        self._log.disabled = True
        try:
            self._run.close(self.outcome)
        except AmplitudeNamiError as error:
            raise self.error or error from error
        finally:
            self._log.disabled = False
            self._target.signals.disarm()
        if self.error is not None and not self._has_delivered_any:
            raise self.error

    def _build(
        self,
        settings: Settings,
        shutdown: Shutdown,
        logger: logging.Logger,
        *,
        user_agent: str,
    ) -> tuple[Run, RetriedRejects]:
        self._shutdown = shutdown
        is_dry = not isinstance(self._file, LockedRejects)
        # With `endpoint: local` no dry run can be set, and yet the store must forget.
        self._store = store_of(dataclasses.replace(settings, dry_run=is_dry))
        # The report at the end would speak of a pipeline, and of its next run.
        self._log = logger.getChild("retry")
        has_memory = settings.memory_path is not None
        rejects = RetriedRejects(
            self._feed,
            self._rejected_again,
            NoRejects()
            if is_dry
            else RejectsFile(
                settings.rejects_path,
                settings.integration_name,
                self._store if has_memory else None,
            ),
            settings.integration_name,
            self._finish,
        )
        self._run = Run(
            settings,
            store=self._store,
            rejects=rejects,
            write_state=None if is_dry else self._note_settled,
            shutdown=shutdown,
            logger=self._log,
            user_agent=user_agent,
            observer=_NoObserver() if is_dry else None,
        )
        return self._run, rejects

    def _deliver(self) -> None:
        reader = self._target.message_reader
        reader.process_lines(t.cast("t.IO[str]", _Lines(self._feed)))
        if reader.failure is not None:
            self._shutdown.limit(self._settings.shutdown_grace)
        self._run.deliver()
        self._is_delivered = self.counts.open == 0
        if reader.failure is not None:
            raise reader.failure

    def _tick(self) -> None:
        self._run.tick()

    def _note_settled(self, state: bytes) -> None:
        """Note that all lines before one are settled."""
        self._settled_before = _lines_in(state)

    # The end

    @property
    def _has_delivered_any(self) -> bool:
        counts = self.counts
        return any([*counts.delivered.values(), *counts.duplicate.values()])

    def _finish(self) -> None:
        """Rewrite the file, when no record can be settled any more."""
        self._target.signals.disarm()  # the alarm would come in the middle of it
        if self.error is not None and not self._has_delivered_any:
            return
        # What is held must not leave the file before it is safe elsewhere. Rejects that
        # are none of the file's own are on the disk already.
        self._store.commit()
        settled = self._settled()
        if settled.are_none and not self._rejected_again.count:
            return
        rewriting = Rewriting(
            lines=self._lines,
            reject_filter=self._reject_filter,
            rejected_again=self._rejected_again,
            settled=settled,
            note_place=self._note_place if self._are_places_noted() else None,
        )
        if isinstance(self._file, LockedRejects):
            self._file.replace(rewriting)
        else:
            for _ in rewriting(self._file.lines(self._file.size())):
                pass
        self.after, self.left = rewriting.after, rewriting.left

    def _settled(self) -> SettledLines:
        if self._is_delivered:
            return SettledLines(self._feed.last)
        waiting = self._run.ledger.waiting_states()
        marks = [(_lines_in(state), is_settled) for state, is_settled in waiting]
        return SettledLines(self._settled_before, marks)

    def _are_places_noted(self) -> bool:
        """Return whether the store remembers where records stand in this very file."""
        settings = self._settings
        if settings.memory_path is None or not isinstance(self._file, LockedRejects):
            return False
        try:
            return self._file.path.samefile(settings.rejects_path)
        except OSError:
            return False

    def _note_place(self, stream: str, line: bytes, at: int) -> None:
        place = RejectPlace(at, len(line), digest(line))
        self._store.note_reject(key_of(stream, line), place)
        if self._store.wants_commit:
            self._store.commit()


def _lines_in(state: bytes) -> int:
    lines: int = json.loads(state)["lines"]
    return lines


class _Lines:
    """Lines as the file that the SDK expects; `singer/lines.py` takes any lines."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = lines

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._lines)

    def fileno(self) -> int:
        raise io.UnsupportedOperation("fileno")


class _NoObserver:
    """Ignores what a dry run finds."""

    def on_event(self, project: Project, event: EncodedEvent, /) -> None:
        """Ignore an event that a run would send."""

    def on_filtered(self, origin: Origin, reason: str, /) -> None:
        """Ignore a record that the settings leave out."""

    def on_rejected(self, origin: Origin, refusal: Refusal, /) -> None:
        """Ignore a record that cannot be delivered."""

    def on_held(self, origin: Origin, user_id: str, /) -> None:
        """Ignore a record that would wait."""

    def on_duplicate(self, origin: Origin, /) -> None:
        """Ignore a record whose event Amplitude had before."""
