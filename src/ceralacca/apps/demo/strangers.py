"""The scenarios in which somebody else misbehaves: strangers, and Gamma, the provider on paper.

What is for Gamma is kept by the post, so that what Gamma is told can be read; what Gamma says is
composed here and sealed with Gamma's key.

Clauses: T-10 to T-12, T-16, T-17; IP-7 to IP-15, IP-21, DI-5, DI-6, DI-9, MV-1.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from ceralacca.apps.demo.cast import (
    ALFA,
    ANNA,
    BETA,
    BRUNO,
    FRANCO,
    GAMMA,
    GAMMA_SECOND_MAILBOX,
    GIADA,
    LUCA,
    MARIO,
    OUTSIDER,
)
from ceralacca.apps.demo.messages import (
    letter,
    paper_delivery,
    paper_envelope,
    paper_failure,
    paper_virus,
    present,
    sealed_by,
    with_attachment,
    with_certification,
    without_certification,
)
from ceralacca.apps.demo.stage import Stage, expect, facts_of
from ceralacca.apps.directory_agent import directory_agent
from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import MessageRow
from ceralacca.formats.draft import Draft
from ceralacca.formats.mime.header import read_head
from ceralacca.net.clamd_child import eicar
from ceralacca.services.refresh_directory import RefreshOutcome
from ceralacca.testing.authority import Authority

_DOMAINS: Final = (*GAMMA.all_domains, *BETA.all_domains)
_SERVICE: Final = ALFA.service_mailbox


def _envelope(stage: Stage, *, sender: Address = FRANCO, key: str = "keys", octets: bytes | None = None) -> bytes:
    """Return an envelope that Gamma sealed with one of its keys."""
    draft = paper_envelope(octets or letter(sender=sender), _DOMAINS)
    return sealed_by(stage.running.nation.paper_key(key), draft)


def virus_at_incoming(stage: Stage) -> None:
    """T-10 in its two halves: Gamma's envelope is infected; then Gamma finds a virus in ours."""
    fields, body = with_attachment(eicar(), "prova.com")
    infected = _envelope(stage, octets=letter(sender=FRANCO, to=[ANNA, BRUNO], fields=fields, body=body))
    stage.send(infected, to=[ANNA, BRUNO], by=FRANCO)
    came = stage.settle({GAMMA.service_mailbox: [6, 8, 8]})
    concerned = {facts_of(one).delivery_recipient for one in came.all(MessageRow.VIRUS_DETECTION)}
    expect(concerned == {ANNA, BRUNO}, "not one report for each recipient")
    identifier = came.facts(MessageRow.TAKING_IN_CHARGE).original.identifier
    kept = stage.lookout.stores[BETA.key].infected(identifier)
    expect(len(kept) == 1, f"{len(kept)} messages in the virus storage instead of one")
    ours = stage.play(letter(to=[FRANCO, GIADA]), {MARIO: [3], FRANCO: [4], GIADA: [4]})
    original = ours.facts(MessageRow.ACCEPTANCE).original
    for recipient in (FRANCO, GIADA):
        report = sealed_by(stage.running.nation.paper_key(), paper_virus(original, recipient, _SERVICE))
        stage.send(report, to=[_SERVICE], by=GAMMA.address, at=ALFA)
    stage.settle({_SERVICE: [8, 8], MARIO: [9, 9]})


