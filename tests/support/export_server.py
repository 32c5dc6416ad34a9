"""A real server on loopback in the place of the Export API, for what proves keys."""

from __future__ import annotations

import base64
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, Self

from tests.support.asking import KEY

SECRET: Final = "5ecret5ecret5ecret5ecret"
"""What belongs to `KEY`."""


class ExportServer:
    """A real server in the place of the Export API, which knows one pair of keys."""

    def __init__(self) -> None:
        """Listen on a free port."""
        self.good, self.wrong = 404, 403
        """What it answers to a good pair, and to any other."""
        self.asked: list[str] = []
        export = self

        class Handler(BaseHTTPRequestHandler):
            """Answers by the pair of keys alone."""

            def do_GET(self) -> None:
                """Answer an export."""
                export.asked.append(self.path)
                basic = self.headers["Authorization"].removeprefix("Basic ")
                is_good = base64.b64decode(basic).decode() == f"{KEY}:{SECRET}"
                self.send_response(export.good if is_good else export.wrong)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Log nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base_url = f"http://127.0.0.1:{self._server.server_port}"
        self.url = f"{self.base_url}/api/2/export"
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
