"""Takes what the browser needs out of wheels that carry it: the look (bootstrap-italia), htmx, and for tests axe.

python tools/web_assets.py          bring src/ceralacca/apps/web/assets up to date; nothing happens when it is
python tools/web_assets.py --tests  also build/axe.min.js, which only the tests of accessibility load

The wheels and their hashes are pinned in requirements/web-assets.txt; pip checks them. They are unpacked, never
installed, and nothing of them is committed. Only what the pages use is taken: one style sheet, three faces of one
font family, the icons named in `ICONS`, one script. Runs in the Makefile and in the build of the wheel.
"""

import gzip
import hashlib
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ASSETS = ROOT / "src" / "ceralacca" / "apps" / "web" / "assets"
AXE = ROOT / "build" / "axe.min.js"
PINS = ROOT / "requirements" / "web-assets.txt"

_THEME = "bootstrap_italia_template/static"
_FONTS = f"{_THEME}/fonts/Titillium_Web"
_FACE = "titillium-web-v10-latin-ext_latin-{}.woff2"
TAKEN = {
    f"{_THEME}/css/bootstrap-italia.min.css": "bootstrap-italia.min.css",
    **{f"{_FONTS}/{_FACE.format(face)}": f"titillium-{face}.woff2" for face in ("regular", "600", "700")},
    f"{_FONTS}/OFL.txt": "titillium-license.txt",
    "django_htmx/static/django_htmx/htmx-2.min.js": "htmx.min.js",
}
"""What is taken of the wheels, and its name among the assets."""
_SPRITE = f"{_THEME}/svg/sprites.svg"
ICONS = (
    "it-arrow-left",
    "it-box",
    "it-check-circle",
    "it-chevron-left",
    "it-chevron-right",
    "it-clip",
    "it-clock",
    "it-close-circle",
    "it-delete",
    "it-download",
    "it-error",
    "it-file",
    "it-file-signed",
    "it-files",
    "it-folder",
    "it-help-circle",
    "it-inbox",
    "it-info-circle",
    "it-key",
    "it-locked",
    "it-logout",
    "it-mail",
    "it-mail-open",
    "it-pencil",
    "it-plus-circle",
    "it-print",
    "it-refresh",
    "it-search",
    "it-settings",
    "it-upload",
    "it-user",
    "it-warning-circle",
)
"""The icons of the sprite that the templates may name."""
_AXE = "axe_playwright_python/axe.min.js"
_SYMBOL = re.compile(r'<(symbol|svg)\b[^>]*\bid="([\w-]+)"[^>]*>.*?</\1>', re.DOTALL)
_UNUSED_FONT = re.compile(rb"@font-face\{font-family:VideoJS;[^}]*\}")
"""Of a video player that no page has; our policy would refuse a font in an address."""
_PRESSED = {".css", ".js", ".svg"}


def icons_of(sprite: str, names: Iterable[str]) -> str:
    """Return a sprite that holds these icons only. Raises KeyError for one that is not there."""
    found = {match[2]: match[0] for match in _SYMBOL.finditer(sprite)}
    return '<svg xmlns="http://www.w3.org/2000/svg">' + "".join(found[name] for name in names) + "</svg>\n"


def fetch(folder: Path, names: Iterable[str]) -> list[Path]:
    """Download pinned wheels, whose hashes pip checks."""
    lines = PINS.read_text("utf-8").replace("\\\n", " ").splitlines()
    wanted = [line for line in lines if line.split("==")[0] in set(names)]
    chosen = folder / "chosen.txt"
    chosen.write_text("\n".join(wanted) + "\n", "utf-8")
    pip = [sys.executable, "-m", "pip"] if find_spec("pip") else ["pip"]  # a build in isolation may see no module
    command = [*pip, "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*command, "--require-hashes", "--dest", str(folder), "-r", str(chosen)], check=True)
    return sorted(folder.glob("*.whl"))


def take_assets() -> None:
    """Bring the folder of assets up to date; what has come and went is told by a stamp of the pins and of this file."""
    stamp = hashlib.sha256(PINS.read_bytes() + Path(__file__).read_bytes()).hexdigest()
    mark = ASSETS / "stamp"
    if mark.exists() and mark.read_text("utf-8") == stamp:
        return
    ASSETS.mkdir(exist_ok=True)
    for old in ASSETS.iterdir():
        old.unlink()
    with tempfile.TemporaryDirectory() as folder:
        for wheel in fetch(Path(folder), ("design-django-theme", "django-htmx")):
            with zipfile.ZipFile(wheel) as archive:
                inside = set(archive.namelist())
                for name in sorted(inside & TAKEN.keys()):
                    (ASSETS / TAKEN[name]).write_bytes(_UNUSED_FONT.sub(b"", archive.read(name)))
                if _SPRITE in inside:
                    icons = icons_of(archive.read(_SPRITE).decode("utf-8"), ICONS)
                    (ASSETS / "icons.svg").write_text(icons, "utf-8")
    missing = {*TAKEN.values(), "icons.svg"} - {path.name for path in ASSETS.iterdir()}
    if missing:
        sys.exit(f"web assets: the wheels do not carry {', '.join(sorted(missing))}")
    for path in [path for path in ASSETS.iterdir() if path.suffix in _PRESSED]:
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    mark.write_text(stamp, "utf-8")


def take_axe() -> None:
    """Take the accessibility checker that the browser tests load."""
    if AXE.exists():
        return
    AXE.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        (wheel,) = fetch(Path(folder), ("axe-playwright-python",))
        with zipfile.ZipFile(wheel) as archive:
            AXE.write_bytes(archive.read(_AXE))


if __name__ == "__main__":
    take_assets()
    if "--tests" in sys.argv[1:]:
        take_axe()
