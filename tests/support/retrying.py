"""A folder with a rejects file to retry in this process, and the local Amplitude."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from target_amplitude_nami.singer.retry.retry import retry
from tests.support import nami, singer
from tests.support.rejects import because
from tests.support.run_target import API_KEY

if TYPE_CHECKING:
    from pathlib import Path

    from target_amplitude_nami.local.server import LocalAmplitude
    from target_amplitude_nami.singer.retry.result import RetryResult

EVENTS = singer.schema("events")
BAD = {"created_date": "yesterday"}


def good(number: int, **more: Any) -> bytes:
    return reject("events", nami.impression(number), **more)


def bad(number: int, reason: str = "old_reason", **more: Any) -> bytes:
    return reject("events", nami.impression(number, **BAD), reason, **more)


def reject(
    stream: str,
    record: dict[str, Any],
    reason: str = "user_id_too_short",
    **more: str,
) -> bytes:
    return because(singer.record(stream, record), reason, **more)


class Place:
    """A folder with a rejects file, and the local Amplitude."""

    def __init__(self, folder: Path, local: LocalAmplitude) -> None:
        self.path = folder / "rejects.singer"
        self.local = local
        self.config: dict[str, Any] = {
            "api_key": API_KEY,
            "endpoint": local.endpoint("http_v2"),
            "rejects_path": str(self.path),
        }

    def write(self, *lines: bytes) -> bytes:
        self.path.write_bytes(b"".join(lines))
        self.path.chmod(0o600)
        return self.path.read_bytes()

    def retry(self, *, dry_run: bool = False, **settings: Any) -> RetryResult:
        chosen = {k: settings.pop(k) for k in ("reasons", "since") if k in settings}
        path = settings.pop("path", None)
        config = self.config | settings
        result, code = retry(config, path, dry_run=dry_run, **chosen)
        assert code is None
        return result

    @property
    def messages(self) -> list[dict[str, Any]]:
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_bytes().splitlines()]

    @property
    def left(self) -> list[tuple[str, str]]:
        """The id, or else the stream, and the reason of each record in the file."""
        return [
            (m["record"].get("id", m["stream"]), m["rejected"]["reason"])
            for m in self.messages
            if m["type"] == "RECORD"
        ]

    @property
    def arrived(self) -> list[str]:
        return [event.sent["insert_id"] for event in self.local.events()]
