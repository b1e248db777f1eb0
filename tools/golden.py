"""Rewrite the golden files and print what changed: a reviewer reads it against section 4 before it is committed.

python tools/golden.py           write tests/golden/drafts and tests/golden/sealed, print a unified diff
python tools/golden.py --check   write nothing; exit status 1 when a file would change

The messages are those of `ceralacca.testing.scenario` with fixed instant, counting entropy and test
keys: in `drafts` without their seal and with the certification data decoded beside each, since a
reader cannot review base64; in `sealed` as they would go out.
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
from ceralacca.testing.sealed_scenario import all_sealed

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "golden"
PARTS = ("drafts", "sealed")

_CERTIFICATION = re.compile(
    rb'filename="daticert.xml"\r\nContent-Transfer-Encoding: base64\r\n\r\n([A-Za-z0-9+/=\r\n]+?)\r\n--'
)


def golden_files() -> dict[str, bytes]:
    """Return every golden file: path below tests/golden to octets."""
    drafts = all_drafts()
    files = {"drafts/routing.txt": "".join(_routing(drafts)).encode("ascii")}
    for name, draft in drafts.items():
        octets = message(draft)
        files[f"drafts/{name}.eml"] = octets
        certification = _CERTIFICATION.search(octets)
        if certification:
            files[f"drafts/{name}.daticert.xml"] = a2b_base64(certification[1])
    files |= {f"sealed/{name}.eml": bytes(sealed.octets) for name, sealed in all_sealed().items()}
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


def on_disk() -> dict[str, bytes]:
    """Return the golden files as they are."""
    paths = (path for part in PARTS for path in (FOLDER / part).glob("*") if path.is_file())
    return {str(path.relative_to(FOLDER)): path.read_bytes() for path in paths}


def changes(before: dict[str, bytes], after: dict[str, bytes]) -> Iterator[str]:
    """Yield the lines of a unified diff."""
    for name in sorted(before.keys() | after.keys()):
        old, new = (
            files.get(name, b"").decode("latin-1").replace("\r\n", "\n").splitlines() for files in (before, after)
        )
        yield from difflib.unified_diff(old, new, f"before/{name}", f"after/{name}", lineterm="")
        if old == new and before.get(name) != after.get(name):
            yield f"{name}: line ends differ"


def write(files: dict[str, bytes]) -> None:
    """Make the folders hold these files and no others."""
    for name in on_disk().keys() - files.keys():
        (FOLDER / name).unlink()
    for name, octets in files.items():
        (FOLDER / name).parent.mkdir(parents=True, exist_ok=True)
        (FOLDER / name).write_bytes(octets)


def main(arguments: list[str]) -> int:
    """Show the difference, and write it unless only asked to check."""
    files = golden_files()
    lines = list(changes(on_disk(), files))
    print("\n".join(lines) if lines else "Golden files are as they were.")
    if "--check" in arguments:
        return 1 if lines else 0
    write(files)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
