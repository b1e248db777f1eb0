"""The odd mail is answered as it says, by the same decision that the access point takes."""

import pytest

from ceralacca.core.access_point import Accepted, AccessSettings, classify_recipients, decide
from ceralacca.formats.submission import read_submission
from ceralacca.testing.odd_mail import RECIPIENT, SENDER, Fate, odd_mail


class Domains:
    def is_pec(self, domain):
        return domain.startswith("pec.")


READ = [one for one in odd_mail() if one.fate is not Fate.SMTP]


@pytest.mark.requirement("AP-5")
@pytest.mark.parametrize("odd", READ, ids=lambda one: one.name)
def test_odd_mail_has_its_fate(odd):
    submission = read_submission(odd.octets, reverse_path=SENDER, forward_paths=(RECIPIENT,))
    recipients = classify_recipients(submission.recipients, Domains())
    decision = decide(submission.facts, AccessSettings(), identifier="pec1@alfa.example", recipients=recipients)
    assert isinstance(decision, Accepted) == (odd.fate is Fate.ACCEPTED)


def test_there_are_more_than_a_hundred_and_each_has_a_name():
    names = [one.name for one in odd_mail()]
    assert len(set(names)) == len(names) >= 100
