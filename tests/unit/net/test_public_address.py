"""Names that strangers type lead to public addresses only, whatever form the address takes."""

import pytest

from ceralacca.base.errors import WorldError
from ceralacca.net.public_address import NotPublic, public_address


def resolving(*addresses):
    return lambda _host, _port: list(addresses)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "2002:7f00:1::",
        "2002:c0a8:101::",
        "2001:db8::1",
    ],
)
def test_what_is_not_public_is_refused(address):
    with pytest.raises(NotPublic):
        public_address("imap.altro.example", 993, resolve=resolving(address))
    with pytest.raises(NotPublic):
        public_address("imap.altro.example", 993, resolve=resolving("8.8.8.8", address))
    assert public_address("imap.altro.example", 993, private=True, resolve=resolving(address)) == address


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_a_public_address_is_the_one_that_is_connected_to(address):
    assert public_address("imap.altro.example", 993, resolve=resolving(address, "8.8.4.4")) == address


def test_a_name_without_address_is_told():
    with pytest.raises(WorldError):
        public_address("imap.altro.example", 993, resolve=resolving())
    with pytest.raises(WorldError):
        public_address("nome.invalid", 993)
    with pytest.raises(WorldError):
        public_address("a" * 300, 993)
