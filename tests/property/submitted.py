"""What holders submit in the random plays of paper circuit and live services."""

from ceralacca.core.model.notification import MessageRow
from ceralacca.testing.paper_cast import (
    ANNA,
    BRUNO,
    CARLA,
    MARIO,
    NOBODY,
    ORDINARY_RECIPIENT,
    VIRUS_MARK,
    submission,
)

INFECTED = f"\r\n{VIRUS_MARK.decode()}\r\n"
SUBMISSIONS = (
    submission(to=[ANNA], cc=[BRUNO]),
    submission(to=[BRUNO, CARLA], cc=[ORDINARY_RECIPIENT]),
    submission(to=[ANNA, NOBODY]),
    submission(to=[ANNA, BRUNO], body=INFECTED),
    submission(sender=ANNA, to=[MARIO]),
    submission(sender=ANNA, to=[MARIO], body=INFECTED),
    submission(to=[ANNA], fields="Bcc: bruno.verdi@pec.beta.example\r\nSubject: Prova\r\n"),
)
ANSWERS = {MessageRow.NON_ACCEPTANCE, MessageRow.NON_ACCEPTANCE_VIRUS, MessageRow.ACCEPTANCE}
