"""A PEC provider as one may be put together on Postfix: a content filter that forks `openssl cms` (the peer of B1b).

For each message three seals and one verification, each a process of its own: acceptance for the sender,
envelope for the recipient, verified as an incoming point must, delivery receipt with the original for the sender.
The three go back into Postfix, which lays them into Maildirs. No certification data, log, timers, TLS or virus
scan: less than what is owed. The filter itself is a small asyncio server with threads, so that what is measured is
Postfix and openssl.

    python bench/_filter.py FOLDER REINJECTION-PORT THREADS      prints its port
"""

import asyncio
import smtplib
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from _live import HOST

_END = b"\r\n.\r\n"
_LOCAL = threading.local()


class Filter(asyncio.Protocol):
    """Takes a message, and answers when its three are back in Postfix."""

    def __init__(self, threads: ThreadPoolExecutor, folder: Path, back: int) -> None:
        self.threads, self.folder, self.back = threads, folder, back
        self.kept, self.in_data, self.sender, self.to = b"", False, "", ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(b"220 filter ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        """Answer every command and every message."""
        self.kept += data
        while (end := self.kept.find(_END if self.in_data else b"\r\n")) >= 0:
            line, self.kept = self.kept[:end], self.kept[end + (len(_END) if self.in_data else 2) :]
            if self.in_data:
                self.in_data = False
                work = (self.folder, self.back, self.sender, self.to, line + b"\r\n")
                job = asyncio.get_running_loop().run_in_executor(self.threads, transact, *work)
                job.add_done_callback(self.answer)
                continue
            verb = line[:4].upper()
            if verb == b"MAIL":
                self.sender = line.partition(b"<")[2].partition(b">")[0].decode()
            elif verb == b"RCPT":
                self.to = line.partition(b"<")[2].partition(b">")[0].decode()
            self.in_data = verb == b"DATA"
            self.transport.write(b"354 go on\r\n" if self.in_data else b"250 ok\r\n")

    def answer(self, done: "asyncio.Future[None]") -> None:
        """Say whether the three are back."""
        if (error := done.exception()) is not None:
            print(f"filter: {error}", file=sys.stderr)
        self.transport.write(b"451 4.3.0 later\r\n" if error else b"250 2.0.0 ok\r\n")


def transact(folder: Path, back: int, sender: str, to: str, original: bytes) -> None:
    """Seal, verify, seal, and put back."""
    text = b"Content-Type: text/plain\r\n\r\nIl giorno 05/11/2026 il messaggio e' stato accettato.\r\n"
    acceptance = sealed(folder, "ACCETTAZIONE", sender, text)
    envelope = sealed(folder, "POSTA CERTIFICATA", to, with_original(text, original))
    verified(folder, envelope)
    receipt = sealed(folder, "CONSEGNA", sender, with_original(text, original))
    if not hasattr(_LOCAL, "smtp"):
        _LOCAL.smtp = smtplib.SMTP(HOST, back)
    for recipient, octets in ((sender, acceptance), (to, envelope), (sender, receipt)):
        _LOCAL.smtp.sendmail("posta-certificata@peer.example", [recipient], octets)


def with_original(text: bytes, original: bytes) -> bytes:
    """Return a multipart of a text and the message."""
    return (
        b'Content-Type: multipart/mixed; boundary="P"\r\n\r\n--P\r\n' + text
        + b"--P\r\nContent-Type: message/rfc822\r\n\r\n" + original + b"\r\n--P--\r\n"
    )  # fmt: skip


def sealed(folder: Path, subject: str, to: str, entity: bytes) -> bytes:
    """Return what `openssl cms -sign` makes of it."""
    return openssl(
        "cms", "-sign", "-md", "sha256", "-signer", f"{folder}/certificate.pem", "-inkey", f"{folder}/key.pem",
        "-from", "posta-certificata@peer.example", "-to", to, "-subject", subject, entity=entity,
    )  # fmt: skip


def verified(folder: Path, octets: bytes) -> None:
    """Let `openssl cms -verify` judge it."""
    openssl("cms", "-verify", "-CAfile", f"{folder}/authority.pem", "-out", "/dev/null", entity=octets)


def openssl(*words: str, entity: bytes) -> bytes:
    """Fork openssl."""
    done = subprocess.run(["/usr/bin/openssl", *words], input=entity, capture_output=True, check=False)
    if done.returncode != 0:
        raise ValueError(done.stderr.decode()[-300:])
    return done.stdout


async def serve(folder: Path, back: int, threads: int) -> None:
    """Be the filter."""
    with ThreadPoolExecutor(threads) as pool:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Filter(pool, folder, back), HOST, 0, backlog=256)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
