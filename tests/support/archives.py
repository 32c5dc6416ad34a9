"""Archives as the Export API gives them."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


def exported(insert_id: str = "one", **fields: Any) -> dict[str, Any]:
    """Return a line of an export; further fields are added or replaced."""
    return {
        "$insert_id": insert_id,
        "event_type": "device.impression",
        "user_id": "user-1",
        "device_id": "device-1",
        "event_time": "2026-06-01 08:00:00.250000",
        "server_upload_time": "2026-11-23 14:41:44.123000",
        "event_properties": {},
        "user_properties": {},
    } | fields


def archive_of(lines: Iterable[object], name: str = "1/1_2026-11-23_14#0") -> bytes:
    """Return an archive with one file of these lines."""
    text = "".join(json.dumps(line) + "\n" for line in lines)
    return zipped({f"{name}.json.gz": gzip.compress(text.encode(), mtime=0)})


def zipped(files: dict[str, bytes]) -> bytes:
    """Return a zip archive of files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()
