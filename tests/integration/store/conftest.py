"""The databases of the crash tests."""

from collections.abc import Iterator

import pytest

from ceralacca.testing.databases import PostgresCluster, postgresql_programs, private_postgresql


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgresCluster]:
    if postgresql_programs() is None:
        pytest.skip("the Debian package postgresql is missing")
    with private_postgresql() as cluster:
        yield cluster
