"""Needs SoftHSM2: a token in a folder of its own, made anew for this file."""

import os
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from ceralacca.base.errors import UserError, WorldError
from ceralacca.core.model.notification import MessageRow
from ceralacca.lint.sealable import examine
from ceralacca.testing import good_drafts
from ceralacca.testing.authority import Authority
from ceralacca.testing.clock import CountingEntropy
from ceralacca.testing.keys import private_key
from ceralacca.trust import pkcs11 as subject
from ceralacca.trust.pkcs11 import TokenKey, TokenReference
from ceralacca.trust.sealer import Sealer

LIBRARY = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "1234"
PROVIDER = Authority.create().provider("Gestore Alfa S.p.A.", good_drafts.ALFA)

pytestmark = pytest.mark.system


def softhsm(*arguments):
    subprocess.run(["softhsm2-util", *arguments], check=True, capture_output=True)


def put_key(folder, key_file, label, identifier):
    softhsm("--import", str(key_file), "--token", "prova", "--label", label, "--id", identifier, "--pin", PIN)


@pytest.fixture(scope="module")
def token_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n")
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")  # the library reads it when it starts
    softhsm("--init-token", "--free", "--label", "prova", "--so-pin", "5678", "--pin", PIN)
    for _ in range(2):
        softhsm("--init-token", "--free", "--label", "doppio", "--so-pin", "5678", "--pin", PIN)
    for name, key, identifier in (("seal", PROVIDER.key, "01"), ("other", private_key("zoo"), "02")):
        path = folder / f"{name}.pem"
        path.write_bytes(PROVIDER.pkcs8() if key is PROVIDER.key else as_pem(key))
        put_key(folder, path, name, identifier)
    put_key(folder, folder / "other.pem", "twice", "03")
    put_key(folder, folder / "other.pem", "twice", "04")
    yield folder
    import pkcs11

    pkcs11.unload(str(LIBRARY))
    if before is None:
        del os.environ["SOFTHSM2_CONF"]
    else:
        os.environ["SOFTHSM2_CONF"] = before


def as_pem(key):
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.fixture
def reference(token_folder, tmp_path):
    def refer(pin=PIN, **others):
        path = tmp_path / "pin"
        path.write_text(f"{pin}\n")
        path.chmod(0o600)
        names = {"key_label": "seal", "token": "prova", "library": LIBRARY} | others
        return TokenReference(pin_file=path, **names)

    return refer


@pytest.fixture
def opened(reference):
    keys = []

    def open_key(**names):
        keys.append(TokenKey(reference(**names), PROVIDER.certificate, PROVIDER.intermediates))
        return keys[-1]

    yield open_key
    for key in keys:
        key.close()


@pytest.mark.requirement("GE-7", "SE-4")
def test_a_key_in_a_token_signs_as_the_same_key_in_a_file(opened):
    key = opened()
    assert key.sign(b"octets") == PROVIDER.sign(b"octets")
    assert (key.certificate, key.intermediates) == (PROVIDER.certificate, PROVIDER.intermediates)


@pytest.mark.requirement("GE-7", "SE-4", "GE-1")
def test_a_message_is_sealed_by_a_token_with_the_same_octets(opened):
    proof = examine(good_drafts.good_draft(MessageRow.ACCEPTANCE))
    octets = [
        bytes(Sealer(signer, PROVIDER.address, CountingEntropy()).seal(proof).octets) for signer in (opened(), PROVIDER)
    ]
    assert octets[0] == octets[1]


@pytest.mark.parametrize("names", [{"key_id": b"\x01", "key_label": None}, {"key_id": b"\x01"}])
def test_a_key_is_found_by_id(opened, names):
    assert opened(**names).sign(b"x") == PROVIDER.sign(b"x")


def test_two_keys_of_one_process_share_its_login(opened):
    first, second = opened(), opened()
    assert first.sign(b"x") == second.sign(b"x")


def test_when_the_session_that_logged_in_closes_the_other_logs_in_again(opened):
    first, second = opened(), opened()
    first.close()
    assert second.sign(b"x") == PROVIDER.sign(b"x")
    assert first.sign(b"x") == PROVIDER.sign(b"x")


