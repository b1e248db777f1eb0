"""Take out of a PEC message what it carries, under safe names (`pec verify --extract`).

One folder a message: `daticert.xml`, `postacert.eml` and the attachments of the original, each
written exactly as it was, none overwritten, no name of a message used as a path.
"""

from pathlib import Path

from ceralacca.apps.cli.safe_names import safe_name, unused_name
from ceralacca.base.errors import UnreadableMessage, UserError
from ceralacca.formats.message_summary import summarise
from ceralacca.formats.mime.transfer import decode_transfer
from ceralacca.formats.received import Received, read_received
from ceralacca.formats.splice import Octets

CERTIFICATION_NAME = "daticert.xml"
ORIGINAL_NAME = "postacert.eml"


class Extractor:
    """Writes below one folder; makes it when it is not there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folders: set[str] = set()

    def extract(self, name: str, data: bytes) -> Path | None:
        """Write what one message carries; returns its folder, or None when it carries nothing.

        Raises UserError when a file exists already or cannot be written.
        """
        try:
            received = read_received(data)
        except UnreadableMessage:
            return None
        files = list(_contents(received))
        if not files:
            return None
        stem = safe_name(Path(name).name.replace("#", "-"), fallback="message")
        folder = self._folder / unused_name(stem.removesuffix(".eml") or "message", self._folders)
        taken: set[str] = set()
        for suggested, content in files:
            _write(folder / unused_name(safe_name(suggested, fallback="attachment.bin"), taken), content)
        return folder


def _contents(received: Received) -> "list[tuple[str | None, Octets]]":
    found: list[tuple[str | None, Octets]] = []
    part = received.certification_part.entity
    if part is not None:
        found.append((CERTIFICATION_NAME, decode_transfer(part.body(received.data), part.encoding)))
    original = received.original
    if original is not None:
        found.append((ORIGINAL_NAME, original))
        summary = summarise(original)
        attachments = summary.attachments if summary else ()
        found += [(one.name or _unnamed(one.media_type), one.content()) for one in attachments]
    return found


def _unnamed(media_type: str) -> str:
    return "messaggio.eml" if media_type == "message/rfc822" else "attachment.bin"


def _write(path: Path, content: Octets) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError as error:
        raise UserError(f"{path}: exists already", remedy="give --extract a new folder") from error
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}", remedy="check that you may write there") from error
