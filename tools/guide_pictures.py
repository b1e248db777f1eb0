"""Takes the pictures of the holder's guide: plays it in a browser against a demonstration, in both languages.

python tools/guide_pictures.py [PORT_BASE]     rewrite docs/images/guide; look at the pictures before you commit

Each step of `STEPS` is one paragraph of the guide and one picture. `tests/integration/web/test_guide.py` plays the same
steps, so that the guide says what the pages do. Needs Debian's chromium, Dovecot and clamd.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from PIL import Image

from ceralacca.apps import diagnostics
from ceralacca.apps.demo.cast import ALFA, ANNA, BETA, CARLA, MARIO
from ceralacca.apps.demo.nation import set_up
from ceralacca.apps.demo.ports import DEFAULT_BASE, Ports
from ceralacca.apps.demo.running import RunningNation
from ceralacca.apps.settings.sections import LogSection
from ceralacca.core.model.address import Address

ROOT: Final = Path(__file__).resolve().parent.parent
PICTURES: Final = ROOT / "docs" / "images" / "guide"
LOCALES: Final = {"it": "it-IT", "en": "en-GB"}
SENDERS: Final = {"it": MARIO, "en": CARLA}
"""Each language has a mailbox in which nothing else was sent."""
_WIDTH, _HEIGHT = 1000, 560
_COLOURS: Final = 48
_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "it": {
        "subject": "Disdetta del contratto n. 42",
        "text": "Buongiorno,\n\ncon la presente disdico il contratto n. 42 dal 1° gennaio.\n"
        "La lettera firmata è allegata.\n\n{sender}",
        "file": "disdetta.pdf",
    },
    "en": {
        "subject": "Termination of contract no. 42",
        "text": "Good morning,\n\nI hereby terminate contract no. 42 as of 1 January.\n"
        "The signed letter is attached.\n\n{sender}",
        "file": "termination.pdf",
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A browser's window of one holder."""

    sender: Address

    page: Any
    base: str
    words: Mapping[str, str]

    def go(self, path: str) -> None:
        """Open one of the pages."""
        self.page.goto(self.base + path)


def _name(sender: Address) -> str:
    """Return the name that an invented address stands for."""
    return sender.text.partition("@")[0].replace(".", " ").title()


def _sign_in(window: Window) -> None:
    window.go("/sign-in")
    window.page.fill("#address", window.sender.text)


def _write(window: Window) -> None:
    page, words = window.page, window.words
    window.go("/write")
    page.fill("#to", ANNA.text)
    page.fill("#subject", words["subject"])
    page.fill("#text", words["text"].format(sender=_name(window.sender)))
    letter = {"name": words["file"], "mimeType": "application/pdf", "buffer": b"%PDF-1.4\n" + bytes(40_000)}
    page.set_input_files("#new_file", files=[letter])
    page.wait_for_selector("#recipients .known-pec")
    page.wait_for_selector("#draft-state input[name=file]")


def _sent(window: Window) -> None:
    page = window.page
    page.click("button[value=send]")
    page.wait_for_url("**/sent**")
    page.wait_for_selector(f".transactions > li:has-text('{window.words['subject']}') [data-state=delivered]")


def _proof(window: Window) -> None:
    page = window.page
    page.click(f".transaction-head a >> text={window.words['subject']} >> nth=0")
    page.wait_for_selector(".receipts li >> nth=1")
    page.wait_for_selector("a[href^='/sent/proof']")


def _receipt(window: Window) -> None:
    page = window.page
    page.click(".receipts li:last-child a >> nth=0")
    page.wait_for_selector("#trust.trust-good")


def _received(window: Window) -> None:
    page = window.page
    window.go("/mail")
    page.click(f".messages a >> text={window.words['subject']} >> nth=0")
    page.wait_for_selector("#trust.trust-good")


def _safety(window: Window) -> None:
    window.go("/safety")
    window.page.wait_for_selector("#label")


def _set_up(window: Window) -> None:
    window.go("/setup")
    window.page.wait_for_selector(".code img")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One picture of the guide."""

    name: str
    act: Callable[[Window], None]
    who: str = "sender"
    """Whose window: `sender`, `recipient`, or `nobody` before sign-in."""
    tallest: int = 1100
    """Most pixels of the page that are shown."""


STEPS: Final = (
    Step(name="1-sign-in", act=_sign_in, who="nobody"),
    Step(name="2-write", act=_write, tallest=1700),
    Step(name="3-sent", act=_sent),
    Step(name="4-proof", act=_proof),
    Step(name="5-receipt", act=_receipt),
    Step(name="6-received", act=_received, who="recipient"),
    Step(name="7-safety", act=_safety),
    Step(name="8-set-up", act=_set_up),
)


def play(browser: Any, running: RunningNation, language: str) -> Iterator[tuple[str, bytes]]:
    """Play the guide in one language; yield the name of each picture with its PNG."""
    windows: dict[str, Window] = {}
    for step in STEPS:
        if step.who not in windows:
            windows[step.who] = _open(browser, running, language, step.who)
        window = windows[step.who]
        step.act(window)
        page = window.page
        page.evaluate("document.activeElement && document.activeElement.blur()")
        height = min(step.tallest, max(_HEIGHT, page.evaluate("document.documentElement.scrollHeight")))
        clip = {"x": 0, "y": 0, "width": _WIDTH, "height": height}
        yield step.name, _reduced(page.screenshot(full_page=True, clip=clip, animations="disabled"))
    for window in windows.values():
        window.page.context.close()


def _open(browser: Any, running: RunningNation, language: str, who: str) -> Window:
    provider, sender = BETA if who == "recipient" else ALFA, SENDERS[language]
    port = running.nation.ports.provider(provider.key).web
    context = browser.new_context(
        ignore_https_errors=True, locale=LOCALES[language], viewport={"width": _WIDTH, "height": _HEIGHT}
    )
    context.set_default_timeout(60_000)
    window = Window(page=context.new_page(), base=f"https://localhost:{port}", words=_WORDS[language], sender=sender)
    if who != "nobody":
        holder = ANNA if who == "recipient" else sender
        window.go("/sign-in")
        window.page.fill("#address", holder.text)
        window.page.fill("#password", running.nation.passwords[holder])
        window.page.press("#password", "Enter")
        window.page.wait_for_url("**/mail")
    return window


def _reduced(png: bytes) -> bytes:
    """Make a picture small: few colours are enough for a page."""
    octets = BytesIO()
    with Image.open(BytesIO(png)) as picture:
        picture.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE).save(octets, "PNG", optimize=True)
    return octets.getvalue()


def main() -> int:
    """Take every picture anew."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 tests that only read `STEPS` need no browser

    base = int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_BASE
    with tempfile.TemporaryDirectory(prefix="pec-guide-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        diagnostics.configure(LogSection(file=folder / "guide.log", stderr=False), role="guide")
        with RunningNation(set_up(folder / "nation", Ports(base=base))) as running, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            for language in LOCALES:
                (PICTURES / language).mkdir(parents=True, exist_ok=True)
                for step, png in play(browser, running, language):
                    (PICTURES / language / f"{step}.png").write_bytes(png)
                    print(f"{language}/{step}.png", len(png))
            browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
