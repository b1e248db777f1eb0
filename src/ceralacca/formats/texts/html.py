"""The HTML alternative of the readable text: the same words from the same templates (GE-12, GE-13).

No reference to anything inside or outside the message, no script, no style: headings, paragraphs
and lists only. Values are escaped and stand in `bdi`, so that a right-to-left subject cannot
reorder the words around it. The result is US-ASCII (other characters are numeric references), so
that it reads the same whatever charset a mail client believes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from html import escape
from itertools import groupby

from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import CertificationData
from ceralacca.core.model.notification import MessageRow, ReceiptKind
from ceralacca.formats.texts.templates import ANOMALY, template_of
from ceralacca.formats.texts.values import Values, anomaly_values, certified_values


def html_text(row: MessageRow, facts: CertificationData, *, receipt: ReceiptKind | None = None) -> str:
    """Write the HTML twin of `plain_text`: same arguments, same information, same errors."""
    template = template_of(row, facts)
    return _document(template, certified_values(template, facts, receipt))


def anomaly_html(
    *, instant: datetime, subject: str | None, sender: str, recipients: Iterable[Address], error: str
) -> str:
    """Write the HTML twin of `anomaly_text`."""
    values = anomaly_values(instant=instant, subject=subject, sender=sender, recipients=recipients, error=error)
    return _document(ANOMALY, values)


def _document(template: str, values: Values) -> str:
    title, *lines = template.split("\n")
    single = {name: _value(value) for name, value in values.single.items()}
    heading = _words(title, {name: escape(value) for name, value in values.single.items()})
    body = "".join(_blocks(lines, single, values.lists))
    document = (
        "<!DOCTYPE html>\n"
        '<html lang="it">\n'
        f"<head><title>{heading}</title></head>\n"
        f"<body>\n<h1>{heading}</h1>\n{body}</body>\n"
        "</html>\n"
    )
    return document.encode("ascii", "xmlcharrefreplace").decode("ascii")


def _blocks(lines: list[str], single: Mapping[str, str], lists: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield one list for each line that is a list, and one paragraph for each run of other lines."""
    for name, run in groupby(lines, key=lambda line: line.strip("{}") if line.strip("{}") in lists else ""):
        if name:
            items = "".join(f"<li>{_value(item)}</li>\n" for item in lists[name])
            yield f"<ul>\n{items}</ul>\n"
        else:
            text = "\n".join(_words(line, single) for line in run)
            yield f"<p>{text}</p>\n"


def _words(line: str, values: Mapping[str, str]) -> str:
    return escape(line, quote=False).format_map(values)


def _value(value: str) -> str:
    return f"<bdi>{escape(value)}</bdi>".replace("\n", "<br>\n")
