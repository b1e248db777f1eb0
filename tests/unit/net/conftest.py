"""What tests of the network share."""

import socket
from collections.abc import Iterator

import pytest

from ceralacca.testing.fake_clamd import FakeClamd


@pytest.fixture
def pair():
    ends = socket.socketpair()
    yield ends
    for end in ends:
        end.close()


@pytest.fixture
def fake() -> Iterator[FakeClamd]:
    fake = FakeClamd()
    yield fake
    fake.close()
