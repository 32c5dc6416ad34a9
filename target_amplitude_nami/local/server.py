"""The local Amplitude as a server on a loopback port, embedded or on its own."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Self

import uvicorn

from target_amplitude_nami.local.faults import Faults
from target_amplitude_nami.local.faults.injector import FaultInjector
from target_amplitude_nami.local.http.account import EXPORT, Keys
from target_amplitude_nami.local.http.application import Application
from target_amplitude_nami.local.http.connection import Connection
from target_amplitude_nami.local.http.deletions import Deletions
from target_amplitude_nami.local.http.request_handler import RequestHandler
from target_amplitude_nami.local.http.request_logger import RequestLogger
from target_amplitude_nami.local.ingest import limits
from target_amplitude_nami.local.ingest.behaviour import Behaviour
from target_amplitude_nami.local.ingest.ingestion import Ingestion
from target_amplitude_nami.local.page.explanations import Explainers
from target_amplitude_nami.local.queries.reader import Reader
from target_amplitude_nami.local.run_note import RunFiles
from target_amplitude_nami.local.storage.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path
    from types import TracebackType

    from target_amplitude_nami.local.ingest.behaviour import Region
    from target_amplitude_nami.local.model import Explain, ExplainReject, JsonObject
    from target_amplitude_nami.local.queries.reader import StoredEvent, Summary
    from target_amplitude_nami.local.run_note import RunNote
    from target_amplitude_nami.local.storage.request_log import LoggedRequest

HOST = "127.0.0.1"

# Longer than clients keep an idle connection, so that none is closed while in use.
_KEEP_ALIVE_SECONDS = 600


class LocalAmplitude:
    """A local Amplitude that runs, in a thread of its own, while the context is open.

    Args:
        path: The file to store what arrives; an existing one is continued.
        port: The port; 0 for any free one.
        host: The address to listen on; if given, the page accepts any host name.
        region: The region of Amplitude that it stands for.
        keys: The API keys that exist, each alone or as `KEY/SECRET` with the secret key
            of its project; None accepts any.
        faults: The faults to inject.
        behaviour: What to do where Amplitude's documentation leaves it open.
        keep_bodies: Log the decompressed body of every request as it came, with its
            key.
        now: The server's clock, in seconds since 1970.
        on_trouble: Called with the reason, at most once a minute, when a request cannot
            be stored.
        explain: Explains, for the page, the event of an insert id: how the record that
            it came from became this event.
        explain_reject: Likewise explains the record on a line of the rejects file.
        run_files: The report and the rejects of the run that sent the events.
        run_note: What a run notes in the file about itself.
    """

    def __init__(  # noqa: PLR0913
        self,
        path: Path,
        *,
        port: int = 0,
        host: str | None = None,
        region: Region = "us",
        keys: Iterable[str] | None = None,
        faults: Faults | None = None,
        behaviour: Behaviour | None = None,
        keep_bodies: bool = False,
        now: Callable[[], float] = time.time,
        on_trouble: Callable[[str], None] = lambda _: None,
        explain: Explain | None = None,
        explain_reject: ExplainReject | None = None,
        run_files: RunFiles | None = None,
        run_note: RunNote | None = None,
    ) -> None:
        self._path = path
        self._port = port
        self._host = host
        self._region = region
        self._account_keys = Keys(keys)
        self._keys = self._account_keys.api_keys
        self._behaviour = behaviour or Behaviour()
        self._ingestion = Ingestion(
            keys=self._keys,
            behaviour=self._behaviour,
            now=now,
        )
        self._injector = FaultInjector(faults or Faults())
        self._keep_bodies = keep_bodies
        self._now = now
        self._on_trouble = on_trouble
        self._explainers = Explainers(explain, explain_reject)
        self._run_files = run_files or RunFiles()
        self._run_note = run_note
        self._reader = Reader(path)

    def __enter__(self) -> Self:
        """Open the file and the port, and start serving.

        Raises:
            OSError: The port is taken.
            sqlite3.Error: The file is not a local Amplitude's.
        """
        self._socket = _listen(self._host or HOST, self._port)
        try:
            self._store = self._open_store()
        except BaseException:
            self._socket.close()
            raise
        self._handler = RequestHandler(
            self._ingestion,
            self._store,
            RequestLogger(self._store, keys=self._keys, keep_bodies=self._keep_bodies),
            self._injector,
            now=self._now,
            on_trouble=self._on_trouble,
        )
        self.url = "http://{}:{}".format(*self._socket.getsockname())
        self._application = Application(
            self._handler,
            self._reader,
            self._injector,
            Deletions(self._store, self._now),
            region=self._region,
            any_host=self._host is not None,
            keys=self._account_keys,
            export_bytes=self._behaviour.export_bytes,
            explainers=self._explainers,
            run_files=self._run_files,
        )
        self._server = _server(self._application)
        self._thread = threading.Thread(
            target=self._server.run,
            args=([self._socket],),
            name="local-amplitude",
            daemon=True,
        )
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop serving; complete requests are answered, unfinished ones are dropped."""
        self._application.close()
        self._server.should_exit = True
        self._thread.join()
        self._store.close()

    def _open_store(self) -> Store:
        store = Store(self._path)
        try:
            if self._run_note is not None:
                store.note_run(self._run_note)
        except BaseException:
            store.close()
            raise
        return store

    def endpoint(self, api: str) -> str:
        """Return the URL of an API, `http_v2` or `batch`."""
        paths = {known.name: known.path for known in limits.APIS.values()}
        return self.url + paths[api]

    @property
    def export_url(self) -> str:
        """The URL of the Export API."""
        return self.url + EXPORT

    @property
    def trouble(self) -> str | None:
        """Why the last request could not be stored, if waiting does not help."""
        return self._handler.trouble

    def set_faults(self, faults: Faults) -> None:
        """Replace the faults from the next request on."""
        self._injector.replace(faults)

    def summary(self) -> Summary:
        """Count what the file contains."""
        return self._reader.summary()

    def events(self, *, listed: bool = True) -> Iterator[StoredEvent]:
        """Yield the events in the order of arrival.

        Args:
            listed: False for `$identify` and `$groupidentify` instead.
        """
        return self._reader.events(listed=listed)

    def requests(self) -> Iterator[LoggedRequest]:
        """Yield the request log in the order of arrival."""
        return self._reader.requests()

    def user_properties(self, name: str) -> JsonObject | None:
        """Return the current properties of a user, or of an anonymous device."""
        return self._reader.user_properties(name)


def _listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; clients can connect before the server runs."""
    # asyncio disables Nagle's algorithm only for sockets that name their protocol; with
    # it, every answer on a kept connection comes 40 ms late.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except BaseException:
        listener.close()
        raise
    return listener


def _server(application: Application) -> uvicorn.Server:
    """Return a server that logs nothing and leaves signals alone."""
    return uvicorn.Server(
        uvicorn.Config(
            application,
            http=Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        ),
    )
