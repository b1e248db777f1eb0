"""Take out of a PEC message what it carries, under safe names (`pec verify --extract`).

One folder a message: `daticert.xml`, `postacert.eml` and the attachments of the original, each
written exactly as it was, none overwritten, no name of a message used as a path.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from ceralacca.apps.cli.safe_names import safe_name, unused_name
from ceralacca.base.errors import UnreadableMessage, UserError
from ceralacca.formats.message_summary import summarise_original
from ceralacca.formats.mime.transfer import decode_transfer
from ceralacca.formats.received import Received, read_received
from ceralacca.formats.splice import Octets
from ceralacca.services.messages_inside import claims_to_be_pec

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
        if not claims_to_be_pec(received):
            return None
        folder = self._folder / self._folder_name(name)
        taken: set[str] = set()
        for suggested, content in _contents(received):
            _write(folder / unused_name(safe_name(suggested, fallback="attachment.bin"), taken), content())
        return folder if taken else None

    def _folder_name(self, name: str) -> str:
        stem = safe_name(Path(name).name.replace("#", "-"), fallback="message")
        return unused_name(stem.removesuffix(".eml") or "message", self._folders)


def _contents(received: Received) -> Iterator[tuple[str | None, Callable[[], Octets]]]:
    """Yield what a message carries under the names that it gives, each decoded when it is asked for."""
    part = received.certification_part.entity
    if part is not None:
        yield CERTIFICATION_NAME, lambda: decode_transfer(part.body(received.data), part.encoding)
    original = received.original
    if original is not None:
        yield ORIGINAL_NAME, lambda: original
        summary = summarise_original(received)
        for one in summary.attachments if summary else ():
            yield one.name or _unnamed(one.media_type), one.content


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