def test_a_session_that_was_lost_is_opened_again(opened):
    key = opened()
    key._session.close()
    assert key.sign(b"x") == PROVIDER.sign(b"x")


def test_a_library_that_was_started_again_is_no_trouble(opened):
    import pkcs11

    key = opened()
    pkcs11.lib(str(LIBRARY)).reinitialize()
    assert key.sign(b"x") == PROVIDER.sign(b"x")


def test_a_token_that_goes_away_is_the_worlds_fault_until_it_is_back(opened, token_folder):
    import pkcs11

    key = opened()
    hidden = token_folder / "hidden"
    (token_folder / "tokens").rename(hidden)
    (token_folder / "tokens").mkdir()
    try:
        pkcs11.lib(str(LIBRARY)).reinitialize()
        with pytest.raises(WorldError) as caught:
            key.sign(b"x")
        assert caught.value.remedy
    finally:
        (token_folder / "tokens").rmdir()
        hidden.rename(token_folder / "tokens")
        pkcs11.lib(str(LIBRARY)).reinitialize()
    assert key.sign(b"x") == PROVIDER.sign(b"x")


def test_several_threads_sign_at_once(opened):
    key, made = opened(), []
    threads = [Thread(target=lambda: made.extend(key.sign(b"x") for _ in range(5))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [PROVIDER.sign(b"x")] * 20


@pytest.mark.requirement("SE-4")
def test_the_key_cannot_be_taken_out(opened):
    import pkcs11

    with pytest.raises(pkcs11.PKCS11Error):
        opened()._key[pkcs11.Attribute.PRIVATE_EXPONENT]


def test_a_refused_pin_is_never_tried_again(reference, opened):
    import pkcs11

    key = opened()
    key.close()
    reference(pin="9999")
    for _ in range(12):  # a token would have locked
        with pytest.raises(UserError, match="refused the PIN") as caught:
            key.sign(b"x")
    assert "not tried twice" in caught.value.remedy
    assert "9999" not in f"{caught.value}{caught.value.remedy}"
    token = pkcs11.lib(str(LIBRARY)).get_token(token_label="prova")
    assert not token.flags & pkcs11.TokenFlag.USER_PIN_LOCKED
    reference()
    assert opened().sign(b"x") == PROVIDER.sign(b"x")


@pytest.mark.parametrize(
    ("names", "what"),
    [
        ({"key_label": "nobody"}, "no private keys answer"),
        ({"key_label": "twice"}, "2 private keys answer"),
        ({"token": "doppio"}, "more than one token"),
        ({"key_label": "other"}, "does not belong to the certificate"),
        ({"library": Path("/nowhere/libtoken.so")}, "no PKCS#11 library"),
    ],
)
def test_a_setting_that_does_not_fit_is_the_users_fault(opened, names, what):
    with pytest.raises(UserError, match=what) as caught:
        opened(**names)
    assert caught.value.remedy


def test_a_library_that_is_none_or_a_token_that_is_not_there_is_the_worlds_fault(opened, tmp_path):
    (tmp_path / "libtoken.so").write_bytes(b"no library")
    with pytest.raises(WorldError):
        opened(library=tmp_path / "libtoken.so")
    with pytest.raises(WorldError, match="NoSuchToken"):
        opened(token="elsewhere")


@pytest.mark.requirement("SE-4")
def test_a_pin_that_others_can_read_is_refused(reference):
    where = reference()
    where.pin_file.chmod(0o644)
    with pytest.raises(UserError, match="others can reach"):
        TokenKey(where, PROVIDER.certificate)


def test_without_the_extra_the_reader_is_told(reference, monkeypatch):
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    with pytest.raises(UserError, match="not installed") as caught:
        TokenKey(reference(), PROVIDER.certificate)
    assert "ceralacca[hsm]" in caught.value.remedy


def test_the_module_needs_no_binding_to_be_imported():
    assert "pkcs11" not in {name for name in vars(subject) if not name.startswith("_")}
