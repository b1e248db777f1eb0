"""Every receipt and notice can be sealed, says the same in text and data, and never breaks its header."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceralacca.core.delivery_point import DeliveryFailure, Timeout, receipt_kind
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import Recipient
from ceralacca.core.model.notification import ReceiptKind, RecipientKind
from ceralacca.formats.receipt import (
    compose_acceptance,
    compose_delivery,
    compose_non_acceptance,
    compose_non_delivery,
    compose_taking_in_charge,
    compose_timeout_notice,
    compose_virus_detection,
)
from ceralacca.formats.subject import decoded_subject
from ceralacca.lint.reading import Reading
from ceralacca.lint.sealable import findings_in
from ceralacca.testing.scenario import SERVICE_MAILBOX, Scenario

SENT = Scenario().transaction()
ANNA = SENT.recipient
local_parts = st.from_regex(r"[a-z0-9!#$&'*+/=?^_`{|}~-]{1,12}(\.[a-z]{1,8})?", fullmatch=True)
addresses = local_parts.map(lambda local: Address(f"{local}@pec.beta.example"))
details = st.text(min_size=1, max_size=80).filter(lambda text: text.isprintable() and text.strip())
subjects = st.one_of(
    st.none(), st.binary(max_size=120), st.text(max_size=80).map(lambda t: t.encode("utf-8", "replace"))
)


@st.composite
def issuances(draw):
    subject_body = draw(subjects)
    listed = draw(st.lists(addresses, max_size=4, unique_by=lambda address: address.key))
    recipients = tuple(
        Recipient(address=address, kind=draw(st.sampled_from(RecipientKind))) for address in listed if address != ANNA
    )
    original = replace(
        SENT.original,
        subject=decoded_subject(subject_body),
        recipients=(Recipient(address=ANNA, kind=RecipientKind.CERTIFIED), *recipients),
        client_message_id=draw(st.sampled_from([None, "<1@client.example>", "<4711.2026$@[192.0.2.1]>"])),
    )
    return replace(
        SENT.by_sender(),
        original=original,
        subject_body=subject_body,
        with_html=draw(st.booleans()),
    )


@pytest.mark.requirement("GE-20", "GE-21", "GE-23", "GE-28", "SE-8", "XM-1", "ER-1")
@given(issuance=issuances(), detail=details, data=st.data())
def test_any_receipt_can_be_sealed(issuance, detail, data):
    failure, timeout = data.draw(st.sampled_from(DeliveryFailure)), data.draw(st.sampled_from(Timeout))
    compose = data.draw(
        st.sampled_from(
            [
                lambda: compose_acceptance(issuance),
                lambda: compose_non_acceptance(issuance, description=detail),
                lambda: compose_timeout_notice(issuance, recipient=ANNA, timeout=timeout),
                lambda: compose_taking_in_charge(issuance, taken=(ANNA,), service_mailbox=SERVICE_MAILBOX),
                lambda: compose_non_delivery(issuance, recipient=ANNA, failure=failure),
                lambda: compose_virus_detection(
                    issuance, recipient=ANNA, virus=detail, service_mailbox=SERVICE_MAILBOX
                ),
            ]
        )
    )
    draft = compose()
    assert findings_in(draft) == ()
    assert Reading.of(draft).xml_text["oggetto"] == issuance.original.subject


@pytest.mark.requirement("DR-2", "DR-3", "DR-4", "AM-4")
@given(
    issuance=issuances(),
    requested=st.sampled_from(ReceiptKind),
    to=st.lists(addresses | st.just(ANNA), max_size=3),
    cc=st.lists(addresses | st.just(ANNA), max_size=3),
)
def test_a_delivery_receipt_never_gives_a_copy_more_than_the_table(issuance, requested, to, cc):
    issued = receipt_kind(requested, ANNA, to, cc)
    original = bytes(SENT.prepared.splice)
    draft = compose_delivery(issuance, recipient=ANNA, requested=requested, issued=issued, original=original)
    octets = bytes(draft.entity)
    assert (ANNA in cc and ANNA not in to) <= (issued is ReceiptKind.CONCISE)
    assert (original in octets) is (issued is ReceiptKind.COMPLETE)
    assert (b"postacert.eml" in octets) is (issued is not ReceiptKind.CONCISE)
    assert findings_in(draft) == ()
