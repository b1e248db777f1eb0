"""Whether the octets of a message may be two different messages to two programs.

A scanner, a mail client and a provider that read the same octets differently would each certify something else, so
that such a message is not accepted for certified mail (AP-5). Reading stays tolerant: what was received is looked at
all the same.

Clauses: AP-5, SE-7.
"""

from ceralacca.formats.mime.defects import AMBIGUOUS, Defect
from ceralacca.formats.mime.entity import Entity
from ceralacca.formats.mime.lines import line_defects
from ceralacca.formats.mime.transfer import transfer_defect
from ceralacca.formats.splice import Octets

_CANONICAL = frozenset({Defect.NUL, Defect.BARE_CR, Defect.BARE_LF, Defect.LONG_LINE})


def ambiguities(entity: Entity, data: Octets) -> tuple[Defect, ...]:
    """Return the defects of `AMBIGUOUS` that the message has: in headers, structure, lines and encoded bodies.

    `data` must be what was looked at. Octets above 127 count in headers only: in a body they are for AP-15.
    """
    found = [defect for defect in entity.all_defects() if defect in AMBIGUOUS]
    found.extend(defect for defect in line_defects(entity.octets(data)) if defect in _CANONICAL)
    for one in entity.walk():
        if not one.children:
            defect = transfer_defect(one.body(data), one.encoding)
            if defect in AMBIGUOUS:
                found.append(defect)
    return tuple(dict.fromkeys(found))
