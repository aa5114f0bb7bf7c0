"""What needs no key: whether the process lives, whether Postgres answers, and the documents of the API."""

import importlib.resources
from typing import Any

from sqlalchemy import text
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from db.connection import deadline
from tasks import dependencies
from tasks.host.database_errors import database_errors
from worker.api.answers import json_response
from worker.api.gate import services_of

READY_WITHIN = 1.0  # seconds for Postgres
_FILES = {
    "docs.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
}
_PAGE_HEADERS = {
    # Swagger's page styles its elements, and has pictures as data.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


async def health(_: Request) -> Response:
    """Say that the process lives."""
    return json_response({"status": "ok"})


async def ready(request: Request) -> Response:
    """Say whether Postgres answers within a second; the broker and Redis may be away."""
    await services_of(request).threads.run(_ask_postgres)
    return json_response({"status": "ok"})


async def docs(_: Request) -> Response:
    """Return the page that shows the API's document."""
    return Response(_file("docs.html"), media_type="text/html", headers=_PAGE_HEADERS)


async def docs_file(request: Request) -> Response:
    """Return a file of the page; none comes from another host."""
    name = request.path_params["name"]
    if name not in _FILES:
        raise HTTPException(404)
    headers = _PAGE_HEADERS | {"Cache-Control": "max-age=86400"}
    folder = "" if name == "docs.js" else "vendor/swagger/"
    return Response(_file(folder + name), media_type=_FILES[name], headers=headers)


def _file(path: str) -> bytes:
    return importlib.resources.files("worker.api").joinpath("static", path).read_bytes()


def _ask_postgres() -> Any:
    with database_errors(), deadline(READY_WITHIN), dependencies.current().autocommit.connect() as conn:
        return conn.execute(text("SELECT 1")).scalar_one()
