"""HTML of messages made harmless: what could act, load or pretend is gone, what may be read stays."""

import pytest

from ceralacca.formats.html_mail import harmless

PIXEL = b"\x89PNG\r\n\x1a\n"


def shown(html, **pictures):
    page = harmless(html, pictures={name: ("image/png", lambda: PIXEL) for name in pictures}, title="t")
    return page.partition("<body>")[2].partition("</body>")[0]


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<svg onload=alert(1)></svg>",
        "<iframe src=https://evil.example></iframe>",
        "<a href='javascript:alert(1)'>x</a>",
        "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
        "<form action=https://evil.example><input name=a><button>go</button></form>",
        "<meta http-equiv=refresh content='0;url=https://evil.example'>",
        "<base href=https://evil.example/>",
        "<link rel=stylesheet href=https://evil.example/a.css>",
        "<style>body{background:url(https://evil.example/a)}</style>",
        "<p style='background-image:url(https://evil.example/a)'>x</p>",
        "<p style='background-color:u\\72l(https://evil.example/a)'>x</p>",
        "<div style='position:fixed;top:-200px'>x</div>",
        "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>",
        "<img src='https://evil.example/pixel.png'>",
        "<img src='data:image/svg+xml;base64,PHN2Zz4='>",
        "<video poster=https://evil.example/a.png></video>",
    ],
)
def test_nothing_acts_or_loads(html):
    page = shown(html)
    for word in ("script", "onerror", "onload", "evil.example", "javascript:", "position", "svg", "<form", "<input"):
        assert word not in page, page


def test_what_is_to_be_read_stays():
    page = shown("<h1>A</h1><p style='color:#f00'>b <b>c</b></p><table><tr><td colspan=2>d</td></tr></table>")
    for piece in ("<h1>A</h1>", "color:#f00", "<b>c</b>", 'colspan="2"'):
        assert piece in page.replace(": ", ":")


def test_links_lead_out_without_telling_from_where():
    page = shown("<a href='https://www.example.test/a?b=1&c=2'>x</a>")
    assert 'href="https://www.example.test/a?b=1&amp;c=2"' in page
    assert 'target="_blank"' in page
    assert "noopener" in page
    assert "noreferrer" in page


def test_pictures_that_the_message_carries_are_shown_and_no_others():
    page = shown("<img src='cid:a'><img src='cid:b'>", a=1)
    assert page.count("src=") == 1
    assert "data:image/png;base64,iVBORw0KGgo=" in page
