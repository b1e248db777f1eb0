"""What PEC is and what to keep, for a person who hears of it for the first time; open to everybody."""

from typing import Final

from starlette.responses import Response

from ceralacca.apps.web.pages import render
from ceralacca.apps.web.visit import Visit


def show(visit: Visit) -> Response:
    """Show the page."""
    return render(visit, "help.html")


ENDPOINTS: Final = (("/help", show, "GET"),)
