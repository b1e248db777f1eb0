"""Live services over memory ports, for a test that plays one of their flows."""

import pytest

from ceralacca.testing.memory_world import LiveCircuit


@pytest.fixture
def live() -> LiveCircuit:
    return LiveCircuit.at()
