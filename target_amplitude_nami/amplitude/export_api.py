"""Downloads what Amplitude has of a project: its Export API, span by span.

Source: amplitude.com/docs, "Export API". An archive of a span may have gigabytes, so it
goes to a temporary file; a span that is too large is asked for in halves.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import tempfile
import typing as t
from urllib.parse import urlsplit

from target_amplitude_nami.amplitude.account_connection import Answer
from target_amplitude_nami.amplitude.hours import HOUR, Span, hour_of, parameter
from target_amplitude_nami.errors import OutputUnwritable, RequestFailed

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from target_amplitude_nami.amplitude.account_api import AccountApi

PATH: t.Final = "/api/2/export"

MOST_HOURS: t.Final = 365 * 24
"""Export API: a request covers at most 365 days."""

DELAY: t.Final = dt.timedelta(hours=2)
"""Export API: an hour can be exported two hours after it ended."""

_OK: t.Final = 200
_NO_DATA: t.Final = 404
_BAD_REQUEST: t.Final = 400
_TOO_LARGE: t.Final = frozenset({_BAD_REQUEST, 504})
"""Export API: 400 above 4 GB, 504 for a large amount of data."""
_S3: t.Final = "an hour of more than 4 GB needs Amplitude's export to Amazon S3"
_MOST_BYTES: t.Final = 6 << 30
"""Of an archive: Amplitude's limit and a half."""


def last_exportable(now: dt.datetime) -> dt.datetime:
    """Return the newest hour that can be exported at a time."""
    return hour_of(now - DELAY) - HOUR


class ExportApi:
    """Downloads archives, one after the other."""

    def __init__(
        self,
        api: AccountApi,
        *,
        path: str = PATH,
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Take the connection.

        Args:
            api: The connection.
            path: The path of the API, where it is another one.
            note: Takes a line for people when a span is split.
        """
        self._api = api
        self._path = path
        self._note = note

    def archives(self, span: Span) -> Iterator[tuple[Span, t.BinaryIO]]:
        """Yield the archive of each part of a span that has data.

        Each is a file that is gone as soon as the next one is asked for; it has no name
        on disk, and only its owner could read it.

        Args:
            span: The hours.

        Raises:
            RequestFailed: When there is no archive of some hours: wrong keys, an hour
                that is too large, an answer that is no archive.
            OutputUnwritable: When the disk has no room for it.
        """
        waiting = span.parts(MOST_HOURS)[::-1]
        while waiting:
            part = waiting.pop()
            with _temporary_file() as file:
                answer = self._ask(part, file)
                if answer.status == _OK:
                    file.seek(0)
                    yield part, file
                elif answer.status in _TOO_LARGE:
                    waiting += self._split(part, answer)[::-1]
                else:
                    self._check_no_data(answer)

    def _ask(self, part: Span, file: t.BinaryIO) -> Answer:
        if part.hours > 1:
            handled = _TOO_LARGE | {_NO_DATA}
        else:  # there 504 may pass like any other error of a server
            handled = frozenset({_NO_DATA, _BAD_REQUEST})
        try:
            return self._api.exchange(lambda: self._download(part, file), handled)
        except RequestFailed as error:
            if error.status in _TOO_LARGE:
                raise RequestFailed(f"{error}; {_S3}", error.status) from error
            raise

    def _download(self, part: Span, file: t.BinaryIO) -> Answer:
        with _explained():  # what waits of an archive that broke off is written first
            file.seek(0)
            file.truncate()
        parameters = {"start": parameter(part.start), "end": parameter(part.end)}
        with self._api.opened("GET", self._path, parameters=parameters) as stream:
            if stream.status != _OK:
                return self._api.whole(stream)
            size = 0
            for piece in stream.pieces():
                size += len(piece)
                if size > _MOST_BYTES:
                    raise RequestFailed(
                        f"the archive of {part} has more than {_MOST_BYTES:,} bytes"
                    )
                with _explained():
                    file.write(piece)
        with _explained():
            file.flush()
        return Answer(_OK, b"", "")

    def _split(self, part: Span, answer: Answer) -> tuple[Span, Span]:
        """Return the halves of a span that is too large.

        Raises:
            RequestFailed: When it is an hour, or when a web page says so.
        """
        text = f" ({answer.quote})" if answer.quote else ""
        if answer.status == _BAD_REQUEST and answer.is_page:
            raise RequestFailed(
                f"{self._api.account.host} answers {answer.status} with a web page"
                f"{text}: a proxy or firewall may stand between",
                answer.status,
            )
        if part.hours == 1:
            raise RequestFailed(
                f"{self._api.account.host} answers {answer.status}{text} for {part} "
                f"alone: {_S3}",
                answer.status,
            )
        self._note(f"{part}: {answer.status}{text}, so in halves")
        return part.halves()

    def _check_no_data(self, answer: Answer) -> None:
        """Check that the answer is Amplitude's own.

        Raises:
            RequestFailed: When it is a web page: nothing is there, of whatever span.
        """
        if answer.is_page:
            raise RequestFailed(
                f"{self._api.account.host} answers {answer.status} with a web page: "
                f"there is no Export API at {self._path}",
                answer.status,
            )


def export_address(url: str) -> tuple[str, str]:
    """Return the base URL and the path of the API at an address.

    Args:
        url: Such as `http://127.0.0.1:8026` or `https://amplitude.com/api/2/export`.
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/") or PATH


@contextlib.contextmanager
def _temporary_file() -> Iterator[t.BinaryIO]:
    with _explained():
        file = tempfile.TemporaryFile(buffering=1 << 20)  # noqa: SIM115
    try:
        yield t.cast("t.BinaryIO", file)
    finally:
        with contextlib.suppress(OSError):  # it could not be written: reported
            file.close()


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputUnwritable(
            f"the folder for temporary files has no space for the archive "
            f"({error.strerror}): name another one in the environment variable TMPDIR"
        ) from error
