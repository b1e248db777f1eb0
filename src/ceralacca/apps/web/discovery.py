"""What mail programs ask before anybody signs in: Thunderbird's autoconfig, Outlook's autodiscover.

Open to everybody, and the same for every address of a domain: a mailbox is never looked up, so nothing is learnt here
of who has one (threats.md 41). What is served is a mail domain, and which domains are ours the directory says to all.
Requests carry no cookie and change nothing; they need no form token.

Clauses: AP-1, DP-7.
"""

from collections.abc import Callable
from typing import Final

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ceralacca.apps.cli.words import LANGUAGES, Words
from ceralacca.apps.web.parts import Parts
from ceralacca.base.errors import WorldError
from ceralacca.core.model.address import Address, InvalidAddress
from ceralacca.formats.client_setup import autoconfig, autodiscover

_LOG = structlog.get_logger(__name__)
_CACHED: Final = {"Cache-Control": "public, max-age=3600"}
_AUTOCONFIG: Final = ("/.well-known/autoconfig/mail/config-v1.1.xml", "/mail/config-v1.1.xml")
_AUTODISCOVER: Final = ("/autodiscover/autodiscover.xml", "/Autodiscover/Autodiscover.xml")
_VERSION_2: Final = ("/autodiscover/autodiscover.json", "/autodiscover/autodiscover.json/v1.0/{address}")


def routes(parts: Parts) -> list[Route]:
    """Return the routes of the programs."""

    def config(request: Request) -> Response:
        return _unless_away(lambda: _autoconfig(request, parts))

    async def discover(request: Request) -> Response:
        octets = await _body(request)
        return await run_in_threadpool(_unless_away, lambda: _autodiscover(octets, parts))

    def point(request: Request) -> Response:
        return _unless_away(lambda: _version_2(request, parts))

    return [
        *(Route(path, config, methods=["GET"]) for path in _AUTOCONFIG),
        *(Route(path, discover, methods=["POST"]) for path in _AUTODISCOVER),
        *(Route(path, point, methods=["GET"]) for path in _VERSION_2),
    ]


def _unless_away(answer: Callable[[], Response]) -> Response:
    try:
        return answer()
    except WorldError as error:
        _LOG.warning("web.away", reason=str(error))
        return Response("503", 503, {"Retry-After": "10"}, "text/plain")


def is_ours(address: Address, parts: Parts) -> bool:
    """Say whether we serve the domain of an address. Raises WorldError."""
    return address.domain in parts.store.domains()


def _autoconfig(request: Request, parts: Parts) -> Response:
    domain = _domain_asked(request, parts)
    if not domain:
        return Response("404", 404, media_type="text/plain")
    sentences = {language: Words(language, package="ceralacca.apps.web")("setup", "title") for language in LANGUAGES}
    document = autoconfig.write_autoconfig(
        parts.services(),
        domain=domain,
        provider_id=parts.home,
        provider=parts.provider,
        explained=f"{parts.web_address()}/setup",
        sentences=sentences,
    )
    return Response(document, headers=_CACHED, media_type=autoconfig.MEDIA_TYPE)


def _domain_asked(request: Request, parts: Parts) -> str:
    """Return the domain of the address, else that of the host `autoconfig.DOMAIN`; empty when it is not ours.

    Programs that found the provider by the MX of the domain send the address and ask at the provider's own name.
    """
    given = request.query_params.get("emailaddress", "")
    try:
        domain = Address.parse(given).domain if given else ""
    except InvalidAddress:
        return ""
    domain = domain or request.headers.get("Host", "").partition(":")[0].lower().removeprefix("autoconfig.")
    return domain if domain in parts.store.domains() else ""


async def _body(request: Request) -> bytes:
    """Read a request, and no more than may be one."""
    octets = b""
    async for piece in request.stream():
        octets += piece
        if len(octets) > autodiscover.LARGEST_REQUEST:
            break
    return octets


def _autodiscover(octets: bytes, parts: Parts) -> Response:
    try:
        address = autodiscover.read_request(octets)
    except autodiscover.BadAutodiscover as error:
        return _not_answered(error.code, parts)
    if not is_ours(address, parts):
        return _not_answered(autodiscover.UNKNOWN_ADDRESS, parts)
    return Response(autodiscover.write_settings(parts.services(), address), media_type=autodiscover.MEDIA_TYPE)


def _not_answered(code: int, parts: Parts) -> Response:
    told = autodiscover.write_error(code, parts.clock.now())
    status = 400 if code == autodiscover.INVALID_REQUEST else 200  # the others are answers by the protocol
    return Response(told, status, media_type=autodiscover.MEDIA_TYPE)


def _version_2(request: Request, parts: Parts) -> Response:
    """Point to the XML: version 2 has no settings of IMAP and SMTP itself. The address is not looked at."""
    if request.query_params.get("Protocol", "").lower() != "autodiscoverv1":
        told = {"ErrorCode": "InvalidProtocol", "ErrorMessage": "Only AutodiscoverV1 is given out here."}
        return JSONResponse(told, 400)
    url = f"{parts.web_address()}/autodiscover/autodiscover.xml"
    return JSONResponse({"Protocol": "AutodiscoverV1", "Url": url}, headers=_CACHED)
