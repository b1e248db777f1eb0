"""Who is doing this, and where: the actor and origin of audit events, as the operating system tells them.

    store.audit.record(by_staff(AuditAct.LOG_EXTRACTED, "pec log extract", now, mailbox=anna, purpose=purpose))

A command may be given by somebody who became another user first: the name is that of the login, not of the rights.

Clauses: SE-3, SE-4.
"""

import os
import pwd
import socket
from collections.abc import Mapping
from datetime import datetime
from typing import TypedDict, Unpack

from ceralacca.core.model.address import Address
from ceralacca.core.model.audit import Actor, ActorKind, AuditAct, AuditEvent, AuditOutcome, Origin


class What(TypedDict, total=False):
    """The fields of `AuditEvent` that say what it was about."""

    outcome: AuditOutcome
    mailbox: Address | None
    about: str
    purpose: str
    ticket: str
    detail: Mapping[str, str | int]


def by_staff(act: AuditAct, command: str, now: datetime, **what: Unpack[What]) -> AuditEvent:
    """Return the event of a command that somebody gave, such as `pec mailbox add`."""
    actor = Actor(kind=ActorKind.STAFF, name=login_name(os.environ))
    origin = Origin(process=command, host=socket.gethostname(), peer=remote_peer(os.environ))
    return AuditEvent(instant=now, act=act, actor=actor, origin=origin, **what)


def by_program(act: AuditAct, role: str, now: datetime, **what: Unpack[What]) -> AuditEvent:
    """Return the event of something that a process of the provider does by itself, such as `timekeeper`."""
    actor = Actor(kind=ActorKind.PROGRAM, name=role)
    origin = Origin(process=role, host=socket.gethostname())
    return AuditEvent(instant=now, act=act, actor=actor, origin=origin, **what)


def login_name(environment: Mapping[str, str]) -> str:
    """Return who logged in on the machine.

    What the kernel keeps of the login, if there was one; else whom sudo names; else the user of this process.
    """
    number = _login_number()
    if number is None:
        named = environment.get("SUDO_USER", "")
        if named and os.geteuid() == 0:  # anybody can set a variable, but only sudo makes root of it
            return named
        number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _login_number() -> int | None:
    """Return the audit user of the kernel, which stays the same through su and sudo; None without a login."""
    try:
        with open("/proc/self/loginuid", encoding="ascii") as file:  # noqa: PTH123 a file of the kernel
            number = int(file.read())
    except (OSError, ValueError):
        return None
    return None if number == 2**32 - 1 else number


def remote_peer(environment: Mapping[str, str]) -> str:
    """Return the address from which somebody is logged in over SSH; empty at the machine itself."""
    return environment.get("SSH_CONNECTION", "").partition(" ")[0]
