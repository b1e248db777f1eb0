"""The readable text of every generated message, as plain text (section 4, GE-12).

Lines are parted by LF and the text ends with one; `formats.mime.compose` encodes it. No line is
wrapped, however long a subject is (AM-31).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from operator import itemgetter

from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import CertificationData
from ceralacca.core.model.notification import MessageRow, ReceiptKind
from ceralacca.formats.texts.templates import ANOMALY, template_of
from ceralacca.formats.texts.values import Values, anomaly_values, certified_values

_PLACE = re.compile(r"\{(\w+)\}")


def plain_text(row: MessageRow, facts: CertificationData, *, receipt: ReceiptKind | None = None) -> str:
    """Write the text of any row but 7.

    `receipt` is the kind of delivery receipt that is issued, where it differs from the one
    requested (AM-4); only row 10 looks at it. Which text of row 5 is written follows the code in
    `errore-esteso` (TN-2). Raises OurError when the data are not of the row's kind.
    """
    template = template_of(row, facts)
    return _fill(template, certified_values(template, facts, receipt))


def anomaly_text(
    *, instant: datetime, subject: str | None, sender: str, recipients: Iterable[Address], error: str
) -> str:
    """Write the text of row 7 (4.7): no identifier, nothing certified.

    `sender` is the reverse path or, when that is null, the From address (BA-4); `error` is the
    short description of why the message is not a certified one.
    """
    values = anomaly_values(instant=instant, subject=subject, sender=sender, recipients=recipients, error=error)
    return _fill(ANOMALY, values)


def _fill(template: str, values: Values) -> str:
    lists = {name: "".join([f"{item}\n" for item in items]) for name, items in values.lists.items()}
    words, pick = _prepared(template, tuple(lists))
    return words % pick({**values.single, **lists})


@lru_cache(maxsize=64)
def _prepared(template: str, lists: tuple[str, ...]) -> tuple[str, Callable[[Mapping[str, str]], tuple[str, ...]]]:
    """Return the words with a place for each value, and what picks the values in that order.

    Every line has its end but those of lists, whose items bring theirs.
    """
    lines = [line if line.strip("{}") in lists else f"{line}\n" for line in template.split("\n")]
    words, *rest = _PLACE.split("".join(lines).replace("%", "%%"))
    return words + "".join(f"%s{after}" for after in rest[1::2]), itemgetter(*rest[::2])
