"""A worker process of the command `load`: delivers one part after the other."""

from __future__ import annotations

import itertools
import os
import queue
import sys
import threading
import typing as t
from multiprocessing.connection import Connection

from target_amplitude_nami.arrow import records_of
from target_amplitude_nami.commands.load.files import has_changed, open_file
from target_amplitude_nami.commands.load.messages import (
    Delivered,
    Failed,
    Options,
    RowsRead,
    Stop,
    Warned,
)
from target_amplitude_nami.commands.load.rejects import SpooledRejects
from target_amplitude_nami.errors import AmplitudeNamiError, InputUnreadable
from target_amplitude_nami.partitions.deliver import deliver_stoppably
from target_amplitude_nami.shutdown import Shutdown
from target_amplitude_nami.singer import interpreter
from target_amplitude_nami.singer.rejects import RejectsFile

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from target_amplitude_nami.commands.load.parts import Part

_LOOK_SECONDS: t.Final = 0.5
_ROWS_AT_ONCE: t.Final = 1024
"""Rows that pyarrow unpacks at a time: of long texts, more take much memory."""


def main() -> None:
    """Serve the parent process at the other end of the file descriptor given."""
    interpreter.tune()
    connection = Connection(int(sys.argv[1]))
    options: Options = connection.recv()
    _Worker(connection, options).run()


class _Worker:
    """Takes parts, and tells the parent what becomes of them."""

    def __init__(self, connection: Connection, options: Options) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._settings = options.settings
        self._stream = options.stream
        self._slots = options.slots
        self._shutdown = Shutdown()
        self._parts: queue.SimpleQueue[Part] = queue.SimpleQueue()
        self._rows = 0
        self._rejects = RejectsFile(
            self._settings.rejects_path, self._settings.integration_name
        )

    def run(self) -> t.NoReturn:
        listener = threading.Thread(target=self._listen, name="parent", daemon=True)
        listener.start()
        while True:
            part = self._parts.get()
            try:
                answer: Delivered | Failed = self._deliver(part)
            except AmplitudeNamiError as error:
                answer = Failed(error)
            self._send(answer)

    def _deliver(self, part: Part) -> Delivered:
        self._rows = 0
        rejects = SpooledRejects()
        outcome = deliver_stoppably(
            self._records_of(part),
            self._settings,
            rejects=rejects,
            shutdown=self._shutdown,
            attempt=part.name,
            stream=self._stream,
            slots=self._slots,
            on_warning=lambda text: self._send(Warned(text)),
        )
        answer = Delivered(outcome, self._rows)
        if answer.is_settled:
            rejects.write_to(self._rejects)
        return answer

    def _records_of(self, part: Part) -> Iterator[dict[str, t.Any]]:
        folder_columns = dict(part.file.folder_columns)
        for record in itertools.islice(_rows_of(part), part.rows_before, None):
            if self._shutdown.is_requested:
                return
            self._rows += 1
            yield {**folder_columns, **record} if folder_columns else record

    def _listen(self) -> None:
        """Take what the parent sends, and end with it."""
        while True:
            try:
                if self._connection.poll(_LOOK_SECONDS):
                    message = self._connection.recv()
                    if isinstance(message, Stop):
                        self._shutdown.request(message.grace_seconds)
                    else:
                        self._parts.put(message)
            except (EOFError, OSError):
                os._exit(1)  # what is on its way is delivered again by the next run
            self._send(RowsRead(self._rows))

    def _send(self, message: object) -> None:
        try:
            with self._sending:
                self._connection.send(message)
        except OSError:
            os._exit(1)


def _rows_of(part: Part) -> Iterator[dict[str, t.Any]]:
    """Yield the rows of a part, few of which are in memory at a time.

    Raises:
        InputUnreadable: When the file cannot be read.
    """
    try:
        with open_file(part.file.address) as file:
            for batch in file.iter_batches(
                _ROWS_AT_ONCE, row_groups=list(part.row_groups), use_threads=False
            ):
                yield from records_of(batch)
        is_other = has_changed(part.file)
    except (AmplitudeNamiError, GeneratorExit):
        raise
    except Exception as error:  # of any library for any kind of address
        numbers = ", ".join(str(number + 1) for number in part.row_groups)
        raise InputUnreadable(
            f"{part.file.address}, row group {numbers}, cannot be read ({error}): "
            f"write the file again, and run the same command again"
        ) from error
    if is_other:  # the part must not count as finished
        raise InputUnreadable(
            f"{part.file.address} has changed while it was being read: load it again "
            f"with another file for `--state`, once nobody writes to it any more"
        )


if __name__ == "__main__":
    main()
