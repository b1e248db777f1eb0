from hypothesis import given
from hypothesis import strategies as st

from ceralacca.core.access_point import (
    AccessSettings,
    FormDefect,
    SubmissionFacts,
    failure_description,
    formal_failures,
)
from ceralacca.core.model.address import Address

addresses = st.sampled_from(["a@x.example", "A@X.example", "b@x.example", "c@pec.y.example", "d'e@z.test"]).map(Address)
several = st.lists(addresses, max_size=4).map(tuple)
facts = st.builds(
    SubmissionFacts,
    reverse_path=st.none() | addresses,
    forward_paths=st.lists(addresses, min_size=1, max_size=60).map(tuple),
    octets=st.integers(0, 40 * 2**20),
    header_read=st.booleans(),
    senders=several,
    to=several,
    cc=several,
    bcc_filled=st.booleans(),
    defects=st.frozensets(st.sampled_from(FormDefect), max_size=2),
    channel_protected=st.booleans(),
    sender_owned=st.booleans(),
)
sound = st.builds(
    lambda named, sender, split: SubmissionFacts(
        reverse_path=sender,
        forward_paths=tuple(reversed(named)),
        octets=100,
        senders=(sender,),
        to=tuple(named[:split]),
        cc=tuple(named[split:]),
    ),
    st.lists(addresses, min_size=1, max_size=4),
    addresses,
    st.integers(1, 4),
)
access = st.builds(AccessSettings, strict_header_recipients=st.booleans())


@given(facts, access)
def test_checks_are_total_repeatable_and_describable(facts, access):
    failures = formal_failures(facts, access)
    assert failures == formal_failures(facts, access)
    if failures:
        lines = failure_description(failures).split("\n")
        texts = {failure.text for failure in failures}
        assert len(lines) == (1 if len(texts) == 1 else 1 + len(texts))
        assert all("\n" not in text for text in texts)


@given(facts | sound, access)
def test_what_passes_is_certifiable(facts, access):
    if formal_failures(facts, access):
        return
    named = set(facts.to) | set(facts.cc)
    assert facts.senders == (facts.reverse_path,)
    assert facts.to
    assert set(facts.forward_paths) <= named
    assert not access.strict_header_recipients or named == set(facts.forward_paths)
    assert facts.octets * len(facts.recipients) <= access.limit_octets
    assert len(facts.recipients) <= access.recipients
    assert not facts.defects
    assert not facts.bcc_filled


@given(sound, access)
def test_sound_facts_always_pass(facts, access):
    assert formal_failures(facts, access) == ()


@given(facts)
def test_recipients_are_the_forward_path_once_each(facts):
    assert len(facts.recipients) == len(set(facts.recipients))
    assert set(facts.recipients) == set(facts.forward_paths)
