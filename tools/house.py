"""House rules that no general tool knows; each is a function with a test in tests/unit/tools/test_house.py.

python tools/house.py        print what breaks a rule, file and line; exit status 1 when anything does
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LONGEST_MODULE = 500

# Written so that this file does not break its own rule.
_FORBIDDEN = {
    "a path of somebody's machine": re.compile(r"(?<![\w.])/(?:wor[k]|hom[e]|roo[t])/"),
    "a host name of a package registry": re.compile(r"pyp[i]\.org|pythonh[o]sted|registry\.npm[j]s|deb\.debi[a]n"),
    "a private key": re.compile(r"BEGIN (?:RSA |EC |ENCRYPTED )?PRIVATE [K]EY-----\n[A-Za-z0-9+/=]{40}"),
    "a claim that only a supervisor can make": re.compile(
        r"(?i)\b(?:qualifi[e]d|accredit[e]d) (?:provider|software|trust)"
    ),
}
_POSSESSIVE_GROUP = re.compile(r"(?<!\\)\)[?*+]\+")
_ADDRESS = re.compile(rb"[\w.+-]+@(?:[\w-]+\.)+([a-z]{2,})\b", re.IGNORECASE)
_INVENTED = {b"example", b"test", b"invalid", b"localhost"}


def forbidden_words(path: Path, text: str) -> Iterator[str]:
    """Find what must not stand in the repository: machine paths, registry hosts, keys, claims."""
    for what, pattern in _FORBIDDEN.items():
        for match in pattern.finditer(text):
            yield f"{path}:{text.count(chr(10), 0, match.start()) + 1}: {what}"


def long_modules(path: Path, text: str) -> Iterator[str]:
    """Find a module past 500 lines: it holds a second subject."""
    if path.suffix == ".py" and path.parts[0] == "src" and text.count("\n") > LONGEST_MODULE:
        yield f"{path}:1: {text.count(chr(10))} lines; look for the second subject"


def possessive_groups(path: Path, text: str) -> Iterator[str]:
    """Find a possessive group in an expression: Python before 3.11.5 gets it wrong (python/cpython#106052)."""
    if path.suffix == ".py" and path.parts[0] == "src":
        for match in _POSSESSIVE_GROUP.finditer(text):
            yield f"{path}:{text.count(chr(10), 0, match.start()) + 1}: a possessive group; let its runs be possessive"


def real_addresses(path: Path, text: str) -> Iterator[str]:
    """Find a mail address in test data outside .example and .test: test data name nobody."""
    if path.parts[0] == "tests" and path.suffix in {".eml", ".xml", ".ldif"}:
        whole_lines = text.replace("=\r\n", "").replace("=\n", "")  # quoted-printable breaks lines anywhere
        for match in _ADDRESS.finditer(whole_lines.encode("utf-8", "replace")):
            if match[1].lower() not in _INVENTED:
                yield f"{path}: the address of a real domain ends in .{match[1].decode()}"


RULES = (forbidden_words, long_modules, possessive_groups, real_addresses)


def tracked_files() -> Iterator[Path]:
    """Yield the files of the repository, relative to its root."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in listed.decode().split("\0"):
        if name and (ROOT / name).is_file():
            yield Path(name)


def main() -> int:
    """Run every rule over every file."""
    found = []
    for path in tracked_files():
        try:
            text = (ROOT / path).read_text("utf-8")
        except UnicodeDecodeError:
            continue
        found += [line for rule in RULES for line in rule(path, text)]
    print("\n".join(found), file=sys.stderr) if found else None
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