def wrong_seals(stage: Stage) -> None:
    """T-11: nothing that these say is believed; each lies in Anna's mailbox as an anomaly."""
    stranger = Authority.create(present(), name="estranea").provider(GAMMA.name, GAMMA.address)
    unsigned = letter(sender=OUTSIDER)
    place = read_head(unsigned).fields_end
    envelope = _envelope(stage)
    arrivals = {
        "unsigned": unsigned,
        "forged X-Trasporto": unsigned[:place] + b"X-Trasporto: posta-certificata\r\n" + unsigned[place:],
        "unknown signer": sealed_by(stranger, paper_envelope(letter(sender=FRANCO), _DOMAINS)),
        "revoked": _envelope(stage, key="revoked"),
        "expired": _envelope(stage, key="expired"),
        "altered": envelope.replace(b"Buongiorno", b"Buonanotte"),
    }
    expect(arrivals["altered"] != envelope, "there was nothing to alter")
    for name, octets in arrivals.items():
        stage.send(octets, to=[ANNA], by=OUTSIDER if octets.startswith(unsigned[:20]) else FRANCO)
        came = stage.settle({ANNA: [7]})
        wrapped = came.the(MessageRow.ANOMALY_ENVELOPE).original
        expect(wrapped is not None and octets in bytes(wrapped), f"{name}: what is wrapped is not what came")


def wrong_forms(stage: Stage) -> None:
    """T-12: Gamma's seal is good, and what it seals is not in due form."""

    def changed(old: bytes, new: bytes) -> Callable[[Draft], Draft]:
        return lambda draft: with_certification(draft, lambda xml: xml.replace(old, new))

    forms: tuple[Callable[[Draft], Draft], ...] = (
        without_certification,
        changed(b"</postacert>", b""),
        changed(b'tipo="posta-certificata"', b'tipo="avvenuta-consegna"'),
        changed(b"<identificativo>", b"<identificativo>x"),
    )
    key = stage.running.nation.paper_key()
    for form in forms:
        octets = sealed_by(key, form(paper_envelope(letter(sender=FRANCO), _DOMAINS)))
        stage.send(octets, to=[ANNA], by=FRANCO)
    stage.settle({ANNA: [7] * len(forms)})


def late_and_twice(stage: Stage) -> None:
    """T-16: Gamma says that it could not deliver, says it again, then says that it did: no second notice."""
    came = stage.play(letter(to=[FRANCO]), {MARIO: [3], FRANCO: [4]})
    original = came.facts(MessageRow.ACCEPTANCE).original
    inside = came.the(MessageRow.TRANSPORT_ENVELOPE).original
    key = stage.running.nation.paper_key()
    failure = sealed_by(key, paper_failure(original, FRANCO))
    stage.send(failure, to=[MARIO], by=GAMMA.address, at=ALFA)
    stage.settle({MARIO: [11]})
    stage.send(failure, to=[MARIO], by=GAMMA.address, at=ALFA)
    stage.settle({})  # IP-21: the same message again is the same message
    late = sealed_by(key, paper_delivery(original, FRANCO, bytes(inside or b"")))
    stage.send(late, to=[MARIO], by=GAMMA.address, at=ALFA)
    stage.settle({MARIO: [10]})


def directory(stage: Stage) -> None:
    """T-17: old and new key, secondary environment, and a directory that somebody has touched."""
    stage.send(_envelope(stage, key="previous"), to=[ANNA], by=FRANCO)
    stage.settle({ANNA: [4], GAMMA.service_mailbox: [6], FRANCO: [10]})  # DI-6
    stage.send(_envelope(stage, sender=LUCA), to=[ANNA], by=LUCA)
    stage.settle({ANNA: [4], GAMMA_SECOND_MAILBOX: [6], LUCA: [10]})  # DI-9
    sandbox, store = stage.running.nation.sandbox, stage.lookout.stores[BETA.key]
    agent = directory_agent(stage.running.nation.settings(BETA), store)
    before = agent.copy.load().directory
    whole = sandbox.directory_p7m() or b""
    middle = len(whole) // 3
    try:
        sandbox.publish(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
        refreshed = agent.refresh_directory(present())
        expect(refreshed.outcome is RefreshOutcome.REFUSED, f"a touched directory is {refreshed.outcome}")
        expect(agent.copy.load().directory == before, "the copy in use was replaced")
    finally:
        with suppress(OSError):
            sandbox.publish(whole)
    stage.play(letter(), {MARIO: [3, 10], ANNA: [4], _SERVICE: [6]})
