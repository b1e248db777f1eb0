"""What the doctor makes of what it sees, without looking anywhere."""

import pytest

from ceralacca.apps.doctor import Level, judge_exchangers

OWN = {"mail.alfa.example", "backup.alfa.example"}


@pytest.mark.requirement("IP-2")
@pytest.mark.parametrize(
    ("named", "level", "hosts"),
    [
        (["mail.alfa.example"], Level.GOOD, "mail.alfa.example"),
        (["mail.alfa.example", "backup.alfa.example"], Level.GOOD, "mail.alfa.example, backup.alfa.example"),
        (["mail.alfa.example", "mx.elsewhere.example"], Level.FAILED, "mx.elsewhere.example"),
        (["mx.elsewhere.example"], Level.FAILED, "mx.elsewhere.example"),
    ],
)
def test_every_mx_host_must_be_the_providers(named, level, hosts):
    found = judge_exchangers("alfa.example", named, own=OWN)
    assert (found.level, found.facts["hosts"]) == (level, hosts)
