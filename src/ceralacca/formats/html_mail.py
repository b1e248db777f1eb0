"""HTML of a message made harmless: what may be looked at stays, what could act, load or pretend goes.

The first of three fences (threats.md 27, 28, 31). The second is the policy with which the result is served (no scripts,
no loads), the third the frame without an origin of its own in which it is shown. Each alone must be enough.

Pictures: only those that the message itself carries, put in as `data:`; all others lose their address, so that nobody
learns that a message was read.
"""

import base64
import re
from collections.abc import Callable, Mapping
from html import escape
from typing import Final

import nh3


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TAGS: Final = _words(
    "a abbr address b bdi bdo big blockquote br caption center cite code col colgroup dd del dfn div dl dt em font "
    "h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp small span strike strong sub sup table tbody td "
    "tfoot th thead time tr tt u ul var wbr"
)
_DROPPED: Final = _words(
    "script style title head iframe object embed applet form svg math template noscript frameset textarea select "
    "button input video audio canvas dialog portal xmp plaintext noembed noframes"
)
"""Gone with all that they hold; everything else that is not allowed loses its mark and keeps its text."""
_ANY: Final = frozenset({"align", "bgcolor", "dir", "lang", "style", "title", "valign", "width", "height", "color"})
_ATTRIBUTES: Final = {
    "*": set(_ANY),
    "a": {"href"},
    "img": {"src", "alt", "border"},
    "font": {"face", "size"},
    "table": {"border", "cellpadding", "cellspacing"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "ol": {"start", "type"},
    "li": {"value"},
    "col": {"span"},
}
_STYLES: Final = _words(
    "background-color border border-bottom border-collapse border-color border-left border-radius border-right "
    "border-spacing border-style border-top border-width color direction font-family font-size font-style font-variant "
    "font-weight height letter-spacing line-height list-style-type margin margin-bottom margin-left margin-right "
    "margin-top max-width min-width padding padding-bottom padding-left padding-right padding-top text-align "
    "text-decoration text-indent text-transform vertical-align white-space width word-spacing"
)
"""Nothing that loads (`background`), moves out of its place (`position`, `transform`) or shows over something else."""
_PICTURES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_LARGEST_PICTURE: Final = 2 * 2**20
_LINKS: Final = frozenset({"http", "https", "mailto"})
_LINK: Final = re.compile(r"(?:https?://|mailto:)[^\s]", re.IGNORECASE)

_PAGE: Final = """\
<!DOCTYPE html>
<html lang="und"><head><meta charset="utf-8"><meta name="referrer" content="no-referrer"><title>{title}</title>
<style>body{{font:16px/1.5 sans-serif;margin:12px;color:#17324d;background:#fff;overflow-wrap:anywhere}}
img{{max-width:100%;height:auto}}table{{max-width:100%}}pre{{white-space:pre-wrap}}</style></head>
<body>{body}</body></html>
"""

Picture = tuple[str, Callable[[], bytes]]
"""Media type, and the octets when asked for."""


def harmless(html: str, *, pictures: Mapping[str, Picture], title: str) -> str:
    """Return a whole page that shows the HTML of a message; `pictures` are those that it carries, by Content-ID."""

    def attribute(tag: str, name: str, value: str) -> str | None:
        if tag == "img" and name == "src":
            return _picture(value, pictures)
        if name == "href":
            return value if _LINK.match(value) else None
        if name == "style" and ("url" in value.lower() or "\\" in value or "expression" in value.lower()):
            return None
        return value

    body = nh3.clean(
        html,
        tags=set(_TAGS),
        clean_content_tags=set(_DROPPED),
        attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        attribute_filter=attribute,
        url_schemes={*_LINKS, "cid", "data"},
        filter_style_properties=set(_STYLES),
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
        strip_comments=True,
    )
    return _PAGE.format(title=escape(title), body=body)


def _picture(address: str, pictures: Mapping[str, Picture]) -> str | None:
    scheme, _, name = address.strip().partition(":")
    found = pictures.get(name.strip("<> ")) if scheme.lower() == "cid" else None
    if found is None or found[0] not in _PICTURES:
        return None
    octets = found[1]()
    if len(octets) > _LARGEST_PICTURE:
        return None
    return f"data:{found[0]};base64,{base64.b64encode(octets).decode('ascii')}"
