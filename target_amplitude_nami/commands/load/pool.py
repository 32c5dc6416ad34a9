"""Starts the worker processes of a load, gives them parts, and hears from them."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import subprocess
import sys
import typing as t
from multiprocessing import connection as connections

from target_amplitude_nami.commands.load.messages import (
    Delivered,
    Failed,
    RowsRead,
    Stop,
)
from target_amplitude_nami.errors import DeliveryError

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

    from target_amplitude_nami.commands.load.messages import Options
    from target_amplitude_nami.commands.load.parts import Part

_WORKER: t.Final = "target_amplitude_nami.commands.load.worker"
_SIGNALS: t.Final = (signal.SIGINT, signal.SIGTERM)
_SECONDS_TO_END: t.Final = 5.0


class Worker:
    """A process, and the part that it delivers."""

    def __init__(self, options: Options) -> None:
        """Start the process.

        Args:
            options: What is the same for all parts.
        """
        self.connection: Connection
        self.connection, theirs = multiprocessing.Pipe()
        self.part: Part | None = None
        """What it delivers; None: it waits for a part."""
        self.rows = 0
        """How many rows of that it has read."""
        with theirs:
            self._process = _start(theirs)
        self._send(options)

    def give(self, part: Part) -> None:
        """Have it deliver a part."""
        self.part, self.rows = part, 0
        self._send(part)

    def stop(self, grace_seconds: float) -> None:
        """Have it read no more, and deliver what it has read in that time."""
        self._send(Stop(grace_seconds))

    def receive(self) -> object:
        """Return what it sends.

        Raises:
            DeliveryError: When the process has ended.
        """
        try:
            return self.connection.recv()
        except (EOFError, OSError) as error:
            raise DeliveryError(self._end()) from error

    def close(self) -> None:
        """End the process, whatever it does."""
        self.connection.close()
        self._process.kill()
        self._process.wait()

    def _send(self, message: object) -> None:
        with contextlib.suppress(OSError):  # `receive` says that it has ended
            self.connection.send(message)

    def _end(self) -> str:
        """Return how the process has ended, and what to do."""
        try:
            code = self._process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        again = (
            "Nothing is lost: run the same command again, which goes on with what is "
            "not finished"
        )
        if code == -signal.SIGKILL:
            return (
                f"a worker process was killed, as happens when memory runs out: give "
                f"the machine more, or load with fewer `--workers`. {again}"
            )
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return (
            f"a worker process ended by itself ({how}): what it wrote above says why. "
            f"{again}"
        )


class WorkerPool:
    """The worker processes of a load."""

    def __init__(self, count: int, options: Options) -> None:
        """Start the processes.

        Args:
            count: How many.
            options: What is the same for all parts.
        """
        self._workers: list[Worker] = []
        self.is_stopping = False
        """Whether they were asked to stop."""
        with contextlib.ExitStack() as until_failure:
            until_failure.callback(self.close)
            self._workers += [Worker(options) for _ in range(count)]
            until_failure.pop_all()

    @property
    def idle(self) -> list[Worker]:
        """Those that wait for a part."""
        return [worker for worker in self._workers if worker.part is None]

    @property
    def rows(self) -> int:
        """How many rows are read of the parts that are being delivered."""
        return sum(w.rows for w in self._workers if w.part is not None)

    @property
    def is_busy(self) -> bool:
        """Whether any of them delivers a part."""
        return any(worker.part is not None for worker in self._workers)

    def messages(self, seconds: float) -> Iterator[tuple[Part | None, object]]:
        """Yield what they send, or nothing when that takes longer.

        Yields:
            The part that it concerns, and the message; `Failed` where a process has
            ended, whether it had a part or not.
        """
        by_connection = {worker.connection: worker for worker in self._workers}
        for each in connections.wait(list(by_connection), seconds):
            worker = by_connection[t.cast("Connection", each)]
            part = worker.part
            try:
                message = worker.receive()
            except DeliveryError as error:
                self._workers.remove(worker)
                worker.close()
                message = Failed(error)
            if isinstance(message, RowsRead):
                worker.rows = message.rows
            elif isinstance(message, Delivered | Failed):
                worker.part = None
            yield part, message

    def stop(self, grace_seconds: float) -> None:
        """Have all of them read no more, and deliver what they have read."""
        self.is_stopping = True
        for worker in self._workers:
            worker.stop(grace_seconds)

    def close(self) -> None:
        """End all processes."""
        while self._workers:
            self._workers.pop().close()

    def __enter__(self) -> t.Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _start(theirs: Connection) -> subprocess.Popen[bytes]:
    """Start a process that leaves signals to this one, which may come to both.

    Unlike what `multiprocessing` starts, it does not run the program's main module.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        return subprocess.Popen(  # noqa: S603 - a module of this package
            [sys.executable, "-P", "-m", _WORKER, str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
