"""Serves the files of the page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.staticfiles import StaticFiles

if TYPE_CHECKING:
    import os

    from starlette.requests import Request
    from starlette.types import Scope

FOLDER = Path(__file__).with_name("static")

# The tables of media types of operating systems differ.
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_REVALIDATED = {"cache-control": "no-cache"}


class Files(StaticFiles):
    """Serves the folder of the page; browsers check each time for a newer version."""

    def __init__(self) -> None:
        super().__init__(directory=FOLDER, check_dir=False)

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Return a file with the content type that browsers require."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update(_REVALIDATED)
        media_type = _MEDIA_TYPES.get(Path(full_path).suffix)
        if media_type is not None and response.status_code != _NOT_MODIFIED:
            response.headers["content-type"] = media_type
        return response


_NOT_MODIFIED = 304


async def front(_: Request) -> Response:
    """Return the page, or a message that it is missing."""
    path = FOLDER / "index.html"
    if not path.is_file():
        return PlainTextResponse("This local Amplitude was installed without its page.")
    return FileResponse(
        path,
        headers=_REVALIDATED,
        media_type=_MEDIA_TYPES[".html"],
    )


async def no_icon(_: Request) -> Response:
    """Answer browsers that request an icon before they know the page's own."""
    return Response(status_code=204)


async def not_found(_: Request, error: Exception) -> Response:
    """Answer that a file does not exist."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    return PlainTextResponse("There is no such file.", status)
