"""Time stamps: a good one is believed, every other is refused for its own reason, and OpenSSL agrees."""

import subprocess
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from asn1crypto import cms, tsp
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_certificate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ceralacca.apps.authority import time_stamps
from ceralacca.apps.authority.certification import Credential
from ceralacca.apps.authority.sandbox import INTERMEDIATE, ROOT, Sandbox
from ceralacca.base.errors import PeerError, WorldError
from ceralacca.testing.clock import NOON, CountingEntropy, FixedClock
from ceralacca.trust.chain import TrustStore
from ceralacca.trust.time_stamp import (
    TimeStampRefused,
    UntrustedTimeStamp,
    make_request,
    read_reply,
    verify_token,
)

DIGEST = sha256(b"the log of a day").digest()
REQUEST = make_request(DIGEST, CountingEntropy())
YEAR = timedelta(days=365)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    return Sandbox.create(tmp_path_factory.mktemp("stamps") / "sandbox", clock=FixedClock())


@pytest.fixture(scope="module")
def trust(sandbox: Sandbox) -> TrustStore:
    return TrustStore(anchors=sandbox.anchors, crls=(sandbox.crl(ROOT), sandbox.crl(INTERMEDIATE)))


@pytest.fixture(scope="module")
def stamper(sandbox: Sandbox) -> Credential:
    return sandbox.stamper()


@pytest.fixture(scope="module")
def reply(stamper: Credential) -> bytes:
    return time_stamps.answer(REQUEST.octets, stamper, instant=NOON, serial=7)


def refused(reply: bytes, trust: TrustStore, request: object = REQUEST, present: object = NOON, **named: str) -> str:
    with pytest.raises(UntrustedTimeStamp) as caught:
        read_reply(reply, request, trust=trust, present=present, **named)  # type: ignore[arg-type]
    return caught.value.reason


@pytest.mark.requirement("LO-4")
def test_a_stamp_says_when_and_over_what(reply: bytes, trust: TrustStore, stamper: Credential) -> None:
    stamp = read_reply(reply, REQUEST, trust=trust, present=NOON, policy=time_stamps.POLICY)
    assert stamp.instant == NOON
    assert stamp.serial == 7
    assert stamp.policy == time_stamps.POLICY
    assert stamp.certificate == stamper.certificate
    assert stamp.token in reply


@pytest.mark.requirement("LO-4", "LO-5")
def test_a_kept_token_is_verified_long_after(reply: bytes, trust: TrustStore) -> None:
    token = read_reply(reply, REQUEST, trust=trust, present=NOON).token
    assert verify_token(token, DIGEST, trust=trust, present=NOON + 2 * YEAR).instant == NOON


@pytest.mark.requirement("LO-4")
def test_another_question_is_not_answered(reply: bytes, trust: TrustStore, stamper: Credential) -> None:
    again = make_request(DIGEST, CountingEntropy(99))
    assert refused(reply, trust, again) == "nonce"
    other = make_request(sha256(b"another").digest(), CountingEntropy())
    assert refused(reply, trust, other) == "imprint"
    assert refused(reply, trust, policy="1.2.3.4") == "policy"
    assert refused(reply, trust, present=NOON - timedelta(hours=1)) == "time"
    assert refused(reply, trust, present=NOON + timedelta(hours=1)) == "time"


@pytest.mark.requirement("LO-4")
def test_only_a_certificate_for_stamps_alone_under_our_anchors_will_do(
    sandbox: Sandbox, trust: TrustStore, stamper: Credential, reply: bytes
) -> None:
    identity = sandbox.certify_provider("Gestore Alfa S.p.A.", "posta-certificata@alfa.example")
    provider = Credential(key=identity.key, certificate=identity.certificate, above=identity.intermediates)
    assert refused(time_stamps.answer(REQUEST.octets, provider, instant=NOON, serial=1), trust) == "purpose"
    strangers = TrustStore(anchors=(identity.certificate,))
    assert refused(reply, strangers) == "no-path"
    uninformed = TrustStore(anchors=sandbox.anchors)
    assert "crl" in refused(reply, uninformed) or refused(reply, uninformed)
    late = NOON + 6 * YEAR
    assert refused(time_stamps.answer(REQUEST.octets, stamper, instant=late, serial=1), trust, present=late) == "period"


@pytest.mark.requirement("LO-4")
def test_a_certificate_that_is_not_there_or_not_named_is_refused(stamper: Credential, trust: TrustStore) -> None:
    asked = tsp.TimeStampReq.load(REQUEST.octets)
    asked["cert_req"] = False
    assert refused(time_stamps.answer(asked.dump(force=True), stamper, instant=NOON, serial=1), trust) == "certificate"


