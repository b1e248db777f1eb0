"""Style sheet, script, fonts and icons: our own files and those that the build took (`tools/web_assets.py`).

Only names of a closed list are answered, from memory, compressed where they are text. They hold nothing of anybody,
so they may be cached; a new release changes their ETag.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ceralacca.base.errors import UserError

_TYPES: Final[Mapping[str, str]] = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "woff2": "font/woff2",
    "png": "image/png",
}
ASSETS: Final = (
    "bootstrap-italia.min.css",
    "htmx.min.js",
    "icons.svg",
    "titillium-600.woff2",
    "titillium-700.woff2",
    "titillium-regular.woff2",
)
"""What the build must have taken."""


@dataclass(frozen=True, slots=True)
class _File:
    octets: bytes
    pressed: bytes | None
    media_type: str
    tag: str


def check_assets() -> None:
    """Raise UserError when the build has not taken what the pages need."""
    missing = [name for name in ASSETS if name not in _files()["assets"]]
    if missing:
        raise UserError(
            f"the web pages lack {missing[0]}", remedy="run tools/web_assets.py, or install the built wheel"
        )


@cache
def _files() -> Mapping[str, Mapping[str, _File]]:
    package = resources.files("ceralacca.apps.web")
    return {folder: _read(package / folder) for folder in ("assets", "static")}


def _read(folder: Traversable) -> dict[str, _File]:
    if not folder.is_dir():
        return {}
    found = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    return {
        name: _File(octets, found.get(f"{name}.gz"), _TYPES[kind], sha256(octets).hexdigest()[:32])
        for name, octets in found.items()
        if (kind := name.rpartition(".")[2]) in _TYPES
    }


async def _serve(request: Request) -> Response:
    folder, name = request.url.path.split("/")[1], request.path_params["name"]
    file = _files()[folder].get(name)
    if file is None:
        raise HTTPException(404)
    headers = {"ETag": f'"{file.tag}"', "Cache-Control": "public, max-age=3600", "Vary": "Accept-Encoding"}
    if request.headers.get("If-None-Match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    if file.pressed is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
        return Response(file.pressed, headers={**headers, "Content-Encoding": "gzip"}, media_type=file.media_type)
    return Response(file.octets, headers=headers, media_type=file.media_type)


ROUTES = (Route("/assets/{name}", _serve), Route("/static/{name}", _serve))
