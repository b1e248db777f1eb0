"""Rewrite the golden files and print what changed: a reviewer reads it against section 4 before it is committed.

python tools/golden.py           write tests/golden/drafts, print a unified diff
python tools/golden.py --check   write nothing; exit status 1 when a file would change

Golden drafts are the unsigned messages of `ceralacca.testing.scenario` with fixed instant and
counting entropy. The certification data are shown decoded beside each, since a reader cannot review base64.
"""

import difflib
import re
import sys
from binascii import a2b_base64
from collections.abc import Iterator
from pathlib import Path

from ceralacca.core.model.address import Address
from ceralacca.formats.draft import Draft
from ceralacca.testing.scenario import all_drafts

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "golden" / "drafts"

_CERTIFICATION = re.compile(
    rb'filename="daticert.xml"\r\nContent-Transfer-Encoding: base64\r\n\r\n([A-Za-z0-9+/=\r\n]+?)\r\n--'
)


def golden_files() -> dict[str, bytes]:
    """Return every golden file of drafts: name to octets."""
    drafts = all_drafts()
    files = {"routing.txt": "".join(_routing(drafts)).encode("ascii")}
    for name, draft in drafts.items():
        octets = message(draft)
        files[f"{name}.eml"] = octets
        certification = _CERTIFICATION.search(octets)
        if certification:
            files[f"{name}.daticert.xml"] = a2b_base64(certification[1])
    return files


def message(draft: Draft) -> bytes:
    """Return the draft as the message it would be without its seal."""
    return bytes(draft.header) + b"MIME-Version: 1.0\r\n" + bytes(draft.entity)


def _routing(drafts: dict[str, Draft]) -> Iterator[str]:
    """Write the SMTP paths of each draft (table of 1.1)."""
    for name, draft in drafts.items():
        forward = " ".join(f"RCPT TO:{_path(address)}" for address in draft.forward_paths)
        yield f"{name}: MAIL FROM:{_path(draft.reverse_path)} {forward}\n"


def _path(address: Address | None) -> str:
    return f"<{address or ''}>"


def changes(files: dict[str, bytes]) -> Iterator[str]:
    """Yield the lines of a unified diff from the files on disk to these."""
    on_disk = {path.name: path.read_bytes() for path in FOLDER.glob("*") if path.is_file()}
    for name in sorted(on_disk.keys() | files.keys()):
        before, after = (
            source.get(name, b"").decode("latin-1").replace("\r\n", "\n").splitlines() for source in (on_disk, files)
        )
        yield from difflib.unified_diff(before, after, f"before/{name}", f"after/{name}", lineterm="")
        if before == after and on_disk.get(name) != files.get(name):
            yield f"{name}: line ends differ"


def write(files: dict[str, bytes]) -> None:
    """Make the folder hold these files and no others."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in FOLDER.glob("*"):
        if path.name not in files:
            path.unlink()
    for name, octets in files.items():
        (FOLDER / name).write_bytes(octets)


def main(arguments: list[str]) -> int:
    """Show the difference, and write it unless only asked to check."""
    files = golden_files()
    lines = list(changes(files))
    print("\n".join(lines) if lines else "Golden files are as they were.")
    if "--check" in arguments:
        return 1 if lines else 0
    write(files)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
