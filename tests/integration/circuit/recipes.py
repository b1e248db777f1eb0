"""What `docs/clients.md` says of a mail program, put to use: its files written into a home, its commands run there."""

import os
import pwd
import re
import subprocess
from functools import reduce
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "clients.md"
_SECTION = re.compile(r"^## ", re.MULTILINE)
_FILE = re.compile(r"^```\w+ file=~/(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMANDS = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Recipe:
    """The files and commands of one section, as they stand on the page."""

    def __init__(self, program):
        sections = {one.partition("\n")[0]: one for one in _SECTION.split(PAGE.read_text("utf-8"))[1:]}
        self.files = dict(_FILE.findall(sections[program]))
        blocks = _COMMANDS.findall(sections[program])
        self.commands = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]


class Desk:
    """A holder's home folder, with the values of a running nation in place of those of the page."""

    def __init__(self, home, running, address, password=None):
        nation = running.nation
        provider = next(one for one in nation.running if address.domain in one.all_domains)
        ports = nation.ports.provider(provider.key)
        self.home, self.address = home, address
        self.password = password or nation.passwords[address]
        self._values = {
            "mail.gestore.example": "localhost",
            "/etc/ssl/certs/ca-certificates.crt": str(home / "authority.pem"),
            "mario.rossi%40pec.alfa.example": address.text.replace("@", "%40"),
            "mario.rossi@pec.alfa.example": address.text,
            "la-password-per-app": self.password,
        }
        self._ports = {"993": ports.imap, "995": ports.pop3, "465": ports.submissions, "587": ports.starttls}
        if os.geteuid() == 0:
            os.chown(home, *_nobody())
        self.write(".pec-password", self.password + "\n")
        self.trust(nation.trusted)

    def own(self, text):
        """Put this nation's values into a text of the page."""
        text = re.sub(r"\b(993|995|465|587)\b", lambda found: str(self._ports[found[0]]), text)
        for ours, theirs in self._values.items():
            text = text.replace(ours, theirs)
        return text

    def trust(self, authority):
        """Have the programs believe one authority."""
        self.write("authority.pem", Path(authority).read_bytes())

    def write(self, name, content):
        path = self.home / name
        made = [one for one in (path, *path.parents) if one != self.home and self.home in one.parents]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(0o600)
        if os.geteuid() == 0:
            for one in made:
                os.chown(one, *_nobody())
        return path

    def set_up(self, program, *changes):
        """Write the files of a section and return its commands; `changes` are what the page says in words."""
        recipe = Recipe(program)
        whole = "".join(recipe.files.values())
        assert all(before in whole for before, _ in changes), "the page says something else now"
        for name, text in recipe.files.items():
            changed = reduce(lambda so_far, change: so_far.replace(*change), changes, text)
            self.write(name, self.own(changed))
        return [self.own(command) for command in recipe.commands]

    def environment(self):
        """Return what a program of the desk knows of the world."""
        return {
            "PATH": os.environ["PATH"], "HOME": str(self.home), "TERM": "dumb", "LC_ALL": "C.UTF-8", "USER": "mario",
            "LOGNAME": "mario",
        }  # fmt: skip

    def as_nobody(self):
        """Return whom to run it as: mail programs are not run as root, and some refuse to be."""
        if os.geteuid() != 0:
            return {}
        uid, gid = _nobody()
        return {"user": uid, "group": gid, "extra_groups": []}

    def run(self, command, *, status=0):
        """Run a line of the page in a shell at home, as nobody in particular; None bears any status."""
        done = subprocess.run(
            command, shell=True, cwd=self.home, env=self.environment(), capture_output=True, timeout=180, check=False,
            stdin=subprocess.DEVNULL, **self.as_nobody(),
        )  # fmt: skip
        said = done.stdout.decode("utf-8", "replace") + done.stderr.decode("utf-8", "replace")
        assert status in {None, done.returncode}, f"{command}\n{said[-3000:]}"
        return said

    def messages(self, folder):
        """Return the messages of a Maildir, as octets with CRLF."""
        files = [path for part in ("new", "cur") for path in sorted((self.home / folder / part).glob("*"))]
        return [re.sub(rb"\r?\n", b"\r\n", path.read_bytes()) for path in files]

    def use(self, commands, *, status=0):
        """Run the commands of a section: all but the last only make ready."""
        *before, last = commands
        for command in before:
            self.run(command)
        return self.run(last, status=status)


def _nobody():
    user = pwd.getpwnam("nobody")
    return user.pw_uid, user.pw_gid
