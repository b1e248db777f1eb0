"""`pec mailbox rules`, `pec mailbox policy`: what a holder has chosen, for those who answer the phone.

Read only: rules are the holder's. `pec mailbox ordinary-mail` sets the policy. Clauses: DP-8, IP-20.
"""

from contextlib import closing
from typing import TYPE_CHECKING, Any

import typer

from ceralacca.apps.cli.administer import MailboxAddress, grid, holders_mailbox
from ceralacca.apps.cli.provider_options import (
    DEFAULT_CONFIG,
    AsJson,
    Config,
    Lang,
    load_settings,
    words_of,
    write_json,
)
from ceralacca.apps.cli.queue import open_store_of

if TYPE_CHECKING:
    from ceralacca.apps.cli.words import Words
    from ceralacca.core.delivery_rules import Rule


def add_to(mailboxes: typer.Typer) -> None:
    """Add the commands."""
    mailboxes.command("rules")(rules_of_mailbox)
    mailboxes.command("policy")(policy_of_mailbox)


def rules_of_mailbox(
    address: MailboxAddress, *, config: Config = DEFAULT_CONFIG, as_json: AsJson = False, lang: Lang = None
) -> None:
    """List a mailbox's delivery rules in the order in which they are tried: the first that fits names the folder."""
    words = words_of(lang)
    with closing(open_store_of(config, words)) as store:
        book = store.rule_books().current(holders_mailbox(store, address).address)
    if as_json:
        made = book.made and book.made.isoformat()
        rules = [_plain(rule) for rule in book.rules]
        write_json({"address": book.mailbox.text, "version": book.version, "made": made, "rules": rules})
        return
    if not book.rules:
        print(words("administer", "rules_none"))
    grid([
        [
            f"{number}.",
            words("administer", "rule_on" if rule.active else "rule_off"),
            rule.name,
            "; ".join(_conditions(rule, words)),
            f"-> {rule.folder}",
        ]
        for number, rule in enumerate(book.rules, 1)
    ])  # fmt: skip


def policy_of_mailbox(
    address: MailboxAddress, *, config: Config = DEFAULT_CONFIG, as_json: AsJson = False, lang: Lang = None
) -> None:
    """Say what becomes of ordinary mail for a mailbox, what is usual in its domain, and what its holder may choose."""
    words = words_of(lang)
    settings = load_settings(config, words).mailboxes
    with closing(open_store_of(config, words)) as store:
        record = holders_mailbox(store, address)
    domain, target = record.address.domain, record.forward_to
    usual, choices = settings.ordinary_mail_in(domain), [one.value for one in settings.holders_choose_in(domain)]
    if as_json:
        write_json({
            "address": record.address.text,
            "ordinary_mail": record.ordinary_mail.value,
            "forward_to": target and target.text,
            "usual": usual,
            "holders_choose": choices,
        })  # fmt: skip
        return
    print(f"{record.address.text}: {words('ordinary_mail', record.ordinary_mail.value, target=target)}")
    print(words("administer", "policy_bounds", usual=usual, choices=", ".join(choices)))


def _plain(rule: "Rule") -> dict[str, Any]:
    return {
        "name": rule.name,
        "active": rule.active,
        "folder": rule.folder,
        "sorts": sorted(rule.sorts),
        "sender": rule.sender,
        "recipient": rule.recipient,
        "subject": rule.subject,
        "at_least": rule.at_least,
        "at_most": rule.at_most,
        "files": rule.files,
    }


def _conditions(rule: "Rule", words: "Words") -> list[str]:
    given: list[tuple[str, object]] = [
        ("sorts", ", ".join(sorted(rule.sorts)) or None),
        ("sender", rule.sender or None),
        ("recipient", rule.recipient or None),
        ("subject", rule.subject or None),
        ("at_least", rule.at_least),
        ("at_most", rule.at_most),
    ]
    told = [words("administer", f"rule_{name}", value=value) for name, value in given if value is not None]
    if rule.files is not None:
        told.append(words("administer", "rule_files" if rule.files else "rule_no_files"))
    return told
