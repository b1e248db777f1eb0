import os
import pwd
import socket

import pytest

from ceralacca.apps import auditing
from ceralacca.core.model.audit import ActorKind, AuditAct, AuditOutcome
from ceralacca.testing import store_samples as some
from ceralacca.testing.clock import NOON

pytestmark = pytest.mark.requirement("SE-3", "SE-4")

ME = pwd.getpwuid(os.getuid()).pw_name


def test_a_command_is_of_whoever_gave_it_with_what_it_was_about(monkeypatch):
    monkeypatch.setattr(auditing, "_login_number", os.getuid)
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.9 50000 192.0.2.1 22")
    event = auditing.by_staff(
        AuditAct.LOG_EXTRACTED, "pec log extract", NOON, mailbox=some.ANNA, purpose="richiesta", ticket="T-1",
        outcome=AuditOutcome.REFUSED, about="id-1", detail={"rows": 3},
    )  # fmt: skip

    assert (event.actor.kind, event.actor.name) == (ActorKind.STAFF, ME)
    assert (event.origin.process, event.origin.peer) == ("pec log extract", "192.0.2.9")
    assert event.origin.host == socket.gethostname()
    assert (event.mailbox, event.purpose, event.ticket, event.about) == (some.ANNA, "richiesta", "T-1", "id-1")
    assert (event.outcome, event.detail) == (AuditOutcome.REFUSED, {"rows": 3})


def test_what_a_process_does_by_itself_is_the_programs():
    event = auditing.by_program(AuditAct.LOG_SEALED, "timekeeper", NOON)

    assert (event.actor.kind, event.actor.name, event.origin.process) == (ActorKind.PROGRAM, "timekeeper", "timekeeper")
    assert event.outcome is AuditOutcome.DONE


def test_the_login_counts_not_the_rights(monkeypatch):
    monkeypatch.setattr(auditing, "_login_number", lambda: 0)
    assert auditing.login_name({"SUDO_USER": "somebody-else"}) == "root"


def test_without_a_login_sudo_is_believed_only_where_it_gave_rights(monkeypatch):
    monkeypatch.setattr(auditing, "_login_number", lambda: None)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert auditing.login_name({"SUDO_USER": "carla"}) == "carla"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert auditing.login_name({"SUDO_USER": "carla"}) == ME


def test_a_user_without_a_name_is_a_number(monkeypatch):
    monkeypatch.setattr(auditing, "_login_number", lambda: 2**31 - 7)
    assert auditing.login_name({}) == str(2**31 - 7)
