"""Writes the events of some hours as the Export API does: gzip files in a zip."""

from __future__ import annotations

import gzip
import io
import uuid
import zipfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from target_amplitude_nami.local.ingest.effects import Kind
from target_amplitude_nami.local.model import JsonObject
from target_amplitude_nami.local.queries.export import export_of, export_time

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from target_amplitude_nami.local.queries.reader import Reader

HOUR = 3600

_EVENTS_PER_FILE = 20_000
_PIECE_BYTES = 1 << 16
_FIELDS: JsonObject = dict.fromkeys(
    (
        "amplitude_id",
        "app",
        "city",
        "client_event_time",
        "client_upload_time",
        "country",
        "data",
        "device_family",
        "device_type",
        "event_id",
        "group_properties",
        "groups",
        "ip_address",
        "language",
        "library",
        "location_lat",
        "location_lng",
        "os_name",
        "paying",
        "platform",
        "processed_time",
        "region",
        "sample_rate",
        "server_received_time",
        "start_version",
        "uuid",
        "version_name",
    )
)
"""Those that an export has beside the ones of `export_of` (Export API, "Response")."""
_OVERHEAD_BYTES = 700
"""What those fields take in a line."""

_object = msgspec.json.Decoder(JsonObject).decode
_encode = msgspec.json.Encoder().encode


class Archive:
    """The events that arrived for a project within some hours, as one archive.

    Args:
        reader: Opens the file.
        project: The project.
        start: The first hour, in seconds since 1970.
        end: The first moment after the last hour.
    """

    def __init__(self, reader: Reader, project: str, start: int, end: int) -> None:
        self._reader = reader
        self._project = project
        self._start = start
        self._end = end

    def size(self) -> int:
        """Return about how many bytes of JSON it has; 0 without an event."""
        query = "SELECT coalesce(sum(length(raw) + length(overlay) + ?), 0)"
        with closing(self._reader.connect()) as connection:
            [[size]] = self._rows(connection, query, _OVERHEAD_BYTES)
        return int(size)

    def pieces(self) -> Iterator[bytes]:
        """Yield the archive, little by little, whatever its size."""
        sink = _Sink()
        with (
            closing(self._reader.connect()) as connection,
            zipfile.ZipFile(
                sink, "w", zipfile.ZIP_DEFLATED, compresslevel=1
            ) as archive,
        ):
            connection.execute("BEGIN")  # one view, whatever arrives meanwhile
            for name, lines in self._files(connection):
                with archive.open(name, "w") as member:
                    packed = gzip.GzipFile(
                        fileobj=member, mode="wb", compresslevel=1, mtime=0
                    )
                    with packed:
                        for line in lines:
                            packed.write(line)
                            if len(sink.waiting) >= _PIECE_BYTES:
                                yield sink.take()
        yield sink.take()

    def _files(
        self, connection: sqlite3.Connection
    ) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Yield each file's name, and its lines, which have to be read first."""
        rows = self._lines(connection)
        counts: dict[int, int] = {}
        following = next(rows, None)
        while following is not None:
            hour = following[0] // HOUR
            number = counts[hour] = counts.get(hour, -1) + 1
            moment = datetime.fromtimestamp(hour * HOUR, UTC)
            name = f"{moment:%Y-%m-%d}_{moment.hour}#{number}.json.gz"
            rest: list[tuple[int, bytes] | None] = []

            def lines(
                first: tuple[int, bytes], rest: list[tuple[int, bytes] | None]
            ) -> Iterator[bytes]:
                line: tuple[int, bytes] | None = first
                for _ in range(_EVENTS_PER_FILE):
                    if line is None or line[0] // HOUR != first[0] // HOUR:
                        break
                    yield line[1]
                    line = next(rows, None)
                rest.append(line)

            yield f"{self._project}/{self._project}_{name}", lines(following, rest)
            [following] = rest

    def _lines(self, connection: sqlite3.Connection) -> Iterator[tuple[int, bytes]]:
        """Yield the second in which each event arrived, and its line."""
        query = (
            "SELECT events.number, raw, overlay, name, events.time, requests.time, user"
        )
        for number, raw, overlay, name, time, uploaded, user in self._rows(
            connection, query
        ):
            milliseconds = int(uploaded * 1_000)
            arrived = export_time(milliseconds)
            export = export_of(
                raw, _object(overlay), event_type=name, time=time, uploaded=milliseconds
            )
            line = {
                **_FIELDS,
                "amplitude_id": user,
                "app": int(self._project, 16) % 1_000_000,
                "client_event_time": export_time(time),
                "client_upload_time": arrived,
                "data": {},
                "group_properties": {},
                "groups": {},
                "processed_time": arrived,
                "server_received_time": arrived,
                "uuid": str(
                    uuid.uuid5(uuid.NAMESPACE_OID, f"{self._project} {number}")
                ),
                **export,
            }
            yield int(uploaded), _encode(line) + b"\n"

    def _rows(
        self, connection: sqlite3.Connection, select: str, *values: object
    ) -> Iterator[Any]:
        """Yield columns of the events; a request's follow each other by number."""
        [[first, last]] = connection.execute(
            "SELECT min(number), max(number) FROM requests"
            " WHERE time >= ? AND time < ?",
            (self._start, self._end),
        )
        [[low]] = connection.execute(
            "SELECT coalesce(max(first_event), 0) FROM requests WHERE number = ?",
            (first,),
        )
        [[high]] = connection.execute(
            "SELECT coalesce(min(first_event), 1 << 62) FROM requests WHERE number > ?",
            (last,),
        )
        return connection.execute(
            f"{select} FROM events JOIN types ON types.number = type"
            " JOIN requests ON requests.number = request"
            " WHERE events.number >= ? AND events.number < ? AND project = ?"
            " AND kind <> ? AND requests.time >= ? AND requests.time < ?"
            " ORDER BY events.number",
            (*values, low, high, self._project, Kind.IDENTIFY, self._start, self._end),
        )


class _Sink(io.RawIOBase):
    """Takes what is written until somebody fetches it; it cannot be rewound."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.waiting += data
        return len(data)

    def take(self) -> bytes:
        """Return what was written since."""
        taken = bytes(self.waiting)
        self.waiting.clear()
        return taken


def hour_in(text: str) -> int | None:
    """Return the seconds since 1970 of an hour such as `20261123T14`, if it is one."""
    try:
        moment = datetime.strptime(text, "%Y%m%dT%H").replace(tzinfo=UTC)
    except ValueError:
        return None
    if len(text) != len("20261123T14"):
        return None
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(seconds=1))
