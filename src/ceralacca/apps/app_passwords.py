"""App passwords made and ended, for the command line and the web pages alike: what is made is shown by them, once.

Clauses: SE-3.
"""

from collections.abc import Collection
from datetime import datetime

from ceralacca.base.errors import UserError
from ceralacca.base.identifiers import Entropy
from ceralacca.core.model.address import Address
from ceralacca.ports.app_password import (
    APP_PROTOCOLS,
    LONGEST_LABEL,
    AppPassword,
    AppPasswords,
    bare_letters,
    new_app_password,
    selector_of,
)
from ceralacca.ports.sign_in import SignInProtocol
from ceralacca.store.credentials import hash_password


def issue_app_password(
    passwords: AppPasswords,
    mailbox: Address,
    label: str,
    protocols: Collection[SignInProtocol],
    *,
    entropy: Entropy,
    now: datetime,
) -> tuple[AppPassword, str]:
    """Make one, keep its hash, and return it with the password as it is shown. Raises UserError, WorldError."""
    label = label.strip()
    if not label or len(label) > LONGEST_LABEL:
        raise UserError(
            f"the label of an app password has 1 to {LONGEST_LABEL} characters",
            remedy="name the program or device, such as 'Thunderbird on the desk'",
        )
    if not protocols or not set(protocols) <= set(APP_PROTOCOLS):
        raise UserError(
            "an app password is for one or more of imap, pop3 and submission",
            remedy="the web pages take the main password only",
        )
    shown = new_app_password(entropy)
    letters = bare_letters(shown.encode())
    assert letters is not None, "made in that form"
    one = AppPassword(
        mailbox=mailbox,
        selector=selector_of(letters),
        label=label,
        protocols=frozenset(protocols),
        password_hash=hash_password(letters.decode("ascii")),
        created=now,
    )
    passwords.add(one)
    return one, shown
