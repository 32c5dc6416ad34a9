"""An HTTP API on loopback that gives the records it keeps page by page."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

from tests.support.servers import HOST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.story import Record

TOKEN: Final = "let-me-in"

_PAGE: Final = 200
_ARRIVAL: Final = datetime(2026, 9, 1, tzinfo=UTC)


class WebhookAPI:
    """The records, by their paths; more may be added.

    Attributes:
        url: Where it listens.
        pages: How many were asked for.
    """

    def __init__(self, port: int) -> None:
        self.url = f"http://{HOST}:{port}"
        self.pages = 0
        self._kept: dict[str, list[Record]] = {}

    def add(self, path: str, records: list[Record]) -> None:
        """Keep records, which arrive one a second."""
        kept = self._kept.setdefault(path, [])
        for record in records:
            arrived = _ARRIVAL + timedelta(seconds=len(kept))
            kept.append({"received_at": f"{arrived:%Y-%m-%dT%H:%M:%SZ}"} | record)

    def page(self, path: str, since: str, number: int) -> dict[str, Any]:
        """Return a page of what arrived from a moment on."""
        self.pages += 1
        found = [r for r in self._kept[path] if r["received_at"] >= since]
        start = (number - 1) * _PAGE
        more = len(found) > start + _PAGE
        return {
            "data": found[start : start + _PAGE],
            "next_page": number + 1 if more else None,
        }


@contextmanager
def webhook_api() -> Iterator[WebhookAPI]:
    """Serve an API that knows nothing yet."""

    class Handler(BaseHTTPRequestHandler):
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            wanted = {name: each[0] for name, each in parse_qs(asked.query).items()}
            if self.headers["Authorization"] != f"Bearer {TOKEN}":
                self.send_error(401)
                return
            page = api.page(
                asked.path, wanted.get("since", ""), int(wanted.get("page", "1"))
            )
            content = json.dumps(page).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        api = WebhookAPI(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield api
        finally:
            server.shutdown()
            thread.join()
