"""A sent message and what became of it, as pages to print: a courtesy, and the first line says that it is no proof.

For who must show somebody what happened and has no use for a ZIP. Everything in it stands in the proof as well.

Clauses: 1.3, TI-3; users.md 1 (a print is no proof).
"""

from typing import Final

from starlette.responses import Response

from ceralacca.apps.cli.render import written
from ceralacca.apps.pdf_fonts import find_fonts
from ceralacca.apps.web.message_pages import download
from ceralacca.apps.web.receipts import as_receipts_say, receipts_of
from ceralacca.apps.web.sent_pages import transaction_of
from ceralacca.apps.web.visit import Visit
from ceralacca.formats.pdf_page import Cover, PdfPages
from ceralacca.formats.proof_archive import file_name


def show(visit: Visit) -> Response:
    """Give the PDF."""
    t, now = visit.words, visit.parts.clock.now()
    transaction = transaction_of(visit, visit.query("id"))
    receipts = receipts_of(visit, transaction)
    transaction = as_receipts_say(transaction, receipts)
    original = transaction.sent.original
    pages = PdfPages(
        Cover(
            title=original.subject or t("folder", "no_subject"),
            language=t.language,
            author=visit.parts.provider,
            instant=now,
            foot=t("courtesy", "foot", provider=visit.parts.provider, instant=written(now)),
            page_word=t.find("courtesy", "page"),
            fonts=find_fonts(),
        )
    )
    pages.title(original.subject or t("folder", "no_subject"), t("courtesy", "title"))
    pages.paragraph(t("courtesy", "no_proof"), bold=True)
    pages.facts(
        (
            (t("message", "from"), original.sender.text),
            (t("sent", "accepted_at"), written(transaction.sent.accepted)),
            (t("sent", "identifier"), original.identifier),
        )
    )
    pages.heading(t("sent", "recipients"))
    pages.table(
        (t("sent", "recipient"), t("sent", "state"), t("sent", "since")),
        [
            (one.address.text, t("state", one.state) + (f": {one.detail}" if one.detail else ""), written(one.since))
            for one in transaction.recipients
        ],
        widths=(40, 34, 26),
    )
    pages.heading(t("sent", "receipts", count=len(receipts)))
    pages.table(
        (t("courtesy", "receipt"), t("sent", "recipient"), t("trust", "sealed_by"), t("trust", "when")),
        [
            (
                t("row", str(one.judged.row.facts.number)) if one.judged.row else "",
                ", ".join(one.judged.concerned),
                f"{one.judged.provider}: {visit.law('verdict', one.judged.verdict)}",
                written(one.instant),
            )
            for one in receipts
        ],
        widths=(24, 28, 26, 22),
    )
    name = f"{file_name(original.subject or original.identifier)[:60]}.pdf"
    return download(pages.octets(), name, "application/pdf")


ENDPOINTS: Final = (("/sent/pages", show, "GET"),)
