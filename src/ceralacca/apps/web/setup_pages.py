"""Set-up of mail programs: the values to type, what finds them by itself, the profile for Apple devices.

Open to everybody; a holder who is signed in finds the own address filled in. Nothing here needs a script, and nothing
is looked up of a mailbox: what is said of one address is said of every address of its domain.

Clauses: AP-1, DP-7, SE-3.
"""

from typing import Final

from starlette.responses import Response

from ceralacca.apps.web.discovery import is_ours
from ceralacca.apps.web.pages import address as page_address
from ceralacca.apps.web.pages import render
from ceralacca.apps.web.parts import Parts
from ceralacca.apps.web.qr_pictures import qr_picture
from ceralacca.apps.web.visit import Visit
from ceralacca.core.model.address import Address, InvalidAddress
from ceralacca.formats.client_setup.apple_profile import MEDIA_TYPE, write_profile
from ceralacca.ports.web_session import SessionStage

_PAGE: Final = "/setup"
_PROFILE: Final = "/setup/pec.mobileconfig"


def show(visit: Visit) -> Response:
    """Show the values, and the profile's address as a picture that a phone reads."""
    session = visit.session
    whose = session.mailbox.text if session and session.stage is SessionStage.FULL else ""
    site = visit.parts.web_address()
    profile = page_address(_PROFILE, address=whose)
    return render(
        visit,
        "setup.html",
        services=visit.parts.services(),
        whose=whose,
        profile=profile,
        signed=visit.parts.profiles.signs,
        pictures={"profile": qr_picture(site + profile), "page": qr_picture(site + _PAGE)},
        site=site,
    )


def profile(visit: Visit) -> Response:
    """Give the profile, for an address of ours or for one that the device asks for."""
    words, parts, given = visit.words, visit.parts, visit.query("address")
    whose = _address_of(given, parts) if given else None
    if given and whose is None:
        return render(visit, "error.html", status=404, code=404, error=None)
    octets = write_profile(
        parts.services(),
        whose,
        provider=parts.provider,
        title=words("setup", "profile_title", provider=parts.provider),
        description=words("setup", "profile_description"),
    )
    headers = {"Content-Disposition": "attachment; filename=pec.mobileconfig"}
    return Response(parts.profiles.sign(octets), headers=headers, media_type=MEDIA_TYPE)


def _address_of(given: str, parts: Parts) -> Address | None:
    try:
        whose = Address.parse(given)
    except InvalidAddress:
        return None
    return whose if is_ours(whose, parts) else None


ENDPOINTS: Final = ((_PAGE, show, "GET"), (_PROFILE, profile, "GET"))