def test_no_changed_octet_of_a_token_is_borne(reply: bytes, trust: TrustStore) -> None:
    token = read_reply(reply, REQUEST, trust=trust, present=NOON).token
    parsed = cms.ContentInfo.load(token)["content"]
    info = parsed["encap_content_info"]["content"].contents
    signed = parsed["signer_infos"][0]["signed_attrs"].dump()
    signature = parsed["signer_infos"][0]["signature"].native
    for part in (info, signed[2:], signature):
        start = token.index(part)
        for position in range(start, start + len(part), 3):
            altered = bytearray(token)
            altered[position] ^= 0x01
            with pytest.raises(PeerError):
                verify_token(bytes(altered), DIGEST, trust=trust, present=NOON)


@pytest.mark.parametrize(
    ("request_octets", "failure"),
    [
        (b"", "bad_data_format"),
        (b"junk", "bad_data_format"),
        (REQUEST.octets + b"\0", "bad_data_format"),
        (REQUEST.octets.replace(DIGEST, DIGEST[:-1] + b"\0")[:-1], "bad_data_format"),
    ],
)
def test_a_refusal_is_a_refusal(request_octets: bytes, failure: str, stamper: Credential, trust: TrustStore) -> None:
    answer = time_stamps.answer(request_octets, stamper, instant=NOON, serial=1)
    assert time_stamps.TimeStampReply.load(answer)["status"]["fail_info"].native == {failure}
    with pytest.raises(TimeStampRefused) as caught:
        read_reply(answer, REQUEST, trust=trust, present=NOON)
    assert isinstance(caught.value, WorldError)


def test_an_unknown_digest_or_policy_is_not_stamped(stamper: Credential) -> None:
    for changed, failure in (
        ({"message_imprint": {"hash_algorithm": {"algorithm": "md5"}, "hashed_message": bytes(16)}}, "bad_alg"),
        ({"message_imprint": {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": bytes(31)}}, "bad_alg"),
        ({"req_policy": "1.2.3"}, "unaccepted_policy"),
    ):
        asked = tsp.TimeStampReq(
            {
                "version": "v1",
                "message_imprint": {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": DIGEST},
            }
            | changed
        )
        answer = time_stamps.answer(asked.dump(), stamper, instant=NOON, serial=1)
        assert time_stamps.TimeStampReply.load(answer)["status"]["fail_info"].native == {failure}


def test_what_is_no_sha256_is_not_asked_for() -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        make_request(b"short", CountingEntropy())


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.floats(0, 1), noise=st.binary(max_size=8), goes_on=st.booleans())
def test_whatever_comes_is_refused_with_one_of_our_errors(
    reply: bytes, trust: TrustStore, cut: float, noise: bytes, goes_on: bool
) -> None:
    position = int(cut * len(reply))
    garbled = reply[:position] + noise + (reply[position + len(noise) :] if goes_on else b"")
    try:
        stamp = read_reply(garbled, REQUEST, trust=trust, present=NOON)
    except (PeerError, WorldError):
        return
    assert stamp.instant == NOON
    assert stamp.serial == 7


@pytest.mark.system
@pytest.mark.requirement("LO-4")
def test_openssl_verifies_our_stamps_and_we_read_its_requests(
    sandbox: Sandbox, stamper: Credential, tmp_path: Path
) -> None:
    (tmp_path / "data").write_bytes(b"the log of a day")
    asked = tmp_path / "asked.tsq"
    subprocess.run(
        ["openssl", "ts", "-query", "-data", tmp_path / "data", "-sha256", "-cert", "-out", asked],
        check=True,
        capture_output=True,
    )
    answer = tmp_path / "answer.tsr"
    answer.write_bytes(time_stamps.answer(asked.read_bytes(), stamper, instant=NOON, serial=sandbox.new_serial()))
    root = tmp_path / "root.pem"
    root.write_bytes(load_der_x509_certificate(sandbox.anchors[0]).public_bytes(Encoding.PEM))
    at = ("-attime", str(int(NOON.timestamp())))
    for question in (["-queryfile", asked], ["-data", tmp_path / "data"]):
        found = subprocess.run(
            [
                "openssl",
                "ts",
                "-verify",
                "-in",
                answer,
                "-CAfile",
                root,
                *at,
                *question,
            ],
            check=True,
            capture_output=True,
        )
        assert b"Verification: OK" in found.stdout
