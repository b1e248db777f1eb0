"""`pec send`: submit a message as a holder and show what becomes of it."""

import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ceralacca.apps.cli.provider_options import AsJson, Lang, as_address, words_of, write_json
from ceralacca.apps.cli.words import Words
from ceralacca.base.errors import UserError

if TYPE_CHECKING:
    from ceralacca.apps.mail_client import Account
    from ceralacca.apps.sending import Sent
    from ceralacca.core.model.address import Address

_PASSWORD = "PEC_PASSWORD"  # noqa: S105 the name of a variable
_FAILED = 1


def send_command(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="A message as written (.eml); without it one is made of the options."),
    ] = None,
    *,
    sender: Annotated[str | None, typer.Option("--from", metavar="ADDRESS", help="Your mailbox.")] = None,
    to: Annotated[list[str] | None, typer.Option(metavar="ADDRESS", help="Recipient. Repeatable.")] = None,
    cc: Annotated[list[str] | None, typer.Option(metavar="ADDRESS", help="Recipient of a copy. Repeatable.")] = None,
    subject: Annotated[str, typer.Option(help="Subject.")] = "",
    text: Annotated[str, typer.Option(help="Text; - reads it from standard input.")] = "",
    attach: Annotated[list[Path] | None, typer.Option(metavar="FILE", help="Attachment. Repeatable.")] = None,
    receipt: Annotated[
        str | None, typer.Option(metavar="completa|breve|sintetica", help="Kind of delivery receipt to ask for.")
    ] = None,
    server: Annotated[str, typer.Option(metavar="HOST", help="Your provider's server.")] = "localhost",
    port: Annotated[int, typer.Option(help="Submission, implicit TLS.")] = 465,
    imap_port: Annotated[int, typer.Option(help="IMAP, implicit TLS.")] = 993,
    ca: Annotated[Path | None, typer.Option(metavar="PEM", help="Authority of the server's certificate.")] = None,
    demo: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of a running `pec demo`: server, ports and password come from there."),
    ] = None,
    password_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=f"File whose first line is the password; or the variable {_PASSWORD}."),
    ] = None,
    wait: Annotated[
        float, typer.Option(metavar="SECONDS", help="How long to wait for receipts; 0: not at all.")
    ] = 60.0,
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Send a certified message and show what becomes of it: the acceptance, then the outcome for each recipient.

    For instance: pec send --from mario@pec.alfa.example --to anna@pec.beta.example --subject Prova --text Buongiorno
    --attach atto.pdf --server mail.alfa.example

    Or, to a running demo: pec send message.eml --demo DIR

    The receipts are taken from your mailbox and stay in it. Exit status: 0 delivered to everybody, or only submitted
    with --wait 0; 1 refused, not delivered, or no answer in time; 2 it could not be sent.
    """
    from ceralacca.apps.sending import follow, outcome_known, prepare  # noqa: PLC0415 `pec --help` waits for nobody
    from ceralacca.core.model.notification import ReceiptKind  # noqa: PLC0415

    words = words_of(lang)
    kind = None
    if receipt is not None:
        try:
            kind = ReceiptKind(receipt.lower())
        except ValueError as error:
            raise UserError(f"--receipt {receipt}: no such kind", remedy="give completa, breve or sintetica") from error
    sending = prepare(
        file=file,
        sender=as_address(sender) if sender else None,
        to=_addresses(to),
        cc=_addresses(cc),
        subject=subject,
        text=sys.stdin.read() if text == "-" else text,
        attachments=attach or (),
        receipt=kind,
    )
    account = _account(sending.sender, demo, server, port, imap_port, ca, password_file)
    screen = _Screen(words, quiet=as_json)
    sent = follow(account, sending, wait=wait, tell=screen.message, submitted=screen.submitted)
    if as_json:
        write_json(_values(sent))
    else:
        screen.outcomes(sent, waited=wait > 0)
    raise typer.Exit(0 if wait <= 0 or (outcome_known(sent) and sent.delivered) else _FAILED)


def _addresses(given: list[str] | None) -> tuple[Any, ...]:
    parts = [part.strip() for one in given or () for part in one.split(",")]
    return tuple(as_address(part) for part in parts if part)


def _account(
    sender: "Address",
    demo: Path | None,
    server: str,
    port: int,
    imap_port: int,
    ca: Path | None,
    password_file: Path | None,
) -> "Account":
    """Put together what a mail client is told; the nation of a demo knows it all."""
    from ceralacca.apps.mail_client import Account  # noqa: PLC0415

    if demo is not None:
        from ceralacca.apps.demo.nation import account_in  # noqa: PLC0415

        return account_in(demo, sender)
    return Account(
        address=sender,
        password=_password(sender, password_file),
        host=server,
        submission_port=port,
        imap_port=imap_port,
        ca_file=ca,
    )


def _password(sender: "Address", file: Path | None) -> str:
    if file is not None:
        try:
            return file.read_text("utf-8").split("\n")[0]
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{file}: cannot be read", remedy="name the file that holds the password") from error
    with suppress(KeyError):
        return os.environ[_PASSWORD]
    if not sys.stdin.isatty():
        raise UserError("no password", remedy=f"give --password-file, or set {_PASSWORD}")
    return str(typer.prompt(f"{sender}", hide_input=True, err=True))


class _Screen:
    """Shows what comes, as it comes."""

    def __init__(self, words: Words, *, quiet: bool) -> None:
        from ceralacca.apps.cli.screen import page_for  # noqa: PLC0415

        self._words, self._quiet, self._page = words, quiet, page_for(sys.stdout)
        self._begun = time.monotonic()

    def submitted(self, answer: str) -> None:
        self._line(self._words("send", "submitted", answer=answer))

    def message(self, row: int, detail: str) -> None:
        """Tell one receipt or notice."""
        self._line(self._words("row", str(row)))
        for line in detail.splitlines():
            self._line(f"  {line}")

    def outcomes(self, sent: "Sent", *, waited: bool) -> None:
        """Tell the outcome for each recipient."""
        from ceralacca.apps.cli.page import Run  # noqa: PLC0415
        from ceralacca.apps.cli.safe_names import visible  # noqa: PLC0415

        if not waited:
            return
        if sent.identifier:
            self._page.line(Run(self._words("send", "identifier", identifier=visible(sent.identifier))))
        rows = [
            (Run(visible(address.text)), Run(self._words("outcome", outcome), "bold"))
            for address, outcome in sent.outcomes.items()
        ]
        self._page.grid(rows, indent=2, gap=2)
        if not sent.complete:
            self._page.line(Run(self._words("send", "no_answer"), "yellow"))

    def _line(self, text: str) -> None:
        from ceralacca.apps.cli.page import Run  # noqa: PLC0415
        from ceralacca.apps.cli.safe_names import visible  # noqa: PLC0415

        if not self._quiet:
            self._page.line(Run(f"{time.monotonic() - self._begun:>7.2f} s  "), Run(visible(text)), hang=11)
            sys.stdout.flush()


def _values(sent: "Sent") -> dict[str, Any]:
    return {
        "message_id": sent.message_id,
        "answer": sent.answer,
        "identifier": sent.identifier,
        "complete": sent.complete,
        "recipients": [{"address": str(address), "outcome": str(one)} for address, one in sent.outcomes.items()],
        "messages": [{"row": row, "detail": detail} for row, detail in sent.messages],
    }
