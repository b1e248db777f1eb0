"""What every test stands on: Hypothesis finds the same examples each time, and no example fails for being slow.

Tests in a browser come last: Playwright leaves an event loop running in its process until the end, in which nothing
else could start one.
"""

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "ceralacca",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("ceralacca")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: "integration/web" in item.path.as_posix())
