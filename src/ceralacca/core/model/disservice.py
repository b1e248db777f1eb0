"""The register of disservices: what went wrong with the service or was announced beforehand, and how it was classed.

Every entry is something that a person said; what probes measured is `core.availability`. Kinds are those of record
P02 (AgID's guidelines of 2019), codes those of Table A of circular 51/2006.

Clauses: SL-7.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ceralacca.base.errors import UserError
from ceralacca.core.availability import PlannedWork


class DisserviceKind(StrEnum):
    """`TipoDisservizio` of P02."""

    PLANNED = "01"
    INCIDENT = "02"
    MALFUNCTION = "03"


class IncidentCode(StrEnum):
    """How grave it is (circular 51/2006, Table A)."""

    ANOMALOUS_AT_LARGE = "1"
    """Anomalous behaviour, not circumscribed."""
    ANOMALOUS_CIRCUMSCRIBED = "2"
    BLOCKING = "3"
    SERIOUS = "4"
    MALFUNCTION = "5"


class FoundBy(StrEnum):
    """Who found it (Table A)."""

    PROVIDER = "A"
    THIRD_PARTY = "B"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disservice:
    """One entry. Raises UserError for times that cannot be."""

    number: int = 0
    """Given by the register; 0 before that."""
    kind: DisserviceKind
    begins: datetime
    ends: datetime | None = None
    """None while it lasts."""
    recorded: datetime
    """When it was entered."""
    code: IncidentCode | None = None
    """None for planned work."""
    found_by: FoundBy = FoundBy.PROVIDER
    what: str
    """In a few words, without an address of a holder."""
    remedy: str = ""
    """What was done, when it is closed."""
    closed: datetime | None = None
    """When that was entered."""

    def __post_init__(self) -> None:
        if self.ends is not None and self.ends <= self.begins:
            raise UserError("it ends before it begins", remedy="look at the times, and at their offset from UTC")
        if (self.kind is DisserviceKind.PLANNED) == (self.code is not None):
            raise UserError("planned work has no code, anything else has one", remedy="see pec incident add --help")
        if self.kind is DisserviceKind.PLANNED and self.ends is None:
            raise UserError("planned work has an end", remedy="say when it ends with --ends")
        if not self.what.strip():
            raise UserError("nothing says what it was", remedy="describe it in a few words")

    @property
    def announced(self) -> PlannedWork | None:
        """Return it as announced work; None when it is none, or was entered only after it had begun."""
        if self.kind is not DisserviceKind.PLANNED or self.ends is None or self.recorded > self.begins:
            return None
        return PlannedWork(begins=self.begins, ends=self.ends, what=self.what)

    def overlaps(self, begins: datetime, ends: datetime) -> bool:
        """Tell whether it was in some part of a stretch of time."""
        return self.begins < ends and (self.ends is None or self.ends > begins)
