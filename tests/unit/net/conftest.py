"""What tests of the network share."""

import socket

import pytest


@pytest.fixture
def pair():
    ends = socket.socketpair()
    yield ends
    for end in ends:
        end.close()
