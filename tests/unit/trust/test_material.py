import pytest

from ceralacca.base.errors import UserError
from ceralacca.core.model.address import Address
from ceralacca.testing.authority import Authority, pem
from ceralacca.trust.material import read_material

AUTHORITY = Authority.create()
PROVIDER = AUTHORITY.provider("Gestore Alfa S.p.A.", Address("posta-certificata@gestore-alfa.example"))
ROOT = AUTHORITY.anchors()[0]
CRLS = AUTHORITY.crls()


@pytest.mark.requirement("CE-9")
def test_a_folder_gives_anchors_intermediates_and_lists_but_no_end_entity(tmp_path):
    (tmp_path / "root.pem").write_bytes(pem(ROOT))
    for number, der in enumerate(PROVIDER.intermediates):
        (tmp_path / f"sub{number}.der").write_bytes(der)
    (tmp_path / "provider.crt").write_bytes(PROVIDER.certificate)
    for number, der in enumerate(CRLS):
        (tmp_path / f"list{number}.crl").write_bytes(der)
    (tmp_path / "notes.txt").write_text("not looked at")
    found = read_material([tmp_path])
    assert found.anchors == (ROOT,)
    assert set(found.intermediates) == set(PROVIDER.intermediates) - {ROOT}
    assert set(found.crls) == set(CRLS)


def test_a_pinned_intermediate_alone_is_the_anchor(tmp_path):
    path = tmp_path / "pinned"
    path.write_bytes(PROVIDER.intermediates[0])
    found = read_material([path])
    assert found.anchors == (PROVIDER.intermediates[0],)
    assert found.intermediates == ()


def test_a_provider_certificate_is_never_an_anchor(tmp_path):
    path = tmp_path / "provider.crt"
    path.write_bytes(PROVIDER.certificate)
    assert read_material([path]).anchors == ()


def test_each_thing_counts_once_however_often_it_lies_there(tmp_path):
    for name in ("a.der", "b.der"):
        (tmp_path / name).write_bytes(ROOT)
    assert read_material([tmp_path, tmp_path / "a.der"]).anchors == (ROOT,)


@pytest.mark.parametrize("content", [b"hello", b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_file_that_holds_neither_is_named_with_a_remedy(tmp_path, content):
    path = tmp_path / "wrong.pem"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"wrong\.pem") as caught:
        read_material([path])
    assert caught.value.remedy


def test_a_path_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(UserError, match="nowhere"):
        read_material([tmp_path / "nowhere"])
